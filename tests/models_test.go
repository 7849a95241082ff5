package tests

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"gorm.io/gorm"

	"github.com/go-dtde/dtde"
	"github.com/go-dtde/dtde/internal/testenv"
)

// Customer is sharded by the value of Region.
type Customer struct {
	ID     int64 `gorm:"primaryKey"`
	Name   string
	Region string `gorm:"size:32"`
	Status string
	Spent  int
}

// Order is sharded by the date of OrderDate.
type Order struct {
	ID        int64 `gorm:"primaryKey"`
	OrderDate time.Time
	Customer  string
	Amount    int
	DeletedAt gorm.DeletedAt
}

// Contract is sharded by the hash of Number.
type Contract struct {
	ID     int64  `gorm:"primaryKey"`
	Number string `gorm:"column:contract_number;size:32"`
	Holder string
}

// User is sharded by the hash of its id.
type User struct {
	ID   int64 `gorm:"primaryKey"`
	Name string
	Age  int
}

// Plain is a model that dtde does not own.
type Plain struct {
	ID     int64 `gorm:"primaryKey"`
	Name   string
	Region string
}

func utc(year int, month time.Month, day int) time.Time {
	return time.Date(year, month, day, 0, 0, 0, 0, time.UTC)
}

// use puts dtde on db with the given entities and migrates their models.
func use(t testing.TB, db *gorm.DB, cfg dtde.Config) *dtde.Plugin {
	t.Helper()
	plugin := dtde.Register(cfg)
	require.NoError(t, db.Use(plugin))
	for _, e := range cfg.Entities {
		require.NoError(t, db.AutoMigrate(e.Model))
	}
	return plugin
}

// entities is a configuration of entities alone.
func entities(es ...dtde.Entity) dtde.Config { return dtde.Config{Entities: es} }

func customers() dtde.Entity { return dtde.Model(&Customer{}).ShardBy("Region", "EU", "US", "APAC") }

// onEach runs f on every database, opened with the given options.
func onEach(t *testing.T, f func(t *testing.T, db *gorm.DB), opts ...gorm.Option) {
	t.Helper()
	testenv.Each(t, func(t *testing.T, d testenv.DB) { f(t, d.Open(t, opts...)) })
}
