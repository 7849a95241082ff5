package servers

import (
	"sync"
	"testing"
)

// Options say which servers to start. The zero value starts none.
type Options struct {
	// Postgres is the number of PostgreSQL servers.
	Postgres int
	// MariaDB adds a MariaDB server.
	MariaDB bool
	// Durable has the servers write through to the disk at each commit (fsync,
	// synchronous commit, full pages), as the bank test needs them. Without it a
	// server that is killed may lose what it had committed. Folders may be in memory
	// (scripts/database-programs.sh), where a kill loses nothing that it wouldn't lose on a disk.
	Durable bool
	// Settings are further settings of each PostgreSQL server ("work_mem": "4MB").
	Settings map[string]string
}

// Set are the servers of one test. They are started side by side.
type Set struct {
	// Postgres are the PostgreSQL servers, MariaDB the one of that kind or nil.
	Postgres []*Server
	MariaDB  *Server
}

// All are all servers of the set.
func (s *Set) All() []*Server {
	all := append([]*Server(nil), s.Postgres...)
	if s.MariaDB != nil {
		all = append(all, s.MariaDB)
	}
	return all
}

// Start starts servers that are gone when the test ends. Where a program isn't
// installed the test is skipped, with CI=true failed.
func Start(t testing.TB, o Options) *Set {
	t.Helper()
	found := need(t, o)
	work, err := workFolder()
	if err != nil {
		t.Fatalf("servers: %v", err)
	}
	set := &Set{}
	for range o.Postgres {
		set.Postgres = append(set.Postgres, newServer(work, &postgresKind{found, o}))
	}
	if o.MariaDB {
		set.MariaDB = newServer(work, &mariadbKind{found, o})
	}
	all := set.All()
	faults := make([]error, len(all))
	var group sync.WaitGroup
	for i, s := range all {
		group.Go(func() { faults[i] = s.create() })
	}
	group.Wait()
	for _, s := range all {
		t.Cleanup(s.remove)
	}
	for i, err := range faults {
		if err != nil {
			t.Fatalf("servers: start %s: %v", all[i].Name, err)
		}
	}
	return set
}
