package tests

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"gorm.io/driver/sqlite"
	"gorm.io/gorm"

	"github.com/go-dtde/dtde"
	"github.com/go-dtde/dtde/config"
	"github.com/go-dtde/dtde/internal/testenv"
)

// Posting is a plain model that lives in a database of another engine.
type Posting struct {
	ID        int64  `gorm:"primaryKey"`
	Text      string `gorm:"size:100"`
	Amount    int
	CreatedAt time.Time
	Notes     []PostingNote

	Hooked string `gorm:"-"`
}

// PostingNote belongs to a posting.
type PostingNote struct {
	ID        int64 `gorm:"primaryKey"`
	PostingID int64
	Text      string `gorm:"size:100"`
}

// BeforeCreate notes what the program said.
func (p *Posting) BeforeCreate(tx *gorm.DB) error {
	if v, ok := tx.Get("posting:said"); ok {
		p.Hooked = v.(string)
	}
	return nil
}

// withLedger is a *gorm.DB with freights in two databases of its engine, and "ledger" of another.
type withLedger struct {
	db     *gorm.DB
	plugin *dtde.Plugin
	ledger *gorm.DB // the same database, by plain GORM
	name   string
}

// openBeside makes databases of both engines.
func openBeside(t *testing.T, main, other testenv.DB, change func(*dtde.Config)) *withLedger {
	t.Helper()
	b := &withLedger{db: main.Open(t), ledger: other.Open(t), name: main.Name + " and " + other.Name}
	c := dtde.Config{
		Databases: []dtde.Database{
			{ID: "home", Own: true}, {ID: "EU", Dialector: main.Dialector(t)},
			{ID: "ledger", Dialector: testenv.ReopenDialector(t, b.ledger)},
		},
		Entities: []dtde.Entity{dtde.Model(&Freight{}).ShardBy("Region", "EU", "own").WithShards(
			dtde.Shard{ID: "EU", Database: "EU"}, dtde.Shard{ID: "own", Database: "home"})},
	}
	if change != nil {
		change(&c)
	}
	b.plugin = dtde.Register(c)
	require.NoError(t, b.db.Use(b.plugin))
	t.Cleanup(func() { _ = b.plugin.Close() })
	return b
}

// eachBeside runs f on every pair of engines that this run has, each in both places.
func eachBeside(t *testing.T, f func(t *testing.T, main, other testenv.DB)) {
	t.Helper()
	all := testenv.Databases(t)
	for _, main := range all {
		for _, other := range all {
			if main.Name != other.Name {
				t.Run(main.Name+" and "+other.Name, func(t *testing.T) {
					t.Parallel()
					f(t, main, other)
				})
			}
		}
	}
}

// ready makes the tables.
func (b *withLedger) ready(t *testing.T) *withLedger {
	t.Helper()
	require.NoError(t, b.db.AutoMigrate(&Freight{}))
	require.NoError(t, dtde.OnDatabase(b.db, "ledger").AutoMigrate(&Posting{}, &PostingNote{}))
	return b
}

func (b *withLedger) counts(t *testing.T) (freights, postings int64) {
	t.Helper()
	check(t, b.db.Model(&Freight{}).Count(&freights))
	check(t, b.ledger.Model(&Posting{}).Count(&postings))
	return freights, postings
}

