package config

import (
	"reflect"
	"strings"

	"gorm.io/gorm/schema"
)

// primary describes the primary key.
func (k *compiler) primary() {
	switch len(k.schema.PrimaryFields) {
	case 0:
		k.fault("", "the model has no primary key")
	case 1:
		column := KeyColumnOf(k.schema.PrimaryFields[0], k.env.Dialect)
		if column.Kind != KindInvalid {
			k.compareAs(&column)
			k.table.Primary = &column
		}
	}
}

// keys decides where primary keys come from.
func (k *compiler) keys() {
	spec := k.entity.Keys
	if len(k.schema.PrimaryFields) == 0 {
		return
	}
	if spec.Func != nil && spec.Source != KeyCustom {
		k.fault("", "a key function needs KeyCustom as its source")
	}
	if spec.Sequence != "" && spec.Source != KeySequence {
		k.fault("", "a sequence's name needs KeySequence as its source")
	}
	var single *schema.Field
	if len(k.schema.PrimaryFields) == 1 {
		single = k.schema.PrimaryFields[0]
	}
	if spec.Source == KeyAuto {
		spec.Source = k.automatic(single)
		if spec.CarrySlot && single != nil && integer(single) {
			spec.Source = KeyTimeOrdered
		}
	}
	switch spec.Source {
	case KeyTimeOrdered:
		switch {
		case single == nil || !integer(single):
			k.fault("", "time-ordered ids need a single integer primary key")
		case narrow(single, k.env.Dialect):
			k.fault(single.Name, "time-ordered ids have 64 bits and the column has fewer; use int64, or choose other keys")
		}
	case KeyUUIDv7:
		if single == nil || !holdsUUID(single) {
			k.fault("", "UUIDv7 needs a single primary key of text with room for 36 characters, or of 16 bytes")
		}
	case KeySequence:
		switch {
		case single == nil || !integer(single):
			k.fault("", "a sequence needs a single integer primary key")
		case k.env.Dialect == "sqlite":
			k.fault(single.Name, "SQLite has no sequences")
		}
		if spec.Sequence != "" {
			if problem := identifierFault(spec.Sequence, k.env.Dialect); problem != "" {
				k.fault("", "the sequence's name %s", problem)
			}
		}
	case KeyCustom:
		if spec.Func == nil {
			k.fault("", "KeyCustom needs its function")
		}
		if single == nil {
			k.fault("", "KeyCustom needs a single primary key")
		}
	case KeyNone:
		k.ungenerated()
	default:
		k.fault("", "unknown key source %d", spec.Source)
	}
	if spec.CarrySlot {
		k.carrySlot(spec, single)
	}
	k.table.KeySpec = spec
}

// automatic picks a source by the primary key's type; see KeySource.
func (k *compiler) automatic(f *schema.Field) KeySource {
	if k.table.Unsharded && f != nil && integer(f) {
		return KeyNone // the one table counts by itself
	}
	if f == nil || f.DefaultValue != "" || f.Serializer != nil {
		return KeyNone // composite, or filled by a default that all shards share
	}
	switch {
	case integer(f):
		if _, said := f.TagSettings["AUTOINCREMENT"]; said && !f.AutoIncrement {
			return KeyNone // autoIncrement:false: the program sets it
		}
		return KeyTimeOrdered
	case holdsUUID(f):
		if i := k.table.KeyIndex(f.DBName); i >= 0 && !spreads(k.entity.Strategy.Kind) {
			return KeyNone // a UUID would be no value of this shard key
		}
		return KeyUUIDv7
	}
	return KeyNone
}

// spreads tells whether a strategy of this kind has a shard for every key.
func spreads(kind string) bool { return kind == "hash" || kind == "ring" }

// ungenerated refuses primary keys that each shard would count by itself.
func (k *compiler) ungenerated() {
	for _, f := range k.schema.PrimaryFields {
		if !f.AutoIncrement || f.DefaultValue != "" || k.table.Unsharded {
			continue
		}
		if k.table.KeyIndex(f.DBName) >= 0 {
			k.fault(f.Name, "the shard key would be filled by the database after the row's shard is chosen; "+
				"keep a generator, or set autoIncrement:false and the key in Go")
			continue
		}
		if k.table.Strategy == nil || len(k.table.Keys) > 0 && k.covers(k.schema.PrimaryFieldDBNames) {
			continue
		}
		k.fault(f.Name, "without a generator every shard counts its ids from 1 and they collide; "+
			"keep the generator, or set autoIncrement:false and the key in Go")
	}
}

// covers tells whether columns hold every shard key column.
func (k *compiler) covers(columns []string) bool {
	for i := range k.table.Keys {
		found := false
		for _, c := range columns {
			found = found || c == k.table.Keys[i].Column
		}
		if !found {
			return false
		}
	}
	return true
}

// carrySlot checks ids that carry their row's slot.
func (k *compiler) carrySlot(spec KeySpec, single *schema.Field) {
	switch {
	case spec.Source != KeyTimeOrdered:
		k.fault("", "only time-ordered ids can carry the slot")
	case k.entity.Strategy.Kind != "hash":
		k.fault("", "only ids of a hash strategy can carry the slot")
	case single != nil && k.table.KeyIndex(single.DBName) >= 0:
		k.fault(single.Name, "the primary key is the shard key, so a query by it goes to one shard already; drop carrySlot")
	case k.env.IDShard == nil:
		k.fault("", "ids that carry the slot are not available here")
	default:
		k.table.IDShard = k.env.IDShard(k.entity.Strategy.Slots)
		if k.table.IDShard == nil {
			k.fault("", "an id has no room for %d slots", k.entity.Strategy.Slots)
		}
	}
}

func integer(f *schema.Field) bool {
	return f.GORMDataType == schema.Int || f.GORMDataType == schema.Uint
}

// narrow tells whether an integer column or its field has less than 64 bits.
func narrow(f *schema.Field, dialect string) bool {
	if f.Size > 0 && f.Size < 64 {
		return true
	}
	declared, _ := declaredType(f)
	if declared == "" || dialect == "sqlite" || declared == string(schema.Int) && f.DataType == schema.Int ||
		declared == string(schema.Uint) && f.DataType == schema.Uint {
		return false // GORM's own words int and uint take the field's size
	}
	return declared != "bigint" && declared != "int8" && declared != "bigserial"
}

// holdsUUID tells whether a field takes a UUID: text with room for it or 16 bytes.
func holdsUUID(f *schema.Field) bool {
	declared, digits := declaredType(f)
	switch f.GORMDataType {
	case schema.String:
		return declared == "uuid" || declared == "uniqueidentifier" ||
			(f.Size == 0 || f.Size >= 36) && (digits < 0 || digits >= 36) && !strings.HasPrefix(declared, "binary")
	case schema.Bytes:
		t := f.IndirectFieldType
		return f.Size == 16 || digits == 16 || declared == "uuid" || t.Kind() == reflect.Array && t.Len() == 16
	}
	return false
}
