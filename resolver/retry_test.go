package resolver

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/go-sql-driver/mysql"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/stretchr/testify/assert"
)

type numbered int32

func (n numbered) Error() string         { return "numbered" }
func (n numbered) SQLErrorNumber() int32 { return int32(n) }

func TestRetryable(t *testing.T) {
	t.Parallel()
	state := func(code string) error { return &pgconn.PgError{Code: code} }
	for name, c := range map[string]struct {
		err  error
		want bool
	}{
		"none":                       {nil, false},
		"serialization":              {fmt.Errorf("x: %w", state("40001")), true},
		"deadlock":                   {state("40P01"), true},
		"joined":                     {errors.Join(errors.New("x"), state("40P01")), true},
		"one database of several":    {&DatabaseError{Cause: state("40001")}, true},
		"duplicate key":              {state("23505"), false},
		"lost connection":            {state("08006"), false},
		"unknown":                    {errors.New("x"), false},
		"mysql deadlock":             {fmt.Errorf("x: %w", &mysql.MySQLError{Number: 1213}), true},
		"mysql duplicate":            {&mysql.MySQLError{Number: 1062}, false},
		"sql server deadlock":        {numbered(1205), true},
		"sql server duplicate":       {numbered(2627), false},
		"in doubt, by serialization": {&InDoubtError{Cause: state("40001")}, false},
		"in part, by deadlock":       {&PartialCommitError{Cause: state("40P01")}, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			assert.Equal(t, c.want, Retryable(c.err))
		})
	}
}

func TestRetry(t *testing.T) {
	t.Parallel()
	busy := &pgconn.PgError{Code: "40001"}
	run := func(ctx context.Context, attempts int, results ...error) (int, error) {
		calls := 0
		err := Retry(ctx, attempts, func(context.Context) error {
			calls++
			return results[calls-1]
		})
		return calls, err
	}
	calls, err := run(context.Background(), 3, busy, busy, nil)
	assert.NoError(t, err)
	assert.Equal(t, 3, calls)
	calls, err = run(context.Background(), 2, busy, busy, nil)
	assert.ErrorIs(t, err, busy)
	assert.Equal(t, 2, calls)
	other := errors.New("other")
	calls, err = run(context.Background(), 3, other)
	assert.ErrorIs(t, err, other)
	assert.Equal(t, 1, calls)
	calls, err = run(context.Background(), 0, busy)
	assert.ErrorIs(t, err, busy)
	assert.Equal(t, 1, calls)
	ended, cancel := context.WithCancel(context.Background())
	cancel()
	calls, err = run(ended, 2, busy, busy)
	assert.ErrorIs(t, err, busy)
	assert.Equal(t, 1, calls)
}
