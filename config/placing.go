package config

import (
	"hash/fnv"
	"slices"
	"strings"
)

// databases finds the databases that the entity's shards may live in.
func (k *compiler) databases() {
	e := &k.entity
	for _, d := range k.listed {
		if d.Group == e.Group {
			k.table.databases = append(k.table.databases, d)
		}
	}
	switch {
	case e.Storage != Databases && e.Group != "":
		k.fault("", "the shard group %q has no effect on storage mode %s", e.Group, e.Storage)
	case e.Storage != Databases:
	case len(k.listed) == 0:
		k.fault("", "storage mode databases needs Config.Databases of the *gorm.DB's engine")
	case len(k.table.databases) == 0:
		k.fault("", "no database belongs to the shard group %q", e.Group)
	}
}

// home finds the database of a shard, and takes over what that says of its shards.
func (k *compiler) home(s *Shard) {
	if s.Tier > Archive {
		k.fault(s.ID, "unknown tier %d", s.Tier)
	}
	if d := k.apartFor(s); d != nil {
		k.fault(s.ID, "database %q is of %s and the *gorm.DB of %s: statements are built for one engine, so it holds no shards",
			d.ID, d.Dialector.Name(), k.env.Dialect)
		return
	}
	if s.Database != "" {
		i := slices.IndexFunc(k.listed, func(d *Database) bool { return d.ID == s.Database })
		switch {
		case i < 0:
			k.fault(s.ID, "there is no database %q in Config.Databases", s.Database)
		case k.entity.Storage == Databases && k.listed[i].Group != k.entity.Group:
			k.fault(s.ID, "database %q belongs to the shard group %q and the entity to %q", s.Database, k.listed[i].Group, k.entity.Group)
		default:
			s.liveIn(k.listed[i])
		}
		return
	}
	k.table.dealOut(s)
}

// apartFor is the database of another engine that a shard is placed in, by its settings or,
// with storage in databases, by its id; nil for none.
func (k *compiler) apartFor(s *Shard) *Database {
	for _, d := range k.all {
		switch {
		case !d.apart:
		case d.ID == s.Database, s.Database == "" && k.entity.Storage == Databases && strings.EqualFold(d.ID, s.ID):
			return d
		}
	}
	return nil
}

// liveIn puts a shard into a database.
func (s *Shard) liveIn(d *Database) {
	s.Database = d.ID
	if d.Own {
		s.Database = ""
	}
	s.ReadOnly = s.ReadOnly || d.ReadOnly
	if s.Tier == Hot {
		s.Tier = d.Tier
	}
	if s.Priority == 0 {
		s.Priority = d.Priority
	}
}

// dealOut gives a shard without a database of its own one of the entity's: that with
// the same id, or the next in turn. Shards made at run time go by a hash of their id
// (FNV-1a), since nobody knows how many came before.
func (t *Table) dealOut(s *Shard) {
	if t.Storage != Databases || len(t.databases) == 0 {
		return
	}
	for _, d := range t.databases {
		if strings.EqualFold(d.ID, s.ID) {
			s.liveIn(d)
			return
		}
	}
	n := uint32(len(t.databases)) //nolint:gosec // a few
	i := -1
	if _, dynamic := t.Dynamic(); !dynamic {
		i = slices.Index(t.Strategy.Shards(), s.ID)
	}
	if i < 0 {
		h := fnv.New32a()
		_, _ = h.Write([]byte(s.ID))
		i = int(h.Sum32() % n)
	}
	t.dealt = true
	s.liveIn(t.databases[i%int(n)])
}

// Empty is the shard that stands for none in a statement that no shard can answer: one in
// the *gorm.DB's own database if there is one there, else the first; nil without shards.
func (t *Table) Empty() *Shard {
	for _, s := range t.Shards {
		if s.Database == "" {
			return s
		}
	}
	if len(t.Shards) == 0 {
		return nil
	}
	return t.Shards[0]
}

// DatabaseIDs lists the databases that hold shards of t, in visiting order of the first
// shard in each; "" is the *gorm.DB itself.
func (t *Table) DatabaseIDs() []string {
	var ids []string
	for _, s := range t.Shards {
		if !slices.Contains(ids, s.Database) {
			ids = append(ids, s.Database)
		}
	}
	return ids
}

// MayLiveIn lists the databases that hold shards of t or can come to, by id.
func (t *Table) MayLiveIn() []string {
	ids := t.DatabaseIDs()
	if _, dynamic := t.Dynamic(); dynamic && t.Storage == Databases {
		for _, d := range t.databases {
			var s Shard
			if s.liveIn(d); !slices.Contains(ids, s.Database) {
				ids = append(ids, s.Database)
			}
		}
	}
	slices.Sort(ids)
	return ids
}

// deal is the fingerprint's line of how shards are dealt out; "" if none is. A shard
// whose settings name its database may move to another one with its rows.
func (t *Table) deal() string {
	_, dynamic := t.Dynamic()
	if !t.dealt && !(dynamic && t.Storage == Databases) {
		return ""
	}
	ids := make([]string, len(t.databases))
	for i, d := range t.databases {
		ids[i] = d.ID
	}
	return "\ndatabases=" + strings.Join(ids, ",")
}

// Databases lists the databases of the settings that shards may live in, in their order.
func (c *Catalog) Databases() []*Database { return c.databases }

// withDatabases sets what [Catalog.Databases] gives.
func (c *Catalog) withDatabases(databases []*Database) *Catalog {
	c.databases = databases
	return c
}
