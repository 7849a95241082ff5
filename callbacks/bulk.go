package callbacks

import (
	"iter"
	"reflect"
	"slices"
	"sync/atomic"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"github.com/go-dtde/dtde/planner"
)

// A bulk insert is a run of creates, chunk by chunk, in one transaction: GORM's whole
// chain of callbacks sees each chunk as it would see a batch of CreateInBatches. Only
// what sends the rows is another: see creation.bulk.

// bulkKey finds, in the creates of a bulk insert, its state: a *bulkRun.
type bulkKey struct{}

// bulks tells that there ever was a bulk insert in this process: looking into an empty
// sync.Map allocates.
var bulks atomic.Bool

// bulkOf is the bulk insert that a create is part of, or nil.
func bulkOf(stmt *gorm.Statement) *bulkRun {
	if !bulks.Load() {
		return nil
	}
	v, _ := stmt.Settings.Load(bulkKey{})
	run, _ := v.(*bulkRun)
	return run
}

// bulkRun is one bulk insert under way: while a chunk is sent, the next one is placed.
type bulkRun struct {
	// aside tells that chunks may be sent so: that nothing but dtde itself does anything
	// between two of them.
	aside bool
	// pending is the chunk that is being sent; nil if none is.
	pending  func() error
	stop     func()
	inserted int64
}

// settle waits until the chunk that is being sent is there.
func (b *bulkRun) settle() error {
	if b == nil || b.pending == nil {
		return nil
	}
	pending := b.pending
	b.pending, b.stop = nil, nil
	return pending()
}

// abandon ends what is being sent.
func (b *bulkRun) abandon() {
	if b.stop != nil {
		b.stop()
		_ = b.settle()
	}
}

// settle waits until the rows that a bulk insert is still sending are there: until then
// the transaction's connections are theirs.
func (c *creation) settle() error { return c.bulk.settle() }

const (
	// bulkChunk is how many rows of an entity are placed and sent at a time.
	bulkChunk = 25_000
	// batchRows and batchValues bound one INSERT: SQLite takes 32,766 values, the others more.
	batchRows, batchValues = 1000, 30_000
	// SQL Server takes 2,100 values.
	batchValuesSQLServer = 2000
)

// BulkChunk is how many rows of a model one step of a bulk insert has, where the program
// wants so many; below 1 it leaves that to dtde.
func (r *Runtime) BulkChunk(db *gorm.DB, model any, wanted int) int {
	columns := 1
	stmt := &gorm.Statement{DB: db}
	if err := stmt.Parse(model); err == nil { // otherwise the create will say what is wrong
		columns = len(stmt.Schema.DBNames)
		if _, owned := r.Catalog().ByModel(stmt.Schema.ModelType); owned {
			if wanted > 0 {
				return wanted
			}
			return bulkChunk
		}
	}
	most := r.batchSize(columns)
	if wanted > 0 {
		return min(wanted, most)
	}
	return most
}

// batchSize is how many rows of so many columns one INSERT may have.
func (r *Runtime) batchSize(columns int) int {
	return max(1, min(batchRows, r.statementValues()/max(columns, 1)))
}

// statementValues is how many values one statement may bind.
func (r *Runtime) statementValues() int {
	if r.dialect.Name == "sqlserver" {
		return batchValuesSQLServer
	}
	return batchValues
}

// BulkInsert creates chunks, slices of rows, one after the other, all or nothing, and
// counts the rows. An error among the chunks ends it.
func (r *Runtime) BulkInsert(db *gorm.DB, chunks iter.Seq2[any, error]) (inserted int64, err error) {
	if db.Error != nil {
		return 0, db.Error
	}
	bulks.Store(true)
	db = db.Session(&gorm.Session{Context: db.Statement.Context}) // a statement of its own
	holder := session(db)
	run := &bulkRun{aside: onlyKnown(db)}
	err = r.atomically(holder, func() error {
		defer run.abandon()
		for chunk, err := range chunks {
			if err != nil {
				return err
			}
			if err := db.Statement.Context.Err(); err != nil {
				return err
			}
			tx := db.Session(&gorm.Session{Context: db.Statement.Context})
			tx.Statement.ConnPool = holder.Statement.ConnPool
			tx.Statement.Settings.Store(bulkKey{}, run)
			done := tx.Create(chunk)
			if done.Error != nil {
				return done.Error
			}
			run.inserted += done.RowsAffected
		}
		return run.settle()
	})
	if err != nil {
		return 0, err
	}
	return run.inserted, nil
}

// onlyKnown tells whether a create runs GORM's own callbacks, dtde's and dbresolver's
// only: another plugin's may use the transaction's connection.
func onlyKnown(db *gorm.DB) bool {
	create := db.Callback().Create()
	known := 0
	for _, name := range [...]string{
		"gorm:begin_transaction", "gorm:before_create", "gorm:save_before_associations", "gorm:create",
		"gorm:save_after_associations", "gorm:after_create", "gorm:commit_or_rollback_transaction",
		"dtde:bind_create", resolverName, "dtde:leave_create",
	} {
		if create.Get(name) != nil {
			known++
		}
	}
	// GORM does not say how many there are; where that can't be seen they may be others.
	all := reflect.Indirect(reflect.ValueOf(create)).FieldByName("fns")
	return all.IsValid() && all.Kind() == reflect.Slice && all.Len() == known
}

// sendBulk sends a chunk's rows: side by side to the databases, by each one's own bulk path,
// or by INSERT statements. What the database must answer with, and what GORM alone can
// build, goes by its own create.
func (c *creation) sendBulk(p *planner.Plan, watch *watch) error {
	columns := c.bulkColumns()
	if err := c.settle(); err != nil {
		return err
	}
	if columns == nil {
		return c.batches(p, watch)
	}
	s := c.stream(p, columns, watch)
	if watch != nil || !c.mayAside() {
		err := s.wait()
		c.db.RowsAffected = s.finish(err)
		return err
	}
	c.bulk.stop = s.stop
	c.bulk.pending = func() error {
		err := s.wait()
		c.bulk.inserted += s.finish(err)
		return err
	}
	return nil
}

// mayAside tells whether the create has no more to do once its rows are on their way, and
// the next has nothing to do before it places its rows: no hooks, and no associations.
func (c *creation) mayAside() bool {
	s, stmt := c.table.Schema, c.db.Statement
	hooks := s.BeforeSave || s.BeforeCreate || s.AfterCreate || s.AfterSave
	related := len(s.Relationships.Relations) > 0 && !slices.Contains(stmt.Omits, clause.Associations)
	return c.bulk.aside && !related && (!hooks || stmt.SkipHooks)
}

// batches is many, by batches that the engine takes in one statement.
func (c *creation) batches(p *planner.Plan, watch *watch) error {
	size := c.r.batchSize(len(c.table.Schema.DBNames))
	if c.rows.maps == nil && !c.rows.list.IsValid() || len(p.Targets) == 1 && len(p.Targets[0].Rows) == c.rows.len() && c.rows.len() <= size {
		c.insert(p.Targets[0].Shard, p)
		return nil
	}
	split := *p
	split.Targets = nil
	for _, t := range p.Targets {
		for from := 0; from < len(t.Rows); from += size {
			part := t
			part.Rows = t.Rows[from:min(from+size, len(t.Rows))]
			split.Targets = append(split.Targets, part)
		}
	}
	err := c.many(&split, watch)
	p.Statements = split.Statements
	return err
}

// structRows tells whether a chunk's rows are structs.
func structRows(list reflect.Value) bool {
	if !list.IsValid() {
		return false
	}
	t := list.Type().Elem()
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	return t.Kind() == reflect.Struct
}
