package merge

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
)

// maxIdle bounds the connections that are kept; they own nothing, so keeping some only saves making them.
const maxIdle = 16

// pool serves all merged rows of the process. Its connections are unlimited, because they stand for no resource.
var pool = openPool()

func openPool() *sql.DB {
	db := sql.OpenDB(connector{})
	db.SetMaxIdleConns(maxIdle)
	return db
}

// Rows hands src out as *sql.Rows and gives them its ownership: closing the rows, reading them to their end, a failure
// or the end of ctx closes src, and so does an error that Rows itself returns. Values reach Scan as src returns them,
// also those that are not a [driver.Value] proper; a []byte is copied by Scan as usual. Column types are those of src.
//
// If ctx ends while a Next of src is waiting, src is closed when that Next returns; its own context has to end it.
func Rows(ctx context.Context, src Source) (*sql.Rows, error) {
	arg := &handover{src: src}
	rows, err := pool.QueryContext(ctx, "", arg)
	if err != nil {
		return nil, errors.Join(err, arg.reclaim())
	}
	return rows, nil
}

// Row is [Rows] for the first row only, as [sql.DB.QueryRowContext] returns it. Its Scan closes src.
func Row(ctx context.Context, src Source) *sql.Row {
	arg := &handover{src: src}
	row := pool.QueryRowContext(ctx, "", arg)
	if row.Err() != nil {
		// The row already carries an error; what closing reports can't be added to it and is less.
		_ = arg.reclaim()
	}
	return row
}

// handover carries a source to the connection as the query's only argument.
type handover struct {
	src   Source
	taken bool
}

// reclaim closes a source that never reached a connection, as with a context that had already ended.
func (h *handover) reclaim() error {
	if h.taken {
		return nil
	}
	h.taken = true
	return h.src.Close()
}

var errQueryOnly = errors.New("merge: the in-process driver only returns merged rows")

type connector struct{}

func (connector) Connect(context.Context) (driver.Conn, error) { return &conn{}, nil }
func (connector) Driver() driver.Driver                        { return inProcess{} }

type inProcess struct{}

func (inProcess) Open(string) (driver.Conn, error) { return &conn{}, nil }

// conn has a size, so that connections have distinct addresses.
type conn struct{ _ byte }

var (
	_ driver.QueryerContext    = (*conn)(nil)
	_ driver.NamedValueChecker = (*conn)(nil)
)

func (*conn) Prepare(string) (driver.Stmt, error) { return nil, errQueryOnly }
func (*conn) Begin() (driver.Tx, error)           { return nil, errQueryOnly }
func (*conn) Close() error                        { return nil }

// CheckNamedValue lets the handover pass, which database/sql would refuse as a value.
func (*conn) CheckNamedValue(arg *driver.NamedValue) error {
	if _, ok := arg.Value.(*handover); !ok {
		return errQueryOnly
	}
	return nil
}

func (*conn) QueryContext(_ context.Context, _ string, args []driver.NamedValue) (driver.Rows, error) {
	if len(args) != 1 {
		return nil, errQueryOnly
	}
	arg, ok := args[0].Value.(*handover)
	if !ok || arg.taken {
		return nil, errQueryOnly
	}
	arg.taken = true
	return newDriverRows(arg.src), nil
}
