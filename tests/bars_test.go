package tests

import (
	"os"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/go-dtde/dtde/internal/bars"
	"github.com/go-dtde/dtde/internal/testenv"
)

// TestBars is run by make bench. A missed bar is printed, not failed.
func TestBars(t *testing.T) {
	if os.Getenv("DTDE_BARS") == "" {
		t.Skip("measures; run it by make bench")
	}
	r := bars.New(os.Stdout)
	dryRunBars(t, r)
	for _, d := range testenv.Databases(t) {
		realBars(t, r, d)
	}
	for _, d := range testenv.Databases(t) {
		targetBars(t, r, d)
	}
	for _, d := range testenv.Databases(t) {
		formBars(t, r, d)
	}
	for _, d := range testenv.Databases(t) {
		pageBars(t, r, d)
	}
	for _, d := range testenv.Databases(t) {
		partitionBars(t, r, d)
		versionBars(t, r, d)
	}
	databaseBars(t, r)
	require.NoError(t, r.Finish())
}
