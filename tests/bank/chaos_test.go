package bank

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// The environment variables of TestChaos: how long, and the seed of a former run. What
// a seed fixes is what is done and after which pauses, not how it falls together.
const (
	secondsVariable = "DTDE_BANK_SECONDS"
	seedVariable    = "DTDE_BANK_SEED"
)

const (
	chaosSeconds    = 20
	chaosChildren   = 3
	chaosWorkers    = 4 // of each child
	chaosRecoverers = 2
)

func number(t *testing.T, variable string, otherwise uint64) uint64 {
	t.Helper()
	text := os.Getenv(variable)
	if text == "" {
		return otherwise
	}
	n, err := strconv.ParseUint(text, 10, 64)
	require.NoError(t, err, variable)
	return n
}

// TestChaos kills coordinators and servers at random while they work.
func TestChaos(t *testing.T) {
	if testing.Short() {
		t.Skip("takes its time")
	}
	seed := number(t, seedVariable, rand.Uint64())
	total := time.Duration(number(t, secondsVariable, chaosSeconds)) * time.Second
	t.Logf("%s=%d %s=%.0f", seedVariable, seed, secondsVariable, total.Seconds())
	for i, protocol := range ourProtocols {
		t.Run(protocol, func(t *testing.T) {
			newChaos(t, newWorld(t, true), protocol, seed+uint64(i)).run(t, total/time.Duration(len(ourProtocols)))
		})
	}
}

// TestChaosBesideAnotherEngine does so where the third bank is MariaDB's, in half the time.
func TestChaosBesideAnotherEngine(t *testing.T) {
	if testing.Short() {
		t.Skip("takes its time")
	}
	seed := number(t, seedVariable, rand.Uint64())
	total := time.Duration(number(t, secondsVariable, chaosSeconds)) * time.Second / 2
	t.Logf("%s=%d %s=%.0f", seedVariable, seed, secondsVariable, 2*total.Seconds())
	newChaos(t, newWorldBeside(t, true, "mariadb"), "dtde beside mariadb", seed).run(t, total)
}

// chaos is one run.
type chaos struct {
	*world
	protocol string
	random   *rand.Rand
	said     *outcomes
	children []*child
	deeds    map[string]int
	ended    int // transactions that recovery ended
}

func newChaos(t *testing.T, w *world, protocol string, seed uint64) *chaos {
	t.Helper()
	return &chaos{
		world: w, protocol: protocol, random: rand.New(rand.NewPCG(seed, 0)),
		said: newOutcomes(), deeds: map[string]int{},
	}
}

func (c *chaos) run(t *testing.T, long time.Duration) {
	for range chaosChildren {
		c.children = append(c.children, c.spawn(t))
	}
	stop := make(chan struct{})
	recovered := make([]int, chaosRecoverers)
	var beside sync.WaitGroup
	for i := range recovered {
		beside.Go(func() { recovered[i] = c.recoverBeside(t, stop) })
	}
	for end := time.Now().Add(long); time.Now().Before(end); {
		time.Sleep(time.Duration(20+c.random.IntN(180)) * time.Millisecond)
		c.strike(t)
	}
	close(stop)
	beside.Wait()
	for _, n := range recovered {
		c.ended += n
	}
	c.mend(t)
	time.Sleep(500 * time.Millisecond) // the rest works on healthy servers for a moment
	for _, child := range c.children {
		child.kill()
	}
	c.ended += c.recoverAll(t, c.protocol)
	f := c.audit(t, c.said)
	n := c.said.count()
	t.Logf("%s: %d acknowledged, %d failed, %d in doubt, %d cut off; %d there; recovery ended %d; %v",
		c.protocol, n[acknowledged], n[failed], n[inDoubt], n[started], f.There, c.ended, c.deeds)
	assert.True(t, f.ok(), "%s", f)
	assert.Greater(t, n[acknowledged], int(5*long.Seconds()), "money moved; last errors %v", c.said.why)
	assert.Positive(t, c.ended, "recovery had something to do")
}

// spawn starts a coordinator; one in two has a point at which it kills itself.
func (c *chaos) spawn(t *testing.T) *child {
	t.Helper()
	s := settings{Protocol: c.protocol, DSNs: c.dsns(), Seed: c.random.Uint64(), Workers: chaosWorkers}
	if c.random.IntN(2) == 0 {
		points := pointsOf(c.protocol)
		s.KillAt, s.KillHit = points[c.random.IntN(len(points))], 1+c.random.IntN(60)
	}
	return startChild(t, s, c.said)
}

// strike does one bad thing, and replaces coordinators that are gone.
func (c *chaos) strike(t *testing.T) {
	servers := c.set.All()
	server := servers[c.random.IntN(len(servers))]
	which := c.random.IntN(len(c.children))
	deed := ""
	switch n := c.random.IntN(20); {
	case n < 9:
		deed = "coordinators killed"
		c.children[which].kill()
	case n < 12:
		deed = "servers stopped"
		server.StopImmediate(t)
		time.Sleep(time.Duration(c.random.IntN(150)) * time.Millisecond)
		server.Start(t)
	case n < 13:
		deed = "servers killed"
		server.Restart(t)
	case n < 16:
		deed = "connections cut"
		server.Proxy.Cut()
	case n < 17:
		deed = "replies lost"
		server.Proxy.CutAfter(int64(c.random.IntN(2000)))
		time.Sleep(50 * time.Millisecond)
		server.Proxy.CutAfter(-1)
	default:
		deed = "let be"
	}
	c.deeds[deed]++
	for i, child := range c.children {
		select {
		case <-child.ended:
			if deed != "coordinators killed" || i != which {
				c.deeds["coordinators killed at a point"]++
			}
			child.kill()
			c.children[i] = c.spawn(t)
		default:
		}
	}
}

// recoverBeside recovers again and again while coordinators work, as several
// processes of one program do.
func (c *chaos) recoverBeside(t *testing.T, stop <-chan struct{}) (ended int) {
	p, err := newProtocol(c.protocol, c.dsns(), nil)
	if !assert.NoError(t, err) {
		return 0
	}
	defer p.close()
	for {
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		n, _ := p.recover(ctx) // a server may be down: it is for later
		cancel()
		ended += n
		select {
		case <-stop:
			return ended
		case <-time.After(100 * time.Millisecond):
		}
	}
}

// pointsOf are a protocol's points that a transfer over all three servers passes.
func pointsOf(protocol string) []string {
	switch protocol {
	case "dtde", "resolver", "dtde beside mariadb", "dtde beside sqlite":
		return resolverPoints
	case "hand", "hand without tombstones", "hand that trusts errors":
		return handPoints
	}
	panic(fmt.Sprintf("no points of %q", protocol))
}
