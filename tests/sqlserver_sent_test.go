package tests

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"gorm.io/driver/sqlserver"
	"gorm.io/gorm"
	"gorm.io/gorm/clause"
	"gorm.io/gorm/logger"

	"github.com/go-dtde/dtde"
)

// script stands in for a server where one statement's answer decides about the next:
// it notes what is sent and gives the first answer whose text the statement contains. What
// no answer is for has no rows, which a read takes for an empty table.
type script struct {
	mu      sync.Mutex
	answers []scripted
	sent    []driverCall
}

type scripted struct {
	contains string
	columns  []string
	rows     [][]driver.Value
	affected int64
	err      error
	times    int // how often it is the answer; 0 means always
}

type driverCall struct {
	text string
	args int
}

func (s *script) Connect(context.Context) (driver.Conn, error) { return s, nil }
func (s *script) Driver() driver.Driver                        { return nil }
func (s *script) Prepare(string) (driver.Stmt, error)          { return nil, errors.New("not scripted") }
func (s *script) Close() error                                 { return nil }
func (s *script) Begin() (driver.Tx, error)                    { return s, nil }
func (s *script) Commit() error                                { s.note("-- COMMIT", 0); return nil }
func (s *script) Rollback() error                              { s.note("-- ROLLBACK", 0); return nil }
func (s *script) CheckNamedValue(*driver.NamedValue) error     { return nil }
func (s *script) BeginTx(context.Context, driver.TxOptions) (driver.Tx, error) {
	s.note("-- BEGIN", 0)
	return s, nil
}

func (s *script) note(text string, args int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.sent = append(s.sent, driverCall{text, args})
}

func (s *script) answer(text string) scripted {
	s.mu.Lock()
	defer s.mu.Unlock()
	for i, a := range s.answers {
		if !strings.Contains(text, a.contains) || a.times < 0 {
			continue
		}
		if a.times > 0 {
			if s.answers[i].times--; s.answers[i].times == 0 {
				s.answers[i].times = -1
			}
		}
		return a
	}
	return scripted{columns: []string{"id"}}
}

func (s *script) ExecContext(_ context.Context, text string, args []driver.NamedValue) (driver.Result, error) {
	s.note(text, len(args))
	a := s.answer(text)
	return driver.RowsAffected(a.affected), a.err
}

func (s *script) QueryContext(_ context.Context, text string, args []driver.NamedValue) (driver.Rows, error) {
	s.note(text, len(args))
	a := s.answer(text)
	return &scriptedRows{a, 0}, a.err
}

type scriptedRows struct {
	scripted
	at int
}

func (r *scriptedRows) Columns() []string { return r.columns }
func (r *scriptedRows) Close() error      { return nil }
func (r *scriptedRows) Next(to []driver.Value) error {
	if r.at == len(r.rows) {
		return io.EOF
	}
	copy(to, r.rows[r.at])
	r.at++
	return nil
}

// savePointNumber is another one each time.
var savePointNumber = regexp.MustCompile(`\b(dtde_|sp)\d+`)

