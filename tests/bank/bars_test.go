package bank

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/go-dtde/dtde/internal/bars"
)

// TestBars is run by make bench: what a commit over two databases costs, with servers
// that write through to the disk. A missed bar is printed, not failed.
func TestBars(t *testing.T) {
	if os.Getenv("DTDE_BARS") == "" {
		t.Skip("measures; run it by make bench")
	}
	w := newWorld(t, true)
	r := bars.New(os.Stdout)
	r.Rounds = 300
	r.Section("Transfers over several servers, with fsync")
	sides := map[string]*side{}
	for _, name := range whole {
		sides[name] = newSide(t, w, name)
		defer sides[name].protocol.close()
	}
	hand := sides["hand"]
	r.Ratio("by hand, two databases ÷ one (expected: 2.7 to 3.3)", bars.NoBar, hand.move(2), hand.move(1))
	w.costs(t, r, "hand")
	for _, name := range whole[1:] {
		s := sides[name]
		r.Ratio(name+", one database, beside the same by hand", bars.NoBar, s.move(1), hand.move(1))
		r.Ratio(name+", two databases, beside the same by hand", 1.2, s.move(2), hand.move(2))
		r.Ratio(name+", three databases, beside the same by hand", bars.NoBar, s.move(3), hand.move(3))
		r.Ratio(name+", two databases ÷ one", bars.NoBar, s.move(2), s.move(1))
		r.Ratio(name+", three databases ÷ one", bars.NoBar, s.move(3), s.move(1))
		w.costs(t, r, name)
	}
	require.NoError(t, r.Finish())
}

// costs prints what single transfers cost.
func (w *world) costs(t *testing.T, r *bars.Report, name string) {
	t.Helper()
	for legs := 1; legs <= 3; legs++ {
		cost, err := w.cost(t, name, legs)
		if err != nil {
			r.Fault(name+", cost", err)
			continue
		}
		r.Line(fmt.Sprintf("%s, %d databases: ms, round trips, fsyncs", name, legs), cost)
	}
}

// side makes transfers by one protocol.
type side struct {
	protocol    protocol
	coordinator *coordinator
	random      *rand.Rand
}

func newSide(t *testing.T, w *world, name string) *side {
	t.Helper()
	p, err := newProtocol(name, w.dsns(), nil)
	require.NoError(t, err)
	return &side{
		protocol: p, random: rand.New(rand.NewPCG(1, 1)),
		coordinator: &coordinator{settings: settings{Protocol: name, DSNs: w.dsns(), Seed: rand.Uint64()}},
	}
}

// move makes one transfer over so many databases.
func (s *side) move(legs int) bars.Run {
	return func() error {
		return s.protocol.transfer(context.Background(), s.coordinator.draw(s.random, legs))
	}
}

// cost measures single transfers at rest: their time, and per transfer what they
// waited for on the network and how often the servers' logs were written through.
func (w *world) cost(t *testing.T, name string, legs int) (string, error) {
	t.Helper()
	const warm, n = 20, 200
	s := newSide(t, w, name)
	move := s.move(legs)
	var trips, syncs int64
	var took time.Duration
	for i := range warm + n {
		if i == warm {
			trips, syncs = -w.roundTrips(), -w.fsyncs(t)
			took = -time.Duration(time.Now().UnixNano())
		}
		if err := move(); err != nil {
			s.protocol.close()
			return "", err
		}
	}
	took += time.Duration(time.Now().UnixNano())
	trips += w.roundTrips()
	s.protocol.close() // sessions tell their statistics when they end
	time.Sleep(500 * time.Millisecond)
	syncs += w.fsyncs(t)
	return fmt.Sprintf("%.2f  %.1f  %.1f", took.Seconds()*1000/n, float64(trips)/n, float64(syncs)/n), nil
}

func (w *world) roundTrips() (n int64) {
	for _, s := range w.set.Postgres {
		n += s.Proxy.RoundTrips()
	}
	return n
}

func (w *world) fsyncs(t *testing.T) (n int64) {
	t.Helper()
	for _, s := range w.set.Postgres {
		var one int64
		require.NoError(t, s.Admin().QueryRow("SELECT wal_sync FROM pg_stat_wal").Scan(&one))
		n += one
	}
	return n
}
