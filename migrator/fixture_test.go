package migrator_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"gorm.io/gorm"

	"github.com/go-dtde/dtde/config"
	"github.com/go-dtde/dtde/internal/testenv"
	"github.com/go-dtde/dtde/migrator"
)

// Order has every kind of name that can clash between shards.
type Order struct {
	ID         int64     `gorm:"primaryKey;autoIncrement:false"`
	Region     string    `gorm:"size:20;not null;index"`
	Number     string    `gorm:"size:40;index:idx_number_placed,priority:1;unique"`
	Placed     time.Time `gorm:"index:idx_number_placed,priority:2"`
	Amount     int       `gorm:"check:amount_positive,amount >= 0"`
	Weight     int       `gorm:"check:weight >= 0;default:1"`
	Open       bool      `gorm:"default:true"`
	Note       *string
	CustomerID int64
	Customer   *Customer
	Items      []Item
	Tags       []Tag `gorm:"many2many:order_tags"`
}

// Customer is not dtde's.
type Customer struct {
	ID     int64 `gorm:"primaryKey;autoIncrement:false"`
	Name   string
	Orders []Order
}

// Item is not dtde's either, and refers to an entity.
type Item struct {
	ID      int64 `gorm:"primaryKey;autoIncrement:false"`
	OrderID int64
}

// Tag is not dtde's either.
type Tag struct {
	ID int64 `gorm:"primaryKey;autoIncrement:false"`
}

// Word is an entity without relations.
type Word struct {
	ID   int64  `gorm:"primaryKey;autoIncrement:false"`
	Text string `gorm:"size:50"`
	Note string `gorm:"index:idx_note"`
}

// ids is a strategy that only knows its shards.
type ids []string

func (s ids) Name() string                           { return "value" }
func (s ids) Fingerprint() string                    { return "ids" }
func (s ids) Check([]config.KeyColumn) error         { return nil }
func (s ids) Shards() []string                       { return s }
func (s ids) Place([]config.Value) (string, error)   { return "", errors.New("not asked in these tests") }
func (s ids) Route(config.RouteQuery) config.Routing { return config.Routing{All: true} }

// entity compiles a model by hand: config.Compile needs more than a table to migrate.
func entity(t testing.TB, db *gorm.DB, model any, spec config.StrategySpec, shards ...string) *config.Table {
	t.Helper()
	stmt := &gorm.Statement{DB: db}
	require.NoError(t, stmt.Parse(model))
	s := stmt.Schema
	table := &config.Table{
		Name: s.Name, ModelType: s.ModelType, Schema: s, Strategy: ids(shards), StrategyName: "value",
		Storage: config.Tables, Migrations: true, Spec: config.Entity{Model: model, Strategy: spec},
	}
	table.LogicalName = s.Table
	if i := strings.LastIndexByte(s.Table, '.'); i >= 0 {
		table.Namespace, table.LogicalName = s.Table[:i], s.Table[i+1:]
	}
	equal, order := migrator.TextRules(db)
	for _, name := range spec.Fields {
		k := config.KeyColumnOf(s.LookUpField(name), db.Name())
		if k.Kind == config.KindString {
			k.BytesEqual = k.BytesEqual && equal(table.Spec, k.Field)
			k.BytesOrder = k.BytesOrder && order(table.Spec, k.Field)
		}
		table.Keys = append(table.Keys, k)
	}
	for _, id := range shards {
		table.Shards = append(table.Shards, table.ShardTable(id))
	}
	return table
}

// wrap installs the migrator for the tables.
func wrap(db *gorm.DB, hooks migrator.Hooks, tables ...*config.Table) *config.Catalog {
	c := config.NewCatalog(1, tables...)
	db.Dialector = migrator.Wrap(db.Dialector, func() *config.Catalog { return c }, hooks)
	return c
}

func orders(t testing.TB, db *gorm.DB) *config.Table {
	return entity(t, db, &Order{}, config.ByValue("Region", "EU", "US"), "EU", "US")
}

func words(t testing.TB, db *gorm.DB) *config.Table {
	return entity(t, db, &Word{}, config.ByAlphabet("Text", "A-M", "N-Z"), "A-M", "N-Z")
}

// physical tells whether a table exists, asking around dtde.
func physical(db *gorm.DB, table string) bool {
	return migrator.Unwrap(db.Dialector).Migrator(db.Session(&gorm.Session{NewDB: true})).HasTable(table)
}

// ddl is what was sent and changes a schema.
func ddl(sent *testenv.Recorder) []string {
	var list []string
	for _, s := range sent.Statements() {
		verb, _, _ := strings.Cut(strings.TrimSpace(strings.ToUpper(s)), " ")
		switch verb {
		case "CREATE", "ALTER", "DROP", "COMMENT", "INSERT":
			list = append(list, s)
		}
	}
	return list
}
