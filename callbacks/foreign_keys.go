package callbacks

import (
	"slices"
	"strings"

	"github.com/go-dtde/dtde/config"
	"github.com/go-dtde/dtde/migrator"
	"github.com/go-dtde/dtde/planner"
)

// foreignKeys are the foreign keys that have to do with entities, found once: by the
// table that is referred to, and by the entity that refers, under their logical names.
type foreignKeys struct {
	all           []migrator.ForeignKey
	parent, child map[string][]migrator.ForeignKey
	// deletes and updates are the tables a change in which demands something of dtde:
	// a foreign key to it has an action and is left out, or the database's own action
	// changes rows of which that is so.
	deletes, updates map[string]bool
	err              error
}

// ForeignKeys lists the foreign keys that the models declare, to and from entities.
func (r *Runtime) ForeignKeys() ([]migrator.ForeignKey, error) {
	r.keysOnce.Do(func() {
		k := &r.foreignKeys
		k.parent, k.child = map[string][]migrator.ForeignKey{}, map[string][]migrator.ForeignKey{}
		k.all, k.err = migrator.ForeignKeys(r.root, r.fixed.Load())
		for _, key := range k.all {
			k.parent[key.Referred.Table] = append(k.parent[key.Referred.Table], key)
			if key.ChildTable != nil {
				k.child[key.ChildTable.LogicalName] = append(k.child[key.ChildTable.LogicalName], key)
			}
		}
		k.deletes = k.demanding(func(key migrator.ForeignKey) string { return key.OnDelete })
		k.updates = k.demanding(func(key migrator.ForeignKey) string { return key.OnUpdate })
	})
	return r.foreignKeys.all, r.foreignKeys.err
}

// demanding are the tables from which actions of one kind lead to a foreign key that is
// left out.
func (k *foreignKeys) demanding(action func(migrator.ForeignKey) string) map[string]bool {
	tables := map[string]bool{}
	for more := true; more; {
		more = false
		for _, key := range k.all {
			demands := !key.Held && action(key) != "" || key.Held && action(key) == "CASCADE" && tables[key.Child.Table]
			if demands && !tables[key.Referred.Table] {
				tables[key.Referred.Table], more = true, true
			}
		}
	}
	return tables
}

// demands tells whether an operation in a table demands anything of dtde.
func (r *Runtime) demands(table string, op planner.Operation) (bool, error) {
	_, err := r.ForeignKeys()
	if op == planner.Delete {
		return r.foreignKeys.deletes[table], err
	}
	return r.foreignKeys.updates[table], err
}

// referring lists the foreign keys to an entity.
func (r *Runtime) referring(t *config.Table) ([]migrator.ForeignKey, error) {
	_, err := r.ForeignKeys()
	return r.foreignKeys.parent[t.LogicalName], err
}

// referred lists the foreign keys of an entity that its shards' tables really have.
func (r *Runtime) referred(t *config.Table) ([]migrator.ForeignKey, error) {
	_, err := r.ForeignKeys()
	var held []migrator.ForeignKey
	for _, k := range r.foreignKeys.child[t.LogicalName] {
		if k.Held {
			held = append(held, k)
		}
	}
	return held, err
}

// rawActions refuses SQL text that deletes or changes what a foreign key refers to that
// has an action and is left out: the text does not say which rows.
func (r *Runtime) rawActions(t *config.Table, rs *planner.RawStatement) error {
	if rs.Operation != planner.Delete && rs.Operation != planner.Update {
		return nil
	}
	keys, err := r.referring(t)
	if err != nil {
		return err
	}
	for _, k := range keys {
		acts := rs.Operation == planner.Delete && k.OnDelete != ""
		for _, f := range k.References {
			acts = acts || rs.Operation == planner.Update && k.OnUpdate != "" && slices.ContainsFunc(rs.Set, func(a assignment) bool { return a.Column.Name == f.DBName })
		}
		led := rs.Operation == planner.Delete && k.OnDelete == "CASCADE" && r.foreignKeys.deletes[k.Child.Table] ||
			rs.Operation == planner.Update && k.OnUpdate == "CASCADE" && r.foreignKeys.updates[k.Child.Table]
		if k.Held && acts && led {
			return &config.UnsupportedError{
				Entity: t.Name, Reason: "foreign-key-raw",
				Problem: "SQL text on rows from which the foreign key " + k.Name + " cascades to others that a foreign key without one in the database refers to",
				Hint:    "use the builder's Delete or Updates",
			}
		}
		if !k.Held && acts {
			return &config.UnsupportedError{
				Entity: t.Name, Reason: "foreign-key-raw",
				Problem: "SQL text on rows that the foreign key " + k.Name + " refers to, whose action dtde carries out",
				Hint:    "use the builder's Delete or Updates",
			}
		}
	}
	return nil
}

// unownedActions refuses SQL text that deletes rows of a table that dtde does not own, if
// that demands something of sharded tables which the database cannot do.
func (r *Runtime) unownedActions(text string) error {
	if !containsWord(text, "delete") {
		return nil
	}
	if _, err := r.ForeignKeys(); err != nil {
		return err
	}
	for table := range r.foreignKeys.deletes {
		if !containsWord(text, table) {
			continue
		}
		names, readable := planner.Written(r.dialect, text)
		if readable && !slices.ContainsFunc(names, func(name string) bool { return strings.EqualFold(name, table) }) {
			continue
		}
		return &config.UnsupportedError{
			Entity: table, Reason: "foreign-key-raw",
			Problem: "SQL text that deletes rows to which sharded ones refer, by foreign keys whose actions dtde carries out",
			Hint:    "use the builder's Delete",
		}
	}
	return nil
}
