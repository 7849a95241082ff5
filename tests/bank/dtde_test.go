package bank

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"gorm.io/driver/postgres"
	"gorm.io/gorm"
	"gorm.io/gorm/logger"

	"github.com/go-dtde/dtde"
	"github.com/go-dtde/dtde/config"
	"github.com/go-dtde/dtde/internal/faults"
)

// Account is a row of accounts, sharded by its bank.
type Account struct {
	ID      int64 `gorm:"primaryKey"`
	Bank    string
	Balance int64
}

// Leg is a row of legs.
type Leg struct {
	ID      string `gorm:"primaryKey"`
	Bank    string
	Account int64
	Delta   int64
	Legs    int
}

// viaPlugin is dtde as programs use it: models, and db.Transaction.
type viaPlugin struct {
	at         at
	bestEffort bool
	far        func(dsn string) gorm.Dialector // the last bank's, if that is on another engine
	own        *sql.DB
	db         *gorm.DB
	plugin     *dtde.Plugin
	ended      atomic.Int64
}

// startWait bounds how long a program waits at its start for a server that is down.
const startWait = 20 * time.Second

func newViaPlugin(dsns []string, at at, bestEffort bool, far func(dsn string) gorm.Dialector) (*viaPlugin, error) {
	v := &viaPlugin{at: at, bestEffort: bestEffort, far: far}
	if at == nil {
		v.at = func(string) {}
	} else {
		faults.Set(at)
	}
	var err error
	if v.own, err = sql.Open("pgx", dsns[0]); err != nil {
		return nil, err
	}
	v.own.SetMaxIdleConns(8)
	for end := time.Now().Add(startWait); ; time.Sleep(50 * time.Millisecond) {
		if err = v.use(dsns); err == nil || time.Now().After(end) {
			return v, err
		}
	}
}

func (v *viaPlugin) use(dsns []string) error {
	var err error
	v.db, err = gorm.Open(postgres.New(postgres.Config{Conn: v.own}), &gorm.Config{Logger: logger.Discard, SkipDefaultTransaction: true})
	if err != nil {
		return err
	}
	var banks []string // of shards
	var databases []dtde.Database
	for i, dsn := range dsns {
		// The breaker would keep transfers from a server that was just started again.
		database := dtde.Database{ID: bankOf(i), Pool: dtde.PoolSettings{MaxIdle: 8}, Breaker: dtde.BreakerSettings{Failures: -1}}
		switch {
		case i == 0:
			database = dtde.Database{ID: bankOf(i), Own: true}
		case v.isFar(i):
			database.Dialector = v.far(dsn)
		default:
			database.Dialector = postgres.Open(dsn)
		}
		databases = append(databases, database)
		if !v.isFar(i) {
			banks = append(banks, bankOf(i))
		}
	}
	v.plugin = dtde.Register(dtde.Config{
		Cluster: "bank", Databases: databases, Observer: v,
		Entities: []dtde.Entity{
			dtde.Model(&Account{}).ShardBy("Bank", banks...).WithStorageMode(dtde.Databases),
			// A leg's id names its bank: no other bank has to be asked for it.
			dtde.Model(&Leg{}).ShardBy("Bank", banks...).WithStorageMode(dtde.Databases).WithLocalUnique("primary"),
		},
	})
	return v.db.Use(v.plugin)
}

// isFar tells whether a bank is on another engine, in plain tables.
func (v *viaPlugin) isFar(bank int) bool { return v.far != nil && bank == 2 }

func (v *viaPlugin) close() {
	_ = v.plugin.Close()
	_ = v.own.Close()
}

// ShardResolved is not of interest.
func (*viaPlugin) ShardResolved(context.Context, dtde.ShardResolved) {}

// QueryExecuted neither.
func (*viaPlugin) QueryExecuted(context.Context, dtde.QueryExecuted) {}

// TransactionEnded counts what recovery ended.
func (v *viaPlugin) TransactionEnded(_ context.Context, e dtde.TransactionEvent) {
	if e.Kind == config.TransactionRecovered || e.Kind == config.TransactionRolledBack {
		v.ended.Add(1)
	}
}

func (v *viaPlugin) transfer(ctx context.Context, t transfer) error {
	v.at("begin")
	if v.bestEffort {
		ctx = dtde.BestEffort(ctx)
	}
	committing := false
	err := v.db.WithContext(ctx).Transaction(func(tx *gorm.DB) error {
		for _, l := range t.Legs {
			if v.isFar(l.Server) {
				if err := farLeg(tx, t, l); err != nil {
					return err
				}
				continue
			}
			bank := bankOf(l.Server)
			row := Leg{ID: legID(t.ID, l.Server), Bank: bank, Account: int64(l.Account), Delta: l.Delta, Legs: len(t.Legs)}
			if err := tx.Create(&row).Error; err != nil {
				return err
			}
			update := tx.Model(&Account{}).Where("bank = ? AND id = ?", bank, l.Account).Update("balance", gorm.Expr("balance + ?", l.Delta))
			if update.Error != nil {
				return update.Error
			}
			if update.RowsAffected != 1 {
				return fmt.Errorf("%d accounts", update.RowsAffected)
			}
		}
		v.at("work done")
		committing = true
		return nil
	})
	// A single writer's lost reply is as with one database: nobody asked.
	if errors.Is(err, dtde.ErrInDoubt) || err != nil && committing && len(t.Legs) == 1 {
		return errors.Join(errInDoubt, err)
	}
	return err
}

func (v *viaPlugin) recover(ctx context.Context) (int, error) {
	before := v.ended.Load()
	left, err := v.plugin.Recover(ctx)
	if err == nil && len(left) > 0 {
		err = fmt.Errorf("%d left: %w", len(left), left[0].Err)
	}
	return int(v.ended.Load() - before), err
}
