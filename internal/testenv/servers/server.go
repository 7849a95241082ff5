package servers

import (
	"context"
	"crypto/rand"
	"database/sql"
	"encoding/hex"
	"errors"
	"fmt"
	mathrand "math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

// The user of every server and its password.
const (
	user     = "dtde"
	password = "dtde"
)

// startWait bounds the start of a server, also one that has to recover.
const startWait = 60 * time.Second

// kind is what differs between PostgreSQL and MariaDB.
type kind interface {
	name() string
	// template makes an empty data folder, which servers then copy.
	template(folder string) error
	// command runs a server in its folder; ping asks it through its socket there.
	command(s *Server) *exec.Cmd
	dsn(s *Server, address, database string) string
	socketDSN(s *Server) string
	driver() string
	createDatabase(name string) string
}

// Server is one database server. Its methods are safe for concurrent use.
type Server struct {
	// Name tells the servers of a process apart: "postgres1", "mariadb4".
	Name string
	// Proxy stands in front of the server; every DSN leads through it.
	Proxy *Proxy

	kind   kind
	work   string
	folder string

	mu      sync.Mutex
	port    int
	process *process
	admin   *sql.DB
}

// process is one run of a server.
type process struct {
	pid   int
	ended chan struct{}
}

var serverNumber atomic.Int64

func newServer(work string, k kind) *Server {
	name := k.name() + strconv.FormatInt(serverNumber.Add(1), 10)
	return &Server{Name: name, kind: k, work: work, folder: filepath.Join(work, name)}
}

// create makes the server's folder and starts it on a port that it finds free.
func (s *Server) create() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	template, err := templateOf(s.work, s.kind)
	if err != nil {
		return err
	}
	if out, err := exec.Command("cp", "-a", "--reflink=auto", template, s.folder).CombinedOutput(); err != nil {
		return fmt.Errorf("copy the data folder: %w: %s", err, out)
	}
	return s.listen()
}

// listen starts the server on a port that it finds free, with a proxy; the lock is held.
func (s *Server) listen() (err error) {
	for range 5 {
		// Below the range that the kernel hands out for outgoing connections. Somebody
		// else can take the port before we do: then another is tried.
		s.port = 20000 + mathrand.IntN(12000)
		if err = s.start(); err == nil {
			break
		}
	}
	if err != nil {
		return err
	}
	if s.admin, err = sql.Open(s.kind.driver(), s.kind.socketDSN(s)); err != nil {
		return err
	}
	s.Proxy, err = newProxy("127.0.0.1:" + strconv.Itoa(s.port))
	return err
}

var templates struct {
	sync.Mutex
	made map[string]func() (string, error)
}

// templateOf makes the data folder of a kind once per process.
func templateOf(work string, k kind) (string, error) {
	templates.Lock()
	if templates.made == nil {
		templates.made = map[string]func() (string, error){}
	}
	once := templates.made[k.name()]
	if once == nil {
		once = sync.OnceValues(func() (string, error) {
			folder := filepath.Join(work, k.name()+"-template")
			return folder, k.template(folder)
		})
		templates.made[k.name()] = once
	}
	templates.Unlock()
	return once()
}

