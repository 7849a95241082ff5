package config

import (
	"database/sql"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"gorm.io/gorm"
)

type contract struct {
	ID        int64
	Number    string
	ValidFrom time.Time
	ValidTo   *time.Time
	Lines     []contractLine `gorm:"foreignKey:ContractNumber;references:Number"`
}

type contractLine struct {
	ID             int64
	ContractNumber string
	Contract       *contract `gorm:"foreignKey:ContractNumber;references:Number"`
}

type taggedContract struct {
	ID           int64
	Number       string    `dtde:"entityKey;shardKey;strategy:hash;shards:4"`
	Tenant       int64     `dtde:"entityKey"`
	ValidFrom    time.Time `dtde:"validFrom;versionedOnly;versionOnSave;currentByDefault;clockTolerance:5s"`
	ValidTo      time.Time `dtde:"validTo;openAs:sentinel"`
	RecordedFrom time.Time `dtde:"systemFrom"`
	RecordedTo   time.Time `dtde:"systemTo"`
}

type oddTimes struct {
	ID        int64
	Number    string
	Ratio     float64
	Text      string
	ValidFrom time.Time
	ValidTo   time.Time
	NoNull    *time.Time     `gorm:"not null"`
	Day       time.Time      `gorm:"type:date"`
	Stamp     time.Time      `gorm:"type:timestamp"`
	Deleted   gorm.DeletedAt `gorm:"index"`
	Touched   time.Time      `gorm:"autoUpdateTime"`
	Maybe     sql.NullTime
	ReadOnly  time.Time `gorm:"->"`
}

type uniqueContract struct {
	ID        int64
	Number    string `gorm:"uniqueIndex"`
	Code      string `gorm:"unique;uniqueIndex:number_start"`
	ValidFrom time.Time
	ValidTo   *time.Time
	Known     time.Time
	Forgotten *time.Time
	Start     time.Time `gorm:"uniqueIndex:number_start"`
}

type keyIsID struct {
	Number    string `gorm:"primaryKey"`
	ValidFrom time.Time
	ValidTo   *time.Time
}

type boss struct {
	ID        int64
	Number    string
	ValidFrom time.Time
	ValidTo   *time.Time
	Staff     []clerk `gorm:"foreignKey:BossID"`
	Rooms     []room  `gorm:"many2many:boss_rooms"`
}

type clerk struct {
	ID     int64
	BossID int64
	Boss   *boss
	Chief  int64
}

type room struct{ ID int64 }

func compileOne(t *testing.T, dialect string, entities ...Entity) *Table {
	t.Helper()
	env := fakeEnvironment()
	env.Dialect = dialect
	c, err := Compile(Config{Entities: entities}, env)
	require.NoError(t, err)
	return c.Tables()[0]
}

