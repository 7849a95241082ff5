package config

import (
	"reflect"
	"slices"
	"strings"

	"gorm.io/gorm/schema"
)

// Containment is what a child's periods have to do with its parent's. The zero value is
// none, and is refused.
type Containment uint8

// The containments.
const (
	// ChildWithinParent: at every instant at which the child is valid its parent is.
	ChildWithinParent Containment = iota + 1
	// ExactMatch: and at every instant at which the parent is valid the child is.
	ExactMatch
)

// String is the containment's name.
func (c Containment) String() string {
	switch c {
	case ChildWithinParent:
		return "child within parent"
	case ExactMatch:
		return "exact match"
	}
	return "invalid"
}

// ContainmentRule asks that the periods of a temporal child lie in the union of the
// periods of its parent's versions. It is checked at the end of every transaction that
// changes either.
type ContainmentRule struct {
	// Parent and Child are models; ParentName and ChildName name listed entities instead.
	Parent, Child         any
	ParentName, ChildName string
	// ForeignKey is the child's field or column that holds the parent's entity key, or
	// several with commas, in the order of that key; or the name of the relation between
	// the two, on either side, which may be many to many.
	ForeignKey string
	// Mode says what must lie within what.
	Mode Containment
	// Cascade cuts children to what is left of their parent, where otherwise a parent
	// that would leave them alone can't be cut.
	Cascade bool
}

// Cascading is the rule with Cascade.
func (r ContainmentRule) Cascading() ContainmentRule { r.Cascade = true; return r }

// Contained is a containment rule as it was compiled. It is immutable.
type Contained struct {
	// Parent and Child are the models' types.
	Parent, Child reflect.Type
	// ForeignKey are the fields that hold the parent's entity key, column by column: of
	// the child, or of Join.
	ForeignKey []*schema.Field
	// Join is the join table of a many to many relation, or nil; ChildKey are its fields
	// that hold the child's entity key.
	Join     *schema.Schema
	ChildKey []*schema.Field
	// Mode and Cascade are the rule's.
	Mode    Containment
	Cascade bool
}

// Containments lists the rules of containment.
func (c *Catalog) Containments() []*Contained { return c.contained }

// withContainments sets what [Catalog.Containments] gives.
func (c *Catalog) withContainments(contained []*Contained) *Catalog {
	c.contained = contained
	return c
}

// compileContainments checks the rules.
func compileContainments(f *faults, rules []ContainmentRule, tables []*Table) (out []*Contained) {
	for _, r := range rules {
		parent, child := entityNamed(tables, r.Parent, r.ParentName), entityNamed(tables, r.Child, r.ChildName)
		names := [2]string{modelNamed(r.Parent, r.ParentName), modelNamed(r.Child, r.ChildName)}
		ok := true
		for i, t := range []*Table{parent, child} {
			if t == nil || t.Validity == nil {
				f.add(names[i], "", "a containment is between entities that keep versions: list it, with HasTemporalValidity and EntityKey")
				ok = false
			}
		}
		if r.Mode != ChildWithinParent && r.Mode != ExactMatch {
			f.add(names[1], r.ForeignKey, "the containment in %s must be ChildWithinParent or ExactMatch", names[0])
			ok = false
		}
		if !ok || len(parent.Validity.Key) == 0 || len(child.Validity.Key) == 0 {
			continue
		}
		c := &Contained{Parent: parent.ModelType, Child: child.ModelType, Mode: r.Mode, Cascade: r.Cascade}
		if problem := c.link(parent, child, r.ForeignKey); problem != "" {
			f.add(child.Name, r.ForeignKey, "the containment in %s: %s", parent.Name, problem)
			continue
		}
		out = append(out, c)
	}
	return out
}

