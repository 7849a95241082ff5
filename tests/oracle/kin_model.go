package oracle

import (
	"reflect"

	"gorm.io/gorm"

	"github.com/go-dtde/dtde"
)

// Models with composite primary keys and foreign keys that act. Whether a key is the
// database's or dtde's own depends on how a variant shards them; the plain side's
// database has all of them.
type (
	// Estate is what the others belong to, and may belong to another of its area.
	Estate struct {
		Area Text  `gorm:"primaryKey"`
		No   int64 `gorm:"primaryKey;autoIncrement:false"`
		hooked
		Name    Text
		Worth   int
		MainNo  *int64
		Main    *Estate `gorm:"foreignKey:Area,MainNo;references:Area,No;constraint:OnUpdate:RESTRICT,OnDelete:CASCADE"`
		AgentID *int64
		Agent   *Agent  `gorm:"constraint:OnDelete:SET NULL"`
		Houses  []House `gorm:"foreignKey:Area,EstateNo;references:Area,No;constraint:OnUpdate:RESTRICT,OnDelete:CASCADE"`
		Deed    *Deed   `gorm:"foreignKey:Area,EstateNo;references:Area,No;constraint:OnUpdate:RESTRICT,OnDelete:RESTRICT"`
		Claims  []Claim `gorm:"foreignKey:EstateArea,EstateNo;references:Area,No;constraint:OnUpdate:RESTRICT,OnDelete:SET NULL"`
		Fees    []Fee   `gorm:"foreignKey:EstateArea,EstateNo;references:Area,No;constraint:OnUpdate:RESTRICT,OnDelete:CASCADE"`
	}
	// House has a key of three columns, two of them its estate's.
	House struct {
		Area     Text  `gorm:"primaryKey"`
		EstateNo int64 `gorm:"primaryKey;autoIncrement:false"`
		No       int64 `gorm:"primaryKey;autoIncrement:false"`
		hooked
		Kind   Text
		Size   int
		Estate *Estate `gorm:"foreignKey:Area,EstateNo;references:Area,No"`
		Rooms  []Room  `gorm:"foreignKey:Area,EstateNo,HouseNo;references:Area,EstateNo,No;constraint:OnUpdate:RESTRICT,OnDelete:CASCADE"`
		Guests []Guest `gorm:"foreignKey:Area,EstateNo,HouseNo;references:Area,EstateNo,No;constraint:OnUpdate:RESTRICT,OnDelete:SET NULL"`
	}
	// Room goes with its house, which goes with its estate.
	Room struct {
		Area     Text  `gorm:"primaryKey"`
		EstateNo int64 `gorm:"primaryKey;autoIncrement:false"`
		HouseNo  int64 `gorm:"primaryKey;autoIncrement:false"`
		No       int64 `gorm:"primaryKey;autoIncrement:false"`
		Floor    int
		House    *House `gorm:"foreignKey:Area,EstateNo,HouseNo;references:Area,EstateNo,No"`
	}
	// Deed keeps its estate from going.
	Deed struct {
		Area     Text  `gorm:"primaryKey"`
		EstateNo int64 `gorm:"primaryKey;autoIncrement:false"`
		Serial   int
	}
	// Claim is sharded by its own key and outlives its estate.
	Claim struct {
		ID         int64 `gorm:"primaryKey;autoIncrement:false"`
		EstateArea *Text
		EstateNo   *int64
		Amount     int
		Estate     *Estate `gorm:"foreignKey:EstateArea,EstateNo;references:Area,No"`
		DeletedAt  gorm.DeletedAt
	}
	// Guest outlives the house.
	Guest struct {
		ID       int64 `gorm:"primaryKey;autoIncrement:false"`
		Area     *Text
		EstateNo *int64
		HouseNo  *int64
		Nights   int
	}
	// Fee is never sharded and goes with its estate.
	Fee struct {
		ID         int64 `gorm:"primaryKey;autoIncrement:false"`
		EstateArea Text
		EstateNo   int64
		Sum        int
	}
	// Agent is never sharded; an estate without one goes on.
	Agent struct {
		ID      int64 `gorm:"primaryKey;autoIncrement:false"`
		Name    Text
		Estates []Estate
	}
)

