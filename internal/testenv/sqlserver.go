package testenv

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"testing"

	"gorm.io/driver/sqlserver"
	"gorm.io/gorm"
)

// SQLServerDryRun returns a gorm.DB with SQL Server's own dialector in DryRun:
// statements are built and not sent. Nothing is dialled; transactions begin and
// end without effect, and whatever is sent all the same fails.
func SQLServerDryRun(t testing.TB, opts ...gorm.Option) *gorm.DB {
	t.Helper()
	silent := engine{
		driver:    nowhere{},
		dialector: func(pool *sql.DB) gorm.Dialector { return sqlserver.New(sqlserver.Config{Conn: pool}) },
	}
	return openGORM(t, silent.dialector(openPool(t, silent, "")), append([]gorm.Option{dryRun{}}, opts...))
}

type dryRun struct{}

func (dryRun) Apply(config *gorm.Config) error {
	config.DryRun, config.DisableAutomaticPing = true, true
	return nil
}

func (dryRun) AfterInitialize(*gorm.DB) error { return nil }

var errNowhere = errors.New("testenv: a statement was sent in DryRun")

// nowhere is a driver whose connections lead nowhere.
type nowhere struct{}

func (nowhere) Open(string) (driver.Conn, error)                             { return nowhere{}, nil }
func (nowhere) Close() error                                                 { return nil }
func (nowhere) Begin() (driver.Tx, error)                                    { return nowhere{}, nil }
func (nowhere) BeginTx(context.Context, driver.TxOptions) (driver.Tx, error) { return nowhere{}, nil }
func (nowhere) Commit() error                                                { return nil }
func (nowhere) Rollback() error                                              { return nil }
func (nowhere) Ping(context.Context) error                                   { return nil }
func (nowhere) Prepare(string) (driver.Stmt, error)                          { return nil, errNowhere }
func (nowhere) PrepareContext(context.Context, string) (driver.Stmt, error) {
	return nil, errNowhere
}
func (nowhere) ExecContext(context.Context, string, []driver.NamedValue) (driver.Result, error) {
	return nil, errNowhere
}
func (nowhere) QueryContext(context.Context, string, []driver.NamedValue) (driver.Rows, error) {
	return nil, errNowhere
}
