package callbacks

import (
	"errors"
	"slices"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"github.com/go-dtde/dtde/config"
	"github.com/go-dtde/dtde/planner"
)

// unplaced tells that an error says that a key leads to no shard.
func unplaced(err error) bool {
	return errors.Is(err, config.ErrMissingShardKey) || errors.Is(err, config.ErrShardNotFound)
}

// planPresent plans an insert with ON CONFLICT DO NOTHING of which some rows have no
// shard: a row that its primary key finds on any shard needs none, since nothing is
// done about it. GORM writes such inserts for members of many to many relations that
// are known by their keys alone. cause is what is wrong with the rows, and given back
// if some of them is new.
func (c *creation) planPresent(s *planner.Statement, values *clause.Values, cause error) (*planner.Plan, error) {
	oc, upsert := c.db.Statement.Clauses["ON CONFLICT"].Expression.(clause.OnConflict)
	if !upsert || !oc.DoNothing || c.db.DryRun || c.keyInPrimary() || c.table.LocalUnique[config.LocalPrimary] || len(c.explicit) != c.rows.len() {
		return nil, cause
	}
	if err := c.settle(); err != nil {
		return nil, err
	}
	var given, absent []int
	for i, explicit := range c.explicit {
		if explicit {
			given = append(given, i)
		}
	}
	if err := c.r.claim(c.db.Statement.Context, c.db.Statement.ConnPool, c.table); err != nil {
		return nil, err
	}
	found, err := c.findElsewhere(given, make([]string, c.rows.len()))
	if err != nil {
		return nil, err
	}
	rest := &clause.Values{Columns: values.Columns}
	for i := range values.Values {
		if _, present := found[i]; !present {
			absent = append(absent, i)
			rest.Values = append(rest.Values, slices.Clone(values.Values[i]))
		}
	}
	switch len(absent) {
	case c.rows.len():
		return nil, cause
	case 0:
		return &planner.Plan{
			Operation: planner.Insert, Entity: c.table.Name, Table: c.table, Epoch: s.Epoch, Form: planner.None,
			Reason: planner.Because("the rows are there by their primary keys"),
		}, nil
	}
	p, err := planner.PlanInsert(s, rest)
	if err != nil {
		return nil, err
	}
	for i := range p.Targets {
		rows := slices.Clone(p.Targets[i].Rows)
		for k, row := range rows {
			rows[k] = absent[row]
		}
		p.Targets[i].Rows = rows
	}
	return p, nil
}

// planUnplaced plans an update that assigns a key without a shard: where it matches no
// row, nothing has to move, as when GORM takes an owner away from the children that it
// had before. cause is what is wrong with the key.
func (r *Runtime) planUnplaced(db *gorm.DB, s *planner.Statement, alias string, cause error) (*planner.Plan, error) {
	if s.Operation != planner.Update || db.DryRun {
		return nil, cause
	}
	p, err := planner.PlanWrite(s, nil)
	if err != nil {
		return nil, cause
	}
	if p.Open { // a shard that is not known here could hold such a row
		if changed, err := r.refreshIfStale(db.Statement.Context, db.Statement.ConnPool); err != nil || changed {
			return nil, firstError(err, cause)
		}
	}
	w := &writer{r: r, db: db, plan: p, alias: alias}
	a := aim(db.Statement)
	defer a.restore()
	for i := range p.Targets {
		fields := p.Table.Schema.PrimaryFields
		quoted := make([]string, len(fields))
		for k, f := range fields {
			quoted[k] = r.quote(f.DBName)
		}
		var keys [][]any
		err := r.within(db.Statement, p.Targets[i].Shard, func() (err error) {
			keys, err = w.lock(&a, &p.Targets[i], quoted)
			return err
		})
		if err != nil || len(keys) > 0 || len(fields) == 0 {
			return nil, firstError(err, cause)
		}
	}
	p.Targets, p.Form = nil, planner.None
	p.Reason = planner.Because("no row matches")
	return p, nil
}
