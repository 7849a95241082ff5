package temporal

import "time"

// systemInstant is the instant at which the change becomes known: now, but never
// before what was recorded already, and after it unless the caller recorded it.
func systemInstant[R any](rows []Version[R], r Rules[R]) (time.Time, error) {
	now := Cut(r.Now, r.SystemPrecision)
	var last time.Time
	own := false
	for _, v := range rows {
		for _, t := range []time.Time{v.System.From, v.System.To} {
			if t.IsZero() || t.Before(last) {
				continue
			}
			if t.After(last) {
				last, own = t, false
			}
			own = own || r.own(v)
		}
	}
	allowed := r.Tolerance
	if own {
		allowed = max(allowed, tick(r.SystemPrecision))
	}
	switch back := last.Sub(now); {
	case last.IsZero() || back < 0:
		return now, nil
	case back > allowed:
		return now, ErrClock
	case own:
		return last, nil
	}
	return last.Add(tick(r.SystemPrecision)), nil
}

// supersede turns changes of rows into retired rows and new ones: a row that was
// known keeps what it said, and its rectangle of validity and knowledge is split.
// Only what the caller's transaction recorded at this very instant, which nobody can
// have read, is changed in place.
func supersede[R any](changes []Step[R], known time.Time, r Rules[R]) []Step[R] {
	var steps []Step[R]
	insert := func(v Version[R]) {
		v.ID, v.System = nil, Since(known)
		steps = append(steps, Step[R]{Kind: Insert, New: v})
	}
	for _, s := range changes {
		switch {
		case s.Kind == Insert:
			insert(s.New)
		case r.own(s.Old) && s.Old.System.From.Equal(known):
			steps = append(steps, s)
		default:
			retired := s.Old
			retired.System.To = known
			steps = append(steps, Step[R]{Kind: Retire, Old: s.Old, New: retired})
			if s.Kind != Remove {
				insert(s.New)
			}
		}
	}
	return steps
}

// purge plans Purge.
func purge[R any](rows, pieces []Version[R], op Operation[R], r Rules[R]) Outcome[R] {
	var out Outcome[R]
	limit := op.period.From
	ended := func(p Period) bool { return !p.IsOpen() && !p.To.After(limit) }
	valid := map[any]Period{}                                 // with the ends that start-only histories derive
	for _, g := range joined(pieces, r.Boundaries, r.Equal) { // a version goes as a whole
		v := g[0]
		v.Valid.To = g[len(g)-1].Valid.To
		for _, part := range g {
			valid[part.ID] = v.Valid
		}
		if !ended(v.Valid) {
			out.Timeline = append(out.Timeline, v)
		}
	}
	for _, v := range rows {
		period, isKnown := valid[v.ID]
		if !isKnown && !r.StartOnly {
			period = v.Valid
		} else if !isKnown {
			period = Since(v.Valid.From)
		}
		if ended(period) || r.System && ended(v.System) {
			out.Steps = append(out.Steps, Step[R]{Kind: Remove, Old: v})
		}
	}
	out.Steps = ordered(out.Steps)
	return out
}
