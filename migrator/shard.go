package migrator

import (
	"maps"
	"reflect"

	"gorm.io/gorm/migrator"
	"gorm.io/gorm/schema"

	"github.com/go-dtde/dtde/config"
)

// tailor changes a workspace's schema, parsed under a shard's table, to what that
// table needs: names of its own, key columns that compare by bytes, and of the
// relations only the foreign keys that can hold.
func tailor(w *workspace, s *schema.Schema, t *config.Table, shard *config.Shard, links []link) {
	suffix, dialect := nameSuffix(t, shard), w.driver.Name()
	for _, f := range s.Fields {
		suffixIndexTag(f, suffix, dialect)
		suffixCheck(f, suffix, dialect)
	}
	w.versions(s, t, shard)
	for i := range t.Keys {
		if f := s.FieldsByDBName[t.Keys[i].Column]; f != nil && t.Keys[i].Kind == config.KindString {
			declareText(w, f, needsOrder(t, i))
		}
	}
	s.Relationships.Relations = map[string]*schema.Relationship{}
	for _, l := range links {
		l.attach(s, shard, suffix, w)
	}
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
