package dtde

import (
	"context"
	"fmt"
	"time"
)

// Seal is one sealed shard of a temporal entity.
type Seal struct {
	// Shard is the shard's id.
	Shard string
	// Bound is the instant, in UTC, after which no version in it ends; none is open.
	Bound time.Time
}

// Seal records that no version in one of model's shards ends after bound, nor is open,
// and has the database hold the shard to it: by a CHECK, on SQLite by triggers. From then
// on reads as of bound or later (ValidAt, Current, ValidBetween, ValidContainedIn) leave
// the shard out, in every process. The zero bound is the end of the shard's own starts,
// for shards by date or range; bound is cut to the column's precision.
//
// If versions break it, or would be written that do, the error is ErrSealed and nothing
// has changed. With system time superseded versions don't count. Sealing again at an
// earlier bound tightens it; at a later one nothing changes: Unseal first. All of the
// shard is read once, and PostgreSQL locks it meanwhile. It is safe in several processes
// at once.
func (p *Plugin) Seal(ctx context.Context, model any, shard string, bound time.Time) error {
	t, err := p.sealing(model)
	if err != nil {
		return err
	}
	return p.runtime.Seal(ctx, t, shard, bound)
}

// Unseal lets versions in a sealed shard end later, or be open, again. It takes a second
// or more: first the record goes, by which every process's next read visits the shard,
// then it waits for reads that are under way, and then the database's rule goes. If ctx
// ends before, writes are still refused: Unseal again. Unsealing what is not sealed
// does no harm.
func (p *Plugin) Unseal(ctx context.Context, model any, shard string) error {
	t, err := p.sealing(model)
	if err != nil {
		return err
	}
	return p.runtime.Unseal(ctx, t, shard)
}

// Seals lists model's sealed shards in visiting order, as this process knows them.
func (p *Plugin) Seals(model any) []Seal {
	t, ok := p.Entity(model)
	if !ok {
		return nil
	}
	var out []Seal
	for _, id := range t.IDs {
		if bound, sealed := t.Sealed(id); sealed {
			out = append(out, Seal{Shard: id, Bound: bound})
		}
	}
	return out
}

func (p *Plugin) sealing(model any) (*Table, error) {
	t, ok := p.Entity(model)
	if !ok {
		return nil, fmt.Errorf("seal %T: %w", model, ErrNotRegistered)
	}
	return t, nil
}
