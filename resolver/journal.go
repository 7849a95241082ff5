package resolver

import "context"

// journal is what a transaction is to do at its end, and its save points, in the order
// of registration: rolling back to a save point undoes its tail. The owner locks it.
type journal struct {
	entries       []entry
	values        map[any]any
	afterRollback []func()
}

// entry is one of: a save point, a hook, the value that a key had before.
type entry struct {
	point  savedPoint
	before func(context.Context) error
	after  func()
	undo   func()
	key    any
	old    any
	had    bool
}

// OnBeforeCommit registers f to run in Commit before the database commits, with the
// begin context; it may use the transaction and register further hooks. Its error
// rolls the transaction back. Rolling back to an earlier save point forgets it.
func (t *Tx) OnBeforeCommit(f func(ctx context.Context) error) { t.record(entry{before: f}) }

// OnAfterCommit registers f to run once the database has committed. Rolling back to
// an earlier save point forgets it.
func (t *Tx) OnAfterCommit(f func()) { t.record(entry{after: f}) }

// OnRollback registers f to undo, outside the database, what the transaction did up to
// here: it runs once, latest first, when the transaction is rolled back, or rolled back
// to a save point that was set before.
func (t *Tx) OnRollback(f func()) { t.record(entry{undo: f}) }

// OnAfterRollback registers f to run when the whole transaction has been rolled back,
// also because Commit failed (then, if the connection broke, only the database knows
// whether it committed). It runs after all of OnRollback.
func (t *Tx) OnAfterRollback(f func()) {
	c := t.main()
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.done {
		c.journal.afterRollback = append(c.journal.afterRollback, f)
	}
}

// Value gives what SetValue stored under key in this transaction, or nil.
func (t *Tx) Value(key any) any {
	c := t.main()
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.journal.values[key]
}

// SetValue stores a value under a key for the rest of the transaction. Rolling back to
// an earlier save point restores what was there before.
func (t *Tx) SetValue(key, value any) {
	c := t.main()
	c.mu.Lock()
	defer c.mu.Unlock()
	j := &c.journal
	old, had := j.values[key]
	if j.values == nil {
		j.values = map[any]any{}
	}
	j.values[key] = value
	if !c.done {
		j.entries = append(j.entries, entry{key: key, old: old, had: had})
	}
}

// record appends unless the transaction has ended: then nothing can run it any more.
func (c *txCore) record(e entry) {
	c = c.main()
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.done {
		c.journal.entries = append(c.journal.entries, e)
	}
}

// savePoints lists the save points in force.
func (j *journal) savePoints() (points []savedPoint) {
	for i := range j.entries {
		if j.entries[i].point.statement != "" {
			points = append(points, j.entries[i].point)
		}
	}
	return points
}

// find gives the position of the latest save point of that name, or -1.
func (j *journal) find(name string) int {
	for i := len(j.entries) - 1; i >= 0; i-- {
		if p := &j.entries[i].point; p.statement != "" && p.name == name {
			return i
		}
	}
	return -1
}

// undoTo forgets everything from position i on and gives what is to run for it.
func (j *journal) undoTo(i int) (hooks []func()) {
	for k := len(j.entries) - 1; k >= i; k-- {
		switch e := &j.entries[k]; {
		case e.undo != nil:
			hooks = append(hooks, e.undo)
		case e.key == nil:
		case e.had:
			j.values[e.key] = e.old
		default:
			delete(j.values, e.key)
		}
	}
	clear(j.entries[i:])
	j.entries = j.entries[:i]
	return hooks
}

// undoUnknown is for a save point that wasn't seen being set: everything may have been
// rolled back, so everything is undone; what is to run at the end stays.
func (j *journal) undoUnknown() (hooks []func()) {
	kept := j.entries[:0]
	for _, e := range j.entries {
		if e.undo != nil {
			hooks = append([]func(){e.undo}, hooks...)
			continue
		}
		kept = append(kept, e)
	}
	clear(j.entries[len(kept):])
	j.entries = kept
	return hooks
}

// forgetPoints merges the save points from position i on into what is around them.
func (j *journal) forgetPoints(i int) {
	kept := j.entries[:i]
	for _, e := range j.entries[i:] {
		if e.point.statement == "" {
			kept = append(kept, e)
		}
	}
	clear(j.entries[len(kept):])
	j.entries = kept
}

// undoAll is for the end by rollback. Values stay readable.
func (j *journal) undoAll() []func() {
	var hooks []func()
	for k := len(j.entries) - 1; k >= 0; k-- {
		if f := j.entries[k].undo; f != nil {
			hooks = append(hooks, f)
		}
	}
	hooks = append(hooks, j.afterRollback...)
	j.clear()
	return hooks
}

// beforeCommit gives the first hook from position i on, and the position after it.
func (j *journal) beforeCommit(i int) (func(context.Context) error, int) {
	for ; i < len(j.entries); i++ {
		if f := j.entries[i].before; f != nil {
			return f, i + 1
		}
	}
	return nil, i
}

func (j *journal) afterCommit() (hooks []func()) {
	for i := range j.entries {
		if f := j.entries[i].after; f != nil {
			hooks = append(hooks, f)
		}
	}
	return hooks
}

func (j *journal) clear() { j.entries, j.afterRollback = nil, nil }
