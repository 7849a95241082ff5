package oracle

import (
	"fmt"
	"slices"
	"strings"
)

// rule says what SQL fixes of an operation's answer.
type rule struct {
	// ordered: the rows are a sequence; else they are a set (with duplicates).
	ordered bool
	// keys are result columns whose sequence is fixed although the rows' is not.
	keys []string
	// choice: a LIMIT or OFFSET without a total order picks among the rows of the
	// plain answer's pool.
	choice bool
	// loose: floating point cells are aggregates and agree within 1e-9.
	loose bool
	// looseWritten: what was written back is not compared (an engine's own matter).
	looseWritten bool
	// looseAffected: so is RowsAffected.
	looseAffected bool
}

// disagree tells how two answers differ, "" if they agree. What was refused is not
// for this function.
func disagree(plain, sharded *answer, r rule) string {
	if plain.class != sharded.class {
		return fmt.Sprintf("the plain table says %q, the sharded model %q", plain.class, sharded.class)
	}
	if plain.class != classOK && plain.class != "gorm.ErrRecordNotFound" {
		return "" // destinations and counts after a failure mean nothing
	}
	if plain.affected != sharded.affected && !r.looseAffected {
		return fmt.Sprintf("RowsAffected: plain %d, sharded %d", plain.affected, sharded.affected)
	}
	if plain.hooks != sharded.hooks {
		return fmt.Sprintf("hooks: plain %q, sharded %q", plain.hooks, sharded.hooks)
	}
	if d := rowsDisagree(plain, sharded, r); d != "" {
		return d
	}
	if d := sequence(plain.written, sharded.written, false); d != "" && !r.looseWritten {
		return "written back: " + d
	}
	return ""
}

func rowsDisagree(plain, sharded *answer, r rule) string {
	if len(plain.rows) != len(sharded.rows) {
		return fmt.Sprintf("plain has %d rows, sharded %d", len(plain.rows), len(sharded.rows))
	}
	if r.ordered {
		return sequence(plain.rows, sharded.rows, r.loose)
	}
	for _, name := range r.keys {
		for i := range plain.rows {
			p, found := plain.rows[i].find(name)
			s, _ := sharded.rows[i].find(name)
			if found && p.text != s.text {
				return fmt.Sprintf("order by %s: row %d is %s in plain, %s in sharded", name, i, p.text, s.text)
			}
		}
	}
	if r.choice {
		return inclusion(plain.pool, sharded.rows)
	}
	p, s := sorted(plain.rows, r.loose), sorted(sharded.rows, r.loose)
	if d := sequence(p, s, r.loose); d != "" {
		return "as sets: " + d
	}
	return ""
}

// sequence compares rows one by one.
func sequence(plain, sharded []record, loose bool) string {
	if len(plain) != len(sharded) {
		return fmt.Sprintf("plain has %d rows, sharded %d", len(plain), len(sharded))
	}
	for i := range plain {
		if len(plain[i]) != len(sharded[i]) {
			return fmt.Sprintf("row %d: plain %s, sharded %s", i, plain[i], sharded[i])
		}
		for j, p := range plain[i] {
			s := sharded[i][j]
			if p.name == s.name && (p.text == s.text || loose && p.isFloat && s.isFloat && near(p.number, s.number)) {
				continue
			}
			return fmt.Sprintf("row %d: %s is %s in plain, %s=%s in sharded", i, p.name, p.text, s.name, s.text)
		}
	}
	return ""
}

// inclusion tells whether every row is among the pool's, as often at most.
func inclusion(pool, rows []record) string {
	there := map[string]int{}
	for _, r := range pool {
		there[r.key(false)]++
	}
	for i, r := range rows {
		key := r.key(false)
		if there[key] == 0 {
			return fmt.Sprintf("row %d of sharded is not among the %d that plain has without LIMIT: %s", i, len(pool), r)
		}
		there[key]--
	}
	return ""
}

func sorted(rows []record, loose bool) []record {
	type keyed struct {
		record
		loose, exact string
	}
	list := make([]keyed, len(rows)) // keys are made once: comparing is what the suite does most
	for i, r := range rows {
		list[i] = keyed{r, r.key(true), ""}
		if !loose {
			list[i].exact = r.key(false)
		}
	}
	slices.SortStableFunc(list, func(a, b keyed) int {
		if c := strings.Compare(a.loose, b.loose); c != 0 {
			return c
		}
		if loose {
			return compareNumbers(a.record, b.record)
		}
		return strings.Compare(a.exact, b.exact)
	})
	rows = slices.Clone(rows)
	for i := range list {
		rows[i] = list[i].record
	}
	return rows
}

// compareNumbers orders rows that are alike but for their floating point cells.
func compareNumbers(a, b record) int {
	for i := range a {
		if i < len(b) && a[i].isFloat && b[i].isFloat && a[i].number != b[i].number {
			if a[i].number < b[i].number {
				return -1
			}
			return 1
		}
	}
	return 0
}
