package temporal

import "time"

// Repair plans the steps that make one key's history sound: rows that were never
// valid are removed, and where versions overlap the one that starts later holds (of
// two that start together, the one given later); what is left of the other stays, its
// right remainder as a new row. Gaps stay: nobody knows what was true in them. With
// system time nothing is overwritten, as always. A sound history gives no steps.
func Repair[R any](rows []Version[R], rules Rules[R]) (Outcome[R], error) {
	var current []Version[R]
	for _, v := range rows {
		if rules.System && !v.System.IsOpen() {
			continue
		}
		if rules.StartOnly {
			v.Valid.To = time.Time{}
		}
		current = append(current, v)
	}
	byStart(current)
	if rules.StartOnly {
		current = DeriveEnds(current)
	}
	var wanted []draft[R]
	for _, v := range current {
		if v.Valid.IsEmpty() {
			continue
		}
		var left []draft[R]
		for _, w := range wanted {
			for i, p := range w.Valid.minus(v.Valid) {
				part := w
				part.Valid = p
				if i > 0 {
					part.ID = nil
				}
				left = append(left, part)
			}
		}
		wanted = append(left, draft[R]{Version: v, origin: v.ID})
	}
	rules.Boundaries = nil // what is stored is mended row by row
	out := Outcome[R]{}
	for _, w := range wanted {
		out.Timeline = append(out.Timeline, w.Version)
	}
	byStart(out.Timeline)
	changes := reconcile(current, wanted, rules)
	if rules.System && len(changes) > 0 {
		var err error
		if out.Known, err = systemInstant(rows, rules); err != nil {
			return Outcome[R]{}, &ValidityError{Operation: "repair", At: rules.Now, Cause: err}
		}
		changes = supersede(changes, out.Known, rules)
	}
	out.Steps = ordered(changes)
	return out, nil
}
