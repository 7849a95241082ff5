package strategies

import (
	"slices"
	"strings"

	"github.com/go-dtde/dtde/config"
)

// ManualTable is a table that exists already and the keys of its rows.
type ManualTable struct {
	// ID is the shard's id.
	ID string
	// Boxes describe the rows: each has one set per key column, and a row belongs to
	// the table if all its key values are in the sets of any one box.
	Boxes [][]config.Set
}

type manual struct {
	roster
	tables []ManualTable
	width  int
	errs   refusals
	print  string
}

// NewManual makes the strategy of tables whose predicates have been read. It is fixed:
// no shard is made at run time. The tables must not be changed afterwards.
//
// The error joins one *config.ConfigError for each fault: a table without rows, two
// tables with one id, boxes of different width, and boxes of two tables that overlap,
// which names both.
func NewManual(tables []ManualTable) (config.Strategy, error) {
	f := faults{field: "strategy"}
	s := &manual{errs: newRefusals(&config.KeyColumn{}, "no manual table holds the")}
	if len(tables) == 0 {
		f.add("no manual tables")
	}
	for _, t := range tables {
		if _, twice := s.index[t.ID]; twice {
			f.at(t.ID, "the table is listed twice")
			continue
		}
		var boxes [][]config.Set
		for _, b := range t.Boxes {
			if s.width == 0 {
				s.width = len(b)
			}
			if len(b) != s.width || len(b) == 0 {
				f.at(t.ID, "the predicate speaks of %d key columns, others of %d", len(b), s.width)
				continue
			}
			if !slices.ContainsFunc(b, config.Set.IsEmpty) {
				boxes = append(boxes, b)
			}
		}
		if len(boxes) == 0 {
			f.at(t.ID, "no row can match the predicate")
		}
		for i, other := range s.tables {
			if meet(boxes, other.Boxes) {
				f.at(t.ID, "the predicate overlaps that of %q", s.ids[i])
			}
		}
		s.add(t.ID)
		s.tables = append(s.tables, ManualTable{ID: t.ID, Boxes: boxes})
	}
	if err := f.err(); err != nil {
		return nil, err
	}
	texts := make([]string, 0, len(tables))
	for _, t := range s.tables {
		var boxes []string
		for _, b := range t.Boxes {
			var sets []string
			for _, set := range b {
				sets = append(sets, canonical(set))
			}
			boxes = append(boxes, strings.Join(sets, " × "))
		}
		slices.Sort(boxes)
		texts = append(texts, "table["+quote(t.ID)+"]="+strings.Join(boxes, " ∪ "))
	}
	slices.Sort(texts)
	s.print = "strategy=manual/1\n" + strings.Join(texts, "\n")
	return s, nil
}

// meet tells whether a box of one table overlaps a box of another.
func meet(a, b [][]config.Set) bool {
	for _, x := range a {
		for _, y := range b {
			if len(x) == len(y) && overlap(x, y) {
				return true
			}
		}
	}
	return false
}

func overlap(a, b []config.Set) bool {
	for i := range a {
		if !a[i].Overlaps(b[i]) {
			return false
		}
	}
	return true
}

func (s *manual) Name() string        { return "manual" }
func (s *manual) Fingerprint() string { return s.print }

func (s *manual) Check(keys []config.KeyColumn) error {
	if len(keys) != s.width {
		f := faults{field: "strategy"}
		f.add("the predicates speak of %d key columns, not %d", s.width, len(keys))
		return f.err()
	}
	return nil
}

// Place finds the table whose predicate the key satisfies. A NULL is a value like any
// other here, if a predicate says IS NULL.
func (s *manual) Place(key []config.Value) (string, error) {
	if len(key) != s.width {
		return "", s.errs.missing
	}
	for i := range s.tables {
		for _, b := range s.tables[i].Boxes {
			if holds(b, key) {
				return s.ids[i], nil
			}
		}
	}
	if slices.ContainsFunc(key, config.Value.IsNull) {
		return "", s.errs.missing
	}
	return "", s.errs.notFound
}

func holds(box []config.Set, key []config.Value) bool {
	for i := range box {
		if !box[i].Contains(key[i]) {
			return false
		}
	}
	return true
}

func (s *manual) Route(q config.RouteQuery) config.Routing {
	if len(q.Keys) != s.width {
		return config.Routing{All: true}
	}
	return s.some(q.Known, func(i int) bool {
		for _, b := range s.tables[i].Boxes {
			if overlap(q.Keys, b) {
				return true
			}
		}
		return false
	})
}
