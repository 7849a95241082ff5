package callbacks

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"github.com/go-dtde/dtde/config"
	"github.com/go-dtde/dtde/planner"
	"github.com/go-dtde/dtde/temporal"
)

// Versions that are cut at their shards' boundaries are rows with one primary key, one in
// each shard. A read puts them together below the statement: it reads from a derived table
// that has each version once, with its whole period.

// putsTogether tells whether a statement reads whole versions of an entity: all do but
// dtde's own, and those that name shards, which see what is stored there.
func (r *Runtime) putsTogether(stmt *gorm.Statement, t *config.Table) bool {
	if !t.Validity.Cut() || internal(stmt) {
		return false
	}
	sc, scoped := loadScope(stmt)
	return !scoped || len(sc.shards) == 0
}

// whole says how a read through a lens puts versions together; nil if it needn't.
func (r *Runtime) whole(stmt *gorm.Statement, t *config.Table, l temporal.Lens) *planner.Whole {
	if !r.putsTogether(stmt, t) {
		return nil
	}
	w := &planner.Whole{}
	if l.Kind == temporal.LensAt {
		w.Instant, w.At = true, temporal.Cut(l.At, t.Validity.Valid.Precision)
		if key, ok := t.Keys[0].Convert(w.At); ok {
			w.Shard, _ = t.Strategy.Place([]config.Value{key})
		}
		if spans := t.Strategy.(config.SpanStrategy); w.Shard == "" && len(t.Shards) > 0 { // after the last shard's end a version may be open
			last := slices.MaxFunc(t.Shards, func(a, b *config.Shard) int { return startOf(spans, a).Compare(startOf(spans, b)) })
			if startOf(spans, last).Before(w.At) {
				w.Shard = last.ID
			}
		}
	}
	return w
}

func startOf(spans config.SpanStrategy, s *config.Shard) time.Time {
	span, ok := spans.Span(s.ID)
	if !ok || span.From.Open {
		return time.Time{}
	}
	return span.From.Value.AsTime()
}

// parts writes the derived table.
type parts struct {
	r      *Runtime
	table  *config.Table
	list   []string // columns of the model that the tables have, quoted
	shards []*config.Shard
	start  []time.Time
	end    []time.Time
}

func (r *Runtime) parts(stmt *gorm.Statement, t *config.Table) *parts {
	p := &parts{r: r, table: t, list: strings.Split(r.columns(stmt, t), ","), shards: slices.Clone(t.Shards)}
	spans := t.Strategy.(config.SpanStrategy)
	slices.SortFunc(p.shards, func(a, b *config.Shard) int {
		return cmp.Or(startOf(spans, a).Compare(startOf(spans, b)), cmp.Compare(a.ID, b.ID))
	})
	for _, s := range p.shards {
		span, _ := spans.Span(s.ID)
		p.start, p.end = append(p.start, startOf(spans, s)), append(p.end, span.To.Value.AsTime())
	}
	return p
}

// meets tells whether a version of shard i can go on in shard i+1.
func (p *parts) meets(i int) bool {
	return i >= 0 && i+1 < len(p.shards) && p.end[i].Equal(p.start[i+1])
}

// from reads, as q, the part of p's version in shard i.
func (p *parts) from(i int) string {
	var b strings.Builder
	b.WriteString(p.r.quote(p.shards[i].Table) + " AS q WHERE ")
	for k, f := range p.table.Schema.PrimaryFields {
		if k > 0 {
			b.WriteString(" AND ")
		}
		b.WriteString("q." + p.r.quote(f.DBName) + " = p." + p.r.quote(f.DBName))
	}
	return b.String()
}

func (p *parts) without(i int) string { return "NOT EXISTS (SELECT 1 FROM " + p.from(i) + ")" }

func (p *parts) columns(alias string, instead map[string]string) string {
	var b strings.Builder
	for i, c := range p.list {
		if i > 0 {
			b.WriteByte(',')
		}
		if expr, other := instead[c]; other {
			b.WriteString(expr + " AS " + c)
			continue
		}
		b.WriteString(alias + "." + c)
	}
	return b.String()
}

