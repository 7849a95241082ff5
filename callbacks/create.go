package callbacks

import (
	"errors"
	"reflect"
	"slices"
	"time"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"
	"gorm.io/gorm/schema"

	"github.com/go-dtde/dtde/config"
	"github.com/go-dtde/dtde/planner"
)

// create replaces gorm:create.
func (r *Runtime) create(db *gorm.DB) {
	stmt := db.Statement
	if db.Error != nil {
		return
	}
	bindScope(stmt)
	t, alias := r.owned(stmt)
	if t == nil || stmt.SQL.Len() > 0 {
		if stmt.SQL.Len() == 0 && r.contains(stmt.Schema, nil) {
			fail(db, r.noted(db, func() error { r.unownedWrite(db, r.inner.create); return nil }, func() []touch { return r.touchedLinks(stmt) }))
			return
		}
		r.unownedWrite(db, r.inner.create)
		return
	}
	if err := refusePartial(stmt); err != nil {
		fail(db, err)
		return
	}
	rows, ok := newRowSet(stmt)
	if !ok {
		r.refuseShape(db)
		return
	}
	watch := r.watch(stmt, t, planner.Insert)
	c := &creation{r: r, db: db, table: t, alias: alias, rows: rows, bulk: bulkOf(stmt)}
	defer c.undo()
	defer func() {
		if db.Error != nil {
			c.forgetKeys()
		}
	}()
	if err := c.prepare(); err != nil {
		fail(db, err)
		watch.done(db, nil)
		return
	}
	p, err := c.plan()
	if err != nil {
		fail(db, err)
		watch.done(db, nil)
		return
	}
	watch.resolved(p)
	carry(stmt, p)
	if r.contains(stmt.Schema, t) {
		fail(db, r.noted(db, func() error { return c.run(p, watch) }, func() []touch { return append(c.touchedRows(), r.touchedLinks(stmt)...) }))
	} else {
		fail(db, c.run(p, watch))
	}
	c.noteInserted(p)
	if result := stmt.Result; result != nil {
		result.RowsAffected = db.RowsAffected
	}
	watch.done(db, p)
}

// refuseShape lets GORM say what is wrong with an empty or invalid destination; it
// finds that before it sends anything.
func (r *Runtime) refuseShape(db *gorm.DB) {
	dry := *db.Config
	dry.DryRun = true
	config := db.Config
	db.Config = &dry
	r.inner.create(db)
	db.Config = config
	if db.Error == nil {
		fail(db, gorm.ErrInvalidData)
	}
}

// creation is one create of rows that dtde places.
type creation struct {
	r     *Runtime
	db    *gorm.DB
	table *config.Table
	alias string
	rows  rowSet
	// explicit has the rows whose primary key the program gave.
	explicit []bool
	// held are the rows that go to the shard that holds their primary key already.
	held map[int]string
	// makesKeys tells that the other rows' were made.
	makesKeys bool
	restore   []func()
	// bulk is the bulk insert that this is a chunk of; nil for a create of its own.
	bulk *bulkRun
	// given is room for one row's explicit; values, column, row and cell are keyValues' for one
	// row and one key column.
	given  [1]bool
	values clause.Values
	column [1]clause.Column
	row    [1][]any
	cell   [1]any
}

func (c *creation) undo() {
	for i := len(c.restore) - 1; i >= 0; i-- {
		c.restore[i]()
	}
}

// prepare fills in what decides placement: times that GORM would set, defaults, and
// primary keys. One NowFunc value serves the whole call.
func (c *creation) prepare() error {
	if c.rows.maps == nil {
		c.freezeClock()
		if err := c.validity(); err != nil {
			return err
		}
		if err := c.defaults(); err != nil {
			return err
		}
	}
	return c.generateKeys()
}

// freezeClock makes NowFunc one instant for this statement.
func (c *creation) freezeClock() {
	if !c.needsClock() {
		return
	}
	cfg, now := *c.db.Config, c.db.NowFunc()
	cfg.NowFunc = func() time.Time { return now }
	before := c.db.Config
	c.db.Config = &cfg
	c.restore = append(c.restore, func() { c.db.Config = before })
}

func (c *creation) needsClock() bool {
	if c.rows.len() > 1 {
		return true
	}
	for i := range c.table.Keys {
		if f := c.table.Keys[i].Field; f.AutoCreateTime > 0 || f.AutoUpdateTime > 0 {
			return true
		}
	}
	return false
}

// defaults gives shard key fields the values that GORM would give them while it
// builds the statement.
func (c *creation) defaults() error {
	for k := range c.table.Keys {
		f := c.table.Keys[k].Field
		if f.DefaultValueInterface == nil && f.AutoCreateTime == 0 && f.AutoUpdateTime == 0 {
			continue
		}
		for i := range c.rows.len() {
			var err error
			switch {
			case !c.rows.zero(i, f):
			case f.DefaultValueInterface != nil:
				err = c.rows.set(i, f, f.DefaultValueInterface)
			case f.AutoCreateTime > 0 || f.AutoUpdateTime > 0:
				err = c.rows.set(i, f, c.db.NowFunc())
			}
			if err != nil {
				return err
			}
		}
	}
	return nil
}

