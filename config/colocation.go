package config

import (
	"reflect"
	"slices"
	"strings"
)

// CoLocatedWith says that rows of this entity and of the other whose shard keys are
// equal live on shards of the same id. Both must have the same strategy with the same
// settings, key columns of the same kinds that compare alike, and the same shards in
// the same databases; Use checks that. Several entities are co-located by naming the
// same one, or one another. model is a pointer to the other entity's model.
//
// Joins on equal shard keys then unite matching shards only, and foreign keys that
// carry the shard key are real.
func (e Entity) CoLocatedWith(model any) Entity { e.Partner = model; return e }

// CoLocated tells whether rows of t and other whose keys are equal, as the database
// compares them, are on shards of the same id.
func (t *Table) CoLocated(other *Table) bool {
	return t.Group != "" && t.Group == other.Group && keyFault(t, other) == ""
}

// togetherTags reads what a tag says of other models.
func (k *compiler) togetherTags(tag fieldTag) {
	name, set := tag.settings["coLocatedWith"]
	if set && k.entity.Partner == nil && k.entity.PartnerName == "" {
		k.entity.PartnerName = name
	}
	if _, set := tag.settings["reference"]; set {
		k.fault(tag.field.Name, "a reference entity has no other dtde tag than reference")
	}
}

// group checks what is declared as co-located, and names the groups.
func group(f *faults, tables []*Table) {
	root := map[*Table]*Table{}
	find := func(t *Table) *Table {
		for root[t] != nil {
			t = root[t]
		}
		return t
	}
	position := map[*Table]int{}
	for i, t := range tables {
		position[t] = i
	}
	for _, t := range tables {
		other := partner(f, t, tables)
		if other == nil || t.Strategy == nil || other.Strategy == nil {
			continue // what is wrong is told already
		}
		for _, problem := range apart(t, other) {
			f.add(t.Name, "coLocatedWith", "cannot be co-located with %s: %s", other.Name, problem)
		}
		a, b := find(t), find(other)
		if position[a] > position[b] {
			a, b = b, a
		}
		if a != b {
			root[b] = a
		}
	}
	for _, t := range tables {
		if r := find(t); r != t {
			t.Group, r.Group = r.LogicalName, r.LogicalName
		}
	}
}

// partner finds the entity that t names, if it names one.
func partner(f *faults, t *Table, tables []*Table) *Table {
	e := &t.Spec
	name := e.PartnerName
	if e.Partner != nil {
		model := reflect.TypeOf(e.Partner)
		for model != nil && model.Kind() == reflect.Pointer {
			model = model.Elem()
		}
		for _, other := range tables {
			if other.ModelType == model && other != t {
				return other
			}
		}
		if name = ""; model != nil {
			name = model.Name()
		}
	} else {
		for _, other := range tables {
			if other.Name == name && other != t {
				return other
			}
		}
	}
	switch {
	case e.Partner == nil && name == "":
	case name == t.Name:
		f.add(t.Name, "coLocatedWith", "names the entity itself")
	default:
		f.add(t.Name, "coLocatedWith", "%q is no other entity of these settings: list it, with a strategy", name)
	}
	return nil
}

// apart lists why equal keys of two entities need not be on shards of one id.
func apart(t, other *Table) (problems []string) {
	switch {
	case t.Storage == Manual || other.Storage == Manual:
		return []string{"manual tables have ids of their own"}
	case len(t.Keys) == 0 || len(other.Keys) == 0:
		return []string{"a strategy without a shard key places no row by its values"}
	}
	if t.StrategyName != other.StrategyName {
		problems = append(problems, "the strategies are "+t.StrategyName+" and "+other.StrategyName)
	} else if t.Strategy.Fingerprint() != other.Strategy.Fingerprint() {
		problems = append(problems, "the strategies' settings differ (slots, values, ranges, unit, bounds, zone or the like)")
	}
	if fault := keyFault(t, other); fault != "" {
		problems = append(problems, fault)
	}
	mine, theirs := slices.Sorted(slices.Values(t.IDs)), slices.Sorted(slices.Values(other.IDs))
	if !slices.Equal(mine, theirs) {
		problems = append(problems, "the shards' ids differ")
	}
	for _, s := range t.Shards {
		if o, ok := other.Shard(s.ID); ok && o.Database != s.Database {
			problems = append(problems, "the shards "+s.ID+" live in different databases")
			break
		}
	}
	return problems
}

// keyFault says why keys of two entities that are equal in the database need not be
// the same value for the strategy; "" if they are.
func keyFault(t, other *Table) string {
	if len(t.Keys) != len(other.Keys) {
		return "the shard keys have different numbers of columns"
	}
	for i := range t.Keys {
		a, b := &t.Keys[i], &other.Keys[i]
		columns := strings.Join([]string{a.Column, b.Column}, " and ")
		switch {
		case a.Kind != b.Kind:
			return "the key columns " + columns + " are " + a.Kind.String() + " and " + b.Kind.String()
		case a.BytesEqual != b.BytesEqual || !a.BytesEqual,
			a.Precision != b.Precision, a.DateOnly != b.DateOnly, a.Zoneless != b.Zoneless,
			a.UUID != b.UUID, a.Padded != b.Padded, a.Length != b.Length:
			return "the key columns " + columns + " do not compare alike: give them the same type"
		}
	}
	return ""
}
