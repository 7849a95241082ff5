package oracle

import (
	"context"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"sync"
	"time"

	"gorm.io/gorm"
	"gorm.io/gorm/schema"
)

// Text is a text column that compares and sorts by bytes on every engine. Shard
// keys must do so, and both sides declare them alike.
type Text string

// GormDBDataType is the column's type.
func (Text) GormDBDataType(db *gorm.DB, _ *schema.Field) string {
	switch db.Name() {
	case "mysql":
		return "varchar(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_nopad_bin"
	case "postgres":
		return `varchar(64) COLLATE "C"`
	}
	return "text"
}

// Columns are what all models of the suite have beside their primary key.
type Columns struct {
	Region    Text    `gorm:"not null"`
	Name      *string `gorm:"size:64"`
	Level     int
	Amount    int64
	Cents     int64
	Price     float64 // multiples of 1/4, so that sums are exact in any order
	Active    bool
	Tags      []string `gorm:"serializer:json;type:text"`
	Code      Text
	Parent    *int
	OrderedAt time.Time
	CreatedAt time.Time
	UpdatedAt time.Time
	DeletedAt gorm.DeletedAt `gorm:"index"`
}

// Item has an integer key, Document a text one, Record a UUID.
type (
	Item struct {
		ID int64 `gorm:"primaryKey"`
		Columns
	}
	Document struct {
		ID Text `gorm:"primaryKey"`
		Columns
	}
	Record struct {
		ID string `gorm:"primaryKey;type:uuid"`
		Columns
	}
)

// model is one of the three, as the operations see it.
type model struct {
	table string
	typ   reflect.Type
	// id is the primary key of the row with that number.
	id func(n int) any
}

var (
	items = &model{table: "items", typ: reflect.TypeFor[Item](), id: func(n int) any { return int64(n) }}
	// The text sorts otherwise than the numbers do.
	documents = &model{table: "documents", typ: reflect.TypeFor[Document](), id: func(n int) any {
		return fmt.Sprintf("%s-%d", []string{"k", "K", "ä", "0"}[n%4], n)
	}}
	records = &model{table: "records", typ: reflect.TypeFor[Record](), id: func(n int) any {
		return fmt.Sprintf("%08x-0000-4000-8000-%012x", uint32(n)*2654435761, n)
	}}
)

// row is one row as the generator knows it. Its id is the model's for the number n,
// unless the sharded side generated one.
type row struct {
	n         int
	generated bool
	Columns
}

// fill makes a model's value of a row.
func (m *model) fill(r row, id any) reflect.Value {
	v := reflect.New(m.typ).Elem()
	if id != nil {
		f := v.FieldByName("ID")
		f.Set(reflect.ValueOf(id).Convert(f.Type()))
	}
	c := r.Columns
	c.Tags = slices.Clone(c.Tags)
	if c.Name != nil {
		name := *c.Name
		c.Name = &name
	}
	if c.Parent != nil {
		parent := *c.Parent
		c.Parent = &parent
	}
	v.FieldByName("Columns").Set(reflect.ValueOf(c))
	return v
}

// one is a new zero value, many an empty slice: both as pointers.
func (m *model) one() any  { return reflect.New(m.typ).Interface() }
func (m *model) many() any { return reflect.New(reflect.SliceOf(m.typ)).Interface() }

func (m *model) isZeroID(v reflect.Value) bool { return v.FieldByName("ID").IsZero() }

// idOf gives the primary key of a value as [model.id] does.
func (m *model) idOf(v reflect.Value) any {
	f := v.FieldByName("ID")
	if f.Kind() == reflect.String {
		return f.String()
	}
	return f.Int()
}

// hookCounts counts how often each hook ran; it travels in the statement's context.
type hookCounts struct {
	mu     sync.Mutex
	counts map[string]int
}

type hookKey struct{}

func withHooks(ctx context.Context) (context.Context, *hookCounts) {
	h := &hookCounts{counts: map[string]int{}}
	return context.WithValue(ctx, hookKey{}, h), h
}

func (h *hookCounts) String() string {
	h.mu.Lock()
	defer h.mu.Unlock()
	var parts []string
	for name, n := range h.counts {
		parts = append(parts, fmt.Sprintf("%s:%d", name, n))
	}
	slices.Sort(parts)
	return strings.Join(parts, " ")
}

func count(tx *gorm.DB, hook string) error {
	if h, ok := tx.Statement.Context.Value(hookKey{}).(*hookCounts); ok {
		h.mu.Lock()
		h.counts[hook]++
		h.mu.Unlock()
	}
	return nil
}

// BeforeSave counts.
func (*Columns) BeforeSave(tx *gorm.DB) error { return count(tx, "BeforeSave") }

// AfterSave counts.
func (*Columns) AfterSave(tx *gorm.DB) error { return count(tx, "AfterSave") }

// BeforeCreate counts.
func (*Columns) BeforeCreate(tx *gorm.DB) error { return count(tx, "BeforeCreate") }

// AfterCreate counts.
func (*Columns) AfterCreate(tx *gorm.DB) error { return count(tx, "AfterCreate") }

// BeforeUpdate counts.
func (*Columns) BeforeUpdate(tx *gorm.DB) error { return count(tx, "BeforeUpdate") }

// AfterUpdate counts.
func (*Columns) AfterUpdate(tx *gorm.DB) error { return count(tx, "AfterUpdate") }

// BeforeDelete counts.
func (*Columns) BeforeDelete(tx *gorm.DB) error { return count(tx, "BeforeDelete") }

// AfterDelete counts.
func (*Columns) AfterDelete(tx *gorm.DB) error { return count(tx, "AfterDelete") }

// AfterFind counts.
func (*Columns) AfterFind(tx *gorm.DB) error { return count(tx, "AfterFind") }
