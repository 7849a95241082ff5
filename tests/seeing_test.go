package tests

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"gorm.io/gorm"
	"gorm.io/gorm/logger"

	"github.com/go-dtde/dtde"
	"github.com/go-dtde/dtde/internal/testenv"
	"github.com/go-dtde/dtde/observe"
)

func TestExplainTellsPlans(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, db *gorm.DB) {
		nine(t, db)
		plain := beside(t, db)
		before := contents(t, plain, "customers")
		sent := testenv.Record(db)
		cases := []struct {
			name   string
			run    func(tx *gorm.DB) *gorm.DB
			shards []string
			form   string
			text   []string
		}{
			{"one", func(tx *gorm.DB) *gorm.DB { return tx.Where("region = ?", "US").Find(&[]Customer{}) }, []string{"US"}, "one", []string{"customers_us", "region"}},
			{"union", func(tx *gorm.DB) *gorm.DB { return tx.Order("name").Limit(2).Find(&[]Customer{}) }, []string{"EU", "US", "APAC"}, "union", []string{"UNION ALL"}},
			{"sessions", func(tx *gorm.DB) *gorm.DB {
				return tx.Scopes(dtde.Reads(dtde.ReadSessions)).Find(&[]Customer{})
			}, []string{"EU", "US", "APAC"}, "sessions", []string{"customers_eu", "customers_apac"}},
			{"none", func(tx *gorm.DB) *gorm.DB { return tx.Where("region = ?", "MARS").Find(&[]Customer{}) }, []string{}, "none", nil},
			{"steps", func(tx *gorm.DB) *gorm.DB {
				return tx.Model(&Customer{}).Where("spent > ?", 1).Update("status", "secret")
			}, []string{"EU", "US", "APAC"}, "steps", []string{"customers_us"}},
			{"delete", func(tx *gorm.DB) *gorm.DB { return tx.Where("region = ?", "EU").Delete(&Customer{}) }, []string{"EU"}, "one", []string{"customers_eu"}},
			{"create", func(tx *gorm.DB) *gorm.DB {
				return tx.Create(&[]Customer{{ID: 50, Region: "EU"}, {ID: 51, Region: "US"}})
			}, []string{"EU", "US"}, "steps", []string{"INSERT"}},
		}
		for _, c := range cases {
			t.Run(c.name, func(t *testing.T) {
				sent.Reset()
				plans, err := dtde.Explain(db, c.run)
				require.NoError(t, err)
				require.Len(t, plans, 1)
				p := plans[0]
				assert.ElementsMatch(t, c.shards, p.ShardIDs())
				assert.Equal(t, c.form, p.Form.String())
				assert.NotEmpty(t, p.Reason)
				text := p.String()
				for _, part := range append(c.text, "Customer", c.form) {
					assert.Contains(t, text, part)
				}
				var back map[string]any
				raw, err := json.Marshal(p)
				require.NoError(t, err)
				require.NoError(t, json.Unmarshal(raw, &back))
				assert.NotEmpty(t, back)
				assert.Contains(t, string(raw), "Customer")
				assert.Empty(t, sent.Statements(), "nothing is sent")
			})
		}
		_, err := dtde.Explain(db, func(tx *gorm.DB) *gorm.DB { return tx.Create(&Customer{Region: "MARS"}) })
		require.ErrorIs(t, err, dtde.ErrShardNotFound)
		assert.Equal(t, before, contents(t, plain, "customers"))

		// the plan of what was executed
		tx := db.Where("region IN ?", []string{"US", "EU"}).Find(&[]Customer{})
		require.Len(t, dtde.Plans(tx), 1)
		assert.ElementsMatch(t, []string{"US", "EU"}, dtde.Plans(tx)[0].ShardIDs())
		assert.NotEmpty(t, dtde.Plans(tx)[0].Statements)
		require.NoError(t, db.AutoMigrate(&Plain{}))
		assert.Empty(t, dtde.Plans(db.Find(&[]Plain{})))
	})
}

// traces is a GORM logger that keeps what is traced.
type traces struct {
	logger.Interface
	mu   sync.Mutex
	sqls []string
	errs []error
}

