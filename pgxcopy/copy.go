package pgxcopy

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"gorm.io/gorm"

	"github.com/go-dtde/dtde/config"
)

// Bulk is a config.Bulk by COPY. The zero value is ready; it is safe for concurrent use.
type Bulk struct{}

var _ config.Bulk = Bulk{}

// InsertRows copies rows into a table within the connection's transaction. Errors of the
// server come as they are (*pgconn.PgError).
func (Bulk) InsertRows(ctx context.Context, on gorm.ConnPool, into config.BulkTable, rows config.BulkRows) (int64, error) {
	c := &copying{into: into, rows: rows}
	// The driver hands a query's rewriter its connection: database/sql has no other way
	// to the connection of a transaction. What is left to execute then is nothing.
	_, err := on.ExecContext(ctx, "", c)
	switch {
	case c.err != nil:
		return 0, c.err
	case c.reached:
		return c.copied, err
	case ctx.Err() != nil || errors.As(err, new(*pgconn.PgError)) || errors.As(err, new(*pgconn.ConnectError)):
		return 0, err
	}
	return 0, fmt.Errorf("%w: pgx has not taken the statement: %w", config.ErrBulkUnfit, err)
}

// copying is one COPY, in the guise of a query's argument.
type copying struct {
	into    config.BulkTable
	rows    config.BulkRows
	reached bool
	copied  int64
	err     error
}

var _ pgx.QueryRewriter = (*copying)(nil)

// RewriteQuery copies.
func (c *copying) RewriteQuery(ctx context.Context, conn *pgx.Conn, _ string, _ []any) (string, []any, error) {
	c.reached = true
	c.copied, c.err = c.run(ctx, conn)
	return "", nil, c.err
}

func (c *copying) run(ctx context.Context, conn *pgx.Conn) (int64, error) {
	name := pgx.Identifier{c.into.Name}
	if c.into.Schema != "" {
		name = pgx.Identifier{c.into.Schema, c.into.Name}
	}
	quoted := make([]string, len(c.into.Columns))
	for i, column := range c.into.Columns {
		quoted[i] = pgx.Identifier{column}.Sanitize()
	}
	table, columns := name.Sanitize(), strings.Join(quoted, ", ")
	types, err := typesOf(ctx, conn, "select "+columns+" from "+table)
	if err != nil {
		return 0, err
	}
	data := &encoder{types: conn.TypeMap(), columns: types, rows: c.rows}
	tag, err := conn.PgConn().CopyFrom(ctx, data, "copy "+table+" ("+columns+") from stdin binary")
	if data.err != nil && ctx.Err() == nil {
		return 0, data.err // rather than what the server was told
	}
	return tag.RowsAffected(), err
}

// typesOf finds the types of the columns that a query gives, and makes sure that pgx knows
// them: it does not know those that a program made, such as enumerations, until it is told.
func typesOf(ctx context.Context, conn *pgx.Conn, query string) ([]uint32, error) {
	about, err := conn.Prepare(ctx, "", query)
	if err != nil {
		return nil, err
	}
	types := make([]uint32, len(about.Fields))
	for i, f := range about.Fields {
		types[i] = f.DataTypeOID
		if _, known := conn.TypeMap().TypeForOID(f.DataTypeOID); known {
			continue
		}
		var name string
		if err := conn.QueryRow(ctx, "select format_type($1, null)", f.DataTypeOID).Scan(&name); err != nil {
			return nil, err
		}
		t, err := conn.LoadType(ctx, name)
		if err != nil {
			return nil, fmt.Errorf("%w: column %q is of type %s: %w", config.ErrBulkUnfit, f.Name, name, err)
		}
		conn.TypeMap().RegisterType(t)
	}
	return types, nil
}
