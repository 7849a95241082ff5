package callbacks

import (
	"reflect"
	"slices"
	"strings"
	"time"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"
	"gorm.io/gorm/schema"
	"gorm.io/gorm/utils"

	"github.com/go-dtde/dtde/config"
	"github.com/go-dtde/dtde/temporal"
)

// picking is a read of rows of which each parent is given those that are valid at its
// instant. It stands with the lens that spans these instants, so that a lens of the
// Preload's own replaces both.
type picking struct {
	// by is the entity whose rows were read through that lens; nil if none was.
	by *config.Table
}

// pickingOf is what a statement's rows are picked by; nil for others.
func pickingOf(stmt *gorm.Statement) *picking {
	if !scoped.Load() {
		return nil
	}
	if v, ok := stmt.Settings.Load(lensKey{}); ok {
		return v.(lensSetting).picking
	}
	return nil
}

// session is for a read of rows for parents of several instants.
func (p *preloader) session(parents map[string][]dated) *gorm.DB {
	var first, last time.Time
	for _, list := range parents {
		for _, parent := range list {
			if first.IsZero() || parent.at.Before(first) {
				first = parent.at
			}
			if parent.at.After(last) {
				last = parent.at
			}
		}
	}
	stmt := p.tx.Statement
	tx := p.tx.Table("").Session(&gorm.Session{Context: stmt.Context, SkipHooks: stmt.SkipHooks})
	tx.Statement.Unscoped = stmt.Unscoped
	scoped.Store(true)
	tx.Statement.Settings.Store(lensKey{}, lensSetting{Lens: p.lens.Spanning(first, last), picking: &picking{}})
	return tx
}

// picked are rows that were read for parents of several instants.
type picked struct {
	list reflect.Value // of pointers
	// read is the statement that has read them; nil if there was none, or if a lens of its
	// own says what every parent is given.
	read *gorm.DB
	// periods are theirs, if they have to be picked by them.
	periods   []temporal.Period
	precision *config.Validity
}

func (k *picked) len() int {
	if !k.list.IsValid() {
		return 0
	}
	return k.list.Len()
}

// valid tells whether a row is for parents of an instant.
func (k *picked) valid(i int, at time.Time) bool {
	return k.periods == nil || k.periods[i].Contains(temporal.InstantOf(k.precision, at))
}

// leadsOn tells that each instant needs a row of its own.
func (k *picked) leadsOn() bool { return k.read != nil && len(k.read.Statement.Preloads) > 0 }

// pick reads rows of a model and finds out when they are valid.
func (p *preloader) pick(tx *gorm.DB, s *schema.Schema, list reflect.Value) (*picked, error) {
	read := tx.Find(list.Addr().Interface())
	if read.Error != nil {
		return nil, read.Error
	}
	k := &picked{list: list}
	by := pickingOf(read.Statement)
	if by == nil {
		return k, nil
	}
	k.read = read
	if by.by == nil || list.Len() == 0 {
		return k, nil
	}
	h := &history{r: p.r, tx: read, table: by.by, v: by.by.Validity}
	k.precision, k.periods = h.v, make([]temporal.Period, list.Len())
	for i := range k.periods {
		k.periods[i] = h.period(&h.v.Valid, list.Index(i).Elem())
	}
	if h.v.StartOnly() {
		return k, p.deriveEnds(h, k)
	}
	return k, nil
}

// endsChunk bounds the keys of one statement that asks for starts.
const endsChunk = 500

// deriveEnds gives rows of which only starts are stored their ends: whatever the Preload's
// own conditions leave out ends a version, too.
func (p *preloader) deriveEnds(h *history, k *picked) error {
	columns, fields := make([]string, len(h.v.Key)), make([]*schema.Field, len(h.v.Key))
	for i := range h.v.Key {
		columns[i], fields[i] = h.v.Key[i].Column, h.v.Key[i].Field
	}
	keys := &parentKeys{}
	for i := range k.list.Len() {
		keys.add(valuesOf(p.ctx, fields, k.list.Index(i).Elem()))
	}
	lens := statedLens(k.read.Statement)
	all := temporal.Lens{Kind: temporal.LensAll, Known: lens.Known, Ever: lens.Ever}
	starts := map[string][]time.Time{}
	for values := range slices.Chunk(keys.values, endsChunk) {
		list := reflect.New(reflect.SliceOf(h.table.ModelType))
		column, in := schema.ToQueryValues(clause.CurrentTable, columns, values)
		tx := k.read.Session(&gorm.Session{NewDB: true, Context: p.ctx, SkipHooks: true}).Unscoped().Scopes(WithLens(all)).
			Select(append(slices.Clone(columns), h.v.Valid.From.DBName)).Where(clause.IN{Column: column, Values: in})
		if err := tx.Find(list.Interface()).Error; err != nil {
			return err
		}
		for i := range list.Elem().Len() {
			row := list.Elem().Index(i)
			text := utils.ToStringKey(valuesOf(p.ctx, fields, row)...)
			starts[text] = append(starts[text], h.period(&h.v.Valid, row).From)
		}
	}
	for i := range k.periods {
		for _, start := range starts[utils.ToStringKey(valuesOf(p.ctx, fields, k.list.Index(i).Elem())...)] {
			if start.After(k.periods[i].From) && (k.periods[i].IsOpen() || start.Before(k.periods[i].To)) {
				k.periods[i].To = start
			}
		}
	}
	return nil
}

