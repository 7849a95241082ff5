package bank

import (
	"context"
	"database/sql"
	"fmt"
	"strings"
	"testing"
	"time"

	_ "github.com/jackc/pgx/v5/stdlib" // the driver "pgx"
	"github.com/stretchr/testify/require"

	"github.com/go-dtde/dtde/internal/testenv/servers"
)

// leg is a transfer's part on one server.
type leg struct {
	Server  int
	Account int
	Delta   int64
}

// transfer moves money between the accounts of its legs: their sum is 0, their
// servers differ and ascend, so that transfers can't lock each other out in a circle.
type transfer struct {
	ID   string
	Legs []leg
}

const (
	accountsPerServer = 24
	openingBalance    = 1000
)

// schema makes a server's tables, named as dtde names the shards of its bank. A
// transfer leaves one row per leg, which says how many legs there must be.
func schema(server int) []string {
	return []string{
		"CREATE TABLE " + table("accounts", server) + ` (id BIGINT PRIMARY KEY, bank TEXT COLLATE "C" NOT NULL, balance BIGINT NOT NULL)`,
		"CREATE TABLE " + table("legs", server) + ` (id TEXT COLLATE "C" PRIMARY KEY, bank TEXT COLLATE "C" NOT NULL,
			account BIGINT NOT NULL, delta BIGINT NOT NULL, legs BIGINT NOT NULL)`,
	}
}

// table is the table on a server.
func table(name string, server int) string { return name + "_" + strings.ToLower(bankOf(server)) }

// legID is the key of a transfer's leg, unique over all servers.
func legID(transfer string, server int) string { return transfer + "/" + bankOf(server) }

// bankOf names the bank of a server, by which dtde's models are sharded.
func bankOf(server int) string { return fmt.Sprintf("B%d", server+1) }

// world is a set of servers with a bank each. The last bank can be in a database of another
// engine.
type world struct {
	set    *servers.Set
	other  string    // "mariadb", "sqlite", or "" for none
	names  []string  // of each server's database
	direct []*sql.DB // around the proxies, for looking
}

// newWorld makes three banks on servers of their own.
func newWorld(t *testing.T, durable bool) *world {
	t.Helper()
	return newWorldBeside(t, durable, "")
}

// newWorldBeside makes the third bank on another engine, if there is one.
func newWorldBeside(t *testing.T, durable bool, other string) *world {
	t.Helper()
	o := servers.Options{Postgres: 3, Durable: durable, MariaDB: other == "mariadb"}
	if other != "" {
		o.Postgres = 2
	}
	w := &world{set: servers.Start(t, o), other: other}
	for range 3 {
		w.names, w.direct = append(w.names, ""), append(w.direct, nil)
	}
	w.renew(t)
	return w
}

// renew gives each server a new database with an untouched bank.
func (w *world) renew(t *testing.T) {
	t.Helper()
	for i, s := range w.set.Postgres {
		w.names[i] = s.CreateDatabase(t)
		pool, err := sql.Open("pgx", s.DirectDSN(w.names[i]))
		require.NoError(t, err)
		t.Cleanup(func() { _ = pool.Close() })
		w.direct[i] = pool
		for _, statement := range append(schema(i), handSchema...) {
			_, err := pool.Exec(statement)
			require.NoError(t, err)
		}
		_, err = pool.Exec("INSERT INTO "+table("accounts", i)+" SELECT n, $1, $2 FROM generate_series(1, $3::bigint) AS n", bankOf(i), openingBalance, accountsPerServer)
		require.NoError(t, err)
	}
	if w.other != "" {
		w.renewOther(t, len(w.set.Postgres))
	}
}

// dsns are what a coordinator connects to. A prepared transaction keeps its locks
// until somebody recovers: nobody waits longer than the limit for one.
func (w *world) dsns() []string {
	all := make([]string, len(w.names))
	for i, s := range w.set.Postgres {
		all[i] = s.DSN(w.names[i]) + "&lock_timeout=1000&connect_timeout=5"
	}
	if w.other != "" {
		all[len(all)-1] = w.otherDSN()
	}
	return all
}

// findings is what is wrong in the banks.
type findings struct {
	Total    int64    // less what there must be
	Half     []string // transfers with some of their legs
	Lost     []string // acknowledged, but not there
	Undead   []string // failed for certain, but there
	Prepared []string // left behind
	Balances []string // an account that its legs don't explain
	There    int      // whole transfers
}

func (f findings) ok() bool {
	return f.Total == 0 && len(f.Half)+len(f.Lost)+len(f.Undead)+len(f.Prepared)+len(f.Balances) == 0
}

func (f findings) String() string {
	return fmt.Sprintf("total off by %d; half there: %d %s; acknowledged and lost: %d %s; failed and there: %d %s; prepared: %d %s; balances: %d %s",
		f.Total, len(f.Half), some(f.Half), len(f.Lost), some(f.Lost), len(f.Undead), some(f.Undead),
		len(f.Prepared), some(f.Prepared), len(f.Balances), some(f.Balances))
}

func some(all []string) string { return strings.Join(all[:min(len(all), 3)], " ") }

// audit compares the banks, which must be at rest and recovered, with what the
// coordinators said.
func (w *world) audit(t *testing.T, said *outcomes) findings {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	var f findings
	there, must := map[string]int{}, map[string]int{}
	for i, pool := range w.direct {
		var sum int64
		require.NoError(t, pool.QueryRowContext(ctx, "SELECT SUM(balance) FROM "+table("accounts", i)).Scan(&sum))
		f.Total += sum - accountsPerServer*openingBalance
		if i < len(w.set.Postgres) {
			f.Prepared = append(f.Prepared, column(ctx, t, pool, "SELECT gid FROM pg_prepared_xacts WHERE database = current_database()")...)
		}
		for _, id := range column(ctx, t, pool, "SELECT a.id FROM "+table("accounts", i)+" a LEFT JOIN "+table("legs", i)+` l ON l.account = a.id
			GROUP BY a.id, a.balance HAVING a.balance <> `+fmt.Sprint(openingBalance)+` + COALESCE(SUM(l.delta), 0)`) {
			f.Balances = append(f.Balances, bankOf(i)+"/"+id)
		}
		rows, err := pool.QueryContext(ctx, "SELECT id, legs FROM "+table("legs", i))
		require.NoError(t, err)
		for rows.Next() {
			var id string
			var legs int
			require.NoError(t, rows.Scan(&id, &legs))
			there[legsOwner(id)]++
			must[legsOwner(id)] = legs
		}
		require.NoError(t, rows.Err())
		require.NoError(t, rows.Close())
	}
	for id, n := range there {
		if n != must[id] {
			f.Half = append(f.Half, id)
		} else {
			f.There++
		}
	}
	for id, outcome := range said.all() {
		switch {
		case outcome == acknowledged && there[id] == 0:
			f.Lost = append(f.Lost, id)
		case outcome == failed && there[id] > 0:
			f.Undead = append(f.Undead, id)
		}
	}
	return f
}

// legsOwner is the transfer of a leg's key.
func legsOwner(key string) string {
	id, _, _ := strings.Cut(key, "/")
	return id
}

func column(ctx context.Context, t *testing.T, pool *sql.DB, query string) []string {
	t.Helper()
	rows, err := pool.QueryContext(ctx, query)
	require.NoError(t, err)
	defer func() { require.NoError(t, rows.Close()) }()
	var texts []string
	for rows.Next() {
		var text string
		require.NoError(t, rows.Scan(&text))
		texts = append(texts, text)
	}
	require.NoError(t, rows.Err())
	return texts
}
