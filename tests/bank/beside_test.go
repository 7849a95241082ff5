package bank

import (
	"database/sql"
	"fmt"
	"io"
	"log"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	gomysql "github.com/go-sql-driver/mysql"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"gorm.io/driver/mysql"
	"gorm.io/driver/postgres"
	"gorm.io/driver/sqlite"
	"gorm.io/gorm"
	"gorm.io/gorm/logger"

	"github.com/go-dtde/dtde"
	"github.com/go-dtde/dtde/internal/faults"
)

// FarAccount is an account in the bank on another engine, in a plain table.
type FarAccount struct {
	ID      int64 `gorm:"primaryKey"`
	Bank    string
	Balance int64
}

// TableName is as the harness has it.
func (FarAccount) TableName() string { return table("accounts", 2) }

// FarLeg is a leg there.
type FarLeg struct {
	ID      string `gorm:"primaryKey"`
	Bank    string
	Account int64
	Delta   int64
	Legs    int
}

// TableName is as the harness has it.
func (FarLeg) TableName() string { return table("legs", 2) }

// quietMySQL keeps the driver from logging connections that are cut on purpose.
var quietMySQL = sync.OnceFunc(func() { _ = gomysql.SetLogger(log.New(io.Discard, "", 0)) })

// newBeside is dtde with two banks on PostgreSQL and the third one on another engine.
func newBeside(name string, dsns []string, at at, bestEffort bool) (*viaPlugin, error) {
	v := &viaPlugin{at: at, bestEffort: bestEffort, far: true}
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
	quietMySQL()
	open := mysql.Open
	if name == "dtde beside sqlite" {
		open = sqlite.Open
	}
	for end := time.Now().Add(startWait); ; time.Sleep(50 * time.Millisecond) {
		if err = v.useBeside(dsns, open(dsns[2])); err == nil || time.Now().After(end) {
			return v, err
		}
	}
}

func (v *viaPlugin) useBeside(dsns []string, far gorm.Dialector) error {
	var err error
	v.db, err = gorm.Open(postgres.New(postgres.Config{Conn: v.own}), &gorm.Config{Logger: logger.Discard, SkipDefaultTransaction: true})
	if err != nil {
		return err
	}
	off := dtde.BreakerSettings{Failures: -1}
	pool := dtde.PoolSettings{MaxIdle: 8}
	v.plugin = dtde.Register(dtde.Config{
		Cluster: "bank", Observer: v,
		Databases: []dtde.Database{
			{ID: bankOf(0), Own: true},
			{ID: bankOf(1), Dialector: postgres.Open(dsns[1]), Pool: pool, Breaker: off},
			{ID: bankOf(2), Dialector: far, Pool: pool, Breaker: off},
		},
		Entities: []dtde.Entity{
			dtde.Model(&Account{}).ShardBy("Bank", bankOf(0), bankOf(1)).WithStorageMode(dtde.Databases),
			dtde.Model(&Leg{}).ShardBy("Bank", bankOf(0), bankOf(1)).WithStorageMode(dtde.Databases),
		},
	})
	return v.db.Use(v.plugin)
}

// farLeg is a transfer's leg on the other engine.
func farLeg(tx *gorm.DB, t transfer, l leg) error {
	far := dtde.OnDatabase(tx, bankOf(l.Server))
	row := FarLeg{ID: legID(t.ID, l.Server), Bank: bankOf(l.Server), Account: int64(l.Account), Delta: l.Delta, Legs: len(t.Legs)}
	if err := far.Create(&row).Error; err != nil {
		return err
	}
	update := far.Model(&FarAccount{}).Where("id = ?", l.Account).Update("balance", gorm.Expr("balance + ?", l.Delta))
	if update.Error == nil && update.RowsAffected != 1 {
		return fmt.Errorf("%d accounts", update.RowsAffected)
	}
	return update.Error
}

// renewOther gives the other engine a new database with an untouched bank.
func (w *world) renewOther(t *testing.T, i int) {
	t.Helper()
	driver, dsn := "sqlite3", ""
	if w.other == "mariadb" {
		driver, w.names[i] = "mysql", w.set.MariaDB.CreateDatabase(t)
		dsn = w.set.MariaDB.DirectDSN(w.names[i])
	} else {
		w.names[i] = filepath.Join(t.TempDir(), "bank.db")
		dsn = w.otherDSN()
	}
	pool, err := sql.Open(driver, dsn)
	require.NoError(t, err)
	t.Cleanup(func() { _ = pool.Close() })
	w.direct[i] = pool
	accounts := make([]string, accountsPerServer)
	for n := range accounts {
		accounts[n] = fmt.Sprintf("(%d, '%s', %d)", n+1, bankOf(i), openingBalance)
	}
	for _, statement := range []string{
		"CREATE TABLE " + table("accounts", i) + " (id BIGINT PRIMARY KEY, bank VARCHAR(8) NOT NULL, balance BIGINT NOT NULL)",
		"CREATE TABLE " + table("legs", i) + ` (id VARCHAR(100) PRIMARY KEY, bank VARCHAR(8) NOT NULL,
			account BIGINT NOT NULL, delta BIGINT NOT NULL, legs BIGINT NOT NULL)`,
		"INSERT INTO " + table("accounts", i) + " VALUES " + strings.Join(accounts, ", "),
	} {
		_, err := pool.Exec(statement)
		require.NoError(t, err)
	}
}

