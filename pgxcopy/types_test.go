package pgxcopy_test

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"gorm.io/driver/postgres"
	"gorm.io/gorm"
	"gorm.io/gorm/clause"
	"gorm.io/gorm/logger"

	"github.com/go-dtde/dtde"
	"github.com/go-dtde/dtde/internal/testenv"
	"github.com/go-dtde/dtde/pgxcopy"
)

// Mood is an enumeration of the database, Pence a type with a Value of its own.
type (
	Mood  string
	Pence int64
)

// Value is in pounds.
func (p Pence) Value() (driver.Value, error) {
	if p < 0 {
		return nil, errors.New("no negative money")
	}
	return fmt.Sprintf("%d.%02d", p/100, p%100), nil
}

// Scan reads pounds.
func (p *Pence) Scan(v any) error {
	var pounds, pence int64
	_, err := fmt.Sscanf(fmt.Sprint(v), "%d.%d", &pounds, &pence)
	*p = Pence(pounds*100 + pence)
	return err
}

// Zoo has the types of columns that are not those of their fields.
type Zoo struct {
	ID        int64 `gorm:"primaryKey"`
	Seq       int
	Kind      string
	Mood      Mood           `gorm:"type:mood"`
	Sad       *Mood          `gorm:"type:mood"`
	Code      string         `gorm:"type:posint"` // a domain
	UUID      string         `gorm:"type:uuid"`
	Doc       string         `gorm:"type:jsonb"`
	Raw       []byte         `gorm:"type:jsonb"`
	Price     string         `gorm:"type:numeric(12,2)"`
	Paid      Pence          `gorm:"type:numeric(12,2)"`
	Day       time.Time      `gorm:"type:date"`
	At        time.Time      `gorm:"type:timestamp"`
	Zoned     time.Time      `gorm:"type:timestamptz"`
	Short     int16          `gorm:"type:smallint"`
	Wide      uint64         `gorm:"type:bigint"`
	Ratio     float32        `gorm:"type:real"`
	Letters   string         `gorm:"type:char(3)"`
	Address   string         `gorm:"type:inet"`
	Span      string         `gorm:"type:interval"`
	Maybe     sql.NullString `gorm:"type:text"`
	Numbers   string         `gorm:"type:int[]"`
	Flag      sql.NullBool
	Untouched *int64
}

func zoos(n int) []Zoo {
	list := make([]Zoo, n)
	for i := range list {
		glum := Mood("glum")
		z := Zoo{
			Seq: i, Kind: []string{"a", "b"}[i%2], Mood: "gay", Code: fmt.Sprint(i + 1), UUID: fmt.Sprintf("00000000-0000-4000-8000-%012d", i),
			Doc: fmt.Sprintf(`{"n": %d}`, i), Raw: []byte(`[1, 2]`), Price: fmt.Sprintf("%d.5", i), Paid: Pence(i),
			Day: time.Date(2024, 1, 1+i, 23, 0, 0, 0, time.UTC), At: time.Date(1999, 1, 1, 0, 0, i, 123_456_789, time.FixedZone("here", 3600)),
			Zoned: time.Date(1960, 1, 1, 0, 0, i, 123_456_789, time.FixedZone("here", 3600)), Short: int16(-i), Wide: uint64(i) << 40,
			Ratio: float32(i) / 3, Letters: "ab", Address: "10.0.0.1", Span: "1 day 02:03:04", Numbers: "{1,2,3}",
		}
		if i%3 == 0 {
			z.Sad, z.Maybe, z.Flag = &glum, sql.NullString{String: "x", Valid: true}, sql.NullBool{Valid: true}
		}
		list[i] = z
	}
	return list
}

func openZoo(t *testing.T, cfg dtde.Config, opts ...gorm.Option) *gorm.DB {
	t.Helper()
	db := testenv.Only(t, "postgres").Open(t, opts...)
	for _, made := range []string{"CREATE TYPE mood AS ENUM ('gay', 'glum')", "CREATE DOMAIN posint AS int CHECK (VALUE > 0)"} {
		require.NoError(t, db.Exec(made).Error)
	}
	if len(cfg.Entities) > 0 {
		require.NoError(t, db.Use(dtde.Register(cfg)))
	}
	require.NoError(t, db.AutoMigrate(&Zoo{}))
	return db
}

func zooed(bulk dtde.Bulk) dtde.Config {
	return dtde.Config{Bulk: bulk, Entities: []dtde.Entity{dtde.Model(&Zoo{}).ShardBy("Kind", "a", "b")}}
}

// only refuses to let rows go by INSERT.
type only struct {
	t    *testing.T
	rows int64
	err  error
}

