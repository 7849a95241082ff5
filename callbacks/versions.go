package callbacks

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"time"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"
	"gorm.io/gorm/schema"

	"github.com/go-dtde/dtde/config"
	"github.com/go-dtde/dtde/planner"
	"github.com/go-dtde/dtde/resolver"
	"github.com/go-dtde/dtde/temporal"
)

// Row is a version's row: an addressable struct.
type Row = reflect.Value

// VersionWrite is one write to the history of one key.
type VersionWrite struct {
	// Model is a pointer to a struct that carries the entity key.
	Model any
	// Operation makes the write of the key's rows as they are, after they were locked.
	Operation func(rows []temporal.Version[Row]) (temporal.Operation[Row], error)
	// Repair plans temporal.Repair instead.
	Repair bool
	// Expect is the start of the version that the caller has read; zero for any.
	Expect time.Time
}

// historyAttempts bounds how often a write in a transaction of its own is tried.
const historyAttempts = 8

// internalKey marks the statements that carry out a version's steps.
type internalKey struct{}

// WriteVersions locks all versions of a key, plans the write, and carries it out: in
// the caller's transaction, or in one of its own that is tried again after serialization
// failures, deadlocks, and writers that came between.
func (r *Runtime) WriteVersions(db *gorm.DB, w VersionWrite) (out temporal.Outcome[Row], err error) {
	err = r.inHistory(db, func(tx *gorm.DB) (err error) {
		out, err = r.writeVersions(tx, w)
		return err
	})
	return out, err
}

// inHistory runs write in the caller's transaction, or in one of its own that is tried
// again. Its statements have none of the caller's conditions.
func (r *Runtime) inHistory(db *gorm.DB, write func(tx *gorm.DB) error) error {
	db = db.Session(&gorm.Session{NewDB: true}) // the caller's conditions are not the key's
	if resolver.InTransaction(db.Statement.ConnPool) {
		return db.Transaction(write)
	}
	for attempt := 0; ; attempt++ {
		err := resolver.Retry(db.Statement.Context, historyAttempts, func(ctx context.Context) error {
			return db.WithContext(ctx).Transaction(write)
		})
		// A shard that this very transaction made is there for the next one.
		var refused *config.UnsupportedError
		if attempt == 2 || !errors.As(err, &refused) || refused.Reason != "young-table" {
			return err
		}
	}
}

// history is one write under way.
type history struct {
	r     *Runtime
	tx    *gorm.DB
	table *config.Table
	v     *config.Validity
	model reflect.Value // of the caller's struct
	key   []any
	// shared locks against writers only, not against others who read so.
	shared bool
	// locked are the ids of the rows that lockRows found, by the text of their key, and how
	// many rows have each.
	locked map[string]map[any]int
	// begun tells that the caller's struct has become the first part of a version that is cut.
	begun bool
	// checking reads what a rule of containment needs to see.
	checking bool
}

// versioned finds the entity of a model, and the key that it carries.
func (r *Runtime) versioned(db *gorm.DB, model any) (*history, error) {
	stmt := &gorm.Statement{DB: db}
	if err := stmt.Parse(model); err != nil {
		return nil, err
	}
	h, err := r.historyOf(db, stmt.Schema)
	if err != nil {
		return nil, err
	}
	h.model = reflect.Indirect(reflect.ValueOf(model))
	if h.model.Kind() != reflect.Struct || !h.model.CanSet() {
		return nil, fmt.Errorf("%w: the model must be a pointer to a struct", gorm.ErrInvalidValue)
	}
	for i := range h.v.Key {
		f := h.v.Key[i].Field
		if _, zero := f.ValueOf(h.ctx(), h.model); zero && len(h.v.Key) == 1 {
			return nil, &config.ShardError{Entity: h.table.Name, Operation: "version", Cause: config.ErrMissingShardKey, Hint: "the entity key " + f.Name + " is empty"}
		}
	}
	h.key = h.keyOf(h.model)
	return h, nil
}

// historyOf is a write, or a read, of versions of an entity, still without a key.
func (r *Runtime) historyOf(db *gorm.DB, s *schema.Schema) (*history, error) {
	t, ok := r.current(db.Statement.ConnPool).ByModel(s.ModelType)
	if !ok || t.Validity == nil {
		return nil, &config.UnsupportedError{
			Entity: s.Name, Reason: "not-temporal", Problem: "a write of versions to a model that keeps none",
			Hint: "give it HasTemporalValidity and EntityKey",
		}
	}
	h := &history{r: r, table: t, v: t.Validity}
	// statements of its own: without the caller's conditions, lens and scopes
	h.tx = db.Session(&gorm.Session{NewDB: true, Context: context.WithValue(db.Statement.Context, lensKey{}, lensSetting{unstated: true})})
	h.tx = h.tx.Set("dtde:versions", true)
	h.tx.Statement.Settings.Store(internalKey{}, t.ModelType)
	h.tx = h.tx.Session(&gorm.Session{})
	scoped.Store(true)
	return h, nil
}

