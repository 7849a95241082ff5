package callbacks

import (
	"strings"

	"gorm.io/gorm/clause"

	"github.com/go-dtde/dtde/config"
	"github.com/go-dtde/dtde/planner"
)

// qualify gives an upsert's assignments the physical table's name where they say the
// logical one, for engines whose INSERT takes no alias.
func (c *creation) qualify(oc clause.OnConflict, s *config.Shard) (clause.OnConflict, error) {
	q := qualifier{r: c.r, table: c.table, alias: c.alias, shard: s}
	set := make(clause.Set, len(oc.DoUpdates))
	for i, a := range oc.DoUpdates {
		set[i] = clause.Assignment{Column: a.Column, Value: q.value(a.Value)}
	}
	oc.DoUpdates = set
	if len(oc.Where.Exprs) > 0 {
		exprs := make([]clause.Expression, len(oc.Where.Exprs))
		for i, e := range oc.Where.Exprs {
			exprs[i], _ = q.value(e).(clause.Expression)
		}
		oc.Where.Exprs = exprs
	}
	return oc, q.err
}

// qualifier rewrites the values of one upsert for one shard.
type qualifier struct {
	r     *Runtime
	table *config.Table
	alias string
	shard *config.Shard
	err   error
}

func (q *qualifier) value(v any) any {
	switch v := v.(type) {
	case clause.Column:
		if strings.EqualFold(v.Table, q.alias) {
			v.Table = q.shard.Table
		}
		return v
	case clause.Expr:
		v.SQL, v.Vars = q.text(v.SQL), q.values(v.Vars)
		return v
	case clause.NamedExpr:
		v.SQL, v.Vars = q.text(v.SQL), q.values(v.Vars)
		return v
	case clause.Eq:
		return clause.Eq{Column: q.value(v.Column), Value: q.value(v.Value)}
	}
	return v
}

func (q *qualifier) values(vars []any) []any {
	out := make([]any, len(vars))
	for i := range vars {
		out[i] = q.value(vars[i])
	}
	return out
}

func (q *qualifier) text(sql string) string {
	if !containsWord(sql, q.alias) {
		return sql
	}
	out, ok := planner.Requalify(q.r.dialect, sql, q.alias, q.r.quote(q.shard.Table))
	if !ok && q.err == nil {
		q.err = &config.UnsupportedError{
			Entity: q.table.Name, Reason: "upsert-expression",
			Problem: "an upsert with an expression that can not be read and names the table",
			Hint:    "leave the table's name out of the expression",
		}
	}
	return out
}
