package oracle

import (
	"context"
	"fmt"
	"reflect"
	"time"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"github.com/go-dtde/dtde"
)

// operation is one step of a program. It is the same value for both sides.
type operation struct {
	// kind groups operations in the statistics: "find", "update", …
	kind  string
	write bool
	// shapes are what is counted of it, see [shapesOf].
	shapes []string
	text   string
	rule   rule
	run    func(s *session) *answer
	// body are a transaction's operations.
	body []*operation
	// without gives the operation without its i-th part, or nil, for shrinking.
	without func(i int) *operation
	parts   int
}

// session is one side while it runs a program.
type session struct {
	*side
	// db is the handle that operations start from: the database or a transaction.
	db    *gorm.DB
	model *model
	ids   *identities
	// refused are the operations inside a transaction that the sharded side refused
	// and the plain side skips.
	refused map[*operation]bool
	inTx    bool
}

// identities are the primary keys that the sharded side generated; the plain side
// takes them over.
type identities struct{ generated map[int]any }

// id is the primary key of the row with that number.
func (s *session) id(n int) any {
	if id, ok := s.ids.generated[n]; ok {
		return id
	}
	return s.model.id(n)
}

// generates tells whether this side makes the primary keys of rows without one.
func (s *session) generates() bool { return !s.plain && !s.unsharded }

// value makes a row's value: with its id, or without where the sharded side
// generates it.
func (s *session) value(r row) reflect.Value {
	if r.generated && s.generates() {
		return s.model.fill(r, nil)
	}
	return s.model.fill(r, s.id(r.n))
}

// slice makes a pointer to a slice of the rows' values.
func (s *session) slice(rows []row) reflect.Value {
	p := reflect.New(reflect.SliceOf(s.model.typ))
	for _, r := range rows {
		p.Elem().Set(reflect.Append(p.Elem(), s.value(r)))
	}
	return p
}

// adopt keeps the ids that the sharded side generated.
func (s *session) adopt(r row, v reflect.Value) error {
	if !r.generated || !s.generates() {
		return nil
	}
	if s.model.isZeroID(v) {
		return fmt.Errorf("oracle: no primary key was generated, or it was not written back")
	}
	s.ids.generated[r.n] = s.model.idOf(v)
	return nil
}

// What stands for values that only exist when an operation runs.
type (
	// rowID is the primary key of the row with that number.
	rowID int
	// partial is a model's value with some fields set.
	partial struct{ fields map[string]any }
	// group is a nested condition, subquery a query as a value.
	group    struct{ calls []call }
	subquery struct{ calls []call }
	// modelOf is the model itself, for db.Model.
	modelOf struct{}
)

// resolve replaces what stands for other values.
func (s *session) resolve(v any) any {
	switch x := v.(type) {
	case rowID:
		return s.id(int(x))
	case []rowID:
		ids := reflect.MakeSlice(reflect.SliceOf(reflect.TypeOf(s.model.id(1))), 0, len(x))
		for _, n := range x {
			ids = reflect.Append(ids, reflect.ValueOf(s.id(int(n))))
		}
		return ids.Interface()
	case partial:
		return s.partial(x).Interface()
	case group:
		return s.apply(s.db.Session(&gorm.Session{NewDB: true}), x.calls)
	case subquery:
		return s.apply(s.db.Session(&gorm.Session{NewDB: true}).Model(s.model.one()), x.calls)
	case modelOf:
		return s.model.one()
	case map[string]any:
		m := make(map[string]any, len(x))
		for k, inner := range x {
			m[k] = s.resolve(inner)
		}
		return m
	case []any:
		return s.resolveAll(x)
	case [][]any:
		out := make([][]any, len(x))
		for i := range x {
			out[i] = s.resolveAll(x[i])
		}
		return out
	case clause.Eq:
		x.Value = s.resolve(x.Value)
		return x
	case clause.Neq:
		x.Value = s.resolve(x.Value)
		return x
	case clause.Gt:
		x.Value = s.resolve(x.Value)
		return x
	case clause.Lte:
		x.Value = s.resolve(x.Value)
		return x
	case clause.IN:
		x.Values = s.resolveAll(x.Values)
		return x
	}
	return v
}