// keyOf is the entity key of a row.
func (h *history) keyOf(row Row) []any {
	key := make([]any, len(h.v.Key))
	for i := range h.v.Key {
		key[i], _ = h.v.Key[i].Field.ValueOf(h.ctx(), row)
	}
	return key
}

// of is the same write for another key.
func (h *history) of(key []any) *history {
	other := *h
	other.key = key
	return &other
}

func (r *Runtime) writeVersions(db *gorm.DB, w VersionWrite) (out temporal.Outcome[Row], err error) {
	h, err := r.versioned(db, w.Model)
	if err != nil {
		return out, err
	}
	if err := h.lock(h.key); err != nil {
		return out, err
	}
	rows, err := h.read()
	if err != nil {
		return out, err
	}
	if !w.Expect.IsZero() {
		if err := h.expected(rows, w.Expect); err != nil {
			return out, err
		}
	}
	if w.Repair {
		if h.v.Cut() {
			return out, &config.UnsupportedError{
				Entity: h.table.Name, Reason: "cut-repair", Problem: "a repair of versions that are cut at shard boundaries",
				Hint: "use Put or DeletePortion for what Check lists",
			}
		}
		out, err = temporal.Repair(rows, h.rules(db))
	} else {
		var op temporal.Operation[Row]
		if op, err = w.Operation(rows); err == nil {
			out, err = temporal.Plan(rows, op, h.rules(db))
		}
	}
	if err != nil {
		return out, h.named(err)
	}
	return out, h.apply(rows, out)
}

// apply carries out what was planned for the key's rows.
func (h *history) apply(rows []temporal.Version[Row], out temporal.Outcome[Row]) error {
	steps := out.Steps
	if err := h.admit(steps); err != nil {
		return err
	}
	for _, step := range steps {
		if err := h.carryOut(step); err != nil {
			return err
		}
	}
	if len(rows) == 0 && len(steps) > 0 {
		if err := h.alone(len(steps)); err != nil {
			return err
		}
	}
	h.complete(out)
	h.tell(steps)
	return h.r.touched(h.tx, h.outgrown(rows, out)...)
}

// named puts the entity's name into the errors of package temporal.
func (h *history) named(err error) error {
	var fault *temporal.ValidityError
	if errors.As(err, &fault) {
		fault.Entity = h.table.Name
	}
	return err
}

// where are the conditions for all versions of the key.
func (h *history) where() *gorm.DB {
	tx := h.tx.Model(reflect.New(h.table.ModelType).Interface())
	for i, k := range h.v.Key {
		tx = tx.Where(clause.Eq{Column: clause.Column{Table: clause.CurrentTable, Name: k.Column}, Value: h.key[i]})
	}
	return tx
}

// versions turns rows into what the plan works on.
func (h *history) versions(list reflect.Value) ([]temporal.Version[Row], error) {
	out := make([]temporal.Version[Row], list.Len())
	wholes := map[any]*temporal.Whole{}
	for i := range out {
		row := list.Index(i)
		v := temporal.Version[Row]{Row: row, ID: h.rowID(row), Valid: h.period(&h.v.Valid, row)}
		if h.v.Cut() {
			id := h.id(row)
			if wholes[id] == nil {
				wholes[id] = &temporal.Whole{ID: row}
			}
			v.Whole = wholes[id]
		}
		if h.v.System != nil {
			v.System = h.period(h.v.System, row)
		}
		out[i] = v
	}
	return out, nil
}

// id is a row's primary key in a comparable form.
func (h *history) id(row Row) any {
	if f := h.table.Schema.PrioritizedPrimaryField; f != nil && len(h.table.Schema.PrimaryFields) == 1 {
		value, _ := f.ValueOf(h.ctx(), row)
		if reflect.TypeOf(value).Comparable() {
			return value
		}
	}
	text := ""
	for _, f := range h.table.Schema.PrimaryFields {
		value, _ := f.ValueOf(h.ctx(), row)
		text += fmt.Sprintf("%v\x00", value)
	}
	return text
}

func (h *history) ctx() context.Context { return h.tx.Statement.Context }

func (h *history) period(c *config.PeriodColumns, row Row) temporal.Period {
	from := instantIn(h.ctx(), c.From, row)
	p := temporal.Period{}
	if from != nil {
		p.From = temporal.Cut(*from, c.Precision)
	}
	if c.To != nil {
		p.To = temporal.End(instantIn(h.ctx(), c.To, row))
		if !p.To.IsZero() {
			p.To = temporal.Cut(p.To, c.Precision)
		}
	}
	return p
}

