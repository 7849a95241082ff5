package store

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

var update = flag.Bool("update", false, "write the golden files anew")

// SQL Server's statements are never sent by these tests: their text is what is tested.
func TestStatements(t *testing.T) {
	t.Parallel()
	for _, dialect := range []string{"sqlite", "postgres", "mysql", "sqlserver"} {
		t.Run(dialect, func(t *testing.T) {
			t.Parallel()
			text, ok := textsFor(dialect)
			require.True(t, ok)
			var b strings.Builder
			v := reflect.ValueOf(text)
			for i := range v.NumField() {
				fmt.Fprintf(&b, "%s\n\t%s\n", v.Type().Field(i).Name, v.Field(i).String())
			}
			if dialect != "sqlite" {
				fmt.Fprintf(&b, "EnsureSequence\n\t%s\n", createSequence(dialect, "sales.orders_seq"))
				fmt.Fprintf(&b, "NextSequence\n\t%s\n", drawSequence(dialect, "sales.orders_seq"))
			}
			v = reflect.ValueOf(*decisionTextsOf[dialect])
			for i := range v.NumField() {
				fmt.Fprintf(&b, "decisions.%s\n\t%s\n", v.Type().Field(i).Name, v.Field(i).String())
			}
			golden := filepath.Join("testdata", dialect+".golden")
			if *update {
				require.NoError(t, os.WriteFile(golden, []byte(b.String()), 0o644))
			}
			want, err := os.ReadFile(golden)
			require.NoError(t, err)
			assert.Equal(t, string(want), b.String())
		})
	}
	_, ok := textsFor("oracle")
	assert.False(t, ok)
	assert.Nil(t, decisionTextsFor("oracle"))
}

type stateError string

func (e stateError) Error() string    { return "state" }
func (e stateError) SQLState() string { return string(e) }

type numberError int32

func (e numberError) Error() string         { return "number" }
func (e numberError) SQLErrorNumber() int32 { return int32(e) }

func TestTransient(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		err  error
		want bool
	}{
		{stateError("40P01"), true},
		{fmt.Errorf("wrapped: %w", stateError("40001")), true},
		{stateError("23505"), false},
		{numberError(1205), true},
		{numberError(2714), false},
		{errors.New("Error 1213 (40001): Deadlock found when trying to get lock"), true},
		{errors.New("database is locked (5) (SQLITE_BUSY)"), true},
		{errors.New("no such table"), false},
	} {
		assert.Equal(t, c.want, transient(c.err), c.err)
	}
}
