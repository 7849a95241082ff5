package servers

import (
	"fmt"
	"os"
	"os/exec"
	osuser "os/user"
	"path/filepath"
	"strconv"
	"syscall"

	_ "github.com/jackc/pgx/v5/stdlib" // the driver "pgx"
)

type postgresKind struct {
	programs
	options Options
}

func (k *postgresKind) name() string   { return "postgres" }
func (k *postgresKind) driver() string { return "pgx" }

// asPostgres has a command run as the user postgres where we are root, which
// PostgreSQL refuses.
func asPostgres(command *exec.Cmd) error {
	if os.Getuid() != 0 {
		return nil
	}
	uid, gid, err := postgresUser()
	if err != nil {
		return err
	}
	command.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}}
	return nil
}

func postgresUser() (uid, gid int, err error) {
	u, err := osuser.Lookup("postgres")
	if err != nil {
		return 0, 0, err
	}
	if uid, err = strconv.Atoi(u.Uid); err != nil {
		return 0, 0, err
	}
	gid, err = strconv.Atoi(u.Gid)
	return uid, gid, err
}

func (k *postgresKind) template(folder string) error {
	if err := os.Mkdir(folder, 0o700); err != nil {
		return err
	}
	if os.Getuid() == 0 {
		uid, gid, err := postgresUser()
		if err != nil {
			return err
		}
		if err := os.Chown(folder, uid, gid); err != nil {
			return err
		}
	}
	// A collation that is not byte order, as in scripts/with-databases.sh; older
	// versions have none from ICU.
	common := []string{"-D", filepath.Join(folder, "data"), "--no-sync", "--encoding=UTF8", "--username=" + user, "--auth=trust", "--locale=C"}
	var last error
	for _, more := range [][]string{{"--locale-provider=icu", "--icu-locale=en-US"}, nil} {
		command := exec.Command(k.initdb, append(common, more...)...)
		if err := asPostgres(command); err != nil {
			return err
		}
		command.Dir = folder
		out, err := command.CombinedOutput()
		if err == nil {
			return nil
		}
		last = fmt.Errorf("initdb: %w: %s", err, out)
		_ = os.RemoveAll(filepath.Join(folder, "data"))
	}
	return last
}

func (k *postgresKind) command(s *Server) *exec.Cmd {
	settings := map[string]string{
		"port": strconv.Itoa(s.port), "listen_addresses": "127.0.0.1", "unix_socket_directories": s.folder,
		"max_connections": "100", "max_prepared_transactions": "200", "shared_buffers": "32MB",
		"timezone": "UTC", "log_timezone": "UTC",
		"dynamic_shared_memory_type": "mmap", // in its folder, not where a killed server leaves it behind
	}
	if !k.options.Durable {
		settings["fsync"], settings["full_page_writes"], settings["synchronous_commit"] = "off", "off", "off"
	}
	for name, value := range k.options.Settings {
		settings[name] = value
	}
	arguments := []string{"-D", filepath.Join(s.folder, "data")}
	for name, value := range settings {
		arguments = append(arguments, "-c", name+"="+value)
	}
	command := exec.Command(k.postgres, arguments...)
	// The user was found when the template was made.
	_ = asPostgres(command)
	return command
}

func (k *postgresKind) dsn(_ *Server, address, database string) string {
	return fmt.Sprintf("postgres://%s:%s@%s/%s?sslmode=disable", user, password, address, database)
}

func (k *postgresKind) socketDSN(s *Server) string {
	return fmt.Sprintf("host=%s port=%d user=%s dbname=postgres sslmode=disable", s.folder, s.port, user)
}

func (k *postgresKind) createDatabase(name string) string {
	return "CREATE DATABASE " + name + " TEMPLATE template0"
}
