package config

import "strings"

// Bounds of the settings.
const (
	maxParallelShards = 256
	maxNodeID         = 1023
)

// checkLimits checks the settings outside any entity.
func checkLimits(f *faults, c Config) {
	if c.MaxParallelShards < 0 || c.MaxParallelShards > maxParallelShards {
		f.add("", "MaxParallelShards", "must lie within 0 (which means %d) and %d", DefaultMaxParallelShards, maxParallelShards)
	}
	for _, limit := range []struct {
		name      string
		value     int
		otherwise int
	}{
		{"MaxParallelStatements", c.MaxParallelStatements, DefaultMaxParallelStatements},
		{"MaxShards", c.MaxShards, DefaultMaxShards},
		{"MaxShardsPerEntity", c.MaxShardsPerEntity, DefaultMaxShardsPerEntity},
		{"MaxBufferedRows", c.MaxBufferedRows, DefaultMaxBufferedRows},
	} {
		if limit.value < 0 {
			f.add("", limit.name, "must not be negative; 0 means %d", limit.otherwise)
		}
	}
	if c.Breaker.Pause < 0 {
		f.add("", "Breaker", "the pause is negative; 0 means %v", DefaultBreakerPause)
	}
	if c.NodeID < 0 || c.NodeID > maxNodeID {
		f.add("", "NodeID", "must lie within 0 (which leases one) and %d", maxNodeID)
	}
	if c.Reads > ReadSessions {
		f.add("", "Reads", "unknown form %d", c.Reads)
	}
}

// checkNames refuses names that stand for two things, within and across entities.
func checkNames(f *faults, tables []*Table, dialect string) {
	logical, bare := map[string]*Table{}, map[string]*Table{}
	for _, t := range tables {
		if other := bare[strings.ToLower(t.LogicalName)]; other != nil {
			f.add(t.Name, "", "the logical name %q is also that of %s; statements could not tell them apart", t.LogicalName, other.Name)
			continue
		}
		bare[strings.ToLower(t.LogicalName)] = t
		logical[tableKey(t.Schema.Table, dialect)] = t
	}
	type owner struct {
		table *Table
		shard *Shard
	}
	owners := map[string]owner{}
	for _, t := range tables {
		for _, s := range t.Shards {
			if s.Table == "" {
				continue
			}
			key := tableKey(s.Table, dialect)
			if other := logical[key]; other != nil && (other != t || !t.Unsharded) {
				f.add(t.Name, s.ID, "the table %q is the logical name of %s, which is never a table", s.Table, other.Name)
			}
			key = s.Database + "\x00" + key
			if other, taken := owners[key]; taken {
				f.add(t.Name, s.ID, "the table %q is also that of shard %q of %s", s.Table, other.shard.ID, other.table.Name)
				continue
			}
			owners[key] = owner{t, s}
		}
	}
}
