package servers

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"

	_ "github.com/go-sql-driver/mysql" // the driver "mysql"
)

type mariadbKind struct {
	programs
	options Options
}

func (k *mariadbKind) name() string   { return "mariadb" }
func (k *mariadbKind) driver() string { return "mysql" }

func (k *mariadbKind) template(folder string) error {
	// Servers side by side must not meet in the folder for temporary files.
	if err := os.MkdirAll(filepath.Join(folder, "tmp"), 0o700); err != nil {
		return err
	}
	users := ""
	for _, host := range []string{"localhost", "%"} {
		users += fmt.Sprintf("CREATE OR REPLACE USER '%s'@'%s' IDENTIFIED BY '%s';\nGRANT ALL ON *.* TO '%s'@'%s' WITH GRANT OPTION;\n",
			user, host, password, user, host)
	}
	if err := os.WriteFile(filepath.Join(folder, "init.sql"), []byte(users+"CREATE DATABASE IF NOT EXISTS dtde;\n"), 0o600); err != nil {
		return err
	}
	out, err := exec.Command(k.mariadbInstallDB, append(k.common(folder),
		"--auth-root-authentication-method=normal", "--skip-test-db")...).CombinedOutput()
	if err != nil {
		return fmt.Errorf("mariadb-install-db: %w: %s", err, out)
	}
	return nil
}

func (k *mariadbKind) common(folder string) []string {
	arguments := []string{"--no-defaults", "--datadir=" + filepath.Join(folder, "data"), "--tmpdir=" + filepath.Join(folder, "tmp")}
	if os.Getuid() == 0 {
		arguments = append(arguments, "--user=root")
	}
	return arguments
}

func (k *mariadbKind) command(s *Server) *exec.Cmd {
	arguments := append(k.common(s.folder),
		"--port="+strconv.Itoa(s.port), "--bind-address=127.0.0.1", "--skip-name-resolve",
		"--socket="+filepath.Join(s.folder, "socket"), "--pid-file="+filepath.Join(s.folder, "pid"),
		"--init-file="+filepath.Join(s.folder, "init.sql"), "--innodb-buffer-pool-size=32M",
		"--character-set-server=utf8mb4", "--default-time-zone=+00:00")
	if !k.options.Durable {
		arguments = append(arguments, "--innodb-flush-log-at-trx-commit=0", "--skip-innodb-doublewrite", "--innodb-flush-method=nosync")
	}
	return exec.Command(k.mariadbd, arguments...)
}

func (k *mariadbKind) dsn(_ *Server, address, database string) string {
	return fmt.Sprintf("%s:%s@tcp(%s)/%s?charset=utf8mb4&parseTime=true&loc=UTC", user, password, address, database)
}

func (k *mariadbKind) socketDSN(s *Server) string {
	return fmt.Sprintf("%s:%s@unix(%s)/dtde?parseTime=true&loc=UTC", user, password, filepath.Join(s.folder, "socket"))
}

func (k *mariadbKind) createDatabase(name string) string {
	return "CREATE DATABASE " + name + " CHARACTER SET utf8mb4"
}
