package bank

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log"
	"math/rand/v2"
	"os"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	gomysql "github.com/go-sql-driver/mysql"
)

// settings tell a coordinator what to do.
type settings struct {
	Protocol string
	DSNs     []string
	Seed     uint64
	// Workers make transfers side by side. 0 makes only those that are asked for, by a
	// line "transfer" on the standard input, which says how many legs.
	Workers int
	// PauseAt is the point at which it prints "at" and waits for a line "go".
	PauseAt string
	// KillAt is the point at which it kills itself, when it comes there for the
	// KillHit-th time.
	KillAt  string
	KillHit int
}

const settingsVariable = "DTDE_BANK_COORDINATOR"

func TestMain(m *testing.M) {
	if text := os.Getenv(settingsVariable); text != "" {
		_ = gomysql.SetLogger(log.New(io.Discard, "", 0)) // of connections that are cut on purpose
		if err := coordinate(text); err != nil {
			say("fatal %s", oneLine(err))
			os.Exit(1)
		}
		return
	}
	os.Exit(m.Run())
}

var saying sync.Mutex

// say writes a line at once: what was said before a kill was said.
func say(format string, args ...any) {
	saying.Lock()
	defer saying.Unlock()
	_, _ = fmt.Fprintf(os.Stdout, format+"\n", args...)
}

func oneLine(err error) string { return strings.ReplaceAll(err.Error(), "\n", "; ") }

// coordinator is the child's side.
type coordinator struct {
	settings
	protocol protocol
	goOn     chan struct{}

	mu   sync.Mutex
	hits int
	n    int
}

func coordinate(text string) error {
	c := &coordinator{goOn: make(chan struct{})}
	if err := json.Unmarshal([]byte(text), &c.settings); err != nil {
		return err
	}
	var err error
	if c.protocol, err = newProtocol(c.Protocol, c.DSNs, c.reached); err != nil {
		return err
	}
	for i := range c.Workers {
		go c.work(rand.New(rand.NewPCG(c.Seed, uint64(i))))
	}
	random := rand.New(rand.NewPCG(c.Seed, 1<<32))
	say("ready")
	// Ends with its parent, whose death closes the input.
	for lines := bufio.NewScanner(os.Stdin); lines.Scan(); {
		var legs int
		switch line := lines.Text(); {
		case line == "go":
			c.goOn <- struct{}{}
		case strings.HasPrefix(line, "pause "):
			c.mu.Lock()
			c.PauseAt = strings.TrimPrefix(line, "pause ")
			c.mu.Unlock()
		default:
			if _, err := fmt.Sscanf(line, "transfer %d", &legs); err != nil {
				return fmt.Errorf("don't understand %q", line)
			}
			go c.one(c.draw(random, legs))
		}
	}
	os.Exit(0)
	return nil
}

// reached is called at each point.
func (c *coordinator) reached(point string) {
	c.mu.Lock()
	pause := c.PauseAt == point
	if pause {
		c.PauseAt = ""
	}
	if c.KillAt == point {
		if c.hits++; c.hits >= c.KillHit {
			_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
			select {}
		}
	}
	c.mu.Unlock()
	if pause {
		say("at %s", point)
		<-c.goOn
	}
}

func (c *coordinator) work(random *rand.Rand) {
	for {
		legs := 2
		switch n := random.IntN(10); {
		case n == 0:
			legs = 1
		case n < 4:
			legs = 3
		}
		c.one(c.draw(random, legs))
	}
}

// draw makes a transfer over so many servers; one over a single one has no effect on
// the balance.
func (c *coordinator) draw(random *rand.Rand, legs int) transfer {
	c.mu.Lock()
	c.n++
	t := transfer{ID: fmt.Sprintf("t%d-%d-%x", os.Getpid(), c.n, c.Seed&0xffff)}
	c.mu.Unlock()
	chosen := map[int]bool{}
	for _, server := range random.Perm(len(c.DSNs))[:legs] {
		chosen[server] = true
	}
	var sum int64
	for server := range len(c.DSNs) {
		if !chosen[server] {
			continue
		}
		delta := int64(random.IntN(100)) - 50
		if len(t.Legs) == legs-1 {
			delta = -sum
		}
		sum += delta
		t.Legs = append(t.Legs, leg{Server: server, Account: 1 + random.IntN(accountsPerServer), Delta: delta})
	}
	return t
}

// one makes a transfer and says what became of it.
func (c *coordinator) one(t transfer) {
	say("start %s", t.ID)
	ctx, cancel := context.WithTimeout(context.Background(), 15*time.Second)
	defer cancel()
	err := c.protocol.transfer(ctx, t)
	switch {
	case err == nil:
		say("ack %s", t.ID)
	case errors.Is(err, errInDoubt):
		say("doubt %s %s", t.ID, oneLine(err))
	default:
		say("failed %s %s", t.ID, oneLine(err))
		if c.Workers > 0 {
			time.Sleep(5 * time.Millisecond) // a server is down: don't spin
		}
	}
}
