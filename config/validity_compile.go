package config

import (
	"database/sql/driver"
	"reflect"
	"slices"
	"time"

	"gorm.io/gorm/schema"
)

// validity checks how the entity keeps versions, and compiles it.
func (k *compiler) validity() {
	t := &k.entity.Temporal
	if t.IsZero() {
		return
	}
	v := &Validity{
		VersionedOnly: t.VersionedOnly, VersionOnSave: t.VersionOnSave, CurrentByDefault: t.CurrentByDefault,
		SplitAtShardBoundaries: t.SplitAtShardBoundaries, ClockTolerance: max(t.ClockTolerance, 0),
	}
	if t.ClockTolerance == 0 {
		v.ClockTolerance = DefaultClockTolerance
	}
	if t.Open > OpenSentinel {
		k.fault("", "unknown form %d of open ends", t.Open)
	}
	if t.From == "" {
		k.fault("", "the validity has no start: name its field (HasTemporalValidity, or validFrom in a tag)")
	} else {
		v.Valid = k.period(t.From, t.To)
	}
	if t.To == "" && t.Open != OpenAuto && t.SystemTo == "" {
		k.fault("", "OpenAs has no effect without an end: only starts are stored")
	}
	switch {
	case t.SystemFrom == "" && t.SystemTo == "":
	case t.SystemFrom == "" || t.SystemTo == "":
		k.fault("", "system time needs both of its fields")
	default:
		system := k.period(t.SystemFrom, t.SystemTo)
		v.System = &system
	}
	k.distinctPeriods(v)
	k.entityKey(v)
	if v.Valid.From != nil && len(v.Key) > 0 {
		k.uniqueVersions(v)
		k.versionShards(v)
	}
	k.table.Validity = v
}

// period finds the columns of a period.
func (k *compiler) period(from, to string) (p PeriodColumns) {
	var start, end KeyColumn
	if p.From, start = k.timeField(from); p.From != nil && canBeNull(p.From) {
		k.fault(p.From.Name, "a start is never NULL; use time.Time")
	}
	p.Precision = resolution(start)
	if to == "" {
		return p
	}
	p.To, end = k.timeField(to)
	if p.To == nil {
		return p
	}
	if p.From != nil && resolution(start) != resolution(end) {
		k.fault(p.To.Name, "%s and %s do not keep instants equally finely; an end could not equal the next start", from, to)
	}
	p.Nullable = !p.To.NotNull && !p.To.PrimaryKey
	writable := p.Nullable && canBeNull(p.To)
	p.Open = k.entity.Temporal.Open
	switch {
	case p.Open == OpenAuto && writable:
		p.Open = OpenNull
	case p.Open == OpenAuto:
		p.Open = OpenSentinel
	case p.Open == OpenNull && !writable:
		k.fault(p.To.Name, "the field cannot be NULL: use *time.Time without not null, or OpenAs(OpenSentinel)")
	}
	if declared, _ := declaredType(p.To); p.Open == OpenSentinel && k.env.Dialect == "mysql" && declared == "timestamp" {
		k.fault(p.To.Name, "a timestamp column ends in 2038 and cannot hold the sentinel; use datetime, or *time.Time and NULL")
	}
	return p
}

// timeField finds a field that can be one end of a period; nil if it cannot.
func (k *compiler) timeField(name string) (*schema.Field, KeyColumn) {
	f := k.field(name)
	if f == nil {
		k.fault(name, "the model has no such field or column")
		return nil, KeyColumn{}
	}
	column := KeyColumnOf(f, k.env.Dialect)
	if column.Kind != KindTime {
		k.fault(f.Name, "a field of type %s is no time that every engine keeps exactly", typeName(f))
		return nil, column
	}
	if _, filters := reflect.New(f.IndirectFieldType).Interface().(schema.QueryClausesInterface); filters {
		k.fault(f.Name, "gorm filters rows by a field of type %s; use *time.Time", f.FieldType)
	}
	if !f.Creatable || !f.Updatable {
		k.fault(f.Name, "gorm does not write the field, so no version could be closed")
	}
	if f.AutoUpdateTime > 0 {
		k.fault(f.Name, "gorm sets the field to now at every update; drop autoUpdateTime")
	}
	return f, column
}

func resolution(c KeyColumn) time.Duration {
	if c.DateOnly {
		return 24 * time.Hour
	}
	return max(c.Precision, time.Nanosecond)
}

