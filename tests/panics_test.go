package tests

import (
	"context"
	"errors"
	"reflect"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"gorm.io/gorm"
	"gorm.io/gorm/schema"

	"github.com/go-dtde/dtde"
	"github.com/go-dtde/dtde/internal/testenv"
)

var errExplosive = errors.New("scanned")

// explosive is a sql.Scanner that panics, explosiveSerializer a serializer that does.
type (
	explosive           string
	explosiveSerializer struct{}
)

func (*explosive) Scan(any) error { panic(errExplosive) }

func (explosiveSerializer) Scan(context.Context, *schema.Field, reflect.Value, any) error {
	panic(errExplosive)
}

func (explosiveSerializer) Value(context.Context, *schema.Field, reflect.Value, any) (any, error) {
	return "", nil
}

func init() { schema.RegisterSerializer("explosive", explosiveSerializer{}) }

type serializedName struct {
	Name string `gorm:"serializer:explosive"`
}

// A program that recovers from a panic while rows are scanned, as net/http does, gets its
// connections back.
func TestPanicWhileScanningLeaksNothing(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, db *gorm.DB) {
		testenv.LeakCheck(t, db)
		nine(t, db)
		for form, scope := range map[string]func(*gorm.DB) *gorm.DB{"union": dtde.Reads(dtde.ReadUnion), "sessions": dtde.Reads(dtde.ReadSessions)} {
			assert.PanicsWithValue(t, errExplosive, func() { db.Model(&Customer{}).Scopes(scope).Find(&[]serializedName{}) }, form)
		}
		assert.PanicsWithValue(t, errExplosive, func() { db.Raw("SELECT name FROM customers").Scan(&[]serializedName{}) })
		pool, err := db.DB()
		require.NoError(t, err)
		assert.Zero(t, pool.Stats().InUse)
	})
}

// Rows.Scan keeps its lock when a Scanner panics. Closing the rows would wait for it.
func TestPanicOfAScannerIsThePrograms(t *testing.T) {
	t.Parallel()
	db := testenv.SQLite().Open(t)
	nine(t, db)
	assert.PanicsWithValue(t, errExplosive, func() { db.Model(&Customer{}).Find(&[]struct{ Name explosive }{}) })
}