// TestAnotherEngineIsUsedAsPlainGORM: every sort of call gives what plain GORM gives on that
// database.
func TestAnotherEngineIsUsedAsPlainGORM(t *testing.T) {
	t.Parallel()
	eachBeside(t, func(t *testing.T, main, other testenv.DB) {
		b := openBeside(t, main, other, nil)
		health, err := b.plugin.Health(t.Context())
		require.NoError(t, err)
		for _, h := range health {
			assert.Equal(t, h.ID == "", h.Opened, "%q is opened when it is needed", h.ID)
		}
		plain := other.Open(t)
		require.NoError(t, plain.AutoMigrate(&Posting{}, &PostingNote{}))
		b.ready(t)
		now := time.Date(2024, 5, 1, 12, 0, 0, 123456789, time.UTC)
		clock := func() time.Time { return now }
		ours := dtde.OnDatabase(b.db.Session(&gorm.Session{NowFunc: clock}), "ledger")
		require.NoError(t, ours.Error)
		assert.Equal(t, plain.Name(), ours.Name())
		for _, step := range []struct {
			name string
			run  func(db *gorm.DB) (any, error)
		}{
			{"create", func(db *gorm.DB) (any, error) {
				p := []Posting{{ID: 1, Text: "a", Amount: 3, Notes: []PostingNote{{ID: 7, Text: "n"}}}, {ID: 2, Text: "b", Amount: 4}}
				tx := db.Set("posting:said", "hello").Create(&p)
				return []any{p[0].Hooked, p[0].Notes[0].PostingID, tx.RowsAffected}, tx.Error
			}},
			{"generated key", func(db *gorm.DB) (any, error) {
				p := Posting{Text: "c", Amount: 9}
				err := db.Create(&p).Error
				return p.ID > 0, err
			}},
			{"find", func(db *gorm.DB) (any, error) {
				var l []Posting
				err := db.Preload("Notes").Order("amount DESC").Where("amount IN ?", []int{3, 4}).Find(&l).Error
				return fmt.Sprint(len(l), l[1].Notes, l[0].Text), err
			}},
			{"first", func(db *gorm.DB) (any, error) {
				var p Posting
				return errors.Is(db.First(&p, 99).Error, gorm.ErrRecordNotFound), nil
			}},
			{"subquery", func(db *gorm.DB) (any, error) {
				var n int64
				err := db.Model(&Posting{}).Where("id IN (?)", db.Model(&PostingNote{}).Select("posting_id").Where("text = ?", "n")).Count(&n).Error
				return n, err
			}},
			{"update", func(db *gorm.DB) (any, error) {
				tx := db.Model(&Posting{}).Where("amount > ?", 3).Update("text", gorm.Expr("UPPER(text)"))
				return tx.RowsAffected, tx.Error
			}},
			{"raw", func(db *gorm.DB) (any, error) {
				var sum int
				err := db.Raw("SELECT SUM(amount) FROM postings WHERE text <> ?", "zzz").Scan(&sum).Error
				return sum, err
			}},
			{"exec", func(db *gorm.DB) (any, error) {
				tx := db.Exec("UPDATE postings SET amount = amount + ? WHERE id = ?", 10, 1)
				return tx.RowsAffected, tx.Error
			}},
			{"delete", func(db *gorm.DB) (any, error) {
				tx := db.Delete(&PostingNote{}, 7)
				return tx.RowsAffected, tx.Error
			}},
			{"association", func(db *gorm.DB) (any, error) {
				return db.Model(&Posting{ID: 2}).Association("Notes").Count(), nil
			}},
		} {
			want, wantErr := step.run(plain.Session(&gorm.Session{NowFunc: clock}))
			got, err := step.run(ours)
			assert.Equal(t, wantErr, err, step.name)
			assert.Equal(t, want, got, step.name)
		}
		var left, right []Posting
		check(t, plain.Preload("Notes").Order("id").Find(&left))
		check(t, ours.Preload("Notes").Order("id").Find(&right))
		assert.Equal(t, left, right, "and the same rows")
		_, postings := b.counts(t)
		assert.EqualValues(t, len(left), postings, "in that database")
		if len(left) > 0 {
			assert.True(t, now.Round(time.Millisecond).Equal(left[0].CreatedAt.Round(time.Millisecond)), "%v", left[0].CreatedAt)
		}
	})
}

