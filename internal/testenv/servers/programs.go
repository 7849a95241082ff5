package servers

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

// programs are the paths of what is installed; "" for what isn't. Servers have their data
// below folder.
type programs struct {
	postgres, initdb           string
	mariadbd, mariadbInstallDB string
	folder                     string
}

var findPrograms = sync.OnceValues(func() (programs, error) {
	root, err := repository()
	if err != nil {
		return programs{}, err
	}
	out, err := exec.Command("bash", filepath.Join(root, "scripts", "database-programs.sh")).Output()
	if err != nil {
		return programs{}, fmt.Errorf("find the database programs: %w", err)
	}
	var found programs
	for line := range strings.Lines(string(out)) {
		name, path, _ := strings.Cut(strings.TrimSpace(line), "=")
		switch name {
		case "POSTGRES_BIN":
			// A link on PATH: what lies beside the program itself belongs to it.
			if real, err := filepath.EvalSymlinks(filepath.Join(path, "pg_ctl")); err == nil {
				path = filepath.Dir(real)
			}
			found.postgres, found.initdb = filepath.Join(path, "postgres"), filepath.Join(path, "initdb")
		case "MARIADBD":
			found.mariadbd = path
		case "MARIADB_INSTALL_DB":
			found.mariadbInstallDB = path
		case "SERVERS_FOLDER":
			found.folder = path
		}
	}
	return found, nil
})

// repository is the folder of the scripts, above the one that tests run in: there are
// modules within the repository.
func repository() (string, error) {
	folder, err := os.Getwd()
	if err != nil {
		return "", err
	}
	for {
		if _, err := os.Stat(filepath.Join(folder, "scripts", "database-programs.sh")); err == nil {
			return folder, nil
		}
		up := filepath.Dir(folder)
		if up == folder {
			return "", errors.New("no scripts/database-programs.sh above the working folder")
		}
		folder = up
	}
}

// need ends the test where a program isn't installed.
func need(t testing.TB, o Options) programs {
	t.Helper()
	found, err := findPrograms()
	if err != nil {
		t.Fatalf("servers: %v", err)
	}
	missing := ""
	switch {
	case o.Postgres > 0 && found.postgres == "":
		missing = "PostgreSQL's programs are"
	case o.MariaDB && (found.mariadbd == "" || found.mariadbInstallDB == ""):
		missing = "MariaDB's programs are"
	default:
		return found
	}
	if os.Getenv("CI") == "true" {
		t.Fatalf("servers: %s not installed, and with CI=true no server may be left out", missing)
	}
	t.Skipf("servers: %s not installed (make test brings them)", missing)
	return programs{}
}