func (o *only) InsertRows(ctx context.Context, on gorm.ConnPool, into dtde.BulkTable, rows dtde.BulkRows) (int64, error) {
	n, err := pgxcopy.Bulk{}.InsertRows(ctx, on, into, rows)
	if errors.Is(err, dtde.ErrBulkUnfit) {
		o.err = err
	}
	o.rows += n
	return n, err
}

// TestTypes: what an INSERT stores, COPY stores.
func TestTypes(t *testing.T) {
	t.Parallel()
	const n = 30
	twin := openZoo(t, dtde.Config{})
	want := zoos(n)
	require.NoError(t, twin.CreateInBatches(&want, 10).Error)
	bulk := &only{t: t}
	db := openZoo(t, zooed(bulk))
	for i := range 2 { // types are learnt once
		rows := zoos(n)
		for k := range rows {
			rows[k].Seq += i * n
		}
		_, err := dtde.BulkInsert(db, rows)
		require.NoError(t, err)
	}
	require.NoError(t, bulk.err)
	require.EqualValues(t, 2*n, bulk.rows)
	var expected, stored []Zoo
	require.NoError(t, twin.Order("seq").Find(&expected).Error)
	require.NoError(t, db.Order("seq").Limit(n).Find(&stored).Error)
	require.Len(t, stored, n)
	for i := range expected {
		expected[i].ID, stored[i].ID = 0, 0
		require.Equal(t, expected[i], stored[i])
	}
}

// TestBadValues leave nothing, and the transaction usable.
func TestBadValues(t *testing.T) {
	t.Parallel()
	db := openZoo(t, zooed(pgxcopy.Bulk{}))
	for name, spoil := range map[string]func(*Zoo){
		"no such label":     func(z *Zoo) { z.Mood = "hungry" },
		"check of a domain": func(z *Zoo) { z.Code = "-1" },
		"no uuid":           func(z *Zoo) { z.UUID = "x" },
		"no value":          func(z *Zoo) { z.Paid = -1 },
		"too long":          func(z *Zoo) { z.Letters = "abcd" },
		"zero byte":         func(z *Zoo) { z.Kind = "a"; z.Maybe = sql.NullString{String: "\x00", Valid: true} },
	} {
		rows := zoos(20)
		spoil(&rows[13])
		require.NoError(t, db.Transaction(func(tx *gorm.DB) error {
			_, err := dtde.BulkInsert(tx, rows)
			require.Error(t, err, name)
			_, err = dtde.BulkInsert(tx, zoos(3))
			return err
		}), name)
	}
	var n int64
	require.NoError(t, db.Model(&Zoo{}).Count(&n).Error)
	require.EqualValues(t, 6*3, n)
	testenv.LeakCheck(t, db)
}

