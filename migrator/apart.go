package migrator

import (
	"gorm.io/gorm"
	"gorm.io/gorm/migrator"
	"gorm.io/gorm/schema"
)

// Apart makes a dialector for a database that has no shards: its migrator is inner's, but for
// models that refuse refuses, also where AutoMigrate would come to them by relations. made is
// called when an AutoMigrate has succeeded, with its session; not in DryRun.
func Apart(inner gorm.Dialector, refuse func(*schema.Schema) error, made func(*gorm.DB) error) gorm.Dialector {
	return forward(dialector{Dialector: inner, migrator: func(db *gorm.DB) gorm.Migrator {
		return apart{Migrator: inner.Migrator(db), db: db, driver: inner, refuse: refuse, made: made}
	}})
}

// Failed makes a dialector whose migrator fails with err.
func Failed(inner gorm.Dialector, err error) gorm.Dialector {
	inner = Unwrap(inner)
	refuse := func(*schema.Schema) error { return err }
	return forward(dialector{Dialector: inner, migrator: func(db *gorm.DB) gorm.Migrator {
		db = db.Session(&gorm.Session{})
		db.Error = nil // GORM's migrators don't look at it; its pool fails
		return apart{Migrator: inner.Migrator(db), db: db, driver: inner, refuse: refuse}
	}})
}

// apart is a driver's migrator that refuses some models.
type apart struct {
	gorm.Migrator
	db     *gorm.DB
	driver gorm.Dialector
	refuse func(*schema.Schema) error
	made   func(*gorm.DB) error
}

var _ migrator.BuildIndexOptionsInterface = apart{}

// BuildIndexOptions is the driver's, or GORM's if the driver has none.
func (m apart) BuildIndexOptions(options []schema.IndexOption, stmt *gorm.Statement) []any {
	if b, ok := m.Migrator.(migrator.BuildIndexOptionsInterface); ok {
		return b.BuildIndexOptions(options, stmt)
	}
	return migrator.Migrator{Config: migrator.Config{DB: m.db, Dialector: m.driver}}.BuildIndexOptions(options, stmt)
}

// schema is GORM's of a value; nil for a table's name, and for what the driver reports better.
func (m apart) schema(value any) *schema.Schema {
	if _, name := value.(string); name {
		return nil
	}
	stmt := &gorm.Statement{DB: m.db}
	if stmt.Parse(value) != nil {
		return nil
	}
	return stmt.Schema
}

// check refuses the models among values, and with reach what they are related to.
func (m apart) check(reach bool, values ...any) error {
	seen := map[*schema.Schema]bool{}
	var visit func(s *schema.Schema) error
	visit = func(s *schema.Schema) error {
		if s == nil || seen[s] {
			return nil
		}
		seen[s] = true
		if err := m.refuse(s); err != nil || !reach || m.db.IgnoreRelationshipsWhenMigrating {
			return err
		}
		s.Relationships.Mux.RLock()
		defer s.Relationships.Mux.RUnlock()
		for _, rel := range s.Relationships.Relations {
			if rel.Field != nil && rel.Field.IgnoreMigration {
				continue
			}
			for _, other := range []*schema.Schema{rel.FieldSchema, rel.JoinTable} {
				if err := visit(other); err != nil {
					return err
				}
			}
		}
		return nil
	}
	for _, value := range values {
		if err := visit(m.schema(value)); err != nil {
			return err
		}
	}
	return nil
}

// AutoMigrate is the driver's.
func (m apart) AutoMigrate(values ...any) error {
	if err := m.check(true, values...); err != nil {
		return err
	}
	if err := m.Migrator.AutoMigrate(values...); err != nil || m.made == nil || m.db.DryRun {
		return err
	}
	return m.made(m.db)
}

// CreateTable is the driver's.
func (m apart) CreateTable(values ...any) error {
	if err := m.check(true, values...); err != nil {
		return err
	}
	return m.Migrator.CreateTable(values...)
}

// DropTable is the driver's.
func (m apart) DropTable(values ...any) error {
	if err := m.check(false, values...); err != nil {
		return err
	}
	return m.Migrator.DropTable(values...)
}

// RenameTable is the driver's.
func (m apart) RenameTable(from, to any) error {
	if err := m.check(false, from, to); err != nil {
		return err
	}
	return m.Migrator.RenameTable(from, to)
}

// AddColumn is the driver's.
func (m apart) AddColumn(value any, field string) error {
	if err := m.check(false, value); err != nil {
		return err
	}
	return m.Migrator.AddColumn(value, field)
}

// DropColumn is the driver's.
func (m apart) DropColumn(value any, field string) error {
	if err := m.check(false, value); err != nil {
		return err
	}
	return m.Migrator.DropColumn(value, field)
}

// AlterColumn is the driver's.
func (m apart) AlterColumn(value any, field string) error {
	if err := m.check(false, value); err != nil {
		return err
	}
	return m.Migrator.AlterColumn(value, field)
}

// CreateIndex is the driver's.
func (m apart) CreateIndex(value any, name string) error {
	if err := m.check(false, value); err != nil {
		return err
	}
	return m.Migrator.CreateIndex(value, name)
}

// CreateConstraint is the driver's.
func (m apart) CreateConstraint(value any, name string) error {
	if err := m.check(false, value); err != nil {
		return err
	}
	return m.Migrator.CreateConstraint(value, name)
}
