package oracle

import (
	"fmt"
	"slices"

	"github.com/go-dtde/dtde"
	"github.com/go-dtde/dtde/config"
)

// byParity uses a strategy of the program's own.
func byParity(n int) *variant {
	v := plainVariant("custom", n, items)
	v.keys = []string{"level"}
	v.entity = func() dtde.Entity { return dtde.Model(&Item{}).ShardByFunc("Level", remainder(n)) }
	return v
}

// remainder places integers by their remainder.
type remainder int64

func (n remainder) Name() string        { return "remainder" }
func (n remainder) Fingerprint() string { return fmt.Sprintf("remainder/1 n=%d", int64(n)) }

func (n remainder) Check(keys []config.KeyColumn) error {
	if len(keys) != 1 || keys[0].Kind != config.KindInt {
		return fmt.Errorf("remainder takes one integer")
	}
	return nil
}

func (n remainder) Shards() []string {
	ids := make([]string, n)
	for i := range ids {
		ids[i] = fmt.Sprint("m", i)
	}
	return ids
}

func (n remainder) Place(key []config.Value) (string, error) {
	i, ok := key[0].AsInt()
	if !ok {
		return "", fmt.Errorf("%w: no integer", dtde.ErrMissingShardKey)
	}
	return fmt.Sprint("m", ((i%int64(n))+int64(n))%int64(n)), nil
}

func (n remainder) Route(q config.RouteQuery) config.Routing {
	points, ok := q.Keys[0].Enumerate(1000)
	if !ok {
		return config.Routing{All: true}
	}
	var ids []string
	for _, known := range q.Known {
		for _, p := range points {
			if id, err := n.Place([]config.Value{p}); err == nil && id == known && !slices.Contains(ids, id) {
				ids = append(ids, id)
			}
		}
	}
	return config.Routing{IDs: ids}
}

// byManualTables uses tables that the suite makes by plain SQL.
func byManualTables(n int) *variant {
	v := plainVariant("manual", n, items)
	v.keys = []string{"level"}
	v.levels = 2 * n
	if n == 8 {
		v.keys, v.levels, v.to = []string{"ordered_at"}, 9, start.AddDate(0, 8, 0)
		v.bad = func(r *row) { r.OrderedAt = v.to }
	}
	for i := range n {
		v.manual = append(v.manual, fmt.Sprintf("legacy_%c", 'a'+i))
	}
	v.entity = func() dtde.Entity {
		var tables []dtde.Shard
		for i, name := range v.manual {
			switch {
			case n == 8:
				tables = append(tables, dtde.ManualTable(name, "ordered_at >= ? AND ordered_at < ?", start.AddDate(0, i, 0), start.AddDate(0, i+1, 0)))
			case n == 1:
				tables = append(tables, dtde.ManualTable(name, "level >= ?", -1000000))
			case i == 0:
				tables = append(tables, dtde.ManualTable(name, "level < ?", 2))
			case i == n-1:
				tables = append(tables, dtde.ManualTable(name, "level >= ?", 2*i))
			default:
				tables = append(tables, dtde.ManualTable(name, "level >= ? AND level < ?", 2*i, 2*i+2))
			}
		}
		e := dtde.Model(&Item{}).UseManualSharding(tables...)
		return e.WithKeys(dtde.KeySpec{Source: dtde.KeyTimeOrdered})
	}
	return v
}
