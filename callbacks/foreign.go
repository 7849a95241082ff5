package callbacks

import (
	"maps"
	"sync"
	"sync/atomic"

	"gorm.io/gorm/schema"

	"github.com/go-dtde/dtde/config"
)

// foreignModels remembers the models that dtde does not own. Its map is never changed
// but replaced: what it costs an unsharded model's statement is one look at it.
type foreignModels struct {
	known atomic.Pointer[map[*schema.Schema]error]
	mu    sync.Mutex // held to replace the map
}

// maxForeign bounds the schemas that are remembered: GORM makes one per model and
// special table name.
const maxForeign = 4096

// find tells whether a schema is known to be another's, and what is wrong with it.
func (f *foreignModels) find(s *schema.Schema) (fault error, known bool) {
	m := f.known.Load()
	if m == nil {
		return nil, false
	}
	fault, known = (*m)[s]
	return fault, known
}

// add remembers a schema that dtde does not own. A model that carries dtde tags
// without being listed, as a reference entity is, is a fault.
func (f *foreignModels) add(s *schema.Schema, reference bool) (fault error) {
	if !reference && config.HasTags(s) {
		fault = &config.ShardError{
			Entity: s.Name, Operation: "use", Cause: config.ErrNotRegistered,
			Hint: "add dtde.Model(&" + s.Name + "{}) to Config.Entities, or remove its dtde tags",
		}
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	next := map[*schema.Schema]error{}
	if m := f.known.Load(); m != nil {
		if len(*m) >= maxForeign {
			return fault
		}
		next = maps.Clone(*m)
	}
	next[s] = fault
	f.known.Store(&next)
	return fault
}
