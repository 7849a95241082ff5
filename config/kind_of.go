package config

import (
	"reflect"
	"strings"

	"gorm.io/gorm/schema"
)

// KindOf gives the kind of a field's values, or KindInvalid if it cannot be a key
// column: floating point and decimal numbers, JSON, serialized fields, and everything
// else that does not compare exactly as its Go value does.
func KindOf(f *schema.Field) Kind {
	if f.Serializer != nil {
		return KindInvalid
	}
	kind := goKind(f)
	if declared := f.TagSettings["TYPE"]; declared != "" && !holds(strings.ToLower(strings.TrimSpace(declared)), kind) {
		return KindInvalid
	}
	return kind
}

func goKind(f *schema.Field) Kind {
	switch f.GORMDataType {
	case schema.Bool:
		return KindBool
	case schema.Int, schema.Uint:
		return KindInt
	case schema.String:
		return KindString
	case schema.Time:
		return KindTime
	case schema.Bytes:
		return KindBytes
	case schema.Float:
		return KindInvalid
	}
	switch t := f.IndirectFieldType; t.Kind() {
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64,
		reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		return KindInt
	case reflect.String:
		return KindString
	case reflect.Bool:
		return KindBool
	}
	return KindInvalid
}

var (
	textTypes  = []string{"varchar", "nvarchar", "char", "nchar", "character", "bpchar", "text", "tinytext", "mediumtext", "longtext", "ntext", "string", "clob", "citext"}
	byteTypes  = []string{"blob", "tinyblob", "mediumblob", "longblob", "bytea", "binary", "varbinary", "bytes"}
	timeTypes  = []string{"time", "date", "datetime", "datetime2", "datetimeoffset", "timestamp", "timestamptz"}
	intTypes   = []string{"int", "uint", "integer", "bigint", "smallint", "tinyint", "mediumint", "int2", "int4", "int8", "serial", "bigserial", "smallserial"}
	otherTypes = []string{"float", "float4", "float8", "double", "real", "decimal", "numeric", "number", "money", "smallmoney", "json", "jsonb", "xml", "interval", "timetz", "year", "point", "geometry", "set", "smalldatetime", "rowversion", "sql_variant", "hstore", "vector", "inet", "cidr", "macaddr"}
)

// holds tells whether a column declared so keeps and compares the kind's values as
// they are. A word that is not known (an enumeration, a domain) may hold text only.
func holds(declared string, kind Kind) bool {
	word := declared
	if m := typeForm.FindStringSubmatch(declared); m != nil {
		word = m[1]
	}
	in := func(list []string) bool {
		for _, w := range list {
			if w == word {
				return true
			}
		}
		return false
	}
	switch kind {
	case KindBool:
		return word == "bool" || word == "boolean" || word == "bit" || in(intTypes)
	case KindInt:
		return in(intTypes)
	case KindTime:
		// GORM reads the bare word as its own time type; time(3) is a time of day.
		return in(timeTypes) && (word != "time" || declared == "time")
	case KindBytes:
		return in(byteTypes) || word == "uuid"
	case KindString:
		return !in(intTypes) && !in(timeTypes) && !in(otherTypes) && word != "bool" && word != "boolean" && word != "bit" && word != "binary"
	}
	return false
}
