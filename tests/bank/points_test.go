package bank

import (
	"fmt"
	"os"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/go-dtde/dtde/internal/testenv/servers"
)

// handPoints are the points of the protocol by hand that a transfer over all three
// servers passes.
var handPoints = []string{
	"begin", "work done", "before prepare", "after prepare 0", "after prepare 1", "prepared", "decision written", "decided",
	"before commit prepared 0", "before commit prepared 1", "after commit prepared 0", "after commit prepared 1", "finished",
}

// resolverPoints are those of dtde's protocol.
var resolverPoints = []string{
	"begin", "work done", "before prepare", "after prepare 0", "after prepare 1", "prepared", "decision written", "decided",
	"before commit prepared 0", "before commit prepared 1", "after commit prepared 0", "after commit prepared 1", "finished",
}

// deed is what is done while a coordinator waits at a point.
type deed struct {
	name string
	// kills: the coordinator is gone afterwards.
	kills bool
	do    func(t *testing.T, w *world, c *child, protocol string)
}

// The first alwaysDone are tried at every point in every run.
var deeds = []deed{
	{"kill the coordinator", true, func(_ *testing.T, _ *world, c *child, _ string) { c.kill() }},
	{"recover beside it", false, func(t *testing.T, w *world, _ *child, protocol string) { w.recoverOnce(t, protocol) }},
	{"stop the home", false, func(t *testing.T, w *world, _ *child, _ string) {
		w.set.Postgres[0].StopImmediate(t)
		w.set.Postgres[0].Start(t)
	}},
	{"stop a participant", false, func(t *testing.T, w *world, _ *child, _ string) {
		w.set.Postgres[2].StopImmediate(t)
		w.set.Postgres[2].Start(t)
	}},
	{"stop the home, which stays down", false, func(t *testing.T, w *world, _ *child, _ string) { w.set.Postgres[0].StopImmediate(t) }},
	{"stop a participant, which stays down", false, func(t *testing.T, w *world, _ *child, _ string) { w.set.Postgres[1].Kill(t) }},
	{"stop the home and kill the coordinator", true, func(t *testing.T, w *world, c *child, _ string) {
		w.set.Postgres[0].StopImmediate(t)
		c.kill()
	}},
	{"lose the home's replies", false, func(_ *testing.T, w *world, _ *child, _ string) { w.set.Postgres[0].Proxy.CutAfter(0) }},
	{"lose a participant's replies", false, func(_ *testing.T, w *world, _ *child, _ string) { w.set.Postgres[1].Proxy.CutAfter(0) }},
}

const alwaysDone = 2

// recoverOnce is a recovery of another process, beside what is going on.
func (w *world) recoverOnce(t *testing.T, protocolName string) {
	t.Helper()
	p, err := newProtocol(protocolName, w.dsns(), nil)
	require.NoError(t, err)
	defer p.close()
	_, _ = p.recover(t.Context()) // what is still at work may be in its way
}

// mend ends what a deed did to the servers.
func (w *world) mend(t *testing.T) {
	t.Helper()
	for _, s := range w.set.All() {
		s.Proxy.CutAfter(-1)
		if !s.Running() {
			s.StopImmediate(t) // forgets one that died
			s.Start(t)
		}
	}
}

// At the point where a coordinator has noticed that the reply to its decision is lost,
// somebody else recovers to the end, before it asks what was decided: it must not hear
// that nothing was.
func TestLostReplyAndRecoveryToTheEnd(t *testing.T) {
	w := newWorld(t, true)
	for _, protocol := range whole {
		t.Run(protocol, func(t *testing.T) { tryLostReply(t, w, protocol, w.set.Postgres[0].Proxy) })
	}
}

// tryLostReply has the reply to the home's COMMIT lost behind the home's proxy, and somebody else recover to the end
// before the coordinator asks.
func tryLostReply(t *testing.T, w *world, protocol string, home *servers.Proxy) {
	t.Helper()
	said := newOutcomes()
	c := startChild(t, settings{Protocol: protocol, DSNs: w.dsns(), PauseAt: decisionWritten, Seed: 1}, said)
	defer c.kill()
	c.tell(t, "transfer %d", len(w.names))
	c.await(t, "at "+decisionWritten)
	home.CutAfter(0)
	c.tell(t, "pause reply lost")
	c.tell(t, "go")
	c.await(t, "at reply lost")
	w.mend(t)
	w.recoverAll(t, protocol)
	c.tell(t, "go")
	after := outcome(c.next(t))
	c.kill()
	w.recoverAll(t, protocol)
	f := w.audit(t, said)
	assert.True(t, f.ok(), "%s (it said %q)", f, after)
	assert.Equal(t, acknowledged, after)
}