var (
	estates   = graphModelOf("estates", reflect.TypeFor[Estate]())
	kinModels = []*model{
		graphModelOf("agents", reflect.TypeFor[Agent]()), estates, graphModelOf("houses", reflect.TypeFor[House]()), graphModelOf("rooms", reflect.TypeFor[Room]()),
		graphModelOf("deeds", reflect.TypeFor[Deed]()), graphModelOf("claims", reflect.TypeFor[Claim]()), graphModelOf("guests", reflect.TypeFor[Guest]()),
		graphModelOf("fees", reflect.TypeFor[Fee]()),
	}
)

// kin says how the models of a variant with foreign keys are sharded.
type kin struct {
	entities func() []dtde.Entity
	// held are the tables whose key to an estate or house the database has on the
	// sharded side, too, so that a row without its parent fails there. Other keys act, but
	// do not check what is inserted.
	held map[string]bool
	// mainsHeld: so is an estate's key to another.
	mainsHeld bool
}

func kinVariant(name string, n int, k *kin) *variant {
	v := plainVariant("kin-"+name, n, estates)
	v.kin, v.models = k, kinModels
	v.regions = []string{"n", "s", "w"}
	return v
}

// kinVariants put children beside their parents, apart from them, or shard one of the
// two only.
func kinVariants() []*variant {
	areas := func(m any) dtde.Entity { return dtde.Model(m).ShardBy("Area", "n", "s", "w") }
	hashed := func(m any, field string, n int) dtde.Entity { return dtde.Model(m).ShardByHash(field, n) }
	tables := func(names ...string) map[string]bool {
		m := map[string]bool{}
		for _, name := range names {
			m[name] = true
		}
		return m
	}
	return []*variant{
		kinVariant("area", 3, &kin{held: tables("houses", "rooms", "deeds"), mainsHeld: true, entities: func() []dtde.Entity {
			return []dtde.Entity{
				areas(&Estate{}), areas(&House{}).CoLocatedWith(&Estate{}), areas(&Room{}).CoLocatedWith(&House{}), areas(&Deed{}).CoLocatedWith(&Estate{}),
				hashed(&Claim{}, "ID", 2), hashed(&Guest{}, "ID", 3),
			}
		}}),
		kinVariant("number", 8, &kin{held: tables("houses", "rooms", "deeds"), entities: func() []dtde.Entity {
			return []dtde.Entity{
				hashed(&Estate{}, "No", 8), hashed(&House{}, "EstateNo", 8).CoLocatedWith(&Estate{}), hashed(&Room{}, "EstateNo", 8).CoLocatedWith(&House{}),
				hashed(&Deed{}, "EstateNo", 8).CoLocatedWith(&Estate{}), hashed(&Claim{}, "ID", 3),
			}
		}}),
		kinVariant("apart", 3, &kin{held: tables(), entities: func() []dtde.Entity {
			return []dtde.Entity{hashed(&Estate{}, "No", 3), hashed(&House{}, "No", 3), areas(&Room{}), areas(&Deed{}), hashed(&Claim{}, "ID", 2), hashed(&Guest{}, "ID", 2)}
		}}),
		kinVariant("children", 3, &kin{held: tables("houses", "rooms", "claims", "fees"), mainsHeld: true, entities: func() []dtde.Entity {
			return []dtde.Entity{
				hashed(&House{}, "EstateNo", 3), hashed(&Room{}, "EstateNo", 3).CoLocatedWith(&House{}), areas(&Deed{}), hashed(&Claim{}, "ID", 2), hashed(&Guest{}, "ID", 2),
			}
		}}),
		kinVariant("both", 4, &kin{held: tables("houses", "rooms"), entities: func() []dtde.Entity {
			both := func(m any, number string) dtde.Entity {
				return dtde.Model(m).ShardByComposite(dtde.ByValue("Area", "n", "s", "w"), dtde.ByHash(number, 2))
			}
			return []dtde.Entity{both(&Estate{}, "No"), both(&House{}, "EstateNo").CoLocatedWith(&Estate{}), both(&Room{}, "EstateNo").CoLocatedWith(&House{}), hashed(&Claim{}, "ID", 2)}
		}}),
	}
}
