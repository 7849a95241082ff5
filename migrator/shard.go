package migrator

import (
	"maps"
	"reflect"
	"slices"

	"gorm.io/gorm/migrator"
	"gorm.io/gorm/schema"

	"github.com/go-dtde/dtde/config"
)

// tailor changes a workspace's schema, parsed under a shard's table, to what that
// table needs: names of its own, key columns that compare by bytes, and of the
// relations only the foreign keys that can hold.
func tailor(w *workspace, s *schema.Schema, t *config.Table, shard *config.Shard, links []link) {
	suffix, dialect := nameSuffix(t, shard), w.driver.Name()
	takeTypes(s, t)
	for _, f := range s.Fields {
		suffixIndexTag(f, suffix, dialect)
		suffixCheck(f, suffix, dialect)
	}
	w.versions(s, t, shard)
	for i := range t.Keys {
		if f := s.FieldsByDBName[t.Keys[i].Column]; f != nil && isTextKey(t, f) {
			declareText(w, f, needsOrder(t, i))
		}
	}
	s.Relationships.Relations = map[string]*schema.Relationship{}
	for _, l := range links {
		l.attach(s, shard, suffix, w)
	}
}

// takeTypes gives the columns the types that they have in the caller's schema. GORM gives
// a foreign key the type of what it refers to, whatever the model's field says, when it
// meets the relation, which may be in another model; a schema under a table of its own
// hears nothing of that. A text key stays text, as its rows were placed.
func takeTypes(s *schema.Schema, t *config.Table) {
	if s.ModelType != t.Schema.ModelType {
		return
	}
	t.Schema.Relationships.Mux.RLock()
	defer t.Schema.Relationships.Mux.RUnlock()
	for i, of := range t.Schema.Fields {
		if f := s.Fields[i]; !isTextKey(t, f) {
			f.DataType, f.GORMDataType, f.Size = of.DataType, of.GORMDataType, of.Size
		}
	}
}

func isTextKey(t *config.Table, f *schema.Field) bool {
	return slices.ContainsFunc(t.Keys, func(k config.KeyColumn) bool {
		return k.Kind == config.KindString && k.Column == f.DBName
	})
}

// declareText gives a text key column's field the type with the collation. A type
// that GORM does not know is taken by every driver as it stands, in each of the ways
// that lead from a field to its type.
func declareText(w *workspace, f *schema.Field, order bool) {
	plain := *f
	plain.TagSettings = maps.Clone(f.TagSettings)
	delete(plain.TagSettings, "GENERATED") // PostgreSQL's driver adds it behind the type
	declared := w.dataTypeOf(&plain)
	if text := textType(w.driver.Name(), w.mysqlCollation, declared, order); text != declared {
		f.DataType = schema.DataType(text)
		if _, custom := reflect.New(f.IndirectFieldType).Interface().(migrator.GormDataTypeInterface); custom {
			f.IndirectFieldType = reflect.TypeFor[string]()
		}
	}
}

// dataTypeOf is the type that the driver's migrator has for a field.
func (w *workspace) dataTypeOf(f *schema.Field) string {
	if typer, ok := w.driver.Migrator(w.db).(interface{ DataTypeOf(*schema.Field) string }); ok {
		return typer.DataTypeOf(f)
	}
	return w.driver.DataTypeOf(f)
}

// needsOrder tells whether the strategy places the text of key column i by ranges,
// so that the column should sort by bytes too.
func needsOrder(t *config.Table, i int) bool {
	k := &t.Keys[i]
	field := ""
	if k.Field != nil {
		field = k.Field.Name
	}
	return specOrders(t.Spec.Strategy, k.Column, field)
}

func specOrders(spec config.StrategySpec, column, field string) bool {
	if spec.Kind == "range" || spec.Kind == "alphabet" {
		for _, f := range spec.Fields {
			if f == column || f == field {
				return true
			}
		}
	}
	for _, part := range spec.Parts {
		if specOrders(part, column, field) {
			return true
		}
	}
	return false
}
