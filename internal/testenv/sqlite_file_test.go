package testenv

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

// A folder's name may hold what a URI reads as something else.
func TestSQLiteFileOfAnyFolder(t *testing.T) {
	t.Parallel()
	for name, e := range map[string]engine{"cgo": sqliteC, "go": sqliteGo} {
		for _, folder := range []string{"#00", "50%25", "a b"} {
			t.Run(name+"/"+folder, func(t *testing.T) {
				t.Parallel()
				dir := filepath.Join(t.TempDir(), folder)
				require.NoError(t, os.Mkdir(dir, 0o700))
				pool := openPool(t, e, sqliteFile(dir))
				_, err := pool.Exec("CREATE TABLE t (id INTEGER)")
				require.NoError(t, err)
				require.FileExists(t, filepath.Join(dir, "test.db"))
			})
		}
	}
}