func (s *session) resolveAll(args []any) []any {
	if args == nil {
		return nil
	}
	out := make([]any, len(args))
	for i, a := range args {
		out[i] = s.resolve(a)
	}
	return out
}

// partial makes a pointer to a model's value with the given fields.
func (s *session) partial(p partial) reflect.Value {
	v := reflect.New(s.model.typ)
	for name, field := range p.fields {
		f := v.Elem().FieldByName(name)
		value := reflect.ValueOf(s.resolve(field))
		if f.Kind() == reflect.Pointer && value.Kind() != reflect.Pointer {
			pointer := reflect.New(f.Type().Elem())
			pointer.Elem().Set(value.Convert(f.Type().Elem()))
			value = pointer
		}
		f.Set(value.Convert(f.Type()))
	}
	return v
}

// named is a pointer to a slice of values that have their primary keys only.
func (s *session) named(ids []rowID) any {
	p := reflect.New(reflect.SliceOf(s.model.typ))
	for _, n := range ids {
		p.Elem().Set(reflect.Append(p.Elem(), s.model.fill(row{}, s.id(int(n)))))
	}
	return p.Interface()
}

// call is one method call of a chain.
type call struct {
	text  string
	apply func(s *session, db *gorm.DB) *gorm.DB
	// optional: the rule of the answer is the same without it. limits: it picks
	// among the rows.
	optional, limits bool
}

func (s *session) apply(db *gorm.DB, calls []call) *gorm.DB {
	for _, c := range calls {
		db = c.apply(s, db)
	}
	return db
}

// How long one operation may take: a deadlock is a difference, not a hang.
const patience = 30 * time.Second

// start begins an operation: a handle with a context of its own.
func (s *session) start() (db *gorm.DB, hooks *hookCounts, done context.CancelFunc) {
	ctx, cancel := context.WithTimeout(s.db.Statement.Context, patience)
	ctx, hooks = withHooks(ctx)
	return s.db.WithContext(ctx), hooks, cancel
}

// answer makes the answer of a finisher.
func (s *session) answer(tx *gorm.DB) *answer {
	a := &answer{err: tx.Error, affected: tx.RowsAffected}
	a.class, a.reason = s.classify(tx.Error)
	if !s.plain && !s.unsharded {
		for _, p := range dtde.Plans(tx) {
			a.form = p.Form.String()
		}
	}
	return a
}

// classify is [classify] under the side's settings.
func (s *session) classify(err error) (class, reason string) {
	class, reason = classify(err)
	if class == classDuplicate && !s.root.TranslateError {
		class = classFailed
	}
	return class, reason
}

// statement is an operation that is one chain of calls with a finisher at its end.
type statement struct {
	kind     string
	write    bool
	rule     rule
	calls    []call
	finisher string
	// also are shapes that its kind and calls do not tell.
	also []string
	run  func(s *session, db *gorm.DB) *answer
	// pool reads what the finisher would without a LIMIT; nil where the rule has no
	// choice.
	pool func(s *session, db *gorm.DB) []record
	// smaller leaves out one of the pieces that the finisher has, for shrinking.
	pieces  int
	smaller func(i int) *operation
}

func (st statement) operation() *operation {
	op := &operation{kind: st.kind, write: st.write, shapes: st.shapes(), rule: st.rule, parts: len(st.calls) + st.pieces}
	op.text = "db" + chainText(st.calls) + "." + st.finisher
	op.run = func(s *session) *answer {
		db, hooks, done := s.start()
		defer done()
		a := st.run(s, s.apply(db, st.calls))
		a.hooks = hooks.String()
		if s.plain && st.rule.choice && st.pool != nil && a.class == classOK {
			again, _, done := s.start()
			defer done()
			a.pool = st.pool(s, s.apply(again, unlimited(st.calls)))
		}
		return a
	}
	op.without = func(i int) *operation {
		if i >= len(st.calls) {
			return st.smaller(i - len(st.calls))
		}
		if !st.calls[i].optional {
			return nil
		}
		fewer := st
		fewer.calls = append(append([]call(nil), st.calls[:i]...), st.calls[i+1:]...)
		return fewer.operation()
	}
	return op
}

// unlimited leaves out what picks among rows.
func unlimited(calls []call) []call {
	var kept []call
	for _, c := range calls {
		if !c.limits {
			kept = append(kept, c)
		}
	}
	return kept
}