// TestAnotherEngineIsPartOfTheTransaction: committed with it, rolled back with it, save points
// included; where two databases can't prepare it is refused, but by best effort.
func TestAnotherEngineIsPartOfTheTransaction(t *testing.T) {
	t.Parallel()
	eachBeside(t, func(t *testing.T, main, other testenv.DB) {
		b := openBeside(t, main, other, nil).ready(t)
		both := func(id int64, end error) error {
			return b.db.Transaction(func(tx *gorm.DB) error {
				check(t, tx.Create(&Freight{ID: id, Region: "own"}))
				check(t, dtde.OnDatabase(tx, "ledger").Create(&Posting{ID: id}))
				return end
			})
		}
		boom := errors.New("boom")
		require.ErrorIs(t, both(1, boom), boom)
		freights, postings := b.counts(t)
		require.Zero(t, freights+postings)
		if main.Name != "postgres" && other.Name != "postgres" {
			err := both(2, nil)
			var refused *dtde.UnsupportedError
			require.ErrorAs(t, err, &refused)
			require.Equal(t, "commit-databases", refused.Reason)
			freights, postings = b.counts(t)
			require.Zero(t, freights+postings)
			b.db = b.db.WithContext(dtde.BestEffort(context.Background()))
		}
		require.NoError(t, both(3, nil))
		freights, postings = b.counts(t)
		require.Equal(t, []int64{1, 1}, []int64{freights, postings})

		point := "before"
		if main.Name == "mariadb" {
			point = "point" // that word is reserved there, and there only
		}
		require.NoError(t, b.db.Transaction(func(tx *gorm.DB) error {
			ledger := dtde.OnDatabase(tx, "ledger")
			check(t, tx.Create(&Freight{ID: 10, Region: "own"}))
			check(t, tx.SavePoint(point)) // repeated there
			check(t, ledger.Create(&Posting{ID: 10}))
			check(t, tx.RollbackTo(point))
			check(t, ledger.Create(&Posting{ID: 11}))
			check(t, ledger.SavePoint("Here"))
			check(t, tx.Create(&Freight{ID: 12, Region: "own"}))
			check(t, ledger.Create(&Posting{ID: 12}))
			check(t, ledger.RollbackTo("Here")) // both
			require.ErrorIs(t, tx.Transaction(func(tx *gorm.DB) error {
				check(t, dtde.OnDatabase(tx, "ledger").Create(&Posting{ID: 13}))
				return boom
			}), boom)
			require.ErrorIs(t, ledger.Transaction(func(ledger *gorm.DB) error {
				check(t, ledger.Create(&Posting{ID: 14}))
				check(t, dtde.OnDatabase(ledger, "home").Create(&Freight{ID: 14, Region: "own"}))
				return boom
			}), boom)
			var n int64
			check(t, ledger.Model(&Posting{}).Count(&n))
			require.EqualValues(t, 2, n, "it sees its own writes")
			return nil
		}))
		var ids []int64
		check(t, b.ledger.Model(&Posting{}).Order("id").Pluck("id", &ids))
		require.Equal(t, []int64{3, 11}, ids)
		check(t, b.db.Model(&Freight{}).Order("id").Pluck("id", &ids))
		require.Equal(t, []int64{3, 10}, ids)

		// begun there
		require.NoError(t, dtde.OnDatabase(b.db, "ledger").Transaction(func(ledger *gorm.DB) error {
			check(t, ledger.Create(&Posting{ID: 20}))
			check(t, dtde.OnDatabase(ledger, "home").Create(&Freight{ID: 20, Region: "EU"}))
			return nil
		}))
		freights, postings = b.counts(t)
		require.Equal(t, []int64{3, 3}, []int64{freights, postings})
		if main.Name == "postgres" || other.Name == "postgres" {
			pending, err := b.plugin.InDoubt(t.Context())
			require.NoError(t, err)
			require.Empty(t, pending)
			left, err := b.plugin.Recover(t.Context())
			require.NoError(t, err)
			require.Empty(t, left)
		}
	})
}

// TestAnotherEngineFromAFile: driver and DSN in the settings file, as for every database.
func TestAnotherEngineFromAFile(t *testing.T) {
	t.Parallel()
	for _, d := range testenv.Databases(t) {
		if d.Name == "sqlite" {
			continue
		}
		t.Run(d.Name, func(t *testing.T) {
			t.Parallel()
			ledger := testenv.SQLite().Open(t)
			main := d.Open(t)
			c, err := config.Load(strings.NewReader(`
databases:
  - {id: home, own: true}
  - {id: ledger, driver: file, dsn: "`+testenv.DSN(t, ledger)+`", timeout: 5s, maxOpen: 3}
entities:
  - model: Freight
    strategy: {kind: value, fields: [Region], values: [EU, own]}
`), config.Registry{
				Models:  map[string]any{"Freight": &Freight{}},
				Drivers: map[string]func(string) gorm.Dialector{"file": sqlite.Open},
			})
			require.NoError(t, err)
			plugin := dtde.Register(c)
			require.NoError(t, main.Use(plugin))
			t.Cleanup(func() { _ = plugin.Close() })
			b := &withLedger{db: main, plugin: plugin, ledger: ledger}
			b.ready(t)
			err = main.Transaction(func(tx *gorm.DB) error {
				check(t, tx.Create(&Freight{ID: 1, Region: "EU"}))
				return dtde.OnDatabase(tx, "ledger").Create(&Posting{ID: 1}).Error
			})
			if d.Name == "postgres" {
				require.NoError(t, err)
			} else {
				require.ErrorIs(t, err, dtde.ErrUnsupported)
			}
			freights, postings := b.counts(t)
			assert.Equal(t, freights, postings)
			require.NoError(t, plugin.Close())
			check(t, dtde.OnDatabase(main, "ledger").Create(&Posting{ID: 9})) // it is opened again
		})
	}
}
