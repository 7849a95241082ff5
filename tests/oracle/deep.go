package oracle

import (
	"fmt"
	"time"

	"gorm.io/gorm"

	"github.com/go-dtde/dtde"
)

// deepRows is how many rows the variants with deep pages begin with: enough that
// pages are walked to and probed for.
const deepRows = 3600

// deepVariants have many rows.
func deepVariants() []*variant {
	ranged := byRange(6)
	ranged.name = "deep-range-6"
	all := []*variant{byHash("deep-hash", 4, items, "ID", "id"), byDate("deep-month-6", 6, dtde.Month, time.UTC), ranged}
	for _, v := range all {
		v.deep = true
	}
	return all
}

// deepStart fills the tables.
func (g *generator) deepStart() []*operation {
	var rows []row
	for i := range deepRows {
		r := row{n: g.next, Columns: Columns{Region: Text(pick(g, g.v.regions)), Level: i * i % 11, Amount: int64(i % 70), Cents: int64(g.r.IntN(3000)), Code: Text(fmt.Sprint("A", i%40)), OrderedAt: g.moment()}}
		if i%5 > 0 {
			r.Parent = pointer(i % 90)
		}
		g.next++
		rows = append(rows, r)
		if i%300 == 0 {
			g.rows = append(g.rows, &rows[len(rows)-1])
		}
	}
	return []*operation{statement{kind: "create in batches", write: true, finisher: fmt.Sprintf("CreateInBatches(%d rows, 600)", deepRows), run: func(s *session, db *gorm.DB) *answer {
		return s.answer(db.CreateInBatches(s.slice(rows).Interface(), 600))
	}}.operation()}
}

// deepChoices are mostly pages, with writes between that change what is counted.
func (g *generator) deepChoices() []weighted {
	return []weighted{{14, g.deepPage}, {1, g.updateMany}, {1, g.limited}, {1, g.batchDelete}, {1, func() *operation { return g.createBatch(3) }}}
}

// deepPage reads a page far behind, over sessions mostly.
func (g *generator) deepPage() *operation {
	keys := pick(g, [][]string{{"id"}, {"id DESC"}, {"cents", "id"}, {"parent DESC", "amount", "id DESC"}, {"level", "id"}, {"level DESC", "cents", "id"}, {"ordered_at", "id"}, {"ordered_at DESC", "level", "id"}})
	sessions := true
	var calls []call
	for _, k := range keys {
		calls = append(calls, orderCall(k))
		if g.engine == "sqlite" && len(k) > 9 && k[:10] == "ordered_at" {
			sessions = false
		}
	}
	if sessions && g.chance(85) {
		calls = append(calls, hint(dtde.ReadSessions))
	}
	switch g.r.IntN(4) {
	case 0:
		calls = append(calls, whereCall("Where", condition{"level > ?", []any{g.r.IntN(3)}}))
	case 1:
		calls = append(calls, whereCall("Where", condition{"region <> ?", []any{"EU"}}))
	}
	calls = append(calls, limitCall(1+g.r.IntN(12)), offsetCall(1000+g.r.IntN(deepRows-900)))
	return statement{kind: "deep page", rule: rule{ordered: true}, calls: calls, finisher: "Find(&rows)", run: func(s *session, db *gorm.DB) *answer {
		rows := s.model.many()
		a := s.answer(db.Find(rows))
		a.rows = toRecords(rows, s.precision)
		return a
	}}.operation()
}
