package oracle

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
	"time"

	"gorm.io/gorm"

	"github.com/go-dtde/dtde"
)

// Owner has every relation: with models that are sharded by its key, by their own,
// or not at all, and with itself.
type Owner struct {
	ID int64 `gorm:"primaryKey"`
	hooked
	Region    Text `gorm:"not null"`
	Name      Text
	Level     int
	Joined    time.Time
	CityID    *int64
	City      *City
	BossID    *int64
	Boss      *Owner
	Staff     []Owner `gorm:"foreignKey:BossID"`
	Pets      []Pet
	Card      *Card
	Clubs     []Club `gorm:"many2many:memberships"`
	Notes     []Note `gorm:"polymorphic:Subject"`
	DeletedAt gorm.DeletedAt
}

type (
	// City is unsharded.
	City struct {
		ID     int64 `gorm:"primaryKey"`
		Name   Text
		Owners []Owner
	}
	// Pet may change its owner, or have none, unless it is sharded by it.
	Pet struct {
		ID int64 `gorm:"primaryKey"`
		hooked
		OwnerID *int64
		Owner   *Owner
		Name    Text
		Weight  int
	}
	// Card is an owner's only one.
	Card struct {
		ID      int64 `gorm:"primaryKey"`
		OwnerID *int64
		Digits  int
	}
	// Club has owners as they have clubs.
	Club struct {
		ID     int64 `gorm:"primaryKey"`
		Name   Text
		Owners []Owner `gorm:"many2many:memberships"`
	}
	// Membership is the join table.
	Membership struct {
		OwnerID int64 `gorm:"primaryKey;autoIncrement:false"`
		ClubID  int64 `gorm:"primaryKey;autoIncrement:false"`
	}
	// Note belongs to an owner or a pet.
	Note struct {
		ID          int64 `gorm:"primaryKey"`
		SubjectType Text
		SubjectID   int64
		Title       Text
	}
)

// hooked counts the hooks of a model that embeds it.
type hooked struct{}

func (*hooked) BeforeSave(tx *gorm.DB) error   { return count(tx, "BeforeSave") }
func (*hooked) AfterSave(tx *gorm.DB) error    { return count(tx, "AfterSave") }
func (*hooked) BeforeCreate(tx *gorm.DB) error { return count(tx, "BeforeCreate") }
func (*hooked) AfterCreate(tx *gorm.DB) error  { return count(tx, "AfterCreate") }
func (*hooked) BeforeUpdate(tx *gorm.DB) error { return count(tx, "BeforeUpdate") }
func (*hooked) AfterUpdate(tx *gorm.DB) error  { return count(tx, "AfterUpdate") }
func (*hooked) BeforeDelete(tx *gorm.DB) error { return count(tx, "BeforeDelete") }
func (*hooked) AfterDelete(tx *gorm.DB) error  { return count(tx, "AfterDelete") }
func (*hooked) AfterFind(tx *gorm.DB) error    { return count(tx, "AfterFind") }

func graphModelOf(table string, typ reflect.Type) *model {
	return &model{table: table, typ: typ, id: func(n int) any { return int64(n) }}
}

var (
	owners      = graphModelOf("owners", reflect.TypeFor[Owner]())
	graphModels = []*model{
		owners, graphModelOf("cities", reflect.TypeFor[City]()), graphModelOf("pets", reflect.TypeFor[Pet]()), graphModelOf("cards", reflect.TypeFor[Card]()),
		graphModelOf("clubs", reflect.TypeFor[Club]()), graphModelOf("memberships", reflect.TypeFor[Membership]()), graphModelOf("notes", reflect.TypeFor[Note]()),
	}
)

// graph says how the models of a variant with relations are sharded.
type graph struct {
	entities func() []dtde.Entity
	// petsByOwner and cardsByOwner: a pet's or card's shard is its owner's, so that none
	// can be without one.
	petsByOwner, cardsByOwner bool
	// givenOwners: owners are not sharded, so that each engine would count their keys in
	// its own way.
	givenOwners bool
}

func graphVariant(name string, n int, gr *graph) *variant {
	v := plainVariant("graph-"+name, n, owners)
	v.graph, v.models = gr, graphModels
	v.regions = []string{"EU", "US", "APAC"}
	v.to = start.AddDate(0, n, 0)
	return v
}

