package migrator

import (
	"errors"

	"gorm.io/gorm"
	"gorm.io/gorm/schema"

	"github.com/go-dtde/dtde/config"
)

// DropTable drops every shard's table, if it exists, and the other tables; the last
// one given first, as GORM does.
func (m Migrator) DropTable(values ...any) error {
	if !m.aims(values) {
		return m.inner.DropTable(values...)
	}
	_, ordered, err := m.order(values, false)
	if err != nil {
		return err
	}
	var dropped []Made
	for i := len(ordered) - 1; i >= 0; i-- {
		o := ordered[i]
		if o.table == nil {
			if err := m.inner.DropTable(o.value); err != nil {
				return err
			}
			continue
		}
		if err := m.change(o.aim, "DropTable", func(inner gorm.Migrator, value any, _ *config.Shard) error {
			return inner.DropTable(value)
		}); err != nil {
			return err
		}
		if o.table.Migrations {
			dropped = append(dropped, Made{Table: o.table, Shards: o.shards})
		}
	}
	if len(dropped) > 0 && m.hooks.AfterDrop != nil && !m.db.DryRun {
		return m.hooks.AfterDrop(m.db.Statement.Context, m.session(), dropped)
	}
	return nil
}

func (m Migrator) aims(values []any) bool {
	for _, value := range values {
		if _, ok := m.aimAt(value); ok {
			return true
		}
	}
	return false
}

// HasTable tells whether every known shard's table exists.
func (m Migrator) HasTable(value any) bool {
	a, ok := m.aimAt(value)
	if !ok {
		return m.inner.HasTable(value)
	}
	return m.everywhere(a, func(inner gorm.Migrator, value any, _ *config.Shard) bool {
		return inner.HasTable(value)
	})
}

// RenameTable is refused for an entity: its tables' names are settings.
func (m Migrator) RenameTable(oldName, newName any) error {
	for _, value := range []any{oldName, newName} {
		if a, ok := m.aimAt(value); ok {
			return &config.UnsupportedError{
				Entity: a.table.Name, Reason: "rename-table",
				Problem: "RenameTable of or to a sharded table, whose shards' names are settings",
				Hint:    "rename the shards' tables one by one and give them by WithShards",
			}
		}
	}
	return m.inner.RenameTable(oldName, newName)
}

// TableType is that of the first shard whose table exists.
func (m Migrator) TableType(value any) (gorm.TableType, error) {
	a, ok := m.aimAt(value)
	if !ok {
		return m.inner.TableType(value)
	}
	return firstShard(m, a, gorm.Migrator.TableType)
}

// ColumnTypes are those of the first shard whose table exists.
func (m Migrator) ColumnTypes(value any) ([]gorm.ColumnType, error) {
	a, ok := m.aimAt(value)
	if !ok {
		return m.inner.ColumnTypes(value)
	}
	return firstShard(m, a, gorm.Migrator.ColumnTypes)
}

// GetIndexes are those of the first shard whose table exists, under the names that
// they have there.
func (m Migrator) GetIndexes(value any) ([]gorm.Index, error) {
	a, ok := m.aimAt(value)
	if !ok {
		return m.inner.GetIndexes(value)
	}
	return firstShard(m, a, gorm.Migrator.GetIndexes)
}

// errFound ends a search through the shards.
var errFound = errors.New("found")

// firstShard asks the first shard whose table exists; if none does, the answer wraps
// config.ErrShardNotFound.
func firstShard[T any](m Migrator, a aim, ask func(gorm.Migrator, any) (T, error)) (answer T, err error) {
	err = m.each(a, func(inner gorm.Migrator, value any, _ *config.Shard) error {
		if !inner.HasTable(value) {
			return nil
		}
		var err error
		if answer, err = ask(inner, value); err != nil {
			return err
		}
		return errFound
	})
	switch {
	case errors.Is(err, errFound):
		return answer, nil
	case err == nil:
		err = &config.ShardError{
			Entity: a.table.Name, Operation: "migrate", Cause: config.ErrShardNotFound,
			Hint: "no shard's table exists yet: run AutoMigrate, or insert a row",
		}
	}
	return answer, err
}

// AddColumn adds the field's column to every shard.
func (m Migrator) AddColumn(value any, field string) error {
	a, ok := m.aimAt(value)
	if !ok {
		return m.inner.AddColumn(value, field)
	}
	return m.change(a, "AddColumn", func(inner gorm.Migrator, value any, _ *config.Shard) error {
		return inner.AddColumn(value, field)
	})
}

// DropColumn drops a column from every shard. A shard key's column is refused.
func (m Migrator) DropColumn(value any, field string) error {
	a, ok := m.aimAt(value)
	if !ok {
		return m.inner.DropColumn(value, field)
	}
	if err := m.keepsKey(a, "DropColumn", field); err != nil {
		return err
	}
	return m.change(a, "DropColumn", func(inner gorm.Migrator, value any, _ *config.Shard) error {
		return inner.DropColumn(value, field)
	})
}

