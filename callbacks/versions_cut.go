package callbacks

import (
	"github.com/go-dtde/dtde/config"
	"github.com/go-dtde/dtde/temporal"
)

// partID tells the parts of a version apart, which have one primary key.
type partID struct {
	id    any
	shard string
}

// rowID is what tells a row from all others of its key, in a comparable form.
func (h *history) rowID(row Row) any {
	if !h.v.Cut() {
		return h.id(row)
	}
	part := partID{id: h.id(row)}
	if s := h.home(row); s != nil {
		part.shard = s.ID
	}
	return part
}

// joined are versions as a caller sees them: the parts of one that is cut are one, whose
// row has the whole period.
func (h *history) joined(rows []temporal.Version[Row]) []temporal.Version[Row] {
	if !h.v.Cut() {
		return rows
	}
	versions := temporal.Join(rows, h.v.Boundaries, h.equal)
	for i := range versions {
		v := &versions[i]
		v.ID, v.Row = h.id(v.Row), h.copyOf(v.Row)
		h.setPeriods(v.Row, *v)
	}
	return versions
}

// insertPart makes the row of a part of a version. The first part of a new one gets the
// primary key, which all others have, too.
func (h *history) insertPart(row Row, v temporal.Version[Row]) error {
	if v.Whole.ID == nil {
		if err := h.create(row); err != nil {
			return err
		}
		v.Whole.ID = h.copyOf(row)
		h.begun = h.begun || row == h.model
		return nil
	}
	first := v.Whole.ID.(Row)
	for _, f := range h.table.Schema.PrimaryFields {
		row.FieldByIndex(f.StructField.Index).Set(first.FieldByIndex(f.StructField.Index))
	}
	if err := h.create(row); err != nil {
		return err
	}
	if h.id(row) != h.id(first) {
		return &config.UnsupportedError{
			Entity: h.table.Name, Reason: "cut-key", Problem: "a hook that sets the primary key of a version that is cut at shard boundaries: its parts share one",
			Hint: "set it only where it is empty",
		}
	}
	return nil
}

// complete gives the caller's struct, which is the first part of the new version, the
// whole version's period.
func (h *history) complete(out temporal.Outcome[Row]) {
	for _, v := range out.Timeline {
		if h.begun && v.Row == h.model {
			h.setPeriods(h.model, v)
		}
	}
}

// stillSo is for versions that are cut, on MySQL and MariaDB: the derived table that puts
// them together can't be a locking read, and at REPEATABLE READ is one of the snapshot.
// What was named there holds only if the keys' rows are the ones that are locked now.
func (p *portion) stillSo(keys [][]any, locked [][]temporal.Version[Row]) error {
	if p.r.dialect.Name != "mysql" || !p.v.Cut() {
		return nil
	}
	for i, key := range keys {
		h := p.of(key)
		seen, err := h.find()
		if err != nil {
			return err
		}
		rows := map[any]temporal.Version[Row]{}
		for _, v := range seen {
			rows[v.ID] = v
		}
		for _, v := range locked[i] {
			was, there := rows[v.ID]
			if !there || !was.Valid.Equal(v.Valid) || !h.equal(was.Row, v.Row) || len(seen) != len(locked[i]) {
				return h.conflict(v.Valid.From)
			}
		}
	}
	return nil
}
