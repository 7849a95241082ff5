package temporal

import "slices"

// keep takes a version over, changed or not.
func (d *drafting[R]) keep(v Version[R]) {
	d.wanted = append(d.wanted, draft[R]{Version: v, origin: v.ID})
}

// leave takes a version of the history over as it is.
func (d *drafting[R]) leave(v Version[R]) {
	d.wanted = append(d.wanted, draft[R]{Version: v, origin: v.ID, left: true})
}

// add makes a new version.
func (d *drafting[R]) add(row R, valid Period, origin any) {
	if !valid.IsEmpty() {
		d.wanted = append(d.wanted, draft[R]{Version: Version[R]{Row: row, Valid: valid}, origin: origin})
	}
}

// carve keeps the history without a period and counts the versions that it meets.
func (d *drafting[R]) carve(period Period) (met int) {
	for _, v := range d.history {
		if period.IsEmpty() || !v.Valid.Overlaps(period) || d.op.among != nil && !d.op.among(v) {
			d.leave(v)
			continue
		}
		met++
		for i, left := range v.Valid.minus(period) {
			if i > 0 {
				d.add(v.Row, left, v.ID)
				continue
			}
			kept := v
			kept.Valid = left
			d.keep(kept)
		}
	}
	return met
}

// save drafts Save, Patch and Revert; see there.
func (d *drafting[R]) save() error {
	row, now := d.op.row, at(d.history, d.at)
	switch d.op.kind {
	case opPatch:
		if now < 0 {
			return d.fail(ErrNoVersion, d.at, "save a whole row, or give another instant")
		}
		changed, err := d.op.change(d.history[now].Row)
		if err != nil {
			return d.fail(err, d.at, "")
		}
		row = changed
	case opRevert:
		to := Cut(d.op.period.From, d.rules.Precision)
		then := at(d.history, to)
		if then < 0 {
			return d.fail(ErrNoVersion, to, "there is nothing to go back to")
		}
		row = d.history[then].Row
	}
	valid := Since(d.at)
	for i, v := range d.history {
		switch {
		case i == now && d.rules.Equal(v.Row, row):
			if d.op.supersede {
				v.Valid.To = valid.To
			}
			d.keep(v)
		case i == now:
			if !d.op.supersede {
				valid.To = v.Valid.To
			}
			if v.Valid.From.Equal(d.at) {
				v.Row, v.Valid = row, valid
			} else {
				v.Valid.To = d.at
				d.add(row, valid, nil)
			}
			d.keep(v)
		case v.Valid.From.After(d.at):
			if d.op.supersede {
				continue
			}
			if now < 0 && compareEnds(v.Valid.From, valid.To) < 0 {
				valid.To = v.Valid.From
			}
			d.leave(v)
		default:
			d.leave(v)
		}
	}
	if now < 0 {
		d.add(row, valid, nil)
	}
	return nil
}

// updatePortion drafts UpdatePortion.
func (d *drafting[R]) updatePortion() error {
	for _, v := range d.history {
		if !d.op.touches(v) {
			d.leave(v)
			continue
		}
		inside := v.Valid.Intersect(d.op.period)
		d.touched++
		row, err := d.op.change(v.Row)
		if err != nil {
			return d.fail(err, inside.From, "")
		}
		if d.rules.Equal(v.Row, row) {
			d.leave(v)
			continue
		}
		for _, left := range v.Valid.minus(inside) {
			d.add(v.Row, left, v.ID)
		}
		v.Row, v.Valid = row, inside
		d.keep(v)
	}
	return nil
}

// put drafts Put: a row of the very same period is rewritten, and where the data is
// there already nothing changes.
func (d *drafting[R]) put() {
	period := d.op.period
	same := slices.IndexFunc(d.history, func(v Version[R]) bool { return v.Valid.Equal(period) })
	if same >= 0 {
		for i, v := range d.history {
			if i == same && !d.rules.Equal(v.Row, d.op.row) {
				v.Row = d.op.row
			}
			d.keep(v)
		}
		return
	}
	var equal []Period
	for _, v := range d.history {
		if d.rules.Equal(v.Row, d.op.row) {
			equal = append(equal, v.Valid)
		}
	}
	if len(Minus([]Period{period}, equal)) == 0 {
		for _, v := range d.history {
			d.leave(v)
		}
		return
	}
	d.carve(period)
	d.add(d.op.row, period, nil)
}

// coalesce drafts Coalesce.
func (d *drafting[R]) coalesce() {
	for _, v := range d.history {
		if n := len(d.wanted); n > 0 && d.wanted[n-1].Valid.Meets(v.Valid) && d.rules.Equal(d.wanted[n-1].Row, v.Row) {
			d.wanted[n-1].Valid.To = v.Valid.To
			continue
		}
		d.keep(v)
	}
}
