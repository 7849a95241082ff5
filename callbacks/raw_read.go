package callbacks

import (
	"reflect"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"github.com/go-dtde/dtde/merge"
	"github.com/go-dtde/dtde/planner"
	"github.com/go-dtde/dtde/temporal"
)

// rawApart runs the text of a SELECT whose shards live in several databases as the builder's
// statement that says the same, which merges what each of them gives; false means that it
// is no such text.
func (r *Runtime) rawApart(db *gorm.DB, rs *planner.RawStatement, call rawCall) bool {
	if !r.many || rs.Operation != planner.Select || call == rawExec {
		return false
	}
	p, err := r.planRaw(db.Statement, rs)
	if err != nil || len(p.Databases()) < 2 {
		return false // what is wrong is said on the usual way
	}
	read, ok := rs.Read()
	if !ok {
		return false
	}
	q, ok := r.readBuilt(db, rs, read)
	if !ok {
		return false
	}
	fail(db, r.rawBuilt(db, q, call))
	return true
}

// readBuilt is the builder's statement, with what the text's own was asked for.
func (r *Runtime) readBuilt(db *gorm.DB, rs *planner.RawStatement, read *planner.RawRead) (q *gorm.DB, ok bool) {
	q = session(db).Model(reflect.New(rs.Table.ModelType).Interface()).Unscoped()
	if rs.Alias != rs.Table.LogicalName {
		from := rs.Table.LogicalName + " AS " + rs.Alias
		if _, alias, simple := splitAlias(from); !simple || alias != rs.Alias || rs.Table.Namespace != "" {
			return nil, false
		}
		q = q.Table(from)
	}
	if rs.Table.Validity != nil {
		q = q.Scopes(WithLens(temporal.AllVersions()))
	}
	if sc, ok := loadScope(db.Statement); ok {
		sc.bound = nil
		q.Statement.Settings.Store(scopeKey{}, sc)
	}
	if rec, ok := db.Statement.Settings.Load(recordKey{}); ok {
		q.Statement.Settings.Store(recordKey{}, rec)
	}
	if read.Distinct {
		q = q.Distinct()
	}
	q = q.Select(read.Columns.SQL, read.Columns.Vars...)
	if len(read.Where) > 0 {
		q = q.Clauses(clause.Where{Exprs: read.Where})
	}
	if read.Group.SQL != "" {
		q = q.Group(read.Group.SQL)
	}
	if len(read.Having) > 0 {
		q = q.Clauses(clause.GroupBy{Having: read.Having})
	}
	switch {
	case len(read.Order.Vars) > 0:
		q = q.Clauses(clause.OrderBy{Expression: read.Order})
	case read.Order.SQL != "":
		q = q.Order(read.Order.SQL)
	}
	if read.Limit >= 0 {
		q = q.Limit(read.Limit)
	}
	if read.Offset > 0 {
		q = q.Offset(read.Offset)
	}
	return q, true
}

// rawBuilt gives the rows of q to whoever called.
func (r *Runtime) rawBuilt(db, q *gorm.DB, call rawCall) error {
	stmt := db.Statement
	if db.DryRun {
		q = q.Find(&[]map[string]any{})
		setText(stmt, q.Statement.SQL.String())
		stmt.Vars = q.Statement.Vars
		keepPlan(stmt, q.Statement)
		return q.Error
	}
	rows, err := q.Rows()
	keepPlan(stmt, q.Statement)
	if err != nil {
		return err
	}
	src, err := merge.FromRows(rows)
	if err != nil {
		return mergeError(err)
	}
	return r.rawRows(db, call, src)
}

// keepPlan has the statement know the plan of the one that ran for it.
func keepPlan(stmt, ran *gorm.Statement) {
	if plan, ok := ran.Clauses[planCarrier]; ok {
		stmt.Clauses[planCarrier] = plan
	}
}
