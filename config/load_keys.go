package config

import (
	"go.yaml.in/yaml/v3"
)

// The words of settings files, in the order of the constants that they stand for.
var (
	readWords    = []string{ReadAuto.String(), ReadUnion.String(), ReadSessions.String()}
	storageWords = []string{Tables.String(), Manual.String(), Databases.String()}
	unitWords    = unitNames[1:]
	kindWords    = kindNames[KindBool:]
	sourceWords  = keySourceNames[:]
	// strategyWords are the kinds of strategy; manual tables have a key of their own.
	strategyWords = []string{"value", "date", "hash", "ring", "alphabet", "range", "maxrows", "composite", "custom", "computed"}
)

func (l *loader) configKeys(c *Config) fileKeys {
	return fileKeys{
		"maxParallelShards":     number(l, "maxParallelShards", &c.MaxParallelShards),
		"maxShards":             number(l, "maxShards", &c.MaxShards),
		"maxShardsPerEntity":    number(l, "maxShardsPerEntity", &c.MaxShardsPerEntity),
		"maxParallelStatements": number(l, "maxParallelStatements", &c.MaxParallelStatements),
		"maxBufferedRows":       number(l, "maxBufferedRows", &c.MaxBufferedRows),
		"nodeID":                number(l, "nodeID", &c.NodeID),
		"reads":                 l.choice("reads", readWords, func(i int) { c.Reads = ReadForm(i) }),
		"observer":              registered(l, "observer", l.registry.Observers, func(_ string, o Observer) { c.Observer = o }),
		"bulk":                  registered(l, "bulk", l.registry.Bulks, func(_ string, b Bulk) { c.Bulk = b }),
		"cluster":               l.text("cluster", &c.Cluster),
		"breaker":               func(n *yaml.Node) { l.mapping(n, "breaker", l.breakerKeys(&c.Breaker)) },
		"contains": func(n *yaml.Node) {
			l.sequence(n, "contains", func(n *yaml.Node) {
				var r ContainmentRule
				l.mapping(n, "contains", l.containmentKeys(&r))
				l.require(n, "contains", "parent", "child", "foreignKey", "mode")
				c.Contains = append(c.Contains, r)
			})
		},
		"databases": func(n *yaml.Node) {
			c.Drivers = l.registry.Drivers
			l.sequence(n, "databases", func(n *yaml.Node) {
				var d Database
				l.mapping(n, "databases", l.databaseKeys(&d))
				l.require(n, "databases", "id")
				c.Databases = append(c.Databases, d)
			})
		},
		"entities": func(n *yaml.Node) {
			l.sequence(n, "entities", func(n *yaml.Node) {
				var e Entity
				l.model = modelName(n)
				l.mapping(n, "", l.entityKeys(&e))
				l.require(n, "", "model")
				if hasKey(n, "manual") && (hasKey(n, "strategy") || hasKey(n, "shards")) {
					l.fault(n, "manual", "manual tables say by themselves where rows are; drop strategy and shards")
				}
				l.model = ""
				c.Entities = append(c.Entities, e)
			})
		},
	}
}

// modelName looks ahead for an entity's name, so that every fault can carry it.
func modelName(n *yaml.Node) string {
	for i := 0; n.Kind == yaml.MappingNode && i+1 < len(n.Content); i += 2 {
		if n.Content[i].Value == "model" {
			return n.Content[i+1].Value
		}
	}
	return ""
}

func (l *loader) entityKeys(e *Entity) fileKeys {
	return fileKeys{
		"model": registered(l, "model", l.registry.Models, func(name string, model any) { e.Name, e.Model = name, model }),
		"strategy": func(n *yaml.Node) {
			l.strategy(n, &e.Strategy)
		},
		"storage": l.choice("storage", storageWords, func(i int) { e.Storage = StorageMode(i + 1) }),
		"group":   l.text("group", &e.Group),
		"shards": func(n *yaml.Node) {
			l.sequence(n, "shards", func(n *yaml.Node) {
				var s Shard
				l.mapping(n, "shards", l.shardKeys(&s))
				l.require(n, "shards", "id")
				e.Shards = append(e.Shards, s)
			})
		},
		"manual": func(n *yaml.Node) {
			e.Strategy.Kind, e.Storage = "manual", Manual
			l.sequence(n, "manual", func(n *yaml.Node) {
				var s Shard
				l.mapping(n, "manual", l.manualKeys(&s))
				l.require(n, "manual", "table", "predicate")
				if s.ID == "" {
					s.ID = s.Table
				}
				e.Shards = append(e.Shards, s)
			})
		},
		"noMigrations":  l.flag("noMigrations", &e.NoMigrations),
		"coLocatedWith": l.text("coLocatedWith", &e.PartnerName),
		"reference":     l.flag("reference", &e.Reference),
		"localUnique":   l.texts("localUnique", &e.LocalUnique),
		"keys":          func(n *yaml.Node) { l.mapping(n, "keys", l.keysKeys(&e.Keys)) },
		"temporal": func(n *yaml.Node) {
			l.mapping(n, "temporal", l.temporalKeys(&e.Temporal))
			l.require(n, "temporal", "from", "entityKey")
		},
	}
}

