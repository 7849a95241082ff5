package callbacks

import (
	"slices"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"github.com/go-dtde/dtde/planner"
)

// selectHidden selects, behind what the statement selects itself, the columns that its rows
// are only merged by, and gives a function that puts the statement's own back. Those that
// the destination or Omit leaves out are added to the hidden ones: of them the planner does
// not know.
func selectHidden(stmt *gorm.Statement, m *planner.Merge) (restore func()) {
	own := stmt.Clauses["SELECT"]
	list, listed := own.Expression.(clause.Select)
	listed = listed && len(list.Columns) > 0
	selects := stmt.Selects
	if !listed && len(m.Order) > 0 && !m.Distinct && m.Groups == nil {
		if read := columnsOfDestination(stmt); read != nil {
			for _, k := range m.Order {
				if !slices.Contains(read, k.Column) && !slices.Contains(m.Hidden, k.Column) {
					m.Hidden = append(m.Hidden, k.Column)
				}
			}
			selects = read
		}
	}
	if len(m.Hidden) == 0 {
		return func() {}
	}
	kept, clauses := stmt.Selects, keepClauses(stmt, "SELECT")
	if listed {
		list.Columns = slices.Clip(list.Columns)
		for _, name := range m.Hidden {
			list.Columns = append(list.Columns, clause.Column{Name: name})
		}
		own.Expression = list
		stmt.Clauses["SELECT"] = own
	} else {
		stmt.Selects = append(slices.Clip(selects), m.Hidden...)
	}
	return func() {
		stmt.Selects = kept
		clauses()
	}
}

// columnsOfDestination are the columns that GORM reads of a statement that selects none by
// itself, if those are not all.
func columnsOfDestination(stmt *gorm.Statement) []string {
	if len(stmt.Selects) > 0 || len(stmt.Joins) > 0 || wholeRows(stmt) || stmt.Schema == nil {
		return nil
	}
	if len(stmt.Omits) > 0 {
		selected, _ := stmt.SelectAndOmitColumns(false, false)
		return slices.DeleteFunc(slices.Clone(stmt.Schema.DBNames), func(name string) bool {
			read, said := selected[name]
			return said && !read
		})
	}
	into := gorm.Statement{DB: stmt.DB}
	if err := into.Parse(stmt.Dest); err != nil {
		return nil // a map or a value: all columns
	}
	return into.Schema.DBNames
}