// link finds the fields by which the two are related.
func (c *Contained) link(parent, child *Table, name string) (problem string) {
	if rel := parent.Schema.Relationships.Relations[name]; rel != nil && rel.FieldSchema.ModelType == child.ModelType {
		return c.relation(parent, child, rel, rel.Type == schema.HasOne || rel.Type == schema.HasMany)
	}
	if rel := child.Schema.Relationships.Relations[name]; rel != nil && rel.FieldSchema.ModelType == parent.ModelType {
		return c.relation(parent, child, rel, rel.Type == schema.BelongsTo)
	}
	for _, n := range strings.Split(name, ",") {
		f := child.Schema.LookUpField(strings.TrimSpace(n))
		if f == nil || f.DBName == "" {
			return "it has no field, column or relation of this name"
		}
		c.ForeignKey = append(c.ForeignKey, f)
	}
	return c.fits(parent)
}

// relation takes the fields from a relation.
func (c *Contained) relation(parent, child *Table, rel *schema.Relationship, direct bool) string {
	find := func(t *Table, own bool) (fields []*schema.Field) {
		for i := range t.Validity.Key {
			at := slices.IndexFunc(rel.References, func(r *schema.Reference) bool {
				return r.PrimaryKey != nil && r.PrimaryKey.DBName == t.Validity.Key[i].Column && (rel.JoinTable == nil || r.OwnPrimaryKey == own)
			})
			if at < 0 {
				return nil
			}
			fields = append(fields, rel.References[at].ForeignKey)
		}
		return fields
	}
	parentOwns := rel.Schema == parent.Schema || rel.Schema != nil && rel.Schema.ModelType == parent.ModelType
	switch {
	case rel.Polymorphic != nil:
		return "a polymorphic relation has no foreign key of its own"
	case rel.JoinTable != nil:
		c.Join, c.ChildKey = rel.JoinTable, find(child, !parentOwns)
		c.ForeignKey = find(parent, parentOwns)
		if c.ChildKey == nil {
			return "the relation must reference the entity key of " + child.Name
		}
	case direct:
		c.ForeignKey = find(parent, true)
	default:
		return "the relation leads the other way: the child holds the foreign key"
	}
	if c.ForeignKey == nil {
		return "the relation must reference the entity key of " + parent.Name
	}
	return c.fits(parent)
}

// fits compares the foreign key with the parent's entity key.
func (c *Contained) fits(parent *Table) string {
	if len(c.ForeignKey) != len(parent.Validity.Key) {
		return "the foreign key must have a field for each of the entity key's"
	}
	for i, f := range c.ForeignKey {
		if k := &parent.Validity.Key[i]; KeyColumnOf(f, "").Kind != KeyColumnOf(k.Field, "").Kind {
			return "the field " + f.Name + " is of another kind than " + k.Field.Name
		}
	}
	return ""
}

func entityNamed(tables []*Table, model any, name string) *Table {
	typ := reflect.TypeOf(model)
	for typ != nil && typ.Kind() == reflect.Pointer {
		typ = typ.Elem()
	}
	for _, t := range tables {
		if typ != nil && t.ModelType == typ || typ == nil && (t.Name == name || t.Spec.Name != "" && t.Spec.Name == name) {
			return t
		}
	}
	return nil
}

func modelNamed(model any, name string) string {
	typ := reflect.TypeOf(model)
	for typ != nil && typ.Kind() == reflect.Pointer {
		typ = typ.Elem()
	}
	if typ != nil {
		return typ.Name()
	}
	return name
}

// containmentTags reads what the tag of a foreign key says.
func (k *compiler) containmentTags(tag fieldTag) {
	_, cascade := tag.settings["cascade"]
	found := false
	for name, mode := range map[string]Containment{"within": ChildWithinParent, "exactly": ExactMatch} {
		if parent, set := tag.settings[name]; set {
			found = true
			k.contained = append(k.contained, ContainmentRule{
				ParentName: parent, Child: k.entity.Model, ForeignKey: tag.field.Name, Mode: mode, Cascade: cascade,
			})
		}
	}
	if cascade && !found {
		k.fault(tag.field.Name, "the tag says cascade but neither within nor exactly")
	}
}
