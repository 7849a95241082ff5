package migrator_test

import (
	"reflect"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"gorm.io/driver/mysql"
	"gorm.io/driver/postgres"
	"gorm.io/driver/sqlite"
	"gorm.io/driver/sqlserver"
	"gorm.io/gorm"

	"github.com/go-dtde/dtde/config"
	"github.com/go-dtde/dtde/internal/testenv"
	"github.com/go-dtde/dtde/migrator"
)

// minimal has gorm.Dialector and nothing else.
type minimal struct{ gorm.Dialector }

type withSave struct {
	gorm.Dialector
	gorm.SavePointerDialectorInterface
}

type withTranslate struct {
	gorm.Dialector
	gorm.ErrorTranslator
}

type applying struct{}

func (applying) Apply(*gorm.Config) error { return nil }

type withApply struct {
	gorm.Dialector
	applying
}

type withTranslateApply struct {
	gorm.Dialector
	gorm.ErrorTranslator
	applying
}

// TestWrapForwards looks at every optional interface of each driver's dialector.
func TestWrapForwards(t *testing.T) {
	t.Parallel()
	lite := sqlite.Open("")
	save := lite.(gorm.SavePointerDialectorInterface)
	translate := lite.(gorm.ErrorTranslator)
	optional := map[string]reflect.Type{
		"SavePoint": reflect.TypeFor[gorm.SavePointerDialectorInterface](),
		"Translate": reflect.TypeFor[gorm.ErrorTranslator](),
		"Apply":     reflect.TypeFor[interface{ Apply(*gorm.Config) error }](),
	}
	for name, inner := range map[string]gorm.Dialector{
		"sqlite":          lite,
		"postgres":        postgres.Open(""),
		"mysql":           mysql.Open(""),
		"sqlserver":       sqlserver.Open(""),
		"minimal":         minimal{lite},
		"save":            withSave{lite, save},
		"translate":       withTranslate{lite, translate},
		"apply":           withApply{lite, applying{}},
		"translate apply": withTranslateApply{lite, translate, applying{}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			wrapped := migrator.Wrap(inner, func() *config.Catalog { return nil }, migrator.Hooks{})
			for what, i := range optional {
				assert.Equal(t, reflect.TypeOf(inner).Implements(i), reflect.TypeOf(wrapped).Implements(i), what)
			}
			assert.Equal(t, inner.Name(), wrapped.Name())
			assert.Equal(t, inner, migrator.Unwrap(wrapped))
			assert.Equal(t, inner, migrator.Unwrap(migrator.Wrap(wrapped, nil, migrator.Hooks{})))
		})
	}
}

// TestWrapWithoutEntities leaves the driver's migrator as it is.
func TestWrapWithoutEntities(t *testing.T) {
	t.Parallel()
	db := testenv.SQLite().Open(t)
	wrap(db, migrator.Hooks{})
	_, own := db.Migrator().(sqlite.Migrator)
	assert.True(t, own)
}

// TestUnownedUnchanged compares every statement that plain GORM sends.
func TestUnownedUnchanged(t *testing.T) {
	t.Parallel()
	type Plain struct {
		ID   int64
		Name string `gorm:"index;check:name <> ''"`
	}
	testenv.Each(t, func(t *testing.T, d testenv.DB) {
		run := func(db *gorm.DB) []string {
			sent := testenv.Record(db)
			require.NoError(t, db.AutoMigrate(&Plain{}, &Tag{}))
			require.NoError(t, db.AutoMigrate(&Plain{}))
			m := db.Migrator()
			assert.True(t, m.HasTable(&Plain{}))
			assert.True(t, m.HasTable("plains"))
			assert.True(t, m.HasColumn(&Plain{}, "Name"))
			assert.True(t, m.HasIndex(&Plain{}, "Name"))
			require.NoError(t, m.RenameTable("tags", "labels"))
			require.NoError(t, db.Table("others").AutoMigrate(&Plain{}))
			require.NoError(t, m.DropTable(&Plain{}, "labels"))
			return sent.Statements()
		}
		plain, with := d.Open(t), d.Open(t)
		wrap(with, migrator.Hooks{}, orders(t, with))
		expected, got := run(plain), run(with)
		assert.Equal(t, expected, got)
	})
}
