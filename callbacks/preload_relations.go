package callbacks

import (
	"context"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
	"time"

	"gorm.io/gorm"
	gormcallbacks "gorm.io/gorm/callbacks"
	"gorm.io/gorm/clause"
	"gorm.io/gorm/schema"
	"gorm.io/gorm/utils"

	"github.com/go-dtde/dtde/temporal"
)

// preloader loads relations as GORM's preload does, but each row's as of an instant of its
// own. A relation's rows are read for all parents in one statement, with every version that
// one of them could need, and each parent is given those that are valid at its instant.
type preloader struct {
	r   *Runtime
	ctx context.Context
	// tx is a session with the settings of the statement that has read the parents.
	tx *gorm.DB
	// lens says what of system time is seen.
	lens temporal.Lens
	// all are the conditions of Preload(clause.Associations).
	all []any
}

// relations loads the named relations of rows of a model. The joined ones are there, and
// only lead on.
func (p *preloader) relations(s *schema.Schema, relations *schema.Relationships, rows []dated, joins []string, preloads map[string][]any) error {
	byName := preloadNames(s, preloads)
	for _, name := range slices.Sorted(maps.Keys(byName)) { // an order, for the statements
		if embedded := relations.EmbeddedRelations[name]; embedded != nil {
			if err := p.relations(s, embedded, rows, joins, byName[name]); err != nil {
				return err
			}
			continue
		}
		rel := relations.Relations[name]
		if rel == nil {
			return fmt.Errorf("%s: %w for schema %s", name, gorm.ErrUnsupportedRelation, s.Name)
		}
		joined, deeper := joinedRelation(name, joins)
		if !joined {
			if err := p.relation(rel, rows, slices.Concat(preloads[name], p.all), byName[name]); err != nil {
				return err
			}
			continue
		}
		var there []dated
		for _, parent := range rows {
			for _, row := range rowsOf(rel.Field.ReflectValueOf(p.ctx, parent.row)) {
				there = append(there, dated{row, parent.at})
			}
		}
		if err := p.relations(rel.FieldSchema, &rel.FieldSchema.Relationships, there, deeper, byName[name]); err != nil {
			return err
		}
	}
	return nil
}

// joinedRelation tells whether a relation was joined, and which of its own were.
func joinedRelation(name string, joins []string) (joined bool, deeper []string) {
	for _, join := range joins {
		first, rest, nested := strings.Cut(join, ".")
		if first != name {
			continue
		}
		joined = true
		if nested {
			deeper = append(deeper, rest)
		}
	}
	return joined, deeper
}

// preloadNames sorts preloads by their first relation, as GORM does: what stands behind it
// is for the statement that reads it.
func preloadNames(s *schema.Schema, preloads map[string][]any) map[string]map[string][]any {
	names := map[string]map[string][]any{}
	add := func(name, rest string, args []any) {
		if names[name] == nil {
			names[name] = map[string][]any{}
		}
		if rest != "" {
			names[name][rest] = args
		}
	}
	for name, args := range preloads {
		first, rest, _ := strings.Cut(name, ".")
		if first != clause.Associations {
			add(first, rest, args)
			continue
		}
		for _, rel := range s.Relationships.Relations {
			if rel.Schema == s {
				add(rel.Name, rest, args)
			}
		}
		for embedded, relations := range s.Relationships.EmbeddedRelations {
			for _, path := range embeddedPaths(relations) {
				add(embedded, path, args)
			}
		}
	}
	return names
}

func embeddedPaths(relations *schema.Relationships) (paths []string) {
	if relations == nil {
		return nil
	}
	for _, rel := range relations.Relations {
		paths = append(paths, strings.Join(rel.Field.EmbeddedBindNames[1:], ".")) // without the struct's own name
	}
	for _, deeper := range relations.EmbeddedRelations {
		paths = append(paths, embeddedPaths(deeper)...)
	}
	return paths
}