// keepsKey refuses what would take a shard key column away.
func (m Migrator) keepsKey(a aim, operation, field string) error {
	f := a.table.Schema.LookUpField(field)
	if f != nil {
		field = f.DBName
	}
	if a.named || a.table.KeyIndex(field) < 0 {
		return nil
	}
	return &config.UnsupportedError{
		Entity: a.table.Name, Reason: "shard-key-column",
		Problem: operation + " of the shard key column " + field,
		Hint:    "rows are found by it; move them to another entity first",
	}
}

// AlterColumn gives the field's column its type, on every shard.
func (m Migrator) AlterColumn(value any, field string) error {
	a, ok := m.aimAt(value)
	if !ok {
		return m.inner.AlterColumn(value, field)
	}
	return m.change(a, "AlterColumn", func(inner gorm.Migrator, value any, _ *config.Shard) error {
		return inner.AlterColumn(value, field)
	})
}

// MigrateColumn changes the field's column where it differs from what the model
// says, on every shard; each shard's own column is looked at, not columnType.
func (m Migrator) MigrateColumn(value any, field *schema.Field, columnType gorm.ColumnType) error {
	return m.migrateColumn(value, field, columnType, "MigrateColumn", gorm.Migrator.MigrateColumn)
}

// MigrateColumnUnique is MigrateColumn for the column's unique constraint.
func (m Migrator) MigrateColumnUnique(value any, field *schema.Field, columnType gorm.ColumnType) error {
	return m.migrateColumn(value, field, columnType, "MigrateColumnUnique", gorm.Migrator.MigrateColumnUnique)
}

func (m Migrator) migrateColumn(
	value any, field *schema.Field, columnType gorm.ColumnType, operation string,
	run func(gorm.Migrator, any, *schema.Field, gorm.ColumnType) error,
) error {
	a, ok := m.aimAt(value)
	if !ok {
		return run(m.inner, value, field, columnType)
	}
	if err := mayChange(a, operation); err != nil {
		return err
	}
	w, links, err := m.prepare(a)
	if err != nil {
		return err
	}
	for _, s := range a.shards {
		if err := w.migrateColumn(a, s, links, field, columnType, run); err != nil {
			return failed(a.table, s, err)
		}
	}
	return nil
}

func (w *workspace) migrateColumn(
	a aim, s *config.Shard, links []link, field *schema.Field, columnType gorm.ColumnType,
	run func(gorm.Migrator, any, *schema.Field, gorm.ColumnType) error,
) error {
	db, err := w.shard(a.table, s, a.model, links)
	if err != nil {
		return err
	}
	stmt := &gorm.Statement{DB: w.db}
	if err := stmt.ParseWithSpecialTableName(a.model, db.Statement.Table); err != nil {
		return err
	}
	if f := stmt.Schema.FieldsByDBName[field.DBName]; f != nil {
		field = f
	}
	columns, err := db.Migrator().ColumnTypes(a.model)
	if err != nil {
		return err
	}
	for _, c := range columns {
		if c.Name() == field.DBName {
			columnType = c
		}
	}
	return run(db.Migrator(), a.model, field, columnType)
}

// HasColumn tells whether every known shard has the column.
func (m Migrator) HasColumn(value any, field string) bool {
	a, ok := m.aimAt(value)
	if !ok {
		return m.inner.HasColumn(value, field)
	}
	return m.everywhere(a, func(inner gorm.Migrator, value any, _ *config.Shard) bool {
		return inner.HasColumn(value, field)
	})
}

// RenameColumn renames a column on every shard. A shard key's column is refused.
func (m Migrator) RenameColumn(value any, oldName, field string) error {
	a, ok := m.aimAt(value)
	if !ok {
		return m.inner.RenameColumn(value, oldName, field)
	}
	if err := m.keepsKey(a, "RenameColumn", oldName); err != nil {
		return err
	}
	return m.change(a, "RenameColumn", func(inner gorm.Migrator, value any, _ *config.Shard) error {
		return inner.RenameColumn(value, oldName, field)
	})
}

// CreateView is the driver's; a logical name is refused, as it is never a relation
// of the database.
func (m Migrator) CreateView(name string, option gorm.ViewOption) error {
	if t, ok := m.byName(name); ok {
		return &config.UnsupportedError{
			Entity: t.Name, Reason: "view-name",
			Problem: "CreateView under the name of a sharded table",
			Hint:    "give the view a name of its own",
		}
	}
	return m.inner.CreateView(name, option)
}

// DropView is the driver's.
func (m Migrator) DropView(name string) error { return m.inner.DropView(name) }