func (l *loader) databaseKeys(d *Database) fileKeys {
	return fileKeys{
		"id":          l.text("id", &d.ID),
		"own":         l.flag("own", &d.Own),
		"driver":      l.text("driver", &d.Driver),
		"dsn":         l.text("dsn", &d.DSN),
		"dsnEnv":      l.text("dsnEnv", &d.DSNEnv),
		"group":       l.text("group", &d.Group),
		"tier":        l.choice("tier", tierWords, func(i int) { d.Tier = Tier(i) }),
		"priority":    number(l, "priority", &d.Priority),
		"readOnly":    l.flag("readOnly", &d.ReadOnly),
		"timeout":     l.duration("timeout", &d.Timeout),
		"breaker":     func(n *yaml.Node) { l.mapping(n, "breaker", l.breakerKeys(&d.Breaker)) },
		"bulk":        registered(l, "bulk", l.registry.Bulks, func(_ string, b Bulk) { d.Bulk = b }),
		"maxOpen":     number(l, "maxOpen", &d.Pool.MaxOpen),
		"maxIdle":     number(l, "maxIdle", &d.Pool.MaxIdle),
		"maxLifetime": l.duration("maxLifetime", &d.Pool.MaxLifetime),
		"maxIdleTime": l.duration("maxIdleTime", &d.Pool.MaxIdleTime),
		"replicas": func(n *yaml.Node) {
			l.sequence(n, "replicas", func(n *yaml.Node) {
				var r ReplicaDSN
				l.mapping(n, "replicas", l.replicaKeys(&r))
				d.ReplicaDSNs = append(d.ReplicaDSNs, r)
			})
		},
		"replicaPolicy": l.choice("replicaPolicy", policyWords, func(i int) { d.ReplicaPolicy = ReplicaPolicy(i) }),
	}
}

func (l *loader) replicaKeys(r *ReplicaDSN) fileKeys {
	return fileKeys{
		"driver": l.text("driver", &r.Driver),
		"dsn":    l.text("dsn", &r.DSN),
		"dsnEnv": l.text("dsnEnv", &r.DSNEnv),
	}
}

func (l *loader) breakerKeys(b *BreakerSettings) fileKeys {
	return fileKeys{
		"failures": number(l, "failures", &b.Failures),
		"pause":    l.duration("pause", &b.Pause),
	}
}

func (l *loader) shardKeys(s *Shard) fileKeys {
	return fileKeys{
		"id":    l.text("id", &s.ID),
		"table": l.text("table", &s.Table),
		"values": func(n *yaml.Node) {
			l.sequence(n, "values", func(n *yaml.Node) {
				var v any
				l.scalar("values", &v)(n)
				s.Values = append(s.Values, v)
			})
		},
		"from":     l.scalar("from", &s.From),
		"to":       l.scalar("to", &s.To),
		"readOnly": l.flag("readOnly", &s.ReadOnly),
		"priority": number(l, "priority", &s.Priority),
		"database": l.text("database", &s.Database),
		"tier":     l.choice("tier", tierWords, func(i int) { s.Tier = Tier(i) }),
	}
}

func (l *loader) manualKeys(s *Shard) fileKeys {
	return fileKeys{
		"id":        l.text("id", &s.ID),
		"table":     l.text("table", &s.Table),
		"predicate": l.text("predicate", &s.Predicate),
		"args": func(n *yaml.Node) {
			l.sequence(n, "args", func(n *yaml.Node) {
				var v any
				l.argument(n, &v)
				s.Args = append(s.Args, v)
			})
		},
		"readOnly": l.flag("readOnly", &s.ReadOnly),
		"priority": number(l, "priority", &s.Priority),
		"database": l.text("database", &s.Database),
		"tier":     l.choice("tier", tierWords, func(i int) { s.Tier = Tier(i) }),
	}
}

