package tests

import (
	"os"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/go-dtde/dtde/internal/bars"
	"github.com/go-dtde/dtde/internal/testenv"
)

// TestBars is run by make bench; -run TestBars/stream measures one part. A missed bar
// is printed, not failed.
func TestBars(t *testing.T) {
	if os.Getenv("DTDE_BARS") == "" {
		t.Skip("measures; run it by make bench")
	}
	r := bars.New(os.Stdout)
	t.Run("dryrun", func(t *testing.T) { dryRunBars(t, r) })
	for _, part := range []struct {
		name    string
		measure func(t testing.TB, r *bars.Report, d testenv.DB)
	}{
		{"real", realBars}, {"targets", targetBars}, {"forms", formBars}, {"pages", pageBars},
		{"partitions", partitionBars}, {"stream", streamBars}, {"versions", versionBars}, {"asof", asOfBars},
	} {
		for _, d := range testenv.Databases(t) {
			t.Run(part.name+"/"+d.Name, func(t *testing.T) { part.measure(t, r, d) })
		}
	}
	t.Run("databases", func(t *testing.T) { databaseBars(t, r) })
	require.NoError(t, r.Finish())
}
