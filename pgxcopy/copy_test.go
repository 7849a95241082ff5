package pgxcopy_test

import (
	"testing"

	"github.com/go-dtde/dtde/internal/bulksuite"
	"github.com/go-dtde/dtde/internal/testenv"
	"github.com/go-dtde/dtde/pgxcopy"
)

// TestBulkInsert runs the library's suite over COPY.
func TestBulkInsert(t *testing.T) {
	t.Parallel()
	bulksuite.Run(t, testenv.Only(t, "postgres"), pgxcopy.Bulk{})
}