// all writes the versions over all shards: the first part of each with the end of the last.
func (p *parts) all(b clause.Writer) {
	var first, last strings.Builder
	to := p.r.quote(p.table.Validity.Valid.To.DBName)
	primary := make([]string, len(p.table.Schema.PrimaryFields))
	join := make([]string, len(primary))
	for i, f := range p.table.Schema.PrimaryFields {
		primary[i] = "p." + p.r.quote(f.DBName)
		join[i] = "l." + p.r.quote(f.DBName) + " = f." + p.r.quote(f.DBName)
	}
	for i, s := range p.shards {
		if i > 0 {
			first.WriteString(" UNION ALL ")
			last.WriteString(" UNION ALL ")
		}
		table := " FROM " + p.r.quote(s.Table) + " AS p"
		first.WriteString("SELECT " + p.columns("p", nil) + table)
		if p.meets(i - 1) {
			first.WriteString(" WHERE " + p.without(i-1))
		}
		last.WriteString("SELECT " + strings.Join(primary, ",") + ",p." + to + table)
		if p.meets(i) {
			last.WriteString(" WHERE " + p.without(i+1))
		}
	}
	_, _ = b.WriteString("SELECT " + p.columns("f", map[string]string{to: "l." + to}) +
		" FROM (" + first.String() + ") AS f JOIN (" + last.String() + ") AS l ON " + strings.Join(join, " AND "))
}

// at writes the versions that are valid at an instant: their parts in the one shard that
// the instant is in. Where they begin and end is looked up in the shards beside it, by
// primary key, and only if the statement reads these columns.
func (p *parts) at(b clause.Builder, shard *config.Shard, at time.Time) {
	i := slices.Index(p.shards, shard)
	v := p.table.Validity
	from, to := p.r.quote(v.Valid.From.DBName), p.r.quote(v.Valid.To.DBName)
	instead := map[string]string{}
	if expr := p.beyond(i, -1, from); expr != "" {
		instead[from] = expr
	}
	if expr := p.beyond(i, 1, to); expr != "" {
		instead[to] = expr
	}
	table := p.r.quote(shard.Table) + " AS p"
	// SQLite's driver reads times by a column's declared type, which an expression has not:
	// a compound SELECT has that of its tables' columns.
	typed := p.r.dialect.Name == "sqlite" && len(instead) > 0
	if typed {
		_, _ = b.WriteString("SELECT " + p.columns("p", nil) + " FROM " + table + " WHERE 1 = 0 UNION ALL ")
	}
	_, _ = b.WriteString("SELECT " + p.columns("p", instead) + " FROM " + table + " WHERE ")
	clause.Where{Exprs: temporal.ValidAt(at).Conditions(v, temporal.Target{Table: "p", Source: p.table.Schema.Table})}.Build(b)
	if typed {
		_, _ = b.WriteString(" UNION ALL SELECT " + p.columns("p", nil) + " FROM " + table + " WHERE 1 = 0")
	}
}

// beyond is a column's value in the last part of p's version that lies in one direction
// from shard i; "" if there is no shard in which it could go on.
func (p *parts) beyond(i, step int, column string) string {
	next := func(k int) bool { return step > 0 && p.meets(k) || step < 0 && p.meets(k-1) }
	if !next(i) {
		return ""
	}
	var b strings.Builder
	b.WriteString("CASE")
	value := "p." + column
	for k := i; next(k); k += step {
		b.WriteString(" WHEN " + p.without(k+step) + " THEN " + value)
		value = "(SELECT q." + column + " FROM " + p.from(k+step) + ")"
	}
	b.WriteString(" ELSE " + value + " END")
	return b.String()
}

// uncut refuses a write that would not cut versions.
func uncut(t *config.Table, op planner.Operation) error {
	return &config.ShardError{
		Entity: t.Name, Operation: op.String(), Cause: config.ErrUnversionedWrite,
		Hint: "use dtde.SaveWithVersioning and its kin: the entity's versions are cut at shard boundaries",
	}
}
