package temporal

import (
	"time"
)

// Outcome is what an operation does to the history of one key. It is data; nothing
// has been written.
type Outcome[R any] struct {
	// Steps are what to write, in this order; empty if nothing changes.
	Steps []Step[R]
	// At is the instant from which a Save, Patch, Revert or Terminate holds, after all
	// cuts and ticks; zero for the others.
	At time.Time
	// Known is the system instant of the steps; zero without system time.
	Known time.Time
	// Touched counts the versions that an UpdatePortion or DeletePortion overlaps.
	Touched int
	// Timeline is the history afterwards, as it is then known: by start, and joined at
	// shard boundaries. Versions that are not stored yet have no ID.
	Timeline []Version[R]
}

// Nothing tells that nothing is to be written.
func (o Outcome[R]) Nothing() bool { return len(o.Steps) == 0 }

// Current is the version that holds at the instant At; ok is false if none does, as
// after Terminate.
func (o Outcome[R]) Current() (v Version[R], ok bool) {
	if i := at(o.Timeline, o.At); i >= 0 && !o.At.IsZero() {
		return o.Timeline[i], true
	}
	return v, false
}

// draft is a version of the wanted timeline. A version that keeps its ID continues
// the row of that ID; one without may still use up the rest of a row of origin's.
type draft[R any] struct {
	Version[R]
	origin any
	left   bool // just as the history has it
}

// drafting is one operation on its way to an outcome.
type drafting[R any] struct {
	op      Operation[R]
	rules   Rules[R]
	history []Version[R] // what is known, joined over boundaries
	wanted  []draft[R]
	at      time.Time
	touched int
}

// Plan makes the steps of an operation on one key. rows are all rows of the key, in
// any order, superseded ones included; they are not changed. The error is a
// [ValidityError], and then there is nothing to write.
func Plan[R any](rows []Version[R], op Operation[R], rules Rules[R]) (Outcome[R], error) {
	d := &drafting[R]{op: op, rules: rules}
	pieces, err := known(rows, rules)
	if err != nil {
		return Outcome[R]{}, d.fail(err, time.Time{}, "Check lists what is wrong, and Repair mends it")
	}
	if op.kind == opPurge {
		return purge(rows, pieces, op, rules), nil
	}
	if d.history = pieces; len(rules.Boundaries) > 0 {
		d.history = Join(pieces, rules.Boundaries, rules.Equal)
	}
	d.wanted = make([]draft[R], 0, len(d.history)+2)
	if err := d.draft(); err != nil {
		return Outcome[R]{}, err
	}
	if rules.StartOnly && !d.contiguous() {
		return Outcome[R]{}, d.fail(ErrGap, d.at, "give the entity a column for its ends")
	}
	out := Outcome[R]{At: d.at, Touched: d.touched, Timeline: make([]Version[R], len(d.wanted))}
	for i := range d.wanted {
		out.Timeline[i] = d.wanted[i].Version
	}
	if byStart(out.Timeline); len(rules.Boundaries) > 0 {
		out.Timeline = Join(out.Timeline, rules.Boundaries, rules.Equal)
	} else {
		pieces, d.wanted = d.differing(pieces)
	}
	changes := reconcile(pieces, d.wanted, rules)
	if rules.System && len(changes) > 0 {
		if out.Known, err = systemInstant(rows, rules); err != nil {
			return Outcome[R]{}, d.fail(err, rules.Now, "the clock is behind what was recorded; set it, or raise the tolerance")
		}
		changes = supersede(changes, out.Known, rules)
	}
	out.Steps = ordered(changes)
	return out, nil
}

func (d *drafting[R]) fail(cause error, at time.Time, hint string) error {
	return &ValidityError{Operation: d.op.Name(), At: at, Cause: cause, Hint: hint}
}

// draft fills the wanted timeline.
func (d *drafting[R]) draft() error {
	op := &d.op
	if op.supersede && op.kind != opSave && op.kind != opPatch && op.kind != opRevert {
		return d.fail(ErrOption, time.Time{}, "only save, patch and revert take Supersede")
	}
	if !op.at.IsZero() && op.kind != opSave && op.kind != opPatch && op.kind != opRevert && op.kind != opTerminate {
		return d.fail(ErrOption, op.at, "only save, patch and revert take Effective")
	}
	if op.among != nil && op.kind != opUpdatePortion && op.kind != opDeletePortion {
		return d.fail(ErrOption, time.Time{}, "only portions take Among")
	}
	switch op.kind {
	case opUpdatePortion, opDeletePortion, opPut:
		if op.period.IsInverted() {
			return d.fail(ErrPeriod, op.period.From, "the period ends before it starts")
		}
		op.period = op.period.Cut(d.rules.Precision)
		if !op.period.IsEmpty() && !op.period.From.Before(Sentinel) {
			return d.fail(ErrPeriod, op.period.From, "no period starts at the sentinel or later")
		}
	case opSave, opPatch, opRevert, opTerminate:
		if err := d.effective(); err != nil {
			return err
		}
	}
	switch op.kind {
	case opSave, opPatch, opRevert:
		return d.save()
	case opTerminate:
		d.carve(Since(d.at))
	case opUpdatePortion:
		return d.updatePortion()
	case opDeletePortion:
		d.touched = d.carve(op.period)
	case opPut:
		d.put()
	case opCoalesce:
		d.coalesce()
	default:
		return d.fail(ErrOption, time.Time{}, "make operations by this package's functions")
	}
	return nil
}

// differing are the pieces that are not left just as they are, and what is wanted but
// them. Without boundaries pieces are the history, and what is left of it is in its order.
func (d *drafting[R]) differing(pieces []Version[R]) (changing []Version[R], wanted []draft[R]) {
	next := 0
	for i := range d.wanted {
		w := &d.wanted[i]
		if !w.left {
			wanted = append(wanted, *w)
			continue
		}
		for pieces[next].ID != w.ID {
			changing = append(changing, pieces[next])
			next++
		}
		next++
	}
	return append(changing, pieces[next:]...), wanted
}

// effective decides the instant from which the operation holds.
func (d *drafting[R]) effective() error {
	r := &d.rules
	step := tick(r.Precision)
	if d.at = Cut(d.op.at, r.Precision); d.op.at.IsZero() {
		d.at = Cut(r.Now, r.Precision)
		if n := len(d.history); n > 0 && d.history[n-1].Valid.IsOpen() {
			open := d.history[n-1]
			allowed := r.Tolerance
			if r.own(open) {
				allowed = max(allowed, step) // it may have begun a tick late itself
			}
			if back := open.Valid.From.Sub(d.at); back > allowed {
				return d.fail(ErrClock, d.at, "the open version starts later: if it was scheduled, say Effective(t)")
			} else if back > 0 {
				d.at = open.Valid.From
			}
		}
		for {
			i := at(d.history, d.at)
			if i < 0 || !d.history[i].Valid.From.Equal(d.at) || r.own(d.history[i]) {
				break
			}
			d.at = d.at.Add(step)
		}
	}
	if !d.at.Before(Sentinel) {
		return d.fail(ErrPeriod, d.at, "no version starts at the sentinel or later")
	}
	return nil
}

// contiguous tells whether the wanted timeline has neither gap nor end.
func (d *drafting[R]) contiguous() bool {
	var versions []Version[R]
	for _, w := range d.wanted {
		versions = append(versions, w.Version)
	}
	byStart(versions)
	for i, v := range versions {
		if last := i == len(versions)-1; last != v.Valid.IsOpen() || !last && !v.Valid.Meets(versions[i+1].Valid) {
			return false
		}
	}
	return true
}