func (l *loader) keysKeys(k *KeySpec) fileKeys {
	return fileKeys{
		"source":    l.choice("source", sourceWords, func(i int) { k.Source = KeySource(i) }),
		"function":  registered(l, "function", l.registry.KeyFuncs, func(_ string, f func(any) (any, error)) { k.Func = f }),
		"sequence":  l.text("sequence", &k.Sequence),
		"carrySlot": l.flag("carrySlot", &k.CarrySlot),
	}
}

// strategy reads a strategy's description.
func (l *loader) strategy(n *yaml.Node, s *StrategySpec) {
	l.mapping(n, "strategy", l.strategyKeys(s))
	l.require(n, "strategy", "kind")
}

func (l *loader) strategyKeys(s *StrategySpec) fileKeys {
	fields := func(n *yaml.Node, read func(*yaml.Node)) {
		if len(s.Fields) > 0 {
			l.fault(n, "strategy", "give field or fields, not both")
			return
		}
		read(n)
	}
	return fileKeys{
		"kind": l.choice("kind", strategyWords, func(i int) { s.Kind = strategyWords[i] }),
		"field": func(n *yaml.Node) {
			fields(n, func(n *yaml.Node) {
				var one string
				l.text("field", &one)(n)
				s.Fields = []string{one}
			})
		},
		"fields":       func(n *yaml.Node) { fields(n, l.texts("fields", &s.Fields)) },
		"values":       l.texts("values", &s.Values),
		"default":      l.text("default", &s.Default),
		"foldCase":     l.flag("foldCase", &s.FoldCase),
		"unit":         l.choice("unit", unitWords, func(i int) { s.Unit = DateUnit(i + 1) }),
		"from":         l.scalar("from", &s.From),
		"to":           l.scalar("to", &s.To),
		"slots":        number(l, "slots", &s.Slots),
		"letters":      l.texts("letters", &s.Letters),
		"maxRows":      number(l, "maxRows", &s.MaxRows),
		"virtualNodes": number(l, "virtualNodes", &s.VirtualNodes),
		"zone": func(n *yaml.Node) {
			loc, err := loadZone(n.Value)
			if n.Kind != yaml.ScalarNode || err != nil {
				l.fault(n, "zone", "must be the name of a time zone, such as Europe/Berlin")
				return
			}
			s.Location = loc
		},
		"ranges": func(n *yaml.Node) {
			l.sequence(n, "ranges", func(n *yaml.Node) {
				var r Range
				l.mapping(n, "ranges", l.rangeKeys(&r))
				l.require(n, "ranges", "id")
				s.Ranges = append(s.Ranges, r)
			})
		},
		"nodes": func(n *yaml.Node) {
			l.sequence(n, "nodes", func(n *yaml.Node) {
				var node RingNode
				l.mapping(n, "nodes", l.nodeKeys(&node))
				l.require(n, "nodes", "id")
				s.Nodes = append(s.Nodes, node)
			})
		},
		"ringHash": registered(l, "ringHash", l.registry.RingHashes, func(name string, sum func([]byte) uint64) {
			s.RingHash = RingHash{Name: name, Sum: sum}
		}),
		"parts": func(n *yaml.Node) {
			l.sequence(n, "parts", func(n *yaml.Node) {
				var part StrategySpec
				l.strategy(n, &part)
				s.Parts = append(s.Parts, part)
			})
		},
		"custom": registered(l, "custom", l.registry.Strategies, func(_ string, own Strategy) { s.Custom = own }),
		"compute": registered(l, "compute", l.registry.Functions, func(name string, f func([]Value) (Value, error)) {
			s.ComputeName, s.Compute = name, f
		}),
		"inner": func(n *yaml.Node) {
			s.Inner = &StrategySpec{}
			l.strategy(n, s.Inner)
		},
		"innerKind": l.choice("innerKind", kindWords, func(i int) { s.InnerKind = KindBool + Kind(i) }),
	}
}

func (l *loader) rangeKeys(r *Range) fileKeys {
	return fileKeys{"id": l.text("id", &r.ID), "from": l.scalar("from", &r.From), "to": l.scalar("to", &r.To)}
}

func (l *loader) nodeKeys(n *RingNode) fileKeys {
	return fileKeys{"id": l.text("id", &n.ID), "weight": number(l, "weight", &n.Weight)}
}