// canBeNull tells whether the field's Go type has a value for NULL.
func canBeNull(f *schema.Field) bool {
	if f.FieldType.Kind() == reflect.Pointer {
		return true
	}
	if v, ok := reflect.Zero(f.FieldType).Interface().(driver.Valuer); ok {
		value, err := v.Value()
		return err == nil && value == nil
	}
	return false
}

// distinctPeriods refuses a field that stands for two things.
func (k *compiler) distinctPeriods(v *Validity) {
	fields := []*schema.Field{v.Valid.From, v.Valid.To}
	if v.System != nil {
		fields = append(fields, v.System.From, v.System.To)
	}
	for i, f := range fields {
		if f != nil && slices.Contains(fields[:i], f) {
			k.fault(f.Name, "the field is in the periods twice")
		}
	}
}

// entityKey finds the columns of the entity key.
func (k *compiler) entityKey(v *Validity) {
	if len(k.entity.Temporal.EntityKey) == 0 {
		k.fault("", "the entity key is missing: name what stays the same over all versions (EntityKey, or entityKey in a tag)")
	}
	for _, name := range k.entity.Temporal.EntityKey {
		f := k.field(name)
		if f == nil {
			k.fault(name, "the model has no such field or column")
			continue
		}
		column := KeyColumnOf(f, k.env.Dialect)
		switch {
		case column.Kind == KindInvalid:
			k.fault(f.Name, "a field of type %s cannot be in an entity key: its values do not compare exactly", typeName(f))
			continue
		case slices.ContainsFunc(v.Key, func(c KeyColumn) bool { return c.Column == f.DBName }):
			k.fault(f.Name, "the field is in the entity key twice")
			continue
		case slices.Contains(v.columns(), f.DBName):
			k.fault(f.Name, "an end of a period changes from version to version; it cannot be in the entity key")
		}
		k.compareAs(&column)
		v.Key = append(v.Key, column)
	}
}

// columns lists the periods' columns, as far as they were found.
func (v *Validity) columns() (names []string) {
	for _, f := range v.Fields() {
		if f != nil {
			names = append(names, f.DBName)
		}
	}
	return names
}

// uniqueVersions refuses keys and unique indexes that two versions would break.
func (k *compiler) uniqueVersions(v *Validity) {
	var same []string // columns that two rows of one key can share
	for i := range v.Key {
		same = append(same, v.Key[i].Column)
	}
	what := "version"
	if v.System != nil {
		what = "correction"
		same = append(same, v.Valid.From.DBName)
		if v.Valid.To != nil {
			same = append(same, v.Valid.To.DBName)
		}
	}
	breaks := func(columns []string) bool {
		return len(columns) > 0 && !slices.ContainsFunc(columns, func(c string) bool { return !slices.Contains(same, c) })
	}
	if breaks(k.schema.PrimaryFieldDBNames) {
		k.fault("", "the primary key allows no second %s of a key; give every row an id of its own", what)
	}
	for _, index := range k.schema.ParseIndexes() {
		var columns []string
		for _, f := range index.Fields {
			if f.Expression != "" || f.Field == nil {
				columns = nil
				break
			}
			columns = append(columns, f.DBName)
		}
		if index.Class == "UNIQUE" && index.Where == "" && breaks(columns) {
			k.fault(index.Fields[0].Name, "the unique index %q allows no second %s of a key; drop it", index.Name, what)
		}
	}
	for column, name := range k.constraints() {
		if breaks([]string{column}) {
			k.fault(k.schema.FieldsByDBName[column].Name, "the unique constraint %q allows no second %s of a key; drop it", name, what)
		}
	}
}

// versionShards says where a key's versions are.
func (k *compiler) versionShards(v *Validity) {
	if k.table.Strategy == nil {
		return // the fault is told already
	}
	var key []string
	for i := range v.Key {
		key = append(key, v.Key[i].Column)
	}
	v.Together = k.table.Unsharded || len(k.table.Keys) > 0 &&
		!slices.ContainsFunc(k.table.Keys, func(c KeyColumn) bool { return !slices.Contains(key, c.Column) })
	v.ByStart = k.table.KeyIndex(v.Valid.From.DBName) >= 0
	if v.StartOnly() && !v.Together {
		k.fault("", "a version without a stored end ends where the next one starts, so all versions of a key must be in one shard: "+
			"shard by the entity key, or store the ends")
	}
	kind := k.entity.Strategy.Kind
	if v.SplitAtShardBoundaries && (!v.ByStart || kind != "date") {
		k.fault("", "versions can be split at shard boundaries only where shards are periods of the start: shard by date of %s",
			v.Valid.From.Name)
	}
}
