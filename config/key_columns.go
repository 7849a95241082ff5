package config

import (
	"reflect"
	"slices"
	"strings"
	"sync"

	"gorm.io/gorm/schema"
)

// field finds a field by its Go name or its column; nil if there is none with a column.
func (k *compiler) field(name string) *schema.Field {
	if f := k.schema.FieldsByName[name]; f != nil && f.DBName != "" {
		return f
	}
	if f := k.schema.FieldsByDBName[name]; f != nil {
		return f
	}
	return nil
}

// columns describes the shard key's columns; complete tells that all were found and
// are of a kind that a strategy can take.
func (k *compiler) columns(names []string) (keys []KeyColumn, complete bool) {
	complete = true
	for _, name := range names {
		f := k.field(name)
		if f == nil {
			k.fault(name, "the model has no such field or column")
			complete = false
			continue
		}
		for i := range keys {
			if keys[i].Column == f.DBName {
				k.fault(f.Name, "the field is in the shard key twice")
				complete = false
			}
		}
		column := KeyColumnOf(f, k.env.Dialect)
		k.keyField(f, &column)
		k.compareAs(&column)
		complete = complete && column.Kind != KindInvalid
		keys = append(keys, column)
	}
	return keys, complete
}

// keyField refuses fields that cannot be a shard key.
func (k *compiler) keyField(f *schema.Field, column *KeyColumn) {
	if column.Kind == KindInvalid {
		k.fault(f.Name, "a field of type %s cannot be a shard key: its values do not compare exactly; "+
			"use an integer, text, bool, time or byte string", typeName(f))
	}
	if !f.Creatable {
		k.fault(f.Name, "the field is never written by gorm, so rows would have no shard key")
	}
	declared := strings.ToLower(f.TagSettings["TYPE"])
	switch {
	case f.DefaultValue != "" && f.DefaultValueInterface == nil,
		strings.Contains(declared, "generated "), strings.Contains(declared, " as ("), strings.Contains(declared, " default "):
		k.fault(f.Name, "the database fills this column after the row's shard is chosen; set it in Go (BeforeCreate) instead of by a default")
	case f.AutoIncrement && !f.PrimaryKey:
		k.fault(f.Name, "an autoIncrement column cannot be a shard key: the database fills it after the row's shard is chosen")
	}
}

// ownTypes refuses a key column that another model's relation gives another type than the
// model itself does: a polymorphic owner's id in a text field, which takes the integer type
// of the owner's key. Which of the two gorm knows depends on what it has parsed before, and
// so would the shard of a row.
func (k *compiler) ownTypes() {
	alone, err := schema.Parse(reflect.New(k.schema.ModelType).Interface(), &sync.Map{}, schema.NamingStrategy{})
	if err != nil || len(alone.Fields) != len(k.schema.Fields) {
		return // the names of columns, which are others here, decide some relations
	}
	for i := range k.table.Keys {
		at := slices.Index(k.schema.Fields, k.table.Keys[i].Field)
		if at < 0 || KindOf(alone.Fields[at]) == KindOf(k.schema.Fields[at]) {
			continue
		}
		f := k.schema.Fields[at]
		k.fault(f.Name, "the field is %s, but a relation of another model makes its column a copy of a key of type %s: "+
			"declare the field with that type to shard by it", f.FieldType, f.GORMDataType)
	}
}

func typeName(f *schema.Field) string {
	if declared := f.TagSettings["TYPE"]; declared != "" {
		return declared
	}
	return f.FieldType.String()
}

// compareAs asks how a text column compares.
func (k *compiler) compareAs(c *KeyColumn) {
	if c.Kind != KindString {
		c.BytesEqual, c.BytesOrder = true, true
		return
	}
	if k.env.TextEqual != nil {
		c.BytesEqual = c.BytesEqual && k.env.TextEqual(k.entity, c.Field)
	} else {
		c.BytesEqual = c.BytesEqual && k.table.Migrations
	}
	if k.env.TextOrder != nil {
		c.BytesOrder = c.BytesOrder && k.env.TextOrder(k.entity, c.Field)
	} else {
		c.BytesOrder = c.BytesOrder && k.table.Migrations
	}
}