// TestSQLServerSent has the statements of what takes several, in their order.
func TestSQLServerSent(t *testing.T) {
	t.Parallel()
	five := scripted{columns: []string{"id"}, rows: [][]driver.Value{{int64(5)}}}
	customer := []string{"id", "name", "region", "status", "spent"}
	stock := []string{"region", "sku", "count"}
	failed := errors.New("the server says no")
	var out strings.Builder
	for _, c := range []struct {
		name    string
		answers []scripted
		run     func(db *gorm.DB) error
	}{
		{"save of a row that is not there", nil, func(db *gorm.DB) error { return db.Save(&User{ID: 5, Name: "a"}).Error }},
		{"save of a row that is there", []scripted{{contains: "UPDATE", affected: 1}}, func(db *gorm.DB) error {
			return db.Save(&User{ID: 5, Name: "a"}).Error
		}},
		{"a given key is looked for elsewhere", nil, func(db *gorm.DB) error {
			return db.Create(&Customer{ID: 5, Region: "US"}).Error
		}},
		{"a batch in one transaction", nil, func(db *gorm.DB) error {
			return db.Create(&[]Stock{{Region: "EU", SKU: "a"}, {Region: "US", SKU: "b"}}).Error
		}},
		{"steps in one transaction", nil, func(db *gorm.DB) error {
			return db.Model(&Customer{}).Where("spent = ?", 1).Update("name", "x").Error
		}},
		{"steps in the caller's transaction", nil, func(db *gorm.DB) error {
			return db.Transaction(func(tx *gorm.DB) error {
				if err := tx.Where("region = ?", "EU").Delete(&Customer{}).Error; err != nil {
					return err
				}
				return tx.Where("spent = ?", 1).Delete(&Customer{}).Error
			})
		}},
		{"steps that fail in the caller's transaction", []scripted{{contains: "customers_us", err: failed}}, func(db *gorm.DB) error {
			return db.Transaction(func(tx *gorm.DB) error {
				if err := tx.Where("spent = ?", 1).Delete(&Customer{}).Error; !errors.Is(err, failed) {
					return fmt.Errorf("no failure: %w", err)
				}
				return nil
			})
		}},
		{"a nested transaction", nil, func(db *gorm.DB) error {
			return db.Transaction(func(tx *gorm.DB) error {
				if err := tx.Where("region = ?", "EU").Delete(&Customer{}).Error; err != nil {
					return err
				}
				tx.SavePoint("mine")
				return tx.RollbackTo("mine").Error
			})
		}},
		{"a row moves to another shard", []scripted{
			{contains: "UPDLOCK", columns: []string{"id"}, rows: [][]driver.Value{{int64(5)}}},
			{contains: "1 = 0", columns: customer}, {contains: "INSERT", affected: 1}, {contains: "DELETE", affected: 1},
			{contains: `"customers_us" AS "customers" WHERE "id"`, affected: 0},
			{contains: "UPDATE", affected: 1},
		}, func(db *gorm.DB) error {
			return db.Model(&Customer{ID: 5}).Where("region = ?", "EU").Update("region", "US").Error
		}},
		{"a row with a key of two columns moves", []scripted{
			{contains: "UPDLOCK", columns: stock[:2], rows: [][]driver.Value{{"EU", "a"}, {"EU", "b"}}},
			{contains: "1 = 0", columns: stock}, {contains: "INSERT", affected: 2}, {contains: "DELETE", affected: 2},
			{contains: "UPDATE", affected: 2},
		}, func(db *gorm.DB) error {
			return db.Model(&Stock{}).Where("region = ? AND count < ?", "EU", 3).Update("region", "US").Error
		}},
		{"rows are locked shard after shard", []scripted{five}, func(db *gorm.DB) error {
			return db.Clauses(clause.Locking{Strength: "UPDATE"}).Find(&[]Customer{}).Error
		}},
		{"rows come back from several shards", []scripted{five}, func(db *gorm.DB) error {
			return db.Clauses(clause.Returning{Columns: []clause.Column{{Name: "id"}}}).Where("spent = ?", 1).Delete(&[]Customer{}).Error
		}},
		{"rows are streamed over several shards", []scripted{five}, func(db *gorm.DB) error {
			rows, err := db.Model(&Customer{}).Where("spent > ?", 1).Order("id").Rows()
			if err != nil {
				return err
			}
			return rows.Close()
		}},
		{"sessions are refused", nil, func(db *gorm.DB) error {
			err := db.Scopes(dtde.Reads(dtde.ReadSessions)).Find(&[]Customer{}).Error
			assert.ErrorIs(t, err, dtde.ErrUnsupported)
			return nil
		}},
	} {
		fmt.Fprintf(&out, "-- %s\n%s", c.name, sentBy(t, sqlServerConfig(), c.name, c.answers, c.run))
		out.WriteByte('\n')
	}
	golden(t, "sent.sql", out.String())
}

// sentBy gives what a program sends to a scripted server, line by line.
func sentBy(t *testing.T, config dtde.Config, name string, answers []scripted, run func(db *gorm.DB) error) string {
	t.Helper()
	return sentOn(t, config, name, true, answers, run)
}

// sentOn is sentBy; without dry also Use asks the scripted server.
func sentOn(t *testing.T, config dtde.Config, name string, dry bool, answers []scripted, run func(db *gorm.DB) error) string {
	t.Helper()
	s := &script{answers: slices.Clone(answers)}
	pool := sql.OpenDB(s)
	t.Cleanup(func() { _ = pool.Close() })
	db, err := gorm.Open(sqlserver.New(sqlserver.Config{Conn: pool}), &gorm.Config{
		DryRun: dry, DisableAutomaticPing: true, Logger: logger.Discard,
	})
	require.NoError(t, err)
	require.NoError(t, db.Use(dtde.Register(config)))
	db.DryRun = false // what Use asks of a database is not the matter here
	physical, logical := sqlServerTables(db)
	s.sent = nil
	require.NoError(t, run(db), name)
	var out strings.Builder
	for _, call := range s.sent {
		text := savePointNumber.ReplaceAllString(call.text, "${1}N")
		out.WriteString(text + "\n")
		if !strings.HasPrefix(text, "--") {
			assert.Empty(t, checkTSQL(text, call.args, physical, logical), "%s: %s", name, text)
		}
	}
	return out.String()
}