// relation loads one relation of parents.
func (p *preloader) relation(rel *schema.Relationship, parents []dated, conds []any, nested map[string][]any) error {
	keys, columns, fields, err := p.targets(rel, parents)
	if err != nil || keys == nil {
		return err
	}
	read := &picked{}
	if len(keys.values) > 0 {
		column, values := schema.ToQueryValues(clause.CurrentTable, columns, keys.values)
		tx := p.session(keys.parents)
		if rel.JoinTable == nil {
			tx = polymorphic(tx, rel)
		}
		for name, args := range nested {
			tx = tx.Preload(name, args...)
		}
		list := rel.FieldSchema.MakeSlice().Elem()
		tx = tx.Model(list.Addr().Interface()).Where(clause.IN{Column: column, Values: values})
		var inline []any
		for _, cond := range conds {
			if scope, ok := cond.(func(*gorm.DB) *gorm.DB); ok {
				tx = scope(tx)
			} else {
				inline = append(inline, cond)
			}
		}
		if len(inline) > 0 {
			tx = tx.Where(inline[0], inline[1:]...)
		}
		if read, err = p.pick(tx, rel.FieldSchema, list); err != nil {
			return err
		}
	}
	for _, parent := range parents {
		if err := emptied(p.ctx, rel, parent.row); err != nil {
			return err
		}
	}
	return p.assign(rel, read, keys, fields)
}

// parentKeys are parents by the text of the keys that their rows are found by.
type parentKeys struct {
	parents map[string][]dated
	values  [][]any
}

func (k *parentKeys) add(values []any, parents ...dated) {
	if k.parents == nil {
		k.parents = map[string][]dated{}
	}
	text := utils.ToStringKey(values...)
	if _, known := k.parents[text]; !known {
		k.values = append(k.values, values)
	}
	k.parents[text] = append(k.parents[text], parents...)
}

// targets gives the parents by the keys of the relation's rows, and the columns and fields
// that these have them in; nil if no parent has a key.
func (p *preloader) targets(rel *schema.Relationship, parents []dated) (keys *parentKeys, columns []string, fields []*schema.Field, err error) {
	if rel.JoinTable != nil {
		return p.joined(rel, parents)
	}
	var own []*schema.Field
	for _, ref := range rel.References {
		switch {
		case ref.OwnPrimaryKey:
			columns, fields, own = append(columns, ref.ForeignKey.DBName), append(fields, ref.ForeignKey), append(own, ref.PrimaryKey)
		case ref.PrimaryValue == "": // else a polymorphic type, which the session asks for
			columns, fields, own = append(columns, ref.PrimaryKey.DBName), append(fields, ref.PrimaryKey), append(own, ref.ForeignKey)
		}
	}
	return p.keysOf(own, parents), columns, fields, nil
}

// joined is targets by way of a join table, whose rows may be versions, too.
func (p *preloader) joined(rel *schema.Relationship, parents []dated) (keys *parentKeys, columns []string, fields []*schema.Field, err error) {
	var own, near, far []*schema.Field
	var nearColumns []string
	for _, ref := range rel.References {
		switch {
		case ref.OwnPrimaryKey:
			own, near, nearColumns = append(own, ref.PrimaryKey), append(near, ref.ForeignKey), append(nearColumns, ref.ForeignKey.DBName)
		case ref.PrimaryValue == "":
			far, columns, fields = append(far, ref.ForeignKey), append(columns, ref.PrimaryKey.DBName), append(fields, ref.PrimaryKey)
		}
	}
	from := p.keysOf(own, parents)
	if from == nil {
		return nil, nil, nil, nil
	}
	column, values := schema.ToQueryValues(clause.CurrentTable, nearColumns, from.values)
	list := rel.JoinTable.MakeSlice().Elem()
	read, err := p.pick(polymorphic(p.session(from.parents), rel).Where(clause.IN{Column: column, Values: values}), rel.JoinTable, list)
	if err != nil {
		return nil, nil, nil, err
	}
	keys = &parentKeys{}
	for i := range list.Len() {
		row := reflect.Indirect(list.Index(i))
		for _, parent := range from.parents[utils.ToStringKey(valuesOf(p.ctx, near, row)...)] {
			if read.valid(i, parent.at) {
				keys.add(valuesOf(p.ctx, far, row), parent)
			}
		}
	}
	return keys, columns, fields, nil
}

// polymorphic asks for the type that a polymorphic relation's rows name.
func polymorphic(tx *gorm.DB, rel *schema.Relationship) *gorm.DB {
	for _, ref := range rel.References {
		if !ref.OwnPrimaryKey && ref.PrimaryValue != "" {
			tx = tx.Where(clause.Eq{Column: ref.ForeignKey.DBName, Value: ref.PrimaryValue})
		}
	}
	return tx
}

