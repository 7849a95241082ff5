package tests

import (
	"testing"

	"github.com/go-dtde/dtde/internal/bulksuite"
	"github.com/go-dtde/dtde/internal/testenv"
)

// TestBulkInsert is by INSERT statements; module pgxcopy runs the suite over COPY.
func TestBulkInsert(t *testing.T) {
	t.Parallel()
	testenv.Each(t, func(t *testing.T, d testenv.DB) { bulksuite.Run(t, d, nil) })
}