// otherDSN is what a coordinator connects to. SQLite writes through, as the servers do.
func (w *world) otherDSN() string {
	name := w.names[len(w.names)-1]
	if w.other == "mariadb" {
		return w.set.MariaDB.DSN(name) + "&timeout=5s&readTimeout=8s&innodb_lock_wait_timeout=1"
	}
	return "file:" + name + "?_journal_mode=WAL&_synchronous=FULL&_busy_timeout=500"
}

// mariaDBAtRest: no transaction of a coordinator that was killed is left.
func (w *world) mariaDBAtRest() bool {
	var busy int
	err := w.set.MariaDB.Admin().QueryRow("SELECT COUNT(*) FROM information_schema.innodb_trx WHERE trx_mysql_thread_id <> CONNECTION_ID()").Scan(&busy)
	return err == nil && busy == 0
}

// besideDeeds are what is done to a bank whose home is of another engine.
func besideDeeds(other string) []deed {
	all := []deed{
		deeds[0], deeds[1],
		{"stop a participant", false, func(t *testing.T, w *world, _ *child, _ string) {
			w.set.Postgres[0].StopImmediate(t)
			w.set.Postgres[0].Start(t)
		}},
		{"lose a participant's replies", false, func(_ *testing.T, w *world, _ *child, _ string) { w.set.Postgres[1].Proxy.CutAfter(0) }},
	}
	if other == "sqlite" {
		return all // a file that can't be stopped
	}
	return append(all,
		deed{"kill the home", false, func(t *testing.T, w *world, _ *child, _ string) { w.set.MariaDB.Restart(t) }},
		deed{"kill the home, which stays down", false, func(t *testing.T, w *world, _ *child, _ string) { w.set.MariaDB.Kill(t) }},
		deed{"lose the home's replies", false, func(_ *testing.T, w *world, _ *child, _ string) { w.set.MariaDB.Proxy.CutAfter(0) }},
		deed{"kill the home and the coordinator", true, func(t *testing.T, w *world, c *child, _ string) {
			w.set.MariaDB.Kill(t)
			c.kill()
		}})
}

// TestEveryPointBesideAnotherEngine: two banks are PostgreSQL's, and the home of every
// transfer over all three is MariaDB or SQLite. At each point the coordinator is killed, and
// somebody recovers beside it; the home is killed, and its replies are lost, around its COMMIT.
func TestEveryPointBesideAnotherEngine(t *testing.T) {
	all := os.Getenv(pointsVariable) == "all"
	for _, other := range []string{"mariadb", "sqlite"} {
		t.Run(other, func(t *testing.T) {
			w := newWorldBeside(t, true, other)
			protocol := "dtde beside " + other
			points := pointsOf(protocol)
			for i, point := range points {
				around := point == "prepared" || point == decisionWritten || point == "decided"
				for j, d := range besideDeeds(other) {
					if !all && j >= alwaysDone && !around && j != alwaysDone+i%2 {
						continue
					}
					t.Run(point+"/"+d.name, func(t *testing.T) {
						f, after := tryPoint(t, w, protocol, point, d)
						assert.True(t, f.ok(), "%s (it said %q)", f, after)
						if !d.kills && i >= slices.Index(points, "decided") {
							assert.Equal(t, acknowledged, after, "what is decided succeeds")
						}
					})
				}
			}
		})
	}
}

// TestLostReplyBesideAnotherEngine: the reply to MariaDB's COMMIT is lost, and somebody else
// recovers to the end before the coordinator asks.
func TestLostReplyBesideAnotherEngine(t *testing.T) {
	w := newWorldBeside(t, true, "mariadb")
	const protocol = "dtde beside mariadb"
	said := newOutcomes()
	c := startChild(t, settings{Protocol: protocol, DSNs: w.dsns(), PauseAt: decisionWritten, Seed: 1}, said)
	defer c.kill()
	c.tell(t, "transfer %d", len(w.names))
	c.await(t, "at "+decisionWritten)
	w.set.MariaDB.Proxy.CutAfter(0)
	c.tell(t, "pause reply lost")
	c.tell(t, "go")
	c.await(t, "at reply lost")
	w.mend(t)
	w.recoverAll(t, protocol)
	c.tell(t, "go")
	after := outcome(c.next(t))
	c.kill()
	w.recoverAll(t, protocol)
	f := w.audit(t, said)
	assert.True(t, f.ok(), "%s (it said %q)", f, after)

	// The harness finds what is lost without two phases.
	w.renew(t)
	f, _ = tryPoint(t, w, "dtde beside mariadb by best effort", "after commit 0", deeds[0])
	assert.NotEmpty(t, f.Half, "%s", f)
}
