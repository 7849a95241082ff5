package callbacks

import (
	"slices"

	"github.com/go-dtde/dtde/config"
	"github.com/go-dtde/dtde/migrator"
	"github.com/go-dtde/dtde/planner"
)

// foreignKeys are the foreign keys to entities, found once: by the logical name of the
// entity that is referred to, and by that of the entity that refers.
type foreignKeys struct {
	all           []migrator.ForeignKey
	parent, child map[string][]migrator.ForeignKey
	err           error
}

// ForeignKeys lists the foreign keys to entities that the models declare.
func (r *Runtime) ForeignKeys() ([]migrator.ForeignKey, error) {
	r.keysOnce.Do(func() {
		k := &r.foreignKeys
		k.parent, k.child = map[string][]migrator.ForeignKey{}, map[string][]migrator.ForeignKey{}
		k.all, k.err = migrator.ForeignKeys(r.root, r.fixed.Load())
		for _, key := range k.all {
			k.parent[key.Parent.LogicalName] = append(k.parent[key.Parent.LogicalName], key)
			if key.ChildTable != nil {
				k.child[key.ChildTable.LogicalName] = append(k.child[key.ChildTable.LogicalName], key)
			}
		}
	})
	return r.foreignKeys.all, r.foreignKeys.err
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
