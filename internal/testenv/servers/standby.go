package servers

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"
	"time"
)

// Standby starts a PostgreSQL server that repeats everything that is written to s by
// streaming replication, and answers reads. It is gone when the test ends.
func (s *Server) Standby(t testing.TB) *Server {
	t.Helper()
	k, ok := s.kind.(*postgresKind)
	if !ok {
		t.Fatalf("servers: %s can't have a standby", s.Name)
	}
	standby := newServer(s.work, k)
	standby.Name += "-standby"
	standby.folder = filepath.Join(s.work, standby.Name)
	t.Cleanup(standby.remove)
	if err := standby.follow(k, s); err != nil {
		t.Fatalf("servers: start %s: %v", standby.Name, err)
	}
	return standby
}

// follow copies a running server and starts as its standby.
func (s *Server) follow(k *postgresKind, source *Server) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := os.Mkdir(s.folder, 0o700); err != nil {
		return err
	}
	if os.Getuid() == 0 {
		uid, gid, err := postgresUser()
		if err != nil {
			return err
		}
		if err := os.Chown(s.folder, uid, gid); err != nil {
			return err
		}
	}
	command := exec.Command(filepath.Join(filepath.Dir(k.postgres), "pg_basebackup"), "-D", filepath.Join(s.folder, "data"),
		"--write-recovery-conf", "--wal-method=stream", "--checkpoint=fast", "--no-sync",
		"-h", source.folder, "-p", strconv.Itoa(source.port), "-U", user)
	if err := asPostgres(command); err != nil {
		return err
	}
	command.Dir = s.folder
	if out, err := command.CombinedOutput(); err != nil {
		return fmt.Errorf("pg_basebackup: %w: %s", err, out)
	}
	return s.listen()
}

// PauseReplay has a standby repeat nothing more until ResumeReplay.
func (s *Server) PauseReplay(t testing.TB) {
	t.Helper()
	s.admit(t, "SELECT pg_wal_replay_pause()")
	s.await(t, "SELECT pg_get_wal_replay_pause_state() = 'paused'")
}

// ResumeReplay has a standby go on.
func (s *Server) ResumeReplay(t testing.TB) {
	t.Helper()
	s.admit(t, "SELECT pg_wal_replay_resume()")
}

// CatchUp waits until a standby has repeated what its source has committed.
func (s *Server) CatchUp(t testing.TB, source *Server) {
	t.Helper()
	var position string
	if err := source.admin.QueryRowContext(t.Context(), "SELECT pg_current_wal_insert_lsn()::text").Scan(&position); err != nil {
		t.Fatalf("servers: ask %s: %v", source.Name, err)
	}
	s.await(t, "SELECT pg_last_wal_replay_lsn() >= '"+position+"'::pg_lsn")
}

func (s *Server) admit(t testing.TB, statement string) {
	t.Helper()
	if _, err := s.admin.ExecContext(t.Context(), statement); err != nil {
		t.Fatalf("servers: %s on %s: %v", statement, s.Name, err)
	}
}

// await waits until a question is answered by true.
func (s *Server) await(t testing.TB, question string) {
	t.Helper()
	err := errors.New("never asked")
	for began := time.Now(); time.Since(began) < startWait; time.Sleep(2 * time.Millisecond) {
		var yes bool
		if err = s.admin.QueryRowContext(t.Context(), question).Scan(&yes); err == nil && yes {
			return
		}
	}
	t.Fatalf("servers: %s on %s: not in %v: %v", question, s.Name, startWait, err)
}
