package bars

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestReport(t *testing.T) {
	t.Parallel()
	var out strings.Builder
	r := New(&out)
	r.Figure("under", "%.1f ms", 1, 2)
	r.Figure("over", "%.1f ms", 3, 2)
	r.Figure("informative", "%.1f ms", 3, NoBar)
	r.Line("text", "1 2 3")
	require.NoError(t, r.Finish())
	assert.Contains(t, out.String(), "bars: 1 met, 1 missed\n")
	assert.Regexp(t, `over +3.0 ms  bar +2.0 ms  MISSED`, out.String())

	broken := errors.New("no database")
	r.Milliseconds("broken", 1, func() error { return broken })
	assert.ErrorIs(t, r.Finish(), broken)
}

func TestRatioComparesTheTwoSides(t *testing.T) {
	t.Parallel()
	r := New(&strings.Builder{})
	r.Rounds = 5
	slow := func() error { time.Sleep(3 * time.Millisecond); return nil }
	fast := func() error { time.Sleep(time.Millisecond); return nil }
	ratio, err := r.compare(slow, fast, wallTime)
	require.NoError(t, err)
	assert.Greater(t, ratio, 1.2)
}

func TestExtraAllocations(t *testing.T) {
	var kept []byte
	extra, err := ExtraAllocations(func() error { kept = make([]byte, 10); return nil }, func() error { return nil })
	require.NoError(t, err)
	assert.Equal(t, 1, extra)
	assert.Len(t, kept, 10)
}
