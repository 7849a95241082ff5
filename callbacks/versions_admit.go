package callbacks

import (
	"github.com/go-dtde/dtde/config"
	"github.com/go-dtde/dtde/temporal"
)

// admit refuses steps, before any of them is carried out, that a shard can't take: one
// that is read-only, or sealed at a bound that a version would break.
func (h *history) admit(steps []temporal.Step[Row]) error {
	for _, step := range steps {
		if step.Kind != temporal.Insert {
			if err := h.writable(h.home(step.Old.Row)); err != nil {
				return err
			}
		}
		if step.Kind == temporal.Remove {
			continue
		}
		row := h.copyOf(step.New.Row)
		h.setPeriods(row, step.New)
		shard := h.home(row)
		if err := h.writable(shard); err != nil {
			return err
		}
		if shard == nil || h.v.System != nil && !step.New.System.IsOpen() {
			continue
		}
		if bound, sealed := h.table.Sealed(shard.ID); sealed && (step.New.Valid.IsOpen() || step.New.Valid.To.After(bound)) {
			return sealedError(h.table, shard.ID, "write", sealedHint)
		}
	}
	return nil
}

// home is the shard that a row belongs to; nil if it isn't known before it is written.
func (h *history) home(row Row) *config.Shard {
	t := h.table
	if t.Unsharded || len(t.Keys) == 0 {
		return nil
	}
	key := make([]config.Value, len(t.Keys))
	for i := range t.Keys {
		value, _ := t.Keys[i].Field.ValueOf(h.ctx(), row)
		var ok bool
		if key[i], ok = t.Keys[i].Convert(value); !ok {
			return nil
		}
	}
	id, err := t.Strategy.Place(key)
	if err != nil {
		return nil // the write itself says it better
	}
	shard, _ := t.Shard(id)
	return shard
}

func (h *history) writable(shard *config.Shard) error {
	if shard == nil || !shard.ReadOnly {
		return nil
	}
	return &config.ShardError{
		Entity: h.table.Name, Shard: shard.ID, Operation: "write versions", Cause: config.ErrReadOnlyShard,
		Hint: "a version that lives there would change: make the shard writable, or choose a later instant",
	}
}
