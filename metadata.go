package dtde

import (
	"context"
	"errors"
	"fmt"
	"time"

	"gorm.io/gorm/schema"

	"github.com/go-dtde/dtde/config"
)

// Entity gives a model's compiled metadata; ok is false for a model that dtde does
// not own, and before db.Use.
func (p *Plugin) Entity(model any) (t *Table, ok bool) {
	if p.runtime == nil {
		return nil, false
	}
	return p.runtime.Catalog().ByModel(typeOf(model))
}

// Entities lists all entities, in the order of Config.Entities.
func (p *Plugin) Entities() []*Table {
	if p.runtime == nil {
		return nil
	}
	return p.runtime.Catalog().Tables()
}

// Shards lists a model's known shards, in visiting order; none for a model that
// dtde does not own.
func (p *Plugin) Shards(model any) []*Shard {
	t, ok := p.Entity(model)
	if !ok {
		return nil
	}
	return t.Shards
}

// Shard finds a model's shard by its exact id.
func (p *Plugin) Shard(model any, id string) (s *Shard, ok bool) {
	t, ok := p.Entity(model)
	if !ok {
		return nil, false
	}
	return t.Shard(id)
}

// Relation is a relation between an entity and another model.
type Relation struct {
	// Name is the field's name, Type GORM's type of the relation.
	Name string
	Type schema.RelationshipType
	// Model is the other model's name; Sharded tells whether dtde owns it.
	Model   string
	Sharded bool
}

// Relations lists a model's relations, by field order; none for a model that dtde
// does not own.
func (p *Plugin) Relations(model any) []Relation {
	t, ok := p.Entity(model)
	if !ok {
		return nil
	}
	var out []Relation
	for _, f := range t.Schema.Fields {
		rel, ok := t.Schema.Relationships.Relations[f.Name]
		if !ok {
			continue
		}
		_, sharded := p.runtime.Catalog().ByModel(rel.FieldSchema.ModelType)
		out = append(out, Relation{Name: f.Name, Type: rel.Type, Model: rel.FieldSchema.Name, Sharded: sharded})
	}
	return out
}

// Resolve gives the shard that a row with these shard key values belongs to, one
// value per key column in the entity's order. The error wraps ErrShardNotFound or
// ErrMissingShardKey; a shard that would be made on demand is given as it will be.
func (p *Plugin) Resolve(model any, key ...any) (*Shard, error) {
	t, ok := p.Entity(model)
	if !ok {
		return nil, fmt.Errorf("resolve %T: %w", model, ErrNotRegistered)
	}
	if len(key) != len(t.Keys) {
		return nil, &ShardError{Entity: t.Name, Operation: "resolve", Cause: ErrMissingShardKey, Hint: fmt.Sprintf("give %d key values", len(t.Keys))}
	}
	values := make([]config.Value, len(key))
	for i := range key {
		if values[i], ok = t.Keys[i].Convert(key[i]); !ok {
			return nil, &ShardError{Entity: t.Name, Operation: "resolve", Cause: ErrShardNotFound, Hint: "the value for " + t.Keys[i].Column + " has another type than the column"}
		}
	}
	id, err := t.Strategy.Place(values)
	if err != nil {
		return nil, &ShardError{Entity: t.Name, Operation: "resolve", Cause: err}
	}
	if s, known := t.Shard(id); known {
		return s, nil
	}
	return t.ShardTable(id), nil
}

// Validate checks the settings against the database as it is now: tables and
// columns that are missing, logical names that are tables, collations. db.Use has
// done so already; a program may ask again after its migrations. The warnings are no
// faults: they list what one table would have and the shards don't, the foreign keys
// that can't hold over them or are made without an action, and databases that lack
// dtde_decisions.
func (p *Plugin) Validate() (warnings []Warning, err error) {
	if p.runtime == nil {
		return nil, fmt.Errorf("%w: call db.Use first", ErrConfig)
	}
	keys, err := p.runtime.ForeignKeys()
	if err != nil {
		return nil, err
	}
	for _, k := range keys {
		if !k.Held {
			warnings = append(warnings, Warning{
				Entity: k.Referred.Name, Subject: k.Name,
				Problem: "the foreign key from " + k.Child.Table + " to " + k.Referred.Table + " is left out: " + k.Reason,
			})
		}
		if k.Without != "" {
			warnings = append(warnings, Warning{
				Entity: k.Referred.Name, Subject: k.Name,
				Problem: "the foreign key from " + k.Child.Table + " to " + k.Referred.Table + " is made without " + k.Without,
			})
		}
	}
	lacking, failed := p.lacking()
	warnings = append(warnings, lacking...)
	return warnings, errors.Join(failed, inspect(p.runtime.Unrouted(), p.db.ConnPool, p.runtime.Catalog(), true))
}

// lacking warns of databases of other engines that have no table for decisions yet; one that
// can't be asked is a fault.
func (p *Plugin) lacking() (warnings []Warning, err error) {
	if p.commit == nil {
		return nil, nil
	}
	ids, err := p.commit.Lacks(context.Background())
	for _, id := range ids {
		warnings = append(warnings, Warning{Subject: id, Problem: "the database has no dtde_decisions, which commits over several databases need: " +
			"AutoMigrate on OnDatabase makes it, and else the first such commit, which must be allowed to"})
	}
	return warnings, err
}

// References lists the reference entities, in the order of Config.Entities.
func (p *Plugin) References() []*Reference {
	if p.runtime == nil {
		return nil
	}
	return p.runtime.Catalog().References()
}

// EnsureShards makes the tables of all shards for keys up to an instant, of every
// entity whose shards go by time, so that no insert has to. It is safe to call at
// any time and from several processes.
func (p *Plugin) EnsureShards(ctx context.Context, until time.Time) error {
	if p.runtime == nil {
		return fmt.Errorf("%w: call db.Use first", ErrConfig)
	}
	return p.runtime.EnsureShards(ctx, until)
}