// start runs the server and waits until it answers; the lock is held.
func (s *Server) start() error {
	if s.process != nil {
		return errors.New("runs already")
	}
	log, err := os.OpenFile(filepath.Join(s.folder, "log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer func() { _ = log.Close() }()
	command := s.kind.command(s)
	command.Dir, command.Stdout, command.Stderr = s.folder, log, log
	if command.SysProcAttr == nil {
		command.SysProcAttr = &syscall.SysProcAttr{}
	}
	command.SysProcAttr.Setsid = true
	if err := command.Start(); err != nil {
		return err
	}
	p := &process{pid: command.Process.Pid, ended: make(chan struct{})}
	go func() {
		notTheTests()
		_ = command.Wait()
		close(p.ended)
	}()
	s.process = p
	if err := notePID(s.work, s.Name, p.pid); err != nil {
		return err
	}
	if err := s.ready(p); err != nil {
		s.killAll()
		return fmt.Errorf("%w; its log ends:\n%s", err, s.logTail())
	}
	return nil
}

// ready waits until the server answers through the socket in its folder: on the
// port somebody else's server could.
func (s *Server) ready(p *process) error {
	pool, err := sql.Open(s.kind.driver(), s.kind.socketDSN(s))
	if err != nil {
		return err
	}
	defer func() { _ = pool.Close() }()
	ctx, cancel := context.WithTimeout(context.Background(), startWait)
	defer cancel()
	for {
		err := pool.PingContext(ctx)
		if err == nil {
			return nil
		}
		select {
		case <-p.ended:
			return errors.New("it ended at once")
		case <-ctx.Done():
			return fmt.Errorf("it doesn't answer: %w", err)
		case <-time.After(20 * time.Millisecond):
		}
	}
}

func (s *Server) logTail() string {
	text, _ := os.ReadFile(filepath.Join(s.folder, "log"))
	return string(text[max(0, len(text)-2000):])
}

// DSN is how a program reaches a database of the server, through its proxy.
func (s *Server) DSN(database string) string {
	return s.kind.dsn(s, s.Proxy.Address(), database)
}

// DirectDSN is DSN around the proxy.
func (s *Server) DirectDSN(database string) string {
	return s.kind.dsn(s, net.JoinHostPort("127.0.0.1", strconv.Itoa(s.port)), database)
}

// Admin is a pool for looking at the server, through its socket and with every
// right, on its first database. It belongs to the server.
func (s *Server) Admin() *sql.DB { return s.admin }

// CreateDatabase makes an empty database with a new name, which lives as long as the
// server.
func (s *Server) CreateDatabase(t testing.TB) string {
	t.Helper()
	random := make([]byte, 6)
	_, _ = rand.Read(random) // never fails
	name := "dtde_" + hex.EncodeToString(random)
	if _, err := s.admin.ExecContext(t.Context(), s.kind.createDatabase(name)); err != nil {
		t.Fatalf("servers: create a database on %s: %v", s.Name, err)
	}
	return name
}

// Kill ends the server and all of its processes as kill -9 does. One that doesn't
// run stays so.
func (s *Server) Kill(t testing.TB) {
	t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.killAll()
}

// StopImmediate has the server end without a checkpoint, as PostgreSQL's immediate
// stop does: it recovers at its next start. A MariaDB is killed.
func (s *Server) StopImmediate(t testing.TB) {
	t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.process == nil {
		return
	}
	if _, ok := s.kind.(*postgresKind); ok {
		_ = syscall.Kill(s.process.pid, syscall.SIGQUIT)
		select {
		case <-s.process.ended:
		case <-time.After(5 * time.Second): // stopped in a debugger, or by a signal
		}
	}
	s.killAll()
}

// Start starts a server that was stopped, on its folder and port.
func (s *Server) Start(t testing.TB) {
	t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	var err error
	// Processes of the former run may still let go of its memory and port.
	for range 20 {
		if err = s.start(); err == nil {
			return
		}
		time.Sleep(100 * time.Millisecond)
	}
	t.Fatalf("servers: start %s again: %v", s.Name, err)
}

// Restart is Kill and Start.
func (s *Server) Restart(t testing.TB) {
	t.Helper()
	s.Kill(t)
	s.Start(t)
}

// Running tells whether the server was started and neither stopped nor died.
func (s *Server) Running() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.process == nil {
		return false
	}
	select {
	case <-s.process.ended:
		return false
	default:
		return true
	}
}

// killAll kills the server's process and its children; the lock is held. It is
// stopped before its children are looked up, so that it makes no further ones.
func (s *Server) killAll() {
	if s.process == nil {
		return
	}
	select {
	case <-s.process.ended: // its number may be somebody else's
	default:
		_ = syscall.Kill(s.process.pid, syscall.SIGSTOP)
		children := childrenOf(s.process.pid)
		_ = syscall.Kill(s.process.pid, syscall.SIGKILL)
		for _, child := range children {
			_ = syscall.Kill(child, syscall.SIGKILL)
		}
		<-s.process.ended
	}
	s.process = nil
	forgetPID(s.work, s.Name)
}

// childrenOf reads the processes that a process started.
func childrenOf(pid int) []int {
	var children []int
	tasks, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/children", pid))
	for _, file := range tasks {
		text, _ := os.ReadFile(file)
		for _, field := range strings.Fields(string(text)) {
			if child, err := strconv.Atoi(field); err == nil {
				children = append(children, child)
			}
		}
	}
	return children
}

// remove ends the server for good.
func (s *Server) remove() {
	if s.Proxy != nil {
		s.Proxy.close()
	}
	if s.admin != nil {
		_ = s.admin.Close()
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.killAll()
	if id := sharedMemory(s.folder); id != "" {
		_ = exec.Command("ipcrm", "-m", id).Run()
	}
	_ = os.RemoveAll(s.folder)
}

// sharedMemory is the System V segment that a PostgreSQL server holds, or left behind when
// it was killed; "" if there is none. The next start frees it; where none follows, it would
// stay until the machine ends, and after 4,096 of them no server starts any more.
func sharedMemory(folder string) string {
	text, _ := os.ReadFile(filepath.Join(folder, "data", "postmaster.pid"))
	lines := strings.Split(string(text), "\n")
	if len(lines) < 7 {
		return ""
	}
	keyAndID := strings.Fields(lines[6])
	if len(keyAndID) != 2 {
		return ""
	}
	return keyAndID[1]
}
