package callbacks

import (
	"fmt"
	"reflect"
	"slices"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"
	"gorm.io/gorm/schema"

	"github.com/go-dtde/dtde/migrator"
	"github.com/go-dtde/dtde/planner"
)

// collapse is what one delete or update demands by foreign keys that are left out: the
// values that they refer to, of the rows that the statement is about and of those that
// the database's own cascades take along. The database knows nothing of the former, and
// dtde would see nothing of the latter.
type collapse struct {
	r      *Runtime
	db     *gorm.DB
	op     planner.Operation
	entity string
	keys   []migrator.ForeignKey
	values [][][]any // by key
	seen   map[string]bool
	// late has an update run before what refers to its rows is looked at: the database,
	// too, finds first what else is wrong with the new values.
	late bool
}

func newCollapse(r *Runtime, db *gorm.DB, op planner.Operation, entity string) *collapse {
	return &collapse{r: r, db: db, op: op, entity: entity, seen: map[string]bool{}}
}

// changes tells what a column gets, if a statement or a cascade assigns it.
type changes func(column string) (value any, ok bool)

// concerned lists the foreign keys to a table's rows that have something to say: those
// that are left out, and those by which the database itself reaches such.
func (c *collapse) concerned(s *schema.Schema, changed changes) (keys []migrator.ForeignKey) {
	for _, k := range c.r.foreignKeys.parent[s.Table] {
		action, on := k.OnDelete, c.r.foreignKeys.deletes
		if c.op == planner.Update {
			action, on = k.OnUpdate, c.r.foreignKeys.updates
			if !slices.ContainsFunc(k.References, func(f *schema.Field) bool { _, ok := changed(f.DBName); return ok }) {
				continue
			}
		}
		if !k.Held && action != "" || k.Held && action == "CASCADE" && on[k.Child.Table] {
			keys = append(keys, k)
		}
	}
	return keys
}

// columnsOf are the columns of a table's rows that have to be known: the primary key
// first.
func (c *collapse) columnsOf(s *schema.Schema, changed changes) []string {
	columns := slices.Clone(s.PrimaryFieldDBNames)
	for _, k := range c.concerned(s, changed) {
		for _, f := range k.References {
			if !slices.Contains(columns, f.DBName) {
				columns = append(columns, f.DBName)
			}
		}
	}
	return columns
}

// add notes rows that are about to be changed, and follows the database's own cascades.
func (c *collapse) add(s *schema.Schema, columns []string, rows [][]any, changed changes) error {
	if n := len(s.PrimaryFieldDBNames); n > 0 { // rows may refer to one another in a circle
		rows = slices.DeleteFunc(rows, func(row []any) bool {
			id := fmt.Sprintf("%s %q", s.Table, texts(row[:n]))
			known := c.seen[id]
			c.seen[id] = true
			return known
		})
	}
	for _, k := range c.concerned(s, changed) {
		values := c.referred(k, columns, rows, changed)
		if len(values) == 0 {
			continue
		}
		if !k.Held {
			at := slices.IndexFunc(c.keys, func(o migrator.ForeignKey) bool {
				return o.Name == k.Name && o.Child == k.Child && o.Referred == k.Referred
			})
			if at < 0 {
				at = len(c.keys)
				c.keys, c.values = append(c.keys, k), append(c.values, nil)
			}
			c.values[at] = append(c.values[at], values...)
			continue
		}
		if err := c.follow(k, values, changed); err != nil {
			return err
		}
	}
	return nil
}

// follow reads and locks the rows that the database's own cascade will change.
func (c *collapse) follow(k migrator.ForeignKey, values [][]any, changed changes) error {
	along := func(column string) (any, bool) {
		for i, f := range k.Columns {
			if f.DBName == column {
				return changed(k.References[i].DBName)
			}
		}
		return nil, false
	}
	columns := c.columnsOf(k.Child, along)
	for chunk := range slices.Chunk(values, guardBatch) {
		rows, err := readRows(c.children(k, chunk).Clauses(clause.Locking{Strength: clause.LockingStrengthUpdate}), columns)
		if err != nil {
			return err
		}
		if err := c.add(k.Child, columns, rows, along); err != nil {
			return err
		}
	}
	return nil
}

// referred are the values that a foreign key refers to in rows; those that an update
// leaves as they are, and NULL, not.
func (c *collapse) referred(k migrator.ForeignKey, columns []string, rows [][]any, changed changes) (values [][]any) {
	for _, row := range rows {
		value := make([]any, len(k.References))
		same, null := c.op == planner.Update, false
		for i, f := range k.References {
			value[i] = row[slices.Index(columns, f.DBName)]
			null = null || value[i] == nil
			if c.op == planner.Update {
				if v, ok := changed(f.DBName); ok {
					same = same && sameValue(value[i], v)
				}
			}
		}
		if !same && !null {
			values = append(values, value)
		}
	}
	return values
}

// texts writes values that may be texts or the bytes of such.
func texts(values []any) []string {
	out := make([]string, len(values))
	for i, v := range values {
		if b, ok := v.([]byte); ok {
			v = string(b)
		}
		out[i] = fmt.Sprint(v)
	}
	return out
}

// children are the rows that refer to the values; those of an entity by a routed
// session, as the database would do it: without hooks, soft deleted ones included.
func (c *collapse) children(k migrator.ForeignKey, values [][]any) *gorm.DB {
	tx := c.db.Session(&gorm.Session{NewDB: true, Context: c.db.Statement.Context, SkipHooks: true})
	tx.Error = nil
	if k.ChildTable != nil || k.Child.ModelType.Name() != "" {
		tx = tx.Model(reflect.New(k.Child.ModelType).Interface()).Unscoped()
	} else {
		tx = tx.Table(k.Child.Table)
	}
	return tx.Where(c.r.primaryIn(k.Columns, values))
}

// readRows reads some columns of what a session finds, as the driver gives them.
func readRows(tx *gorm.DB, columns []string) (all [][]any, err error) {
	rows, err := tx.Select(columns).Rows()
	if err != nil {
		return nil, err
	}
	return allRows(rows)
}
