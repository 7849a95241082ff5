package temporal

import (
	"time"

	"gorm.io/gorm/clause"

	"github.com/go-dtde/dtde/config"
)

// Target is the table that conditions speak of.
type Target struct {
	// Table is its name in the statement, by which its columns are qualified: an alias,
	// or clause.CurrentTable.
	Table string
	// Source is the real table that a subquery over the key's other versions reads. It
	// has to hold all of them.
	Source string
}

// Conditions are what a row must satisfy to be seen, to be joined by AND; none for
// the zero Lens. Instants are cut to the columns' precision, and an end of NULL, of
// the sentinel, or above it is open. Only Latest, and every lens on an entity that
// stores starts only, needs the key's other versions: their condition is a [Later].
// Check the lens first.
func (l Lens) Conditions(v *config.Validity, at Target) []clause.Expression {
	if l.IsZero() {
		return nil
	}
	l = l.cut(v)
	where := l.known(v, at.Table)
	from := clause.Column{Table: at.Table, Name: v.Valid.From.DBName}
	to := clause.Column{Table: at.Table}
	if !v.StartOnly() {
		to.Name = v.Valid.To.DBName
	}
	endsAfter := func(t time.Time) clause.Expression {
		if v.StartOnly() {
			return l.later(v, at, true, t)
		}
		return ends(to, v.Valid.Nullable, clause.Gt{Column: to, Value: t})
	}
	switch l.Kind {
	case LensAt:
		where = append(where, clause.Lte{Column: from, Value: l.At}, endsAfter(l.At))
	case LensBetween:
		switch {
		case l.Period.IsEmpty() && !l.IncludeEnd:
			return []clause.Expression{clause.Expr{SQL: "1 = 0"}}
		case l.Period.IsOpen():
		case l.IncludeEnd:
			where = append(where, clause.Lte{Column: from, Value: l.Period.To})
		default:
			where = append(where, clause.Lt{Column: from, Value: l.Period.To})
		}
		where = append(where, endsAfter(l.Period.From))
	case LensContainedIn:
		where = append(where, clause.Gte{Column: from, Value: l.Period.From})
		switch {
		case l.Period.IsOpen():
		case v.StartOnly():
			where = append(where, l.later(v, at, false, l.Period.To))
		default: // the start is bounded for those that read starts only: what shards it leads to
			where = append(where, clause.Lt{Column: from, Value: l.Period.To}, clause.Lte{Column: to, Value: l.Period.To})
		}
	case LensLatest:
		where = append(where, l.later(v, at, true, time.Time{}))
	}
	return where
}

// ends is a condition on an end, or that it is NULL if it may be.
func ends(column clause.Column, nullable bool, condition clause.Expression) clause.Expression {
	if !nullable {
		return condition
	}
	return clause.Or(clause.Eq{Column: column, Value: nil}, condition)
}

// known is the condition on system time.
func (l Lens) known(v *config.Validity, table string) []clause.Expression {
	if v.System == nil || l.Ever {
		return nil
	}
	from := clause.Column{Table: table, Name: v.System.From.DBName}
	to := clause.Column{Table: table, Name: v.System.To.DBName}
	if l.Known.IsZero() {
		return []clause.Expression{ends(to, v.System.Nullable, clause.Gte{Column: to, Value: Sentinel})}
	}
	return []clause.Expression{
		clause.Lte{Column: from, Value: l.Known},
		ends(to, v.System.Nullable, clause.Gt{Column: to, Value: l.Known}),
	}
}

func (l Lens) later(v *config.Validity, at Target, not bool, until time.Time) Later {
	e := Later{Not: not, Target: at, From: v.Valid.From.DBName, Until: until, Where: l.known(v, LaterAlias)}
	for i := range v.Key {
		e.Key = append(e.Key, v.Key[i].Column)
	}
	return e
}

// LaterAlias is the name of the table in a [Later]'s subquery.
const LaterAlias = "dtde_later"

// Later is the condition that the same key has, or has not, a version that starts
// later. It is a subquery on the real table, Source, whatever the statement's own
// table is called: where a statement is aimed at a shard, so must this be.
type Later struct {
	// Not asks that there is none.
	Not bool
	// Target is the statement's table, and the real one that holds all versions.
	Target Target
	// Key are the entity key's columns, From the start's.
	Key  []string
	From string
	// Until leaves out versions that start after it; zero leaves out none.
	Until time.Time
	// Where are further conditions on the later version, whose table is LaterAlias.
	Where []clause.Expression
}

// SelfContained tells the planner that this is one condition, whatever stands beside it.
func (Later) SelfContained() {}

// Build writes the condition.
func (e Later) Build(b clause.Builder) {
	write := func(s string) { _, _ = b.WriteString(s) }
	if e.Not {
		write("NOT ")
	}
	write("EXISTS (SELECT 1 FROM ")
	b.WriteQuoted(clause.Table{Name: e.Target.Source, Alias: LaterAlias})
	write(" WHERE ")
	column := func(table, name string) { b.WriteQuoted(clause.Column{Table: table, Name: name}) }
	for _, key := range e.Key {
		column(LaterAlias, key)
		write(" = ")
		column(e.Target.Table, key)
		write(" AND ")
	}
	column(LaterAlias, e.From)
	write(" > ")
	column(e.Target.Table, e.From)
	if !e.Until.IsZero() {
		write(" AND ")
		column(LaterAlias, e.From)
		write(" <= ")
		b.AddVar(b, e.Until)
	}
	for _, where := range e.Where {
		write(" AND ")
		where.Build(b)
	}
	write(")")
}
