package config

import "strings"

// shards merges the strategy's shards with the explicit ones.
func (k *compiler) shards(derived []string) {
	explicit := map[string]*Shard{}
	folded := map[string]string{}
	for i := range k.entity.Shards {
		s := k.entity.Shards[i]
		if explicit[s.ID] != nil {
			k.fault(s.ID, "two shards with this id")
			continue
		}
		explicit[s.ID] = &s
	}
	reachable := map[string]bool{}
	add := func(id string) {
		if reachable[id] {
			return
		}
		reachable[id] = true
		s := explicit[id]
		if s == nil {
			s = &Shard{ID: id}
		}
		k.place(s)
		if other, clash := folded[strings.ToLower(id)]; clash {
			k.fault(id, "the id differs from %q by case only", other)
		}
		folded[strings.ToLower(id)] = id
		k.table.Shards = append(k.table.Shards, s)
	}
	for _, id := range derived {
		add(id)
	}
	dynamic, isDynamic := k.table.Dynamic()
	for i := range k.entity.Shards {
		id := k.entity.Shards[i].ID
		switch {
		case reachable[id]:
		case isDynamic && dynamic.Owns(id):
			add(id)
		default:
			k.fault(id, "no key leads to this shard: its id is none that the strategy gives")
		}
	}
	if len(k.table.Shards) == 0 && !isDynamic {
		k.fault("", "no shards: give values, ranges or explicit shards")
	}
	if n := len(k.table.Shards); n > k.limit {
		k.fault("", "%d shards are more than the limit of %d (MaxShardsPerEntity)", n, k.limit)
	}
}

// place completes one shard with its table's name and checks both.
func (k *compiler) place(s *Shard) {
	if problem := shardIDFault(s.ID); problem != "" {
		if k.entity.Strategy.Kind == "value" && len(s.Values) == 0 {
			problem += "; a value that makes no id is given to a shard of another one: WithShards(Shard{ID: …, Values: []any{…}})"
		}
		k.fault(s.ID, "%s", problem)
		return
	}
	k.home(s)
	if s.Priority < 0 {
		k.fault(s.ID, "the priority is negative")
	}
	if s.Table == "" {
		if TableSuffix(s.ID) == "" {
			k.fault(s.ID, "the id has no letter or digit to name its table by; give the shard a table")
			return
		}
		s.Table = k.table.ShardTable(s.ID).Table
	}
	if problem := identifierFault(s.Table, k.env.Dialect); problem != "" {
		k.fault(s.ID, "the table's name %s", problem)
	}
}