// graphVariants mix what is sharded and how.
func graphVariants() []*variant {
	hashed := func(m any, field string, n int) dtde.Entity { return dtde.Model(m).ShardByHash(field, n) }
	return []*variant{
		graphVariant("value", 3, &graph{entities: func() []dtde.Entity {
			return []dtde.Entity{
				dtde.Model(&Owner{}).ShardBy("Region", "EU", "US", "APAC"), hashed(&Pet{}, "ID", 3), hashed(&Card{}, "ID", 2),
				hashed(&Club{}, "ID", 2), hashed(&Membership{}, "OwnerID", 3), hashed(&Note{}, "ID", 2),
			}
		}}),
		graphVariant("together", 2, &graph{petsByOwner: true, cardsByOwner: true, entities: func() []dtde.Entity {
			return []dtde.Entity{hashed(&Owner{}, "ID", 2), hashed(&Pet{}, "OwnerID", 2), hashed(&Card{}, "OwnerID", 2), hashed(&Membership{}, "OwnerID", 2)}
		}}),
		graphVariant("together", 8, &graph{petsByOwner: true, entities: func() []dtde.Entity {
			return []dtde.Entity{hashed(&Owner{}, "ID", 8), hashed(&Pet{}, "OwnerID", 8), hashed(&Card{}, "ID", 8), hashed(&Membership{}, "OwnerID", 8), hashed(&Note{}, "SubjectID", 8)}
		}}),
		graphVariant("children", 3, &graph{givenOwners: true, entities: func() []dtde.Entity {
			return []dtde.Entity{hashed(&Pet{}, "ID", 3), hashed(&Card{}, "ID", 3), hashed(&Club{}, "ID", 3), hashed(&Membership{}, "ClubID", 3), hashed(&Note{}, "SubjectID", 3)}
		}}),
		graphVariant("month", 3, &graph{entities: func() []dtde.Entity {
			return []dtde.Entity{dtde.Model(&Owner{}).ShardByDate("Joined", dtde.Month, start, start.AddDate(0, 3, 0)), hashed(&Card{}, "ID", 2), hashed(&Membership{}, "ClubID", 2)}
		}}),
		graphVariant("parent", 1, &graph{entities: func() []dtde.Entity { return []dtde.Entity{hashed(&Owner{}, "ID", 1)} }}),
	}
}

// nested writes a value with its relations; lists as sets unless they are ordered.
func nested(v reflect.Value, ordered bool, precision time.Duration) record {
	for v.Kind() == reflect.Pointer {
		if v.IsNil() {
			return nil
		}
		v = v.Elem()
	}
	var r record
	for i := range v.NumField() {
		f := v.Type().Field(i)
		if !f.IsExported() || f.Anonymous {
			continue
		}
		field := v.Field(i)
		inner := f.Type
		for inner.Kind() == reflect.Pointer || inner.Kind() == reflect.Slice {
			inner = inner.Elem()
		}
		if inner.Kind() != reflect.Struct || inner == reflect.TypeFor[time.Time]() || inner == reflect.TypeFor[gorm.DeletedAt]() {
			r = append(r, toCell(columnName(f.Name), field.Interface(), precision))
			continue
		}
		c := cell{name: columnName(f.Name)}
		if field.Kind() == reflect.Slice {
			var lines []string
			for j := range field.Len() {
				lines = append(lines, nested(field.Index(j), ordered, precision).String())
			}
			if !ordered {
				slices.Sort(lines)
			}
			c.text = fmt.Sprintf("%d of [%s]", field.Len(), strings.Join(lines, " "))
			if field.IsNil() {
				c.text = "nil"
			}
		} else if c.text = "nil"; !field.IsNil() {
			c.text = nested(field, ordered, precision).String()
		}
		r = append(r, c)
	}
	return r
}

// nestedAll writes a slice, or one value.
func nestedAll(dest any, ordered bool, precision time.Duration) []record {
	v := reflect.Indirect(reflect.ValueOf(dest))
	if v.Kind() != reflect.Slice {
		return []record{nested(v, ordered, precision)}
	}
	out := make([]record, v.Len())
	for i := range out {
		out[i] = nested(v.Index(i), ordered, precision)
	}
	return out
}