func (l *traces) LogMode(logger.LogLevel) logger.Interface { return l }
func (l *traces) Trace(_ context.Context, _ time.Time, fc func() (string, int64), err error) {
	text, _ := fc()
	l.mu.Lock()
	defer l.mu.Unlock()
	l.sqls, l.errs = append(l.sqls, text), append(l.errs, err)
}

func TestLoggerShowsWhatIsSent(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, db *gorm.DB) {
		nine(t, db)
		l := &traces{Interface: logger.Discard}
		on := db.Session(&gorm.Session{Logger: l})
		sent := testenv.Record(db)
		for name, run := range map[string]func() error{
			"one":      func() error { return on.Where("region = ?", "US").Find(&[]Customer{}).Error },
			"union":    func() error { return on.Find(&[]Customer{}).Error },
			"sessions": func() error { return on.Scopes(dtde.Reads(dtde.ReadSessions)).Find(&[]Customer{}).Error },
			"update":   func() error { return on.Model(&Customer{}).Where("spent >= 0").Update("status", "s").Error },
			"create": func() error {
				return on.Create(&[]Customer{{Name: "c", Region: "US"}, {Name: "c", Region: "EU"}}).Error
			},
			"create one": func() error { return on.Create(&Customer{Name: "c", Region: "US"}).Error },
			"delete":     func() error { return on.Where("name = ?", "c").Delete(&Customer{}).Error },
			"raw":        func() error { return on.Exec("UPDATE customers SET status = '' WHERE region = 'US'").Error },
		} {
			sent.Reset()
			l.sqls, l.errs = nil, nil
			require.NoError(t, run(), name)
			var statements []string
			for _, s := range sent.Statements() {
				if strings.Contains(s, "customers_") {
					statements = append(statements, s)
				}
			}
			logged := 0
			for _, s := range l.sqls {
				if s == "" {
					assert.Fail(t, "an empty trace", name)
				}
				if strings.Contains(s, "customers") {
					logged++
					assert.Contains(t, s, "customers_", "%s: the statement really sent", name)
				}
			}
			assert.Equal(t, len(statements), logged, "%s: one trace per statement: %q beside %q", name, l.sqls, statements)
		}
	})
}

// events keeps what an observer is told.
type events struct {
	mu       sync.Mutex
	resolved []dtde.ShardResolved
	executed []dtde.QueryExecuted
}

func (e *events) ShardResolved(_ context.Context, ev dtde.ShardResolved) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.resolved = append(e.resolved, ev)
}

func (e *events) QueryExecuted(_ context.Context, ev dtde.QueryExecuted) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.executed = append(e.executed, ev)
}

