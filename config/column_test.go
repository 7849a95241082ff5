package config

import (
	"database/sql"
	"encoding/json"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/assert"
)

type columns struct {
	ID        int64
	Bool      bool
	Small     int8
	Unsigned  uint64
	Text      string
	Bytes     []byte
	Array     [16]byte
	Named     namedString
	NullText  sql.NullString
	NullTime  sql.NullTime
	NullInt   *sql.NullInt64
	GUID      uuid.UUID
	Float     float64
	Raw       json.RawMessage `gorm:"type:json"`
	Amount    int64           `gorm:"type:numeric(10)"`
	Char      string          `gorm:"type:char(3)"`
	Character string          `gorm:"type:character varying(3)"`
	Varchar   string          `gorm:"type:varchar(30)"`
	UUID      string          `gorm:"type:uuid"`
	Enum      string          `gorm:"type:order_state"`
	Folded    string          `gorm:"type:text COLLATE NOCASE"`
	Digits    string          `gorm:"type:bigint"`
	Binary    []byte          `gorm:"type:binary(16)"`
	TextBytes []byte          `gorm:"type:text"`
	IntText   int64           `gorm:"type:varchar(20)"`
	Tiny      bool            `gorm:"type:tinyint(1)"`

	Time     time.Time
	Time3    time.Time `gorm:"precision:3"`
	Time6    time.Time `gorm:"type:datetime(6)"`
	Datetime time.Time `gorm:"type:datetime"`
	Stamp    time.Time `gorm:"type:timestamp"`
	StampTZ  time.Time `gorm:"type:timestamptz(2)"`
	StampTZ2 time.Time `gorm:"type:timestamp with time zone"`
	Date     time.Time `gorm:"type:date"`
	Clock    time.Time `gorm:"type:time(3)"`
	TimeText time.Time `gorm:"type:varchar(40)"`
	Offset   time.Time `gorm:"type:datetimeoffset(4)"`
}

func TestKindOf(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]Kind{
		"ID": KindInt, "Bool": KindBool, "Small": KindInt, "Unsigned": KindInt, "Text": KindString, "Bytes": KindBytes,
		"Array": KindBytes, "Named": KindString, "NullText": KindString, "NullTime": KindTime, "NullInt": KindInt,
		"GUID": KindString, "Float": KindInvalid, "Raw": KindInvalid, "Amount": KindInvalid, "Char": KindString,
		"Character": KindString, "UUID": KindString, "Enum": KindString, "Digits": KindInvalid, "Binary": KindBytes,
		"TextBytes": KindInvalid, "IntText": KindInvalid, "Tiny": KindBool, "Time": KindTime, "Date": KindTime,
		"Clock": KindInvalid, "TimeText": KindInvalid, "Time3": KindTime, "Stamp": KindTime,
	} {
		assert.Equal(t, want, KindOf(fieldOf(t, &columns{}, name)), name)
	}
}

func TestTimeColumns(t *testing.T) {
	t.Parallel()
	cases := []struct {
		field, dialect string
		precision      time.Duration
		date, zoneless bool
	}{
		{"Time", "sqlite", 0, false, false},
		{"Time3", "sqlite", 0, false, false},
		{"Date", "sqlite", 0, true, false},
		{"Time", "mysql", time.Millisecond, false, false},
		{"Time6", "mysql", time.Microsecond, false, false},
		{"Datetime", "mysql", time.Second, false, false},
		{"Stamp", "mysql", time.Second, false, false},
		{"Date", "mysql", 0, true, false},
		{"Time", "postgres", time.Microsecond, false, false},
		{"Time3", "postgres", time.Millisecond, false, false},
		{"Stamp", "postgres", time.Microsecond, false, true},
		{"StampTZ", "postgres", 10 * time.Millisecond, false, false},
		{"StampTZ2", "postgres", time.Microsecond, false, false},
		{"Date", "postgres", 0, true, false},
		{"Time", "sqlserver", 100 * time.Nanosecond, false, false},
		{"Offset", "sqlserver", 100 * time.Microsecond, false, false},
		{"Time", "unknown", 0, false, false},
	}
	for _, c := range cases {
		k := KeyColumnOf(fieldOf(t, &columns{}, c.field), c.dialect)
		assert.Equal(t, KindTime, k.Kind)
		assert.Equal(t, c.precision, k.Precision, "%s on %s", c.field, c.dialect)
		assert.Equal(t, c.date, k.DateOnly, "%s on %s", c.field, c.dialect)
		assert.Equal(t, c.zoneless, k.Zoneless, "%s on %s", c.field, c.dialect)
	}
	assert.Equal(t, KindInvalid, KeyColumnOf(fieldOf(t, &columns{}, "Datetime"), "sqlserver").Kind, "it stores thirds of ten milliseconds")
}

func TestTextColumns(t *testing.T) {
	t.Parallel()
	cases := []struct {
		field, dialect             string
		equal, order, uuid, padded bool
	}{
		{"Text", "postgres", true, true, false, false},
		{"Varchar", "mysql", true, true, false, false},
		{"Character", "postgres", true, true, false, false},
		{"Char", "postgres", true, false, false, true},
		{"Char", "mysql", true, false, false, true},
		{"Char", "sqlite", true, true, false, false},
		{"Text", "sqlserver", true, false, false, true},
		{"UUID", "postgres", true, true, true, false},
		{"UUID", "sqlite", true, true, false, false},
		{"Enum", "postgres", true, false, false, false},
		{"Folded", "sqlite", false, false, false, false},
		{"Folded", "postgres", false, false, false, false},
	}
	for _, c := range cases {
		k := KeyColumnOf(fieldOf(t, &columns{}, c.field), c.dialect)
		got := []bool{k.BytesEqual, k.BytesOrder, k.UUID, k.Padded}
		assert.Equal(t, []bool{c.equal, c.order, c.uuid, c.padded}, got, "%s on %s", c.field, c.dialect)
	}
	assert.Equal(t, 16, KeyColumnOf(fieldOf(t, &columns{}, "Binary"), "mysql").Length)
}
