package bank

import (
	"database/sql"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"gorm.io/gorm"

	"github.com/go-dtde/dtde"
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
	tryLostReply(t, w, "dtde beside mariadb", w.set.MariaDB.Proxy)

	// The harness finds what is lost without two phases.
	w.renew(t)
	f, _ := tryPoint(t, w, "dtde beside mariadb by best effort", "after commit 0", deeds[0])
	assert.NotEmpty(t, f.Half, "%s", f)
}
