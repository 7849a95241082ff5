package migrator

import (
	"gorm.io/gorm"
	"gorm.io/gorm/clause"
	"gorm.io/gorm/schema"

	"github.com/go-dtde/dtde/config"
)

// CreateIndex creates a model's index, by its name in the model or its field's, on
// every shard.
func (m Migrator) CreateIndex(value any, name string) error {
	return m.changeNamed(value, name, "CreateIndex", indexName, gorm.Migrator.CreateIndex)
}

// DropIndex drops a model's index on every shard.
func (m Migrator) DropIndex(value any, name string) error {
	a, ok := m.aimAt(value)
	if !ok {
		return m.inner.DropIndex(value, name)
	}
	return m.change(a, "DropIndex", func(inner gorm.Migrator, value any, s *config.Shard) error {
		if m.driver.Name() == "postgres" {
			return m.postgresIndex("DROP INDEX ?", inSchema(s, indexName(m, a, s, name)))
		}
		return inner.DropIndex(value, indexName(m, a, s, name))
	})
}

// postgresIndex changes an index on PostgreSQL, where the driver's DropIndex and
// RenameIndex send a statement that the engine refuses.
func (m Migrator) postgresIndex(sql string, names ...any) error {
	w, err := newWorkspace(m.db, m.driver)
	if err != nil {
		return err
	}
	return w.db.Exec(sql, names...).Error
}

// inSchema is the name of an index of a shard, which lives in its table's schema.
func inSchema(s *config.Shard, name string) clause.Table {
	if namespace := s.Namespace(); namespace != "" {
		name = namespace + "." + name
	}
	return clause.Table{Name: name}
}

// HasIndex tells whether every known shard has the index.
func (m Migrator) HasIndex(value any, name string) bool {
	return m.hasNamed(value, name, indexName, gorm.Migrator.HasIndex)
}

// RenameIndex renames an index on every shard; both names are as a model has them.
func (m Migrator) RenameIndex(value any, oldName, newName string) error {
	a, ok := m.aimAt(value)
	if !ok {
		return m.inner.RenameIndex(value, oldName, newName)
	}
	return m.change(a, "RenameIndex", func(inner gorm.Migrator, value any, s *config.Shard) error {
		from, to := indexName(m, a, s, oldName), indexName(m, a, s, newName)
		if from == oldName { // not the model's any more: it had the suffix all the same
			from = m.suffixed(a, s, oldName)
		}
		if to == newName {
			to = m.suffixed(a, s, newName)
		}
		if m.driver.Name() == "postgres" {
			return m.postgresIndex("ALTER INDEX ? RENAME TO ?", inSchema(s, from), clause.Column{Name: to})
		}
		return inner.RenameIndex(value, from, to)
	})
}

// CreateConstraint creates a model's check, unique or foreign key constraint, by its
// name in the model or its field's, on every shard. A foreign key to a sharded table
// is refused unless the two are co-located and its columns carry the shard key.
func (m Migrator) CreateConstraint(value any, name string) error {
	if err := m.noForeignKey(value, name); err != nil {
		return err
	}
	return m.changeNamed(value, name, "CreateConstraint", constraintName, gorm.Migrator.CreateConstraint)
}

// DropConstraint drops a model's constraint on every shard.
func (m Migrator) DropConstraint(value any, name string) error {
	return m.changeNamed(value, name, "DropConstraint", constraintName, gorm.Migrator.DropConstraint)
}

// HasConstraint tells whether every known shard has the constraint.
func (m Migrator) HasConstraint(value any, name string) bool {
	return m.hasNamed(value, name, constraintName, gorm.Migrator.HasConstraint)
}

// naming gives the name on a shard for a name in the model; a field's name and one
// that the model does not have stay as they are.
type naming func(m Migrator, a aim, s *config.Shard, name string) string

func (m Migrator) changeNamed(value any, name, operation string, on naming, run func(gorm.Migrator, any, string) error) error {
	a, ok := m.aimAt(value)
	if !ok {
		return run(m.inner, value, name)
	}
	return m.change(a, operation, func(inner gorm.Migrator, value any, s *config.Shard) error {
		return run(inner, value, on(m, a, s, name))
	})
}

func (m Migrator) hasNamed(value any, name string, on naming, run func(gorm.Migrator, any, string) bool) bool {
	a, ok := m.aimAt(value)
	if !ok {
		return run(m.inner, value, name)
	}
	return m.everywhere(a, func(inner gorm.Migrator, value any, s *config.Shard) bool {
		return run(inner, value, on(m, a, s, name))
	})
}

func (m Migrator) suffixed(a aim, s *config.Shard, name string) string {
	return physicalName(name, nameSuffix(a.table, s), m.driver.Name())
}

// schemaOf is the model's schema under its own table name.
func (m Migrator) schemaOf(a aim) *schema.Schema {
	if s, err := m.callersSchema(a.model); err == nil {
		return s
	}
	return a.table.Schema
}

func indexName(m Migrator, a aim, s *config.Shard, name string) string {
	model := m.schemaOf(a)
	if index := model.LookIndex(name); index != nil {
		name = index.Name // a field's name finds its index too
	}
	return shardIndexName(model, m.db.NamingStrategy, m.driver.Name(), nameSuffix(a.table, s), s, name)
}

func constraintName(m Migrator, a aim, s *config.Shard, name string) string {
	model, namer := m.schemaOf(a), m.db.NamingStrategy
	if check, ok := model.ParseCheckConstraints()[name]; ok {
		if name == namer.CheckerName(model.Table, check.DBName) {
			return namer.CheckerName(s.Name(), check.DBName)
		}
		return asciiName(m.suffixed(a, s, name))
	}
	if unique, ok := model.ParseUniqueConstraints()[name]; ok {
		return namer.UniqueName(s.Name(), unique.Field.DBName)
	}
	for _, rel := range model.Relationships.Relations {
		if c := rel.ParseConstraint(); c != nil && c.Schema == model && c.Name == name {
			if rel.Schema == model && c.Name == namer.RelationshipFKName(*rel) {
				return namer.RelationshipFKName(schema.Relationship{Schema: &schema.Schema{Table: s.Name()}, Name: rel.Name})
			}
			return asciiName(m.suffixed(a, s, name))
		}
	}
	return name
}

// noForeignKey refuses a foreign key that would refer to a sharded table.
func (m Migrator) noForeignKey(value any, name string) error {
	if _, isName := value.(string); isName {
		return nil
	}
	s, err := m.callersSchema(value)
	if err != nil {
		return nil // the driver's migrator reports it
	}
	for _, rel := range s.Relationships.Relations {
		c := rel.ParseConstraint()
		if c == nil || c.Name != name && (rel.Field == nil || rel.Field.Name != name) {
			continue
		}
		child, _ := m.owned(c.Schema)
		if parent, ok := m.owned(c.ReferenceSchema); ok && held(child, parent, c) != "" {
			return &config.UnsupportedError{
				Entity: parent.Name, Reason: "foreign-key",
				Problem: "a foreign key " + c.Name + " that refers to a table of dtde's",
				Hint:    "leave it out, or co-locate the two and have its columns carry the shard key: " + held(child, parent, c),
			}
		}
		if child, ok := m.owned(c.Schema); ok && c.Schema != s {
			return &config.UnsupportedError{
				Entity: child.Name, Reason: "foreign-key",
				Problem: "a foreign key " + c.Name + " created from its parent's side",
				Hint:    "run AutoMigrate with both models",
			}
		}
	}
	return nil
}
