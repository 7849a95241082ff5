package strategies

import (
	"strconv"

	"github.com/go-dtde/dtde/config"
)

// ErrPlacedByState is what Place of [MaxRows] gives: the shard that takes new rows is
// kept in the database, not decided by a key.
var ErrPlacedByState error = placedByState{}

type placedByState struct{}

func (placedByState) Error() string {
	return "dtde: the shard of a new row is kept in the database, not decided by a key"
}

// Is matches config.Err.
func (placedByState) Is(target error) bool { return target == config.Err }

// MaxRows fills one shard after the other. It has no key: its shards are "1", "2", …,
// and which of them takes new rows is state in the database. It is immutable.
type MaxRows struct {
	// MaxRows is the number of rows at which a shard is full, at least 1. It decides
	// nothing about rows that are stored, so it can be changed.
	MaxRows int64
}

var _ config.DynamicStrategy = (*MaxRows)(nil)

func newMaxRows(spec config.StrategySpec) (config.Strategy, error) {
	if spec.MaxRows < 1 {
		return nil, &config.ConfigError{Field: "max rows", Problem: "a shard must hold at least one row"}
	}
	return &MaxRows{MaxRows: spec.MaxRows}, nil
}

// Name is "maxrows".
func (*MaxRows) Name() string { return "maxrows" }

// Fingerprint does not depend on MaxRows.
func (*MaxRows) Fingerprint() string { return "strategy=maxrows/1" }

// Check refuses key columns: there is nothing that they could decide.
func (*MaxRows) Check(keys []config.KeyColumn) error {
	if len(keys) > 0 {
		return &config.ConfigError{Field: label(&keys[0]), Problem: "maxrows takes no key column"}
	}
	return nil
}

// Shards is the first shard, "1".
func (*MaxRows) Shards() []string { return []string{"1"} }

// Place always gives ErrPlacedByState.
func (*MaxRows) Place([]config.Value) (string, error) { return "", ErrPlacedByState }

// Route is always every shard, and open: any row can be in any shard.
func (*MaxRows) Route(config.RouteQuery) config.Routing {
	return config.Routing{All: true, Open: true}
}

// Owns tells whether id is a positive number in decimal.
func (*MaxRows) Owns(id string) bool {
	n, err := strconv.ParseInt(id, 10, 64)
	return err == nil && n > 0 && strconv.FormatInt(n, 10) == id
}

// Upto has nothing to list: shards are made by rows, not by time.
func (*MaxRows) Upto(config.Value) ([]string, bool) { return nil, false }

// Next is the id of the shard after id, or "" if id is none that it owns or the last
// that there can be.
func (m *MaxRows) Next(id string) string {
	n, err := strconv.ParseInt(id, 10, 64)
	if err != nil || !m.Owns(id) || n+1 < 0 {
		return ""
	}
	return strconv.FormatInt(n+1, 10)
}