// plan places every row, makes shards that do not exist yet, and looks for primary
// keys that another shard holds already.
func (c *creation) plan() (*planner.Plan, error) {
	stmt := c.db.Statement
	if oc, ok := stmt.Clauses["ON CONFLICT"].Expression.(clause.OnConflict); ok {
		if err := planner.CheckUpsert(c.table, oc); err != nil && !c.conflictOnPrimary(oc, err) {
			return nil, err
		}
	}
	values, err := c.keyValues()
	if err != nil {
		return nil, err
	}
	return c.place(values)
}

// place plans the insert of rows with these values of the shard key, whatever other
// columns are among them.
func (c *creation) place(values *clause.Values) (*planner.Plan, error) {
	stmt := c.db.Statement
	for attempt := 0; ; attempt++ {
		s := c.r.statement(stmt, planner.Insert, c.table, c.alias)
		if c.table.StrategyName == "maxrows" {
			return c.placeByState(&s)
		}
		p, err := planner.PlanInsert(&s, values)
		if unplaced(err) {
			p, err = c.planPresent(&s, values, err)
		}
		if err != nil || c.db.DryRun {
			return p, err
		}
		var missing []string
		for i := range p.Targets {
			if p.Targets[i].New {
				missing = append(missing, p.Targets[i].Shard.ID)
			}
		}
		if len(missing) == 0 {
			return p, c.guard(p)
		}
		if attempt == maxReplans {
			return nil, &config.ShardError{Entity: c.table.Name, Shard: missing[0], Operation: "insert", Cause: config.ErrStaleCatalog}
		}
		if err := c.makeShards(stmt.Context, missing); err != nil {
			return nil, err
		}
	}
}

// keyValues are the rows' shard key columns, as they will be stored.
func (c *creation) keyValues() (*clause.Values, error) {
	selected, restricted := c.selectedColumns()
	keys := c.table.Keys
	v := &c.values
	v.Columns, v.Values = c.column[:], c.row[:]
	cells := c.cell[:]
	if n := c.rows.len(); n != 1 || len(keys) != 1 {
		v.Columns, v.Values, cells = make([]clause.Column, len(keys)), make([][]any, n), make([]any, n*len(keys))
	}
	for k := range keys {
		f := keys[k].Field
		v.Columns[k].Name = keys[k].Column
		if use, named := selected[f.DBName]; named && !use || !named && restricted && f.AutoCreateTime == 0 && f.AutoUpdateTime == 0 && !f.PrimaryKey {
			return nil, &config.ShardError{
				Entity: c.table.Name, Operation: "insert", Cause: config.ErrMissingShardKey,
				Hint: "the shard key field " + f.Name + " is left out by Select or Omit",
			}
		}
	}
	for i := range v.Values {
		v.Values[i] = cells[i*len(keys) : (i+1)*len(keys) : (i+1)*len(keys)]
		for k := range keys {
			v.Values[i][k], _, _ = c.rows.get(i, keys[k].Field)
		}
	}
	return v, nil
}

// selectedColumns is GORM's SelectAndOmitColumns, which makes maps also for a create
// that selects and omits nothing.
func (c *creation) selectedColumns() (selected map[string]bool, restricted bool) {
	stmt := c.db.Statement
	if len(stmt.Selects) > 0 || len(stmt.Omits) > 0 || c.rows.maps != nil ||
		slices.ContainsFunc(c.table.Schema.Fields, func(f *schema.Field) bool { return !f.Creatable }) {
		return stmt.SelectAndOmitColumns(true, false)
	}
	return nil, false
}

// run sends the rows: in place when they all go to one shard, else shard by shard,
// all or nothing.
func (c *creation) run(p *planner.Plan, watch *watch) error {
	p.Statements = nil
	if len(p.Targets) == 0 { // ON CONFLICT DO NOTHING, and every row is there
		c.db.RowsAffected = 0
		return nil
	}
	if c.bulk != nil {
		return c.sendBulk(p, watch)
	}
	if len(c.held) > 0 && !c.db.DryRun {
		return c.r.atomically(c.db, func() error {
			if err := c.hold(p); err != nil {
				return err
			}
			return c.sendRows(p, watch)
		})
	}
	return c.sendRows(p, watch)
}

// sendRows sends the rows, shard by shard.
func (c *creation) sendRows(p *planner.Plan, watch *watch) error {
	if len(p.Targets) == 1 && len(p.Targets[0].Rows) == c.rows.len() {
		c.insert(p.Targets[0].Shard, p)
		return nil
	}
	if c.rows.maps == nil && !c.rows.list.IsValid() {
		return c.many(p, watch) // one struct, retargeted
	}
	if !c.db.DryRun {
		return c.r.atomically(c.db, func() error { return c.many(p, watch) })
	}
	return c.many(p, watch)
}