// keysOf gives parents by the values of their fields, without those that have none.
func (p *preloader) keysOf(fields []*schema.Field, parents []dated) *parentKeys {
	keys := &parentKeys{}
	for _, parent := range parents {
		values, some := make([]any, len(fields)), false
		for i, f := range fields {
			value, zero := f.ValueOf(p.ctx, parent.row)
			values[i], some = value, some || !zero
		}
		if some {
			keys.add(values, parent)
		}
	}
	if len(keys.values) == 0 {
		return nil
	}
	return keys
}

func valuesOf(ctx context.Context, fields []*schema.Field, row reflect.Value) []any {
	values := make([]any, len(fields))
	for i, f := range fields {
		values[i], _ = f.ValueOf(ctx, row)
	}
	return values
}

// assign gives the parents what was read: each a version that is valid at its instant, with
// its own relations as of that instant.
func (p *preloader) assign(rel *schema.Relationship, read *picked, keys *parentKeys, fields []*schema.Field) error {
	type place struct {
		index int
		at    time.Time
	}
	type gift struct{ to, what reflect.Value }
	var gifts []gift
	var rows []dated
	copies := map[place]reflect.Value{}
	for i := range read.len() {
		row := read.list.Index(i) // a pointer
		parents, ok := keys.parents[utils.ToStringKey(valuesOf(p.ctx, fields, row.Elem())...)]
		if !ok {
			return fmt.Errorf("dtde: preload of %s: the database finds rows by keys that differ from their parents'", rel.Name)
		}
		for _, parent := range parents {
			if !read.valid(i, parent.at) {
				continue
			}
			at := place{index: i}
			if read.leadsOn() {
				at.at = parent.at
			}
			if _, made := copies[at]; !made {
				copies[at] = reflect.New(row.Type().Elem())
				copies[at].Elem().Set(row.Elem())
				rows = append(rows, dated{copies[at].Elem(), parent.at})
			}
			gifts = append(gifts, gift{parent.row, copies[at]})
		}
	}
	if err := read.complete(p, rel.FieldSchema, rows); err != nil {
		return err
	}
	for _, g := range gifts {
		if err := give(p.ctx, rel, g.to, g.what); err != nil {
			return err
		}
	}
	return nil
}

// emptied empties a relation's field, as GORM's preload does.
func emptied(ctx context.Context, rel *schema.Relationship, row reflect.Value) error {
	switch rel.Type {
	case schema.HasMany, schema.Many2Many:
		return rel.Field.Set(ctx, row, reflect.MakeSlice(rel.Field.IndirectFieldType, 0, 10).Interface())
	default:
		return rel.Field.Set(ctx, row, reflect.New(rel.Field.FieldType).Interface())
	}
}

// give puts a row, a pointer, into a relation's field.
func give(ctx context.Context, rel *schema.Relationship, to, what reflect.Value) error {
	field := rel.Field.ReflectValueOf(ctx, to)
	if field.Kind() == reflect.Pointer && field.IsNil() {
		field.Set(reflect.New(rel.Field.FieldType.Elem()))
	}
	field = reflect.Indirect(field)
	switch {
	case field.Kind() == reflect.Struct:
		return rel.Field.Set(ctx, to, what.Interface())
	case field.Type().Elem().Kind() == reflect.Pointer:
		return rel.Field.Set(ctx, to, reflect.Append(field, what).Interface())
	}
	return rel.Field.Set(ctx, to, reflect.Append(field, what.Elem()).Interface())
}

// hooks runs AfterFind of rows that were picked.
func hooks(tx *gorm.DB, s *schema.Schema, rows []dated) error {
	if len(rows) == 0 || !s.AfterFind {
		return nil
	}
	list := reflect.MakeSlice(reflect.SliceOf(reflect.PointerTo(s.ModelType)), 0, len(rows))
	for _, row := range rows {
		list = reflect.Append(list, row.row.Addr())
	}
	tx.Statement.Schema, tx.Statement.ReflectValue, tx.RowsAffected = s, list, int64(len(rows))
	gormcallbacks.AfterQuery(tx)
	return tx.Error
}