// decisionWritten is the point before the home commits.
const decisionWritten = "decision written"

// tryPoint has one transfer over three servers pause at the point, does the deed,
// recovers and audits. after is what the coordinator said, "" if it was killed.
func tryPoint(t *testing.T, w *world, protocol, point string, d deed) (f findings, after outcome) {
	t.Helper()
	said := newOutcomes()
	c := startChild(t, settings{Protocol: protocol, DSNs: w.dsns(), PauseAt: point, Seed: 1}, said)
	defer c.kill()
	c.tell(t, "transfer %d", len(w.names))
	c.await(t, "at "+point)
	d.do(t, w, c, protocol)
	if !d.kills {
		c.tell(t, "go")
		after = outcome(c.next(t))
		c.kill()
	}
	w.mend(t)
	w.recoverAll(t, protocol)
	return w.audit(t, said), after
}

// ourProtocols are dtde's, as programs use it; they must lose nothing, and neither must
// the same below its models or by hand.
var ourProtocols = []string{"dtde"}

// whole are all protocols that must lose nothing.
var whole = append([]string{"hand", "resolver"}, ourProtocols...)

// pointsVariable set to "all" does every deed at every point, by the other protocols,
// too, which takes minutes; else each point has the two that matter most, and the
// others in turn.
const pointsVariable = "DTDE_BANK_POINTS"

func TestEveryPoint(t *testing.T) {
	w := newWorld(t, true)
	all := os.Getenv(pointsVariable) == "all"
	protocols := ourProtocols
	if all {
		protocols = whole
	}
	for _, protocol := range protocols {
		for i, point := range pointsOf(protocol) {
			for j, d := range deeds {
				if !all && j >= alwaysDone && j != alwaysDone+i%(len(deeds)-alwaysDone) {
					continue
				}
				t.Run(fmt.Sprintf("%s/%s/%s", protocol, point, d.name), func(t *testing.T) {
					f, after := tryPoint(t, w, protocol, point, d)
					assert.True(t, f.ok(), "%s (it said %q)", f, after)
					if !d.kills && i >= slices.Index(pointsOf(protocol), "decided") {
						assert.Equal(t, acknowledged, after, "what is decided succeeds")
					}
				})
			}
		}
	}
}

// The harness finds what broken protocols lose: a test of the test.
func TestBrokenProtocolsAreFound(t *testing.T) {
	w := newWorld(t, true)
	find := func(name string) deed {
		for _, d := range deeds {
			if d.name == name {
				return d
			}
		}
		t.Fatalf("no deed %q", name)
		return deed{}
	}
	for _, c := range []struct {
		protocol, point, deed string
	}{
		// Recovery rolls back what the coordinator then decides to commit.
		{"resolver without tombstones", "prepared", "recover beside it"},
		{"resolver without tombstones", "decision written", "recover beside it"},
		{"hand without tombstones", "prepared", "recover beside it"},
		{"hand without tombstones", "decision written", "recover beside it"},
		// The home has committed, though its reply never came.
		{"hand that trusts errors", "decision written", "lose the home's replies"},
		{"resolver by best effort", "after commit 0", "kill the coordinator"},
		{"dtde by best effort", "after commit 0", "kill the coordinator"},
		{"shard by shard", "after commit 0", "kill the coordinator"},
		{"shard by shard", "before commit 1", "kill the coordinator"},
		{"shard by shard", "after commit 1", "stop a participant"},
	} {
		t.Run(c.protocol+"/"+c.point, func(t *testing.T) {
			w.renew(t) // what was lost before is lost for good
			f, _ := tryPoint(t, w, c.protocol, c.point, find(c.deed))
			assert.NotEmpty(t, f.Half, "%s", f)
			assert.False(t, f.ok())
			t.Logf("found: %s", f)
		})
	}
}
