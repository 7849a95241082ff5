package callbacks

import (
	"database/sql"
	"reflect"
	"time"

	"gorm.io/gorm"
	"gorm.io/gorm/schema"

	"github.com/go-dtde/dtde/config"
)

// directInsert is the shard into which a version's row can be inserted as it is: one to
// which reads and moves go directly, of a model of which GORM's create would insert just
// the fields' values, and read back the primary key. nil if there is more to do.
func (h *history) directInsert(row Row) *config.Shard {
	s := h.direct()
	if s == nil || !h.table.Unsharded || !h.insertsPlainly() {
		return nil
	}
	if row == h.model { // a copy is written without what it is related to
		for _, rel := range h.table.Schema.Relationships.Relations {
			if rel.Field.Schema != h.table.Schema {
				continue // of the join table that GORM would have made in this model's place
			}
			if !rel.Field.ReflectValueOf(h.ctx(), row).IsZero() {
				return nil
			}
		}
	}
	return s
}

// insertsPlainly tells whether a create of the entity's rows has neither hooks nor
// values that GORM, dtde or the database make, but for one generated integer key.
func (h *history) insertsPlainly() bool {
	if plain, ok := h.r.plainInserts.Load(h.table); ok {
		return plain.(bool)
	}
	s := h.table.Schema
	plain := h.r.returns && len(h.r.contained) == 0 && h.table.KeySpec.Source == config.KeyNone &&
		!s.BeforeCreate && !s.AfterCreate && !s.BeforeSave && !s.AfterSave && len(s.CreateClauses) == 0 &&
		len(s.PrimaryFields) == 1 && len(s.FieldsWithDefaultDBValue) == 1 && s.FieldsWithDefaultDBValue[0] == s.PrioritizedPrimaryField
	if plain {
		id := s.PrioritizedPrimaryField
		plain = id.Readable && id != h.v.Valid.From && !h.isKey(id) && (id.DataType == schema.Int || id.DataType == schema.Uint)
	}
	for _, f := range s.Fields {
		if f.DBName == "" || f == s.PrioritizedPrimaryField {
			continue
		}
		value := reflect.New(f.FieldType)
		_, builds := value.Interface().(gorm.Valuer)
		if !builds {
			_, builds = value.Elem().Interface().(gorm.Valuer)
		}
		plain = plain && !builds && f.Creatable && f.DefaultValueInterface == nil && f.AutoCreateTime == 0 && f.AutoUpdateTime == 0
	}
	h.r.plainInserts.Store(h.table, plain)
	return plain
}

// insertDirect inserts a row, whose primary key the database makes.
func (h *history) insertDirect(s *config.Shard, row Row) error {
	id := h.table.Schema.PrioritizedPrimaryField
	text := h.text(s, "insert", func(stmt *gorm.Statement) {
		_, _ = stmt.WriteString("INSERT INTO ")
		stmt.WriteQuoted(s.Table)
		_, _ = stmt.WriteString(" (")
		h.inserted(func(i int, f *schema.Field) {
			if i > 0 {
				_ = stmt.WriteByte(',')
			}
			stmt.WriteQuoted(f.DBName)
		})
		_, _ = stmt.WriteString(") VALUES (")
		h.inserted(func(i int, _ *schema.Field) {
			if i > 0 {
				_ = stmt.WriteByte(',')
			}
			stmt.AddVar(stmt, 0)
		})
		_, _ = stmt.WriteString(") RETURNING ")
		stmt.WriteQuoted(id.DBName)
	})
	values := make([]any, 0, len(h.table.Schema.DBNames))
	h.inserted(func(_ int, f *schema.Field) {
		value, _ := f.ValueOf(h.ctx(), row)
		values = append(values, value)
	})
	values = h.bound(values...)
	pool, err := h.pool(s.Database)
	if err != nil {
		return err
	}
	began := time.Now()
	made, err := insertReturning(pool.QueryContext(h.ctx(), text, values...))
	h.log(began, text, values, 1, err)
	if err != nil {
		return h.failed(err)
	}
	if err := id.Set(h.ctx(), row, made); err != nil {
		return err
	}
	h.own()[h.id(row)] = true
	return nil
}

// inserted calls f for each field whose value is inserted.
func (h *history) inserted(f func(i int, field *schema.Field)) {
	i := 0
	for _, name := range h.table.Schema.DBNames {
		if field := h.table.Schema.FieldsByDBName[name]; field != h.table.Schema.PrioritizedPrimaryField {
			f(i, field)
			i++
		}
	}
}

// insertReturning reads the one key that an insert returns, and what the engine says after.
func insertReturning(rows *sql.Rows, err error) (id int64, _ error) {
	if err != nil {
		return 0, err
	}
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		if err := rows.Scan(&id); err != nil {
			return 0, err
		}
	}
	return id, rows.Err()
}