func TestValidity(t *testing.T) {
	t.Parallel()
	e := Model(&contract{}).HasTemporalValidity("valid_from", "ValidTo").EntityKey("Number")
	for _, c := range []struct {
		dialect   string
		precision time.Duration
	}{{"sqlite", time.Nanosecond}, {"postgres", time.Microsecond}, {"mysql", time.Millisecond}, {"sqlserver", 100 * time.Nanosecond}} {
		table := compileOne(t, c.dialect, e)
		v := table.Validity
		require.NotNil(t, v, c.dialect)
		assert.Equal(t, "valid_from", v.Valid.From.DBName)
		assert.Equal(t, "valid_to", v.Valid.To.DBName)
		assert.Equal(t, c.precision, v.Valid.Precision, c.dialect)
		assert.Equal(t, OpenNull, v.Valid.Open)
		assert.True(t, v.Valid.Nullable)
		assert.Equal(t, time.Second, v.ClockTolerance)
		assert.Equal(t, "number", v.Key[0].Column)
		assert.Nil(t, v.System)
		assert.True(t, v.Together)
		assert.False(t, v.ByStart)

		assert.True(t, table.Unsharded)
		require.Len(t, table.Shards, 1)
		assert.Equal(t, "contracts", table.Shards[0].Table, "its own name")
		assert.Equal(t, KeyNone, table.KeySpec.Source, "the table counts by itself")
		r := table.Strategy.Route(RouteQuery{Known: table.IDs})
		assert.Equal(t, []string{UnshardedShard}, r.IDs)
	}
	v := compileOne(t, "postgres", e.OpenAs(OpenSentinel).WithClockTolerance(0)).Validity
	assert.Equal(t, OpenSentinel, v.Valid.Open)
	assert.Zero(t, v.ClockTolerance)
	v = compileOne(t, "postgres", Model(&contract{}).HasTemporalValidity("ValidFrom", "").EntityKey("Number")).Validity
	assert.True(t, v.StartOnly())
	v = compileOne(t, "postgres", e.ShardByDate("ValidFrom", Quarter, january, january.AddDate(1, 0, 0)).SplitAtShardBoundaries()).Validity
	assert.True(t, v.ByStart)
	assert.False(t, v.Together)
	assert.True(t, v.SplitAtShardBoundaries)
	v = compileOne(t, "mysql", Model(&oddTimes{}).HasTemporalValidity("ValidFrom", "Maybe").EntityKey("Number")).Validity
	assert.Equal(t, OpenNull, v.Valid.Open, "sql.NullTime")
	v = compileOne(t, "mysql", Model(&oddTimes{}).HasTemporalValidity("ValidFrom", "NoNull").EntityKey("Number")).Validity
	assert.Equal(t, OpenSentinel, v.Valid.Open, "not null")
	assert.False(t, v.Valid.Nullable)
	assert.Nil(t, compileOne(t, "postgres", Model(&Customer{}).ShardByHash("ID", 2)).Validity)
}

func TestValidityByTags(t *testing.T) {
	t.Parallel()
	table := compileOne(t, "postgres", Model(&taggedContract{}))
	fluent := Model(&taggedContract{}).HasTemporalValidity("ValidFrom", "ValidTo").System("RecordedFrom", "RecordedTo").
		EntityKey("Number", "Tenant").OpenAs(OpenSentinel).VersionedOnly().VersionOnSave().CurrentByDefault().WithClockTolerance(5 * time.Second)
	assert.Equal(t, fluent.Temporal, table.Spec.Temporal)
	assert.False(t, table.Unsharded)
	assert.True(t, table.Validity.Together, "the shard key is part of the entity key")
	require.NotNil(t, table.Validity.System)
	assert.Equal(t, "recorded_to", table.Validity.System.To.DBName)
	own := compileOne(t, "postgres", Model(&taggedContract{}).HasTemporalValidity("RecordedFrom", "").System("ValidFrom", "ValidTo"))
	assert.True(t, own.Validity.StartOnly(), "the program's start brings its end with it")
	assert.Equal(t, []string{"Number", "Tenant"}, own.Spec.Temporal.EntityKey)
}