func TestEvents(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, db *gorm.DB) {
		e := &events{}
		cfg := entities(customers())
		cfg.Observer = e
		use(t, db, cfg)
		ctx := dtde.WithCorrelationID(context.Background(), "request-1")
		on := db.WithContext(ctx)
		last := func() (dtde.ShardResolved, dtde.QueryExecuted) {
			t.Helper()
			require.Len(t, e.executed, 1)
			require.NotEmpty(t, e.resolved)
			r, x := e.resolved[len(e.resolved)-1], e.executed[0]
			e.resolved, e.executed = nil, nil
			assert.Equal(t, r.CorrelationID, x.CorrelationID)
			assert.Equal(t, r.Shards, x.Shards)
			assert.WithinDuration(t, time.Now(), x.At, time.Minute)
			assert.Equal(t, time.UTC, x.At.Location())
			assert.Positive(t, x.Total)
			assert.LessOrEqual(t, x.Resolution, x.Total)
			for _, id := range x.Shards {
				assert.Contains(t, x.PerShard, id)
			}
			return r, x
		}
		rows := mixed()
		require.NoError(t, on.Create(&rows).Error)
		_, x := last()
		assert.Equal(t, "insert", x.Operation)
		assert.Equal(t, "request-1", x.CorrelationID)
		assert.EqualValues(t, 7, x.Rows)
		assert.Equal(t, "steps", x.Form)
		for form, scope := range map[string]func(*gorm.DB) *gorm.DB{"union": dtde.Reads(dtde.ReadUnion), "sessions": dtde.Reads(dtde.ReadSessions)} {
			require.NoError(t, on.Scopes(scope).Find(&[]Customer{}).Error)
			r, x := last()
			assert.Equal(t, "select", r.Operation)
			assert.Equal(t, form, x.Form)
			assert.Equal(t, "Customer", x.Entity)
			assert.EqualValues(t, 7, x.Rows)
			assert.Len(t, x.PerShard, 3)
		}
		require.NoError(t, db.Where("region = ?", "US").Find(&[]Customer{}).Error)
		_, x = last()
		assert.NotEmpty(t, x.CorrelationID, "one is made")
		assert.NotEqual(t, "request-1", x.CorrelationID)
		assert.NotEmpty(t, x.Reason)
		require.NoError(t, on.Model(&Customer{}).Where("spent >= 0").Update("status", "u").Error)
		_, x = last()
		assert.EqualValues(t, 7, x.Rows)
		require.NoError(t, on.Exec("DELETE FROM customers WHERE region = 'US'").Error)
		_, x = last()
		assert.Equal(t, "raw", x.Operation)

		require.Error(t, on.Create(&Customer{Region: "MARS"}).Error)
		require.Len(t, e.executed, 1)
		assert.ErrorIs(t, e.executed[0].Err, dtde.ErrShardNotFound)
		e.executed = nil
		require.Error(t, on.Where("no_such_column = 1").Find(&[]Customer{}).Error)
		require.Len(t, e.executed, 1)
		assert.Error(t, e.executed[0].Err)
		e.executed, e.resolved = nil, nil

		// models that dtde does not own, and DryRun, make no events
		require.NoError(t, db.AutoMigrate(&Plain{}))
		require.NoError(t, on.Create(&Plain{Name: "p"}).Error)
		_, err := dtde.Explain(on, func(tx *gorm.DB) *gorm.DB { return tx.Find(&[]Customer{}) })
		require.NoError(t, err)
		assert.Empty(t, e.executed)
		assert.Empty(t, e.resolved)
	})
}

func TestSlogObserver(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, db *gorm.DB) {
		var out bytes.Buffer
		cfg := entities(customers())
		cfg.Observer = dtde.SlogObserver(observe.SlogOptions{Logger: slog.New(slog.NewJSONHandler(&out, &slog.HandlerOptions{Level: slog.LevelDebug}))})
		use(t, db, cfg)
		ctx := dtde.WithCorrelationID(context.Background(), "abc")
		require.NoError(t, db.WithContext(ctx).Create(&Customer{Name: secret, Region: "US"}).Error)
		require.ErrorIs(t, db.WithContext(ctx).First(&Customer{}, "name = ?", "nobody "+secret).Error, gorm.ErrRecordNotFound)
		text := out.String()
		for _, part := range []string{`"entity":"Customer"`, `"correlation_id":"abc"`, "shards resolved", "query executed", `"operation":"insert"`} {
			assert.Contains(t, text, part)
		}
		assert.NotContains(t, text, secret)
	})
}

func TestNoObserverCostsNothing(t *testing.T) {
	testenv.WithoutRace(t, "the race detector allocates")
	allocs := func(o dtde.Observer) float64 {
		db := testenv.SQLite().Open(t)
		cfg := entities(customers())
		cfg.Observer = o
		use(t, db, cfg)
		require.NoError(t, db.Create(&Customer{ID: 1, Region: "US"}).Error)
		return testing.AllocsPerRun(200, func() {
			var c Customer
			if err := db.Where("region = ?", "US").Take(&c).Error; err != nil {
				panic(errors.Join(err))
			}
		})
	}
	without, with := allocs(nil), allocs(silentObserver{})
	t.Logf("%.0f allocations without an observer, %.0f with one", without, with)
	assert.Greater(t, with, without+3, "what the events need is not made without an observer")
}

type silentObserver struct{}

func (silentObserver) ShardResolved(context.Context, dtde.ShardResolved) {}
func (silentObserver) QueryExecuted(context.Context, dtde.QueryExecuted) {}
