package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"regexp"
	"strings"

	"gorm.io/gorm"
)

// maxDraw bounds the numbers of one NextSequence.
const maxDraw = 100_000

var sequenceName = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]{0,62}(\.[A-Za-z_][A-Za-z0-9_]{0,62})?$`)

// EnsureSequence makes a sequence that starts at 1, unless it is there. name is made of
// letters, digits and underscores, at most 63, after a schema and a dot or not, else
// ErrName. PostgreSQL, MariaDB and SQL Server have it as a sequence of their own,
// SQLite and MySQL as a row in dtde_catalog. Several processes may call it at once.
func (s *Store) EnsureSequence(ctx context.Context, name string) error {
	if !sequenceName.MatchString(name) {
		return fmt.Errorf("%w: sequence %q", ErrName, name)
	}
	native, err := s.nativeSequences(ctx)
	if err == nil {
		if native {
			err = s.create(ctx, createSequence(s.dialect, name))
		} else {
			err = s.retrying(ctx, func() error {
				_, err := s.writing(nil).ExecContext(ctx, s.text.AddFact, "", "sequence", name, "", 0)
				return err
			})
		}
	}
	return attempted(fmt.Sprintf("create the sequence %q", name), err)
}

// NextSequence draws n numbers, 1 to 100,000, rising, which nobody else gets; there may
// be gaps. It runs where the caller's statement does, except on MySQL. A rolled-back
// transaction does not give numbers back, except on SQLite, where it takes its rows
// with it. EnsureSequence, or the program, must have made the sequence.
func (s *Store) NextSequence(ctx context.Context, pool gorm.ConnPool, name string, n int) ([]int64, error) {
	if !sequenceName.MatchString(name) || n < 0 || n > maxDraw {
		return nil, fmt.Errorf("%w: %d numbers of sequence %q", ErrName, n, name)
	}
	if n == 0 {
		return nil, nil
	}
	native, err := s.nativeSequences(ctx)
	var numbers []int64
	if err == nil {
		switch {
		case !native:
			numbers, err = s.step(ctx, pool, name, n)
		case s.dialect == "mysql":
			numbers, err = s.drawMariaDB(ctx, s.reading(pool), name, n)
		default:
			numbers, err = draw(ctx, s.reading(pool), drawSequence(s.dialect, name), n)
		}
	}
	if err == nil && s.dialect == "sqlserver" {
		for len(numbers) > 0 && len(numbers) < n { // a range, of which the server gives the first
			numbers = append(numbers, numbers[len(numbers)-1]+1)
		}
	}
	if err == nil && len(numbers) != n {
		err = fmt.Errorf("the database gave %d numbers instead of %d", len(numbers), n)
	}
	return numbers, attempted(fmt.Sprintf("draw from the sequence %q", name), err)
}

// nativeSequences tells whether the database has sequences; of those behind GORM's
// MySQL dialect MariaDB has, and MySQL hasn't.
func (s *Store) nativeSequences(ctx context.Context) (bool, error) {
	if s.dialect != "mysql" {
		return s.dialect != "sqlite", nil
	}
	s.flavour.Lock()
	defer s.flavour.Unlock()
	if !s.flavour.known {
		var version string
		if err := s.pool.QueryRowContext(ctx, "SELECT VERSION()").Scan(&version); err != nil {
			return false, err
		}
		s.flavour.known, s.flavour.sequences = true, strings.Contains(version, "MariaDB")
	}
	return s.flavour.sequences, nil
}

// step draws from a row of dtde_catalog by one statement.
func (s *Store) step(ctx context.Context, pool gorm.ConnPool, name string, n int) ([]int64, error) {
	var last int64
	q := s.writing(pool)
	f := func() error {
		if s.dialect == "sqlite" {
			err := q.QueryRowContext(ctx, s.text.StepSequence, n, name).Scan(&last)
			if errors.Is(err, sql.ErrNoRows) {
				return ErrNotPrepared
			}
			return err
		}
		result, err := q.ExecContext(ctx, s.text.StepSequence, n, name)
		if err != nil {
			return err
		}
		if changed, err := result.RowsAffected(); err != nil || changed == 0 {
			return errors.Join(err, ErrNotPrepared)
		}
		last, err = result.LastInsertId()
		return err
	}
	var err error
	if q == s.pool {
		err = s.retrying(ctx, f)
	} else {
		err = f()
	}
	if err != nil {
		return nil, err
	}
	numbers := make([]int64, n)
	for i := range numbers {
		numbers[i] = last - int64(n-1-i)
	}
	return numbers, nil
}

// drawMariaDB draws in chunks, since MariaDB has no table of numbers that is always there.
func (s *Store) drawMariaDB(ctx context.Context, q gorm.ConnPool, name string, n int) ([]int64, error) {
	const chunk = 100
	numbers := make([]int64, 0, n)
	one := drawSequence(s.dialect, name)
	for len(numbers) < n {
		size := min(chunk, n-len(numbers))
		more, err := draw(ctx, q, one+strings.Repeat(" UNION ALL "+one, size-1))
		if err != nil {
			return nil, err
		}
		numbers = append(numbers, more...)
	}
	return numbers, nil
}

func draw(ctx context.Context, q gorm.ConnPool, text string, args ...any) (numbers []int64, err error) {
	err = query(ctx, q, text, args, func(rows *sql.Rows) error {
		var number int64
		err := rows.Scan(&number)
		numbers = append(numbers, number)
		return err
	})
	return numbers, err
}

// quoteSequence quotes a name that sequenceName let through.
func quoteSequence(dialect, name string) string {
	quotes := map[string]string{"postgres": `""`, "mysql": "``", "sqlserver": "[]"}[dialect]
	parts := strings.Split(name, ".")
	for i, part := range parts {
		parts[i] = quotes[:1] + part + quotes[1:]
	}
	return strings.Join(parts, ".")
}

func createSequence(dialect, name string) string {
	quoted := quoteSequence(dialect, name)
	switch dialect {
	case "sqlserver":
		return "IF OBJECT_ID(N'" + quoted + "', N'SO') IS NULL CREATE SEQUENCE " + quoted + " AS bigint START WITH 1 INCREMENT BY 1"
	default:
		return "CREATE SEQUENCE IF NOT EXISTS " + quoted
	}
}

func drawSequence(dialect, name string) string {
	quoted := quoteSequence(dialect, name)
	switch dialect {
	case "postgres":
		return "SELECT nextval('" + quoted + "') FROM generate_series(1, $1)"
	case "sqlserver":
		return "DECLARE @first sql_variant; EXEC sys.sp_sequence_get_range @sequence_name = N'" + quoted +
			"', @range_size = @p1, @range_first_value = @first OUTPUT; SELECT CAST(@first AS bigint)"
	default:
		return "SELECT NEXTVAL(" + quoted + ")"
	}
}
