package oracle

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"time"
)

// generator draws the operations of one program. What it knows of the rows is what
// the program wrote, not what the database holds: good enough to aim at rows.
type generator struct {
	r      *rand.Rand
	v      *variant
	engine string
	rows   []*row
	next   int
	// depth counts the transactions around; stable: the outermost is at repeatable
	// read, so that sessions can share its snapshot.
	// tolerant: the innermost goes on after failures.
	depth            int
	graph            known
	stable, tolerant bool
}

// program draws n operations; the first ones fill the table.
func program(seed uint64, v *variant, engine string, n int) []*operation {
	g := &generator{r: rand.New(rand.NewPCG(seed, 0x6f7261636c65)), v: v, engine: engine, next: 1}
	var ops []*operation
	switch {
	case v.graph != nil:
		ops = g.graphStart()
	case v.kin != nil:
		ops = g.kinStart()
	case v.deep:
		ops = g.deepStart()
	default:
		ops = []*operation{g.createBatch(8), g.createBatch(6), g.createOne()}
	}
	for len(ops) < n {
		if v.graph == nil && v.kin == nil && len(g.rows) < 4 {
			ops = append(ops, g.createBatch(5))
			continue
		}
		ops = append(ops, g.operation())
	}
	return ops
}

func (g *generator) chance(percent int) bool { return g.r.IntN(100) < percent }

func pick[T any](g *generator, from []T) T { return from[g.r.IntN(len(from))] }

// draw makes a row that fits the variant; it has no number yet.
func (g *generator) draw() row {
	var r row
	r.Region = Text(pick(g, g.v.regions))
	if g.chance(85) {
		name := pick(g, []string{"ada", "Ada", "bob", "Bob ", "zoë", "Zoe", "émile", "x'y", "", "carl", "dora", "%"})
		r.Name = &name
	}
	r.Level = g.r.IntN(g.v.levels)
	r.Amount = int64(g.r.IntN(70) - 10)
	r.Cents = int64(g.r.IntN(1_000_000))
	r.Price = float64(g.r.IntN(400)) / 4
	r.Active = g.chance(60)
	if g.chance(70) {
		r.Tags = pick(g, [][]string{{"a"}, {"a", "b"}, {}, {"it's"}})
	}
	r.Code = Text(fmt.Sprintf("%s%d", pick(g, g.v.letters), g.r.IntN(40)))
	if g.chance(60) {
		parent := g.r.IntN(6)
		r.Parent = &parent
	}
	r.OrderedAt = g.moment()
	return r
}

// moment draws a time with a shard: often at the boundaries of months.
func (g *generator) moment() time.Time {
	span := g.v.to.Sub(g.v.from)
	t := g.v.from.Add(time.Duration(g.r.Int64N(int64(span))))
	t = t.Truncate(time.Millisecond)
	switch g.r.IntN(5) {
	case 0: // the first instant of a month in the variant's zone
		t = time.Date(t.Year(), t.Month(), 1, 0, 0, 0, 0, g.v.from.Location())
	case 1: // and the last one
		t = time.Date(t.Year(), t.Month()+1, 1, 0, 0, 0, 0, g.v.from.Location()).Add(-time.Millisecond)
	case 2:
		t = t.Truncate(time.Hour)
	}
	if t.Before(g.v.from) || !t.Before(g.v.to) {
		t = g.v.from
	}
	return t.UTC()
}

// newRow draws a row to be created. Some have no shard, some an id that exists.
func (g *generator) newRow() *row {
	r := g.draw()
	r.n = g.next
	g.next++
	r.generated = g.chance(25)
	return &r
}

// spoil makes some rows impossible; it tells whether it did.
func (g *generator) spoil(r *row) bool {
	switch k := g.r.IntN(100); {
	case k < 2 && g.v.bad != nil:
		g.v.bad(r)
		return true
	case k < 5 && len(g.rows) > 0: // a duplicate
		r.n, r.generated = pick(g, g.rows).n, false
		return true
	}
	return false
}

func (g *generator) learn(rows ...*row) { g.rows = append(g.rows, rows...) }

func (g *generator) forget(r *row) {
	g.rows = slices.DeleteFunc(g.rows, func(other *row) bool { return other == r })
}

// any is a row that was written at some time.
func (g *generator) any() *row { return pick(g, g.rows) }

// isKey tells whether a column belongs to the shard key.
func (g *generator) isKey(name string) bool { return slices.Contains(g.v.keys, name) }

// weighted is a kind of operation and how often it is drawn.
type weighted struct {
	weight int
	draw   func() *operation
}

func (g *generator) operation() *operation {
	choices := g.choices()
	total := 0
	for _, c := range choices {
		total += c.weight
	}
	k := g.r.IntN(total)
	for _, c := range choices {
		if k -= c.weight; k < 0 {
			return c.draw()
		}
	}
	panic("oracle: no operation")
}

func (g *generator) choices() []weighted {
	switch {
	case g.v.graph != nil:
		return g.graphChoices()
	case g.v.kin != nil:
		return g.kinChoices()
	case g.v.deep:
		return g.deepChoices()
	}
	all := []weighted{
		{17, g.find}, {5, g.findInto}, {5, g.firstOrLast}, {3, g.take}, {2, g.byPrimaryKey},
		{4, g.pluck}, {5, g.count}, {8, g.aggregate}, {10, g.distinct}, {4, g.firstOrInit},
		{3, g.inBatches}, {3, g.rowsAndRow}, {10, g.rawSelect}, {8, g.shape}, {11, g.generic},
		{8, g.cursor}, {3, g.iterate}, {6, g.reference}, {5, g.rawJoin}, {8, g.textRead},
		{4, g.createOne}, {4, func() *operation { return g.createBatch(2 + g.r.IntN(8)) }},
		{2, g.createInBatches}, {3, g.createMaps}, {5, g.upsert}, {3, g.save}, {2, g.saveMany}, {5, g.firstOrCreate},
		{5, g.update}, {3, g.updateMany}, {9, g.updateKey}, {4, g.deleteOne}, {3, g.deleteMany}, {8, g.limited},
		{6, g.updateExpression}, {7, g.batchDelete},
		{9, g.returning}, {3, g.rawWrite}, {5, g.textWrite}, {1, g.missingWhere}, {1, g.dryRun},
	}
	if g.depth == 0 {
		all = append(all, weighted{6, g.transaction}, weighted{2, g.savePoints})
	} else if g.depth == 1 {
		all = append(all, weighted{4, g.transaction})
	}
	if g.depth == 0 {
		all = append(all, weighted{3, g.failing})
	} else if g.tolerant {
		all = append(all, weighted{25, g.failing})
	}
	if g.depth > 0 {
		all = append(all, weighted{160, g.locking})
	}
	return all
}

// modes are session settings that change how a statement is sent, not its answer.
func (g *generator) mode() []call {
	switch g.r.IntN(14) {
	case 0:
		return []call{sessionCall("PrepareStmt: true")}
	case 1:
		return []call{sessionCall("SkipDefaultTransaction: true")}
	case 2:
		return []call{sessionCall("QueryFields: true")}
	}
	return nil
}

func joinLists(lists ...[]call) []call { return slices.Concat(lists...) }

func rowsText(rows []row) string {
	parts := make([]string, len(rows))
	for i, r := range rows {
		parts[i] = r.String()
	}
	return "[]Model{" + strings.Join(parts, ",\n        ") + "}"
}