func TestValidityFaults(t *testing.T) {
	t.Parallel()
	odd := func(from, to string) Entity {
		return Model(&oddTimes{}).HasTemporalValidity(from, to).EntityKey("Number")
	}
	for _, c := range []struct {
		name    string
		entity  Entity
		dialect string
		field   string
		problem string
	}{
		{"no start", Model(&contract{}).EntityKey("Number"), "", "", "no start"},
		{"no entity key", Model(&contract{}).HasTemporalValidity("ValidFrom", "ValidTo"), "", "", "the entity key is missing"},
		{"unknown start", odd("Nope", "ValidTo"), "", "Nope", "no such field"},
		{"unknown end", odd("ValidFrom", "Nope"), "", "Nope", "no such field"},
		{"unknown key", odd("ValidFrom", "ValidTo").EntityKey("Nope"), "", "Nope", "no such field"},
		{"start is text", odd("Text", "ValidTo"), "", "Text", "is no time"},
		{"end is a number", odd("ValidFrom", "Ratio"), "", "Ratio", "is no time"},
		{"key is a float", odd("ValidFrom", "ValidTo").EntityKey("Ratio"), "", "Ratio", "cannot be in an entity key"},
		{"key twice", odd("ValidFrom", "ValidTo").EntityKey("Number", "number"), "", "Number", "twice"},
		{"key is the start", odd("ValidFrom", "ValidTo").EntityKey("Number", "ValidFrom"), "", "ValidFrom", "cannot be in the entity key"},
		{"start may be NULL", odd("Maybe", "ValidTo"), "", "Maybe", "never NULL"},
		{"one field twice", odd("ValidFrom", "ValidFrom"), "", "ValidFrom", "twice"},
		{"unequal precision", odd("Day", "ValidTo"), "postgres", "ValidTo", "equally finely"},
		{"NULL in time.Time", odd("ValidFrom", "ValidTo").OpenAs(OpenNull), "", "ValidTo", "cannot be NULL"},
		{"NULL in not null", odd("ValidFrom", "NoNull").OpenAs(OpenNull), "", "NoNull", "cannot be NULL"},
		{"sentinel too late", odd("Stamp", "Stamp"), "mysql", "Stamp", "cannot hold the sentinel"},
		{"soft delete", odd("ValidFrom", "Deleted"), "", "Deleted", "gorm filters"},
		{"update time", odd("ValidFrom", "Touched"), "", "Touched", "autoUpdateTime"},
		{"never written", odd("ValidFrom", "ReadOnly"), "", "ReadOnly", "does not write"},
		{"half a system time", odd("ValidFrom", "ValidTo").System("Touched", ""), "", "", "needs both"},
		{"open without end", odd("ValidFrom", "").OpenAs(OpenSentinel), "", "", "no effect without an end"},
		{"key is the primary key", Model(&keyIsID{}).HasTemporalValidity("ValidFrom", "ValidTo").EntityKey("Number"), "", "", "no second version"},
		{"unique key", Model(&uniqueContract{}).HasTemporalValidity("ValidFrom", "ValidTo").EntityKey("Number"), "", "Number", "no second version"},
		{"unique constraint", Model(&uniqueContract{}).HasTemporalValidity("ValidFrom", "ValidTo").EntityKey("Code"), "", "Code", "no second version"},
		{
			"unique with system time", Model(&uniqueContract{}).HasTemporalValidity("Start", "ValidTo").EntityKey("Code").System("Known", "Forgotten"),
			"", "Code", `"number_start" allows no second correction`,
		},
		{"start only, scattered", odd("ValidFrom", "").ShardByHash("Text", 2), "", "", "must be in one shard"},
		{"split without boundaries", odd("ValidFrom", "ValidTo").ShardByHash("Number", 2).SplitAtShardBoundaries(), "", "", "shard by date"},
		{"split unsharded", odd("ValidFrom", "ValidTo").SplitAtShardBoundaries(), "", "", "shard by date"},
		{"shards without strategy", odd("ValidFrom", "ValidTo").WithShards(Shard{ID: "x"}), "", "", "need a strategy"},
		{"local unique unsharded", odd("ValidFrom", "ValidTo").WithLocalUnique("x"), "", "", "drop localUnique"},
		{"relation by id", Model(&boss{}).HasTemporalValidity("ValidFrom", "ValidTo").EntityKey("Number"), "", "Staff", "entity key of boss (references:Number)"},
		{"belongs to by id", Model(&boss{}).HasTemporalValidity("ValidFrom", "ValidTo").EntityKey("Number"), "", "Boss", "entity key"},
		{"many to many by id", Model(&boss{}).HasTemporalValidity("ValidFrom", "ValidTo").EntityKey("Number"), "", "Rooms", "entity key"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			env := fakeEnvironment()
			if c.dialect != "" {
				env.Dialect = c.dialect
			}
			_, err := Compile(Config{Entities: []Entity{c.entity}}, env)
			require.ErrorIs(t, err, ErrConfig)
			found := false
			for _, f := range Faults(err) {
				found = found || f.Field == c.field && strings.Contains(f.Problem, c.problem)
			}
			assert.True(t, found, "%v", err)
		})
	}
}

func TestValidityFaultsTogether(t *testing.T) {
	t.Parallel()
	_, err := Compile(Config{Entities: []Entity{Model(&oddTimes{}).HasTemporalValidity("Nope", "Ratio").System("Text", "")}}, fakeEnvironment())
	assert.Len(t, Faults(err), 4, "%v", err)
}