// instantIn reads a time field; nil for NULL and for the zero time.
func instantIn(ctx context.Context, f *schema.Field, row Row) *time.Time {
	if field := f.ReflectValueOf(ctx, row); field.CanAddr() { // the two that are common, without a copy
		switch t := field.Addr().Interface().(type) {
		case *time.Time:
			if t.IsZero() {
				return nil
			}
			return t
		case **time.Time:
			return *t
		}
	}
	value, zero := f.ValueOf(ctx, row)
	if zero {
		return nil
	}
	v := reflect.ValueOf(value)
	for v.Kind() == reflect.Pointer {
		if v.IsNil() {
			return nil
		}
		v = v.Elem()
	}
	if t, ok := v.Interface().(time.Time); ok {
		return &t
	}
	if n, ok := v.Interface().(interface{ Value() (any, error) }); ok {
		if got, err := n.Value(); err == nil {
			if t, ok := got.(time.Time); ok {
				return &t
			}
		}
	}
	if v.Kind() == reflect.Struct { // sql.NullTime
		if t := v.FieldByName("Time"); t.IsValid() {
			if at, ok := t.Interface().(time.Time); ok && !at.IsZero() {
				return &at
			}
		}
	}
	return nil
}

// ownKey keeps, in a transaction, the ids of the versions of a model that it wrote. The
// model's table in the catalog is another one as soon as a shard was made.
type ownKey struct{ model reflect.Type }

func (h *history) own() map[any]bool {
	tx, ok := resolver.Transaction(h.tx.Statement.ConnPool)
	if !ok {
		return map[any]bool{}
	}
	if ids, ok := tx.Value(ownKey{h.table.ModelType}).(map[any]bool); ok {
		return ids
	}
	ids := map[any]bool{}
	tx.SetValue(ownKey{h.table.ModelType}, ids)
	return ids
}

func (h *history) rules(db *gorm.DB) temporal.Rules[Row] {
	own := h.own()
	rules := temporal.Rules[Row]{
		Equal: h.equal, Now: instantOf(db), Precision: h.v.Valid.Precision, Tolerance: h.v.ClockTolerance,
		Own: func(v temporal.Version[Row]) bool { return own[v.ID] }, StartOnly: h.v.StartOnly(), System: h.v.System != nil,
	}
	rules.Boundaries, rules.Wholes = h.v.Boundaries, h.v.Cut()
	if h.v.System != nil {
		rules.SystemPrecision = h.v.System.Precision
	}
	return rules
}

// equal tells whether two rows hold the same data: all columns but keys, periods and
// the times that GORM keeps.
func (h *history) equal(a, b Row) bool {
	for _, f := range h.table.Schema.Fields {
		if f.DBName == "" || !h.data(f) {
			continue
		}
		x, _ := f.ValueOf(h.ctx(), a)
		y, _ := f.ValueOf(h.ctx(), b)
		if !sameData(x, y) {
			return false
		}
	}
	return true
}

func sameData(x, y any) bool {
	if t, ok := x.(time.Time); ok {
		u, ok := y.(time.Time)
		return ok && t.Equal(u)
	}
	return reflect.DeepEqual(x, y)
}

// data tells a column of the version's data from those that say which version it is.
func (h *history) data(f *schema.Field) bool {
	if f.PrimaryKey || f.AutoCreateTime > 0 || f.AutoUpdateTime > 0 || h.isPeriod(f) {
		return false
	}
	for _, k := range h.v.Key {
		if k.Field == f {
			return false
		}
	}
	return true
}

func (h *history) isPeriod(f *schema.Field) bool {
	v := h.v
	return f == v.Valid.From || f == v.Valid.To || v.System != nil && (f == v.System.From || f == v.System.To)
}

// expected checks the version that an optimistic caller has read: it must be the last.
func (h *history) expected(rows []temporal.Version[Row], start time.Time) error {
	start = temporal.Cut(start, h.v.Valid.Precision)
	latest := time.Time{}
	for _, v := range h.joined(rows) {
		if v.Valid.From.After(latest) {
			latest = v.Valid.From
		}
	}
	if !latest.Equal(start) {
		return &temporal.ValidityError{Entity: h.table.Name, Operation: "save", At: start, Cause: config.ErrConflict, Hint: "another version was saved since; read it and decide again"}
	}
	return nil
}

func (h *history) conflict(at time.Time) error {
	return &temporal.ValidityError{Entity: h.table.Name, Operation: "write", At: at, Cause: config.ErrConflict, Hint: "somebody else changed the key's versions: try again"}
}

// internal tells a statement that carries out steps of a version; not one for rows of
// another model that are related to it, to which GORM hands the settings on.
func internal(stmt *gorm.Statement) bool {
	of, ok := stmt.Settings.Load(internalKey{})
	return ok && (stmt.Schema == nil || stmt.Schema.ModelType == of)
}

// unversioned refuses a plain write to an entity that takes versioned ones only.
func unversioned(stmt *gorm.Statement, t *config.Table, op planner.Operation) error {
	if t.Validity == nil || internal(stmt) {
		return nil
	}
	if t.Validity.Cut() {
		return uncut(t, op)
	}
	if !t.Validity.VersionedOnly {
		return nil
	}
	return &config.ShardError{
		Entity: t.Name, Operation: op.String(), Cause: config.ErrUnversionedWrite,
		Hint: "use dtde.SaveWithVersioning and its kin: the entity is marked VersionedOnly",
	}
}