// complete loads the relations of picked rows and runs their hooks.
func (k *picked) complete(p *preloader, s *schema.Schema, rows []dated) error {
	if k.read == nil || len(rows) == 0 {
		return nil
	}
	stmt := k.read.Statement
	if k.leadsOn() {
		lens := statedLens(stmt)
		next := &preloader{r: p.r, ctx: stmt.Context, tx: sessionOf(k.read), lens: lens.Lens, all: stmt.Preloads[clause.Associations]}
		joins := make([]string, len(stmt.Joins))
		for i := range stmt.Joins {
			joins[i] = stmt.Joins[i].Name
		}
		if err := next.relations(s, &s.Relationships, rows, joins, stmt.Preloads); err != nil {
			return err
		}
	}
	if stmt.SkipHooks {
		return nil
	}
	return hooks(sessionOf(k.read), s, rows)
}

// seePicked prepares a read of rows that will be picked: what would pick other rows than a
// read at each instant is refused.
func (p *picking) seePicked(stmt *gorm.Statement, t *config.Table) error {
	if isSubquery(stmt) {
		return unpickable(t, "a subquery of versions")
	}
	if sc, ok := loadScope(stmt); ok && sc.after != nil {
		return unpickable(t, "a cursor")
	}
	for _, name := range []string{"LIMIT", "GROUP BY"} {
		if c, ok := stmt.Clauses[name]; ok && c.Expression != nil {
			return unpickable(t, name)
		}
	}
	need := []*schema.Field{t.Validity.Valid.From}
	if t.Validity.StartOnly() {
		for i := range t.Validity.Key {
			need = append(need, t.Validity.Key[i].Field)
		}
	} else {
		need = append(need, t.Validity.Valid.To)
	}
	if !selectAlso(stmt, need, true) {
		return unpickable(t, "selected expressions or DISTINCT columns")
	}
	p.by = t
	return nil
}

func unpickable(t *config.Table, what string) error {
	return &config.UnsupportedError{
		Entity: t.Name, Reason: "preload-shape", Problem: "Preload as of each parent's start with " + what + ": one statement serves all of them",
		Hint: "preload the rows themselves, or load them for each parent by a query of their own under ValidAt",
	}
}

// selectAlso sees to it that a statement reads some fields; false if that can't be known,
// or would change its answer. With columns only it must select nothing but columns.
func selectAlso(stmt *gorm.Statement, fields []*schema.Field, columnsOnly bool) bool {
	if c, ok := stmt.Clauses["SELECT"]; ok && c.Expression != nil {
		if s, ok := c.Expression.(clause.Select); !ok || s.Expression != nil || len(s.Columns) > 0 {
			return false
		}
	}
	if len(stmt.Selects) == 0 {
		omits := slices.DeleteFunc(slices.Clone(stmt.Omits), func(name string) bool {
			f := stmt.Schema.LookUpField(name)
			return f != nil && slices.Contains(fields, f)
		})
		same := len(omits) == len(stmt.Omits)
		stmt.Omits = omits
		return same || !stmt.Distinct
	}
	read := map[*schema.Field]bool{}
	for _, item := range stmt.Selects {
		for part := range strings.SplitSeq(item, ",") {
			f, every := selectedField(stmt, part)
			switch {
			case every:
				for _, f := range fields {
					read[f] = true
				}
			case f != nil:
				read[f] = true
			case columnsOnly || slices.ContainsFunc(fields, func(f *schema.Field) bool { return strings.Contains(part, f.DBName) }):
				return false // another table's column of that name might be read into the field
			}
		}
	}
	for _, f := range fields {
		if read[f] {
			continue
		}
		if _, grouped := stmt.Clauses["GROUP BY"]; grouped || stmt.Distinct {
			return false
		}
		stmt.Selects = append(slices.Clone(stmt.Selects), f.DBName)
	}
	return true
}

// selectedField is the model's field that a selected text names, or every one; nil if it is
// something else.
func selectedField(stmt *gorm.Statement, text string) (f *schema.Field, every bool) {
	name, table := strings.TrimSpace(text), ""
	if dot := strings.LastIndexByte(name, '.'); dot >= 0 {
		table, name = strings.Trim(name[:dot], "`\"[]"), name[dot+1:]
	}
	if table != "" && table != stmt.Table && table != stmt.Schema.Table {
		return nil, false
	}
	if name == "*" {
		return nil, table != "" || len(stmt.Joins) == 0
	}
	return stmt.Schema.LookUpField(strings.Trim(name, "`\"[]")), false
}