// many runs one insert per shard on the rows that belong there.
func (c *creation) many(p *planner.Plan, watch *watch) error {
	stmt, db := c.db.Statement, c.db
	dest, value, conflict := stmt.Dest, stmt.ReflectValue, stmt.Clauses["ON CONFLICT"]
	track, tracked := stmt.Settings.Load("gorm:update_track_time")
	defer func() { stmt.Dest, stmt.ReflectValue = dest, value }()
	var total int64
	var sqls []shardSQL
	for i := range p.Targets {
		target := &p.Targets[i]
		sub := c.rows.pick(target.Rows)
		stmt.Dest, stmt.ReflectValue = sub, reflect.ValueOf(sub).Elem()
		if conflict.Expression != nil {
			stmt.Clauses["ON CONFLICT"] = conflict
		}
		if tracked {
			stmt.Settings.Store("gorm:update_track_time", track)
		}
		began := time.Now()
		c.insert(target.Shard, p)
		s := shardSQL{target.Shard, stmt.SQL.String(), stmt.Vars}
		stmt.SQL.Reset()
		stmt.Vars = nil
		if db.DryRun {
			sqls = append(sqls, s)
			continue
		}
		watch.took(target.Shard.ID, time.Since(began))
		watch.affected(target.Shard.ID, max(db.RowsAffected, 0))
		c.r.trace(db, began, s, db.RowsAffected, db.Error)
		if db.Error != nil {
			db.RowsAffected = 0 // of the shards before, nothing stays
			db.Error = &config.ShardError{Entity: c.table.Name, Shard: target.Shard.ID, Operation: "insert", Cause: db.Error}
			return nil
		}
		c.rows.unpick(target.Rows, sub)
		total += db.RowsAffected
	}
	if db.DryRun {
		stmt.SQL.WriteString(c.r.explainAll(sqls))
	}
	db.RowsAffected = total
	return nil
}

// insert runs GORM's own create on one shard's physical table.
func (c *creation) insert(s *config.Shard, p *planner.Plan) {
	stmt := c.db.Statement
	leave, err := c.r.visit(stmt, s)
	defer leave()
	if err != nil {
		fail(c.db, err)
		return
	}
	table, expr := stmt.Table, stmt.TableExpr
	into, had := stmt.Clauses["INSERT"]
	conflict, upsert := stmt.Clauses["ON CONFLICT"]
	insert := clause.Insert{Table: clause.Table{Name: s.Table}}
	switch name := c.r.dialect.Name; {
	case upsert && (name == "postgres" || name == "sqlite"):
		// the logical name stays valid in DO UPDATE
		insert.Table = clause.Table{Name: c.r.asTable(s, c.alias).SQL, Raw: true}
	case name == "sqlserver":
		stmt.Table, stmt.TableExpr = s.Table, nil // IDENTITY_INSERT takes no alias
	case name == "mysql" && upsert:
		// no alias here
		stmt.Table, stmt.TableExpr = s.Table, nil
		if oc, ok := conflict.Expression.(clause.OnConflict); ok {
			qualified, err := c.qualify(oc, s)
			if err != nil {
				stmt.Table, stmt.TableExpr = table, expr
				fail(c.db, err)
				return
			}
			stmt.Clauses["ON CONFLICT"] = clause.Clause{Name: conflict.Name, Expression: qualified}
			defer func() { stmt.Clauses["ON CONFLICT"] = conflict }()
		}
	case !had && len(stmt.Selects) == 0 && len(stmt.Omits) == 0:
		// GORM's own INSERT INTO names the statement's table; only columns that are
		// selected or omitted may be qualified by the logical name
		stmt.Table, stmt.TableExpr = s.Table, nil
		insert.Table.Name = ""
	}
	if insert.Table.Name != "" {
		stmt.AddClause(insert)
	}
	if c.r.dialect.Name == "sqlserver" && (upsert || c.rows.maps != nil) {
		c.insertKeyed(s)
	} else if c.queries() {
		c.insertReading(s, p)
	} else {
		c.r.inner.create(c.db)
	}
	c.db.Error = brokenSeal(c.table.Name, "insert", c.db.Error)
	c.r.refusedInside(c.db)
	p.Sent(s, stmt.SQL.String(), len(stmt.Vars))
	stmt.Table, stmt.TableExpr = table, expr
	if stmt.Clauses["INSERT"] = into; !had {
		delete(stmt.Clauses, "INSERT")
	}
}

// conflictOnPrimary tells whether an upsert that the planner refuses for its target
// conflicts on the primary key alone, which guard makes exact.
func (c *creation) conflictOnPrimary(oc clause.OnConflict, err error) bool {
	var unsupported *config.UnsupportedError
	if !errors.As(err, &unsupported) || unsupported.Reason != "upsert-target" {
		return false
	}
	if len(oc.Columns) == 0 {
		return true // a unique index that can hold has the shard key in it
	}
	for _, col := range oc.Columns {
		if !slices.ContainsFunc(c.table.Schema.PrimaryFields, func(f *schema.Field) bool { return f.DBName == col.Name }) {
			return false
		}
	}
	return len(oc.Columns) == len(c.table.Schema.PrimaryFields)
}
