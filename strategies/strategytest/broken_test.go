package strategytest

import (
	"errors"
	"slices"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/go-dtde/dtde/config"
)

var column = []config.KeyColumn{{Column: "n", Kind: config.KindInt}}

func gen(t *rapid.T) []config.Value {
	return []config.Value{config.Int(rapid.Int64Range(0, 9).Draw(t, "n"))}
}

// parity is a correct strategy; its functions can be replaced by broken ones.
type parity struct {
	shards []string
	print  func() string
	placed func(n int64) (string, error)
	routed func(config.RouteQuery) config.Routing
}

func correct() parity {
	p := parity{shards: []string{"even", "odd"}, print: func() string { return "parity=1" }}
	p.placed = func(n int64) (string, error) { return p.shards[n%2], nil }
	p.routed = func(q config.RouteQuery) config.Routing {
		var ids []string
		for _, id := range q.Known {
			for n := range int64(10) {
				if q.Keys[0].Contains(config.Int(n)) && p.shards[n%2] == id && !slices.Contains(ids, id) {
					ids = append(ids, id)
				}
			}
		}
		return config.Routing{IDs: ids}
	}
	return p
}

func (p parity) Name() string                             { return "parity" }
func (p parity) Fingerprint() string                      { return p.print() }
func (p parity) Check(keys []config.KeyColumn) error      { return nil }
func (p parity) Shards() []string                         { return p.shards }
func (p parity) Route(q config.RouteQuery) config.Routing { return p.routed(q) }
func (p parity) Place(key []config.Value) (string, error) {
	n, ok := key[0].AsInt()
	if !ok {
		return "", config.ErrMissingShardKey
	}
	return p.placed(n)
}

// growing makes its shards at run time.
type growing struct{ parity }

func (growing) Shards() []string                   { return nil }
func (g growing) Owns(id string) bool              { return slices.Contains(g.shards, id) }
func (growing) Upto(config.Value) ([]string, bool) { return nil, false }

// verdict is the first complaint about a strategy, over many samples.
func verdict(s config.Strategy) error {
	if err := description([]config.Strategy{s, s}, column); err != nil {
		return err
	}
	samples := rapid.Custom(func(t *rapid.T) sample { return drawSample(t, s, column, gen) })
	for seed := range 300 {
		if err := samples.Example(seed).laws([]config.Strategy{s, s}); err != nil {
			return err
		}
	}
	return nil
}

func TestCorrectStrategiesPass(t *testing.T) {
	t.Parallel()
	Run(t, correct(), column, gen, func() (config.Strategy, error) { return correct(), nil })
	open := correct()
	inner := open.routed
	open.routed = func(q config.RouteQuery) config.Routing {
		r := inner(q)
		r.Open = true
		return r
	}
	Run(t, growing{open}, column, gen)
}

// A suite that passes everything proves nothing.
func TestEveryBrokenStrategyIsFound(t *testing.T) {
	t.Parallel()
	changed := func(change func(p *parity)) config.Strategy {
		p := correct()
		change(&p)
		return p
	}
	var calls atomic.Int64
	good := correct()
	for _, c := range []struct {
		name     string
		strategy config.Strategy
		want     string
	}{
		{"no fingerprint", changed(func(p *parity) { p.print = func() string { return "" } }), "Fingerprint is empty"},
		{"unsteady fingerprint", changed(func(p *parity) { p.print = func() string { return string(rune('a' + calls.Add(1)%20)) } }), "Fingerprint differ"},
		{"fingerprint with a gap", changed(func(p *parity) { p.print = func() string { return "a\n\nb" } }), "empty line"},
		{"no shards", changed(func(p *parity) { p.shards = nil }), "Shards is empty"},
		{"shards by case", changed(func(p *parity) { p.shards = []string{"odd", "ODD"} }), "twice but for case"},
		{"empty shard", changed(func(p *parity) { p.shards = []string{"odd", ""} }), "empty id"},
		{"unsteady place", changed(func(p *parity) {
			p.placed = func(int64) (string, error) { return good.shards[calls.Add(1)%2], nil }
		}), "Place is not deterministic"},
		{"foreign place", changed(func(p *parity) { p.placed = func(int64) (string, error) { return "x", nil } }), "neither in Shards nor owned"},
		{"empty place", changed(func(p *parity) { p.placed = func(int64) (string, error) { return "", nil } }), "empty id"},
		{"untyped error", changed(func(p *parity) { p.placed = func(int64) (string, error) { return "", errors.New("no") } }), "wraps neither"},
		{"leaves out a shard", changed(func(p *parity) {
			p.routed = func(q config.RouteQuery) config.Routing {
				r := good.routed(q)
				if len(r.IDs) == 2 {
					r.IDs = r.IDs[:1]
				}
				return r
			}
		}), "leaves out its shard"},
		{"not among the known", changed(func(p *parity) {
			p.routed = func(config.RouteQuery) config.Routing { return config.Routing{IDs: good.shards} }
		}), "not known"},
		{"out of order", changed(func(p *parity) {
			p.routed = func(q config.RouteQuery) config.Routing {
				r := good.routed(q)
				slices.Reverse(r.IDs)
				return r
			}
		}), "not in the order"},
		{"unsteady route", changed(func(p *parity) {
			p.routed = func(config.RouteQuery) config.Routing { return config.Routing{All: calls.Add(1)%2 == 0} }
		}), "Route"},
		{"changes its query", changed(func(p *parity) {
			p.routed = func(q config.RouteQuery) config.Routing {
				slices.Reverse(q.Known)
				return config.Routing{All: true}
			}
		}), "changes its query"},
		{"open without need", changed(func(p *parity) {
			p.routed = func(config.RouteQuery) config.Routing { return config.Routing{All: true, Open: true} }
		}), "no shard can be made"},
		{"not open", growing{good}, "does not say Open"},
	} {
		require.ErrorContains(t, verdict(c.strategy), c.want, c.name)
	}
	require.NoError(t, verdict(good))
}
