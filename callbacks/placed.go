package callbacks

import (
	"slices"
	"strings"

	"gorm.io/gorm"

	"github.com/go-dtde/dtde/config"
	"github.com/go-dtde/dtde/planner"
)

// A shard's table whose name is written into the text of another statement, by a
// subquery or in a join's place, carries the mark of its database, since that statement
// may run in another one, where a table of this name could be anybody's. Once it is
// known where the text runs, the marks of that database are taken off, and any other
// refuses the statement. A mark that escaped would be a schema that no database has.

// placedName is a shard's table under the mark of its database.
func (r *Runtime) placedName(s *config.Shard) string {
	if !r.many {
		return r.quote(s.Table)
	}
	return r.quote(planner.PlaceMark+s.Database) + "." + r.quote(s.Table)
}

// marked tells whether a built text names tables under marks.
func (r *Runtime) marked(text string) bool {
	return r.many && strings.Contains(text, planner.PlaceMark)
}

// places lists the databases whose marks a text has.
func (r *Runtime) places(text string) (ids []string) {
	for _, id := range r.databaseIDs() {
		if strings.Contains(text, r.quote(planner.PlaceMark+id)+".") {
			ids = append(ids, id)
		}
	}
	return ids
}

// databaseIDs lists every database, the *gorm.DB's own as "".
func (r *Runtime) databaseIDs() []string {
	ids := []string{""}
	for _, d := range r.catalog.Load().Databases() {
		if !d.Own {
			ids = append(ids, d.ID)
		}
	}
	return ids
}

// settle makes a built text one that runs in a database, or refuses what needs tables of
// another one. reads tells that it may read other tables than shards.
func (r *Runtime) settle(stmt *gorm.Statement, database string, reads bool) error {
	if !r.many || isSubquery(stmt) {
		return nil
	}
	text := stmt.SQL.String()
	settled, err := r.settled(stmt, text, database, reads)
	if err == nil && len(settled) != len(text) {
		setText(stmt, settled)
	}
	return err
}

// settled is [Runtime.settle] of a text.
func (r *Runtime) settled(stmt *gorm.Statement, text, database string, reads bool) (string, error) {
	if r.marked(text) {
		for _, id := range r.places(text) {
			if id != database {
				return "", r.apart(stmt)
			}
		}
		text = strings.ReplaceAll(text, r.quote(planner.PlaceMark+database)+".", "")
		reads = true
	}
	if database == "" || !reads {
		return text, nil
	}
	for _, name := range planner.Strangers(r.current(stmt.ConnPool), r.dialect, database, text) {
		if !slices.ContainsFunc(r.catalog.Load().References(), func(ref *config.Reference) bool { return strings.EqualFold(ref.Schema.Table, name) }) {
			return "", &config.UnsupportedError{
				Entity: entityName(stmt), Reason: "databases-join",
				Problem: "a statement on shards in another database reads " + name + ", which only the program's own database has",
				Hint:    "list its model with AsReference, which has it written to every database, or use Preload or two queries",
			}
		}
	}
	return text, nil
}

// settleWhere makes a text that dtde began, with the statement's own conditions, one that
// runs in a database: subqueries in the conditions may name entities.
func (r *Runtime) settleWhere(stmt *gorm.Statement, database string) error {
	text := subtext(stmt)
	if text {
		if err := r.rewriteBuilt(stmt); err != nil {
			return err
		}
	}
	if text || r.marked(stmt.SQL.String()) {
		r.together(stmt, database)
	}
	return r.settle(stmt, database, text)
}

// apart refuses a statement that needs rows of several databases at once.
func (r *Runtime) apart(stmt *gorm.Statement) error {
	return &config.UnsupportedError{
		Entity: entityName(stmt), Reason: "databases-join",
		Problem: "one statement over tables in several databases",
		Hint:    "join co-located entities by their whole shard keys, narrow it to shards of one database, or use Preload or two queries",
	}
}

func entityName(stmt *gorm.Statement) string {
	if stmt.Schema == nil {
		return ""
	}
	return stmt.Schema.Name
}

// nested tells whether a statement has another one as a value, whose text is only known
// when it is built.
func nested(stmt *gorm.Statement) bool { return hasInside(stmt, isStatement) }

func isStatement(v any) bool {
	_, ok := v.(*gorm.DB)
	return ok
}
