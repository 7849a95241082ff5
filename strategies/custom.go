package strategies

import (
	"errors"
	"fmt"
	"slices"

	"github.com/go-dtde/dtde/config"
)

// custom calls the program's own strategy and guards what it answers. A panic in it is
// not recovered.
type custom struct {
	config.Strategy
	ids map[string]bool // of Shards, none if the program gave no fixed shards
	own func(id string) bool
}

// dynamicCustom is a custom strategy that makes shards at run time.
type dynamicCustom struct {
	*custom
	dynamic config.DynamicStrategy
}

func newCustom(spec config.StrategySpec) (config.Strategy, error) {
	f := faults{field: "strategy"}
	if spec.Custom == nil {
		f.add("a custom strategy needs the strategy")
		return nil, f.err()
	}
	c := &custom{Strategy: spec.Custom, ids: map[string]bool{}, own: func(string) bool { return false }}
	if c.Name() == "" {
		f.add("the custom strategy has no name")
	}
	if c.Strategy.Fingerprint() == "" {
		f.add("the custom strategy has no fingerprint: it must describe everything that decides placement")
	}
	for _, id := range spec.Custom.Shards() {
		if id == "" {
			f.add("the custom strategy lists an empty shard id")
		} else if c.ids[id] {
			f.at(id, "the custom strategy lists the shard twice")
		}
		c.ids[id] = true
	}
	dynamic, isDynamic := spec.Custom.(config.DynamicStrategy)
	if !isDynamic && len(c.ids) == 0 {
		f.add("the custom strategy lists no shards")
	}
	if err := f.err(); err != nil {
		return nil, err
	}
	if !isDynamic {
		return c, nil
	}
	c.own = dynamic.Owns
	return &dynamicCustom{custom: c, dynamic: dynamic}, nil
}

// Fingerprint nests the program's own lines, so that they cannot be taken for others.
func (c *custom) Fingerprint() string {
	var l lines
	l.add("strategy", "custom/1")
	l.nest("custom.", c.Strategy.Fingerprint())
	return l.String()
}

func (c *custom) Check(keys []config.KeyColumn) error {
	err := c.Strategy.Check(keys)
	if err == nil || errors.Is(err, config.ErrConfig) {
		return err
	}
	return &config.ConfigError{Field: "strategy", Problem: "the custom strategy does not take the key", Cause: err}
}

func (c *custom) Place(key []config.Value) (string, error) {
	id, err := c.Strategy.Place(key)
	switch {
	case err == nil && (c.ids[id] || id != "" && c.own(id)):
		return id, nil
	case err == nil:
		return "", fmt.Errorf("%w: strategy %q places the key in a shard that it does not have", config.ErrShardNotFound, c.Name())
	case errors.Is(err, config.ErrMissingShardKey), errors.Is(err, config.ErrShardNotFound):
		return "", err
	}
	return "", fmt.Errorf("%w: %w", config.ErrShardNotFound, err)
}

// Route brings the program's answer into the order of the known shards. An id that is
// not known means that the answer cannot be trusted: all shards are visited.
func (c *custom) Route(q config.RouteQuery) config.Routing {
	r := c.Strategy.Route(q)
	if r.All {
		return config.Routing{All: true, Open: r.Open}
	}
	at := 0
	for _, id := range r.IDs {
		k := slices.Index(q.Known[at:], id)
		if k < 0 {
			return c.reordered(q, r)
		}
		at += k + 1
	}
	return r
}

func (c *custom) reordered(q config.RouteQuery, r config.Routing) config.Routing {
	wanted := map[string]bool{}
	for _, id := range r.IDs {
		if !slices.Contains(q.Known, id) {
			return config.Routing{All: true, Open: r.Open}
		}
		wanted[id] = true
	}
	out := pick(q.Known, func(k int) bool { return wanted[q.Known[k]] })
	out.Open = r.Open
	return out
}

func (c *dynamicCustom) Owns(id string) bool { return c.dynamic.Owns(id) }

func (c *dynamicCustom) Upto(until config.Value) ([]string, bool) { return c.dynamic.Upto(until) }
