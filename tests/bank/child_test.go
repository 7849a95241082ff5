package bank

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// outcome is what a coordinator said of a transfer last.
type outcome string

const (
	started      outcome = "start"
	acknowledged outcome = "ack"
	failed       outcome = "failed"
	inDoubt      outcome = "doubt"
)

// outcomes is what all coordinators said. It is safe for concurrent use.
type outcomes struct {
	mu   sync.Mutex
	said map[string]outcome
	// why is the last error of each kind, for the log.
	why map[outcome]string
}

func newOutcomes() *outcomes {
	return &outcomes{said: map[string]outcome{}, why: map[outcome]string{}}
}

func (o *outcomes) note(id string, what outcome, why string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.said[id] = what
	if why != "" {
		o.why[what] = why
	}
}

func (o *outcomes) all() map[string]outcome {
	o.mu.Lock()
	defer o.mu.Unlock()
	return maps.Clone(o.said)
}

func (o *outcomes) count() map[outcome]int {
	n := map[outcome]int{}
	for _, what := range o.all() {
		n[what]++
	}
	return n
}

// child is the parent's side of a coordinator.
type child struct {
	command *exec.Cmd
	input   io.WriteCloser
	events  chan string // what was said beside outcomes, and the outcomes' kinds
	ended   chan struct{}
	said    *outcomes
}

func startChild(t *testing.T, s settings, said *outcomes) *child {
	t.Helper()
	text, err := json.Marshal(s)
	require.NoError(t, err)
	c := &child{command: exec.Command(os.Args[0]), said: said, events: make(chan string, 1<<16), ended: make(chan struct{})}
	c.command.Env = append(os.Environ(), settingsVariable+"="+string(text))
	c.command.Stderr = os.Stderr
	c.command.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	c.input, err = c.command.StdinPipe()
	require.NoError(t, err)
	output, err := c.command.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, c.command.Start())
	go c.listen(output, s.Workers > 0)
	t.Cleanup(c.kill)
	if s.Workers == 0 {
		c.await(t, "ready")
	}
	return c
}

func (c *child) listen(output io.Reader, quiet bool) {
	defer close(c.ended)
	defer close(c.events)
	for lines := bufio.NewScanner(output); lines.Scan(); {
		word, rest, _ := strings.Cut(lines.Text(), " ")
		id, why, _ := strings.Cut(rest, " ")
		switch o := outcome(word); o {
		case started, acknowledged, failed, inDoubt:
			c.said.note(id, o, why)
			if o == started || quiet {
				continue
			}
			c.events <- word
		default:
			c.events <- lines.Text()
		}
	}
}

// await waits until the coordinator says so.
func (c *child) await(t *testing.T, event string) {
	t.Helper()
	got := c.next(t)
	require.Equal(t, event, got, "%v", c.said.why)
}

// next is what the coordinator says next; "" if it has ended.
func (c *child) next(t *testing.T) string {
	t.Helper()
	select {
	case got := <-c.events:
		return got
	case <-time.After(2 * time.Minute):
		require.FailNow(t, "the coordinator says nothing")
		return ""
	}
}

func (c *child) tell(t *testing.T, format string, args ...any) {
	t.Helper()
	_, err := fmt.Fprintf(c.input, format+"\n", args...)
	require.NoError(t, err)
}

// kill is kill -9; all that was said before has been heard when it returns.
func (c *child) kill() {
	_ = c.command.Process.Kill()
	<-c.ended
	_ = c.command.Wait()
}