// TestConnections: whatever the *gorm.DB is on.
func TestConnections(t *testing.T) {
	t.Parallel()
	count := func(db *gorm.DB) (n int64) {
		require.NoError(t, db.Model(&Zoo{}).Count(&n).Error)
		return n
	}
	t.Run("prepared statements", func(t *testing.T) {
		bulk := &only{t: t}
		db := openZoo(t, zooed(bulk), &gorm.Config{PrepareStmt: true, Logger: logger.Default.LogMode(logger.Silent)})
		for range 4 {
			_, err := dtde.BulkInsert(db, zoos(10))
			require.NoError(t, err)
		}
		require.EqualValues(t, 40, bulk.rows)
		require.EqualValues(t, 40, count(db))
	})
	t.Run("without a default transaction", func(t *testing.T) {
		bulk := &only{t: t}
		db := openZoo(t, zooed(bulk), &gorm.Config{SkipDefaultTransaction: true, DisableNestedTransaction: true, Logger: logger.Default.LogMode(logger.Silent)})
		rows := zoos(10)
		rows[9].UUID = "x"
		_, err := dtde.BulkInsert(db, rows, dtde.BulkChunk(5))
		require.Error(t, err)
		require.Zero(t, count(db))
		_, err = dtde.BulkInsert(db, zoos(10))
		require.NoError(t, err)
		require.EqualValues(t, 10, count(db))
	})
	t.Run("a given transaction", func(t *testing.T) {
		first := openZoo(t, zooed(nil))
		pool, err := first.DB()
		require.NoError(t, err)
		tx, err := pool.Begin()
		require.NoError(t, err)
		bulk := &only{t: t}
		cfg := zooed(bulk)
		cfg.NodeID = 7
		db, err := gorm.Open(postgres.New(postgres.Config{Conn: tx}), &gorm.Config{Logger: logger.Default.LogMode(logger.Silent)})
		require.NoError(t, err)
		require.NoError(t, db.Use(dtde.Register(cfg)))
		_, err = dtde.BulkInsert(db, zoos(10))
		require.NoError(t, err)
		require.EqualValues(t, 10, bulk.rows)
		require.Zero(t, count(first))
		require.NoError(t, tx.Commit())
		require.EqualValues(t, 10, count(first))
	})
	t.Run("a schema", func(t *testing.T) {
		db := testenv.Only(t, "postgres").Open(t)
		require.NoError(t, db.Exec("CREATE SCHEMA far").Error)
		bulk := &only{t: t}
		require.NoError(t, db.Use(dtde.Register(dtde.Config{Bulk: bulk, Entities: []dtde.Entity{dtde.Model(&Far{}).ShardBy("Kind", "a", "b")}})))
		require.NoError(t, db.AutoMigrate(&Far{}))
		_, err := dtde.BulkInsert(db, []Far{{Kind: "a"}, {Kind: "b"}})
		require.NoError(t, err)
		require.EqualValues(t, 2, bulk.rows)
	})
	t.Run("SQL for a value", func(t *testing.T) {
		db := testenv.Only(t, "postgres").Open(t)
		bulk := &only{t: t}
		require.NoError(t, db.Use(dtde.Register(dtde.Config{Bulk: bulk, Entities: []dtde.Entity{dtde.Model(&Spoken{}).ShardBy("Kind", "a", "b")}})))
		require.NoError(t, db.AutoMigrate(&Spoken{}))
		_, err := dtde.BulkInsert(db, []Spoken{{Kind: "a", Text: gorm.Expr("upper(?)", "x")}, {Kind: "b", Text: gorm.Expr("lower(?)", "Y")}})
		require.NoError(t, err)
		require.Zero(t, bulk.rows, "by INSERT")
		var texts []string
		require.NoError(t, db.Model(&Spoken{}).Order("kind").Pluck("text", &texts).Error)
		require.Equal(t, []string{"X", "y"}, texts)
	})
}

// Spoken has a field that is SQL.
type Spoken struct {
	ID   int64 `gorm:"primaryKey"`
	Kind string
	Text clause.Expr `gorm:"type:text"`
}

// Far lies in a schema.
type Far struct {
	ID   int64 `gorm:"primaryKey"`
	Kind string
	Text string
}

// TableName has a schema.
func (Far) TableName() string { return "far.things" }

// TestUnknownTypes go by INSERT: pgx does not know a type that an extension made.
func TestUnknownTypes(t *testing.T) {
	t.Parallel()
	db := testenv.Only(t, "postgres").Open(t)
	if err := db.Exec("CREATE EXTENSION citext").Error; err != nil {
		if os.Getenv("CI") == "true" {
			require.NoError(t, err, "with CI=true the server must have citext, which comes with Debian's package")
		}
		t.Skip("this PostgreSQL has no extensions: ", err)
	}
	bulk := &only{t: t}
	require.NoError(t, db.Use(dtde.Register(dtde.Config{Bulk: bulk, Entities: []dtde.Entity{dtde.Model(&Path{}).ShardBy("Kind", "a", "b")}})))
	require.NoError(t, db.AutoMigrate(&Path{}))
	n, err := dtde.BulkInsert(db, []Path{{Kind: "a", Text: "X"}, {Kind: "b", Text: "Y"}})
	require.NoError(t, err)
	require.EqualValues(t, 2, n)
	require.Zero(t, bulk.rows)
	require.ErrorIs(t, bulk.err, dtde.ErrBulkUnfit)
	require.ErrorIs(t, bulk.err, dtde.Err)
	var found []Path
	require.NoError(t, db.Where("text = ?", "x").Find(&found).Error)
	require.Len(t, found, 1)
}

// Path has a column of an extension's type.
type Path struct {
	ID   int64 `gorm:"primaryKey"`
	Kind string
	Text string `gorm:"type:citext"`
}

// TestOtherDriver: over a driver that is not pgx, rows go by INSERT.
func TestOtherDriver(t *testing.T) {
	t.Parallel()
	db := testenv.SQLite().Open(t)
	bulk := &only{t: t}
	require.NoError(t, db.Use(dtde.Register(dtde.Config{Bulk: bulk, Entities: []dtde.Entity{dtde.Model(&Parcel{}).ShardBy("Region", parcelRegions...)}})))
	require.NoError(t, db.AutoMigrate(&Parcel{}))
	n, err := dtde.BulkInsert(db, parcels(30))
	require.NoError(t, err)
	require.EqualValues(t, 30, n)
	require.Zero(t, bulk.rows)
	require.ErrorIs(t, bulk.err, dtde.ErrBulkUnfit)
}
