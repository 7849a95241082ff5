package config

// UnshardedShard is the id of the one shard of an entity that is not sharded.
const UnshardedShard = "table"

// unsharded is the strategy of an entity that dtde owns for its versions only: its one
// shard is the model's own table.
type unsharded struct{}

func (unsharded) Name() string                  { return "unsharded" }
func (unsharded) Fingerprint() string           { return "strategy=unsharded/1" }
func (unsharded) Check([]KeyColumn) error       { return nil }
func (unsharded) Shards() []string              { return []string{UnshardedShard} }
func (unsharded) Place([]Value) (string, error) { return UnshardedShard, nil }

func (unsharded) Route(q RouteQuery) Routing { return Routing{IDs: q.Known} }

// oneTable compiles an entity with versions and without a strategy.
func (k *compiler) oneTable() {
	if len(k.entity.Shards) > 0 {
		k.fault("", "explicit shards need a strategy")
	}
	if len(k.entity.LocalUnique) > 0 {
		k.fault("", "the entity is not sharded: its unique indexes hold as they are; drop localUnique")
	}
	k.table.Strategy, k.table.Unsharded = unsharded{}, true
	k.table.Shards = []*Shard{{ID: UnshardedShard, Table: k.schema.Table}}
}
