package tests

import (
	"errors"
	"testing"

	"github.com/stretchr/testify/require"
	"gorm.io/gorm"

	"github.com/go-dtde/dtde"
	"github.com/go-dtde/dtde/internal/testenv"
)

// Quarry's pits are held by the database, and its own annexes; what refers to pits, and
// carts, is not.
type Quarry struct {
	Site   string `gorm:"primaryKey;size:4"`
	No     int64  `gorm:"primaryKey;autoIncrement:false"`
	MainNo *int64
	Main   *Quarry `gorm:"foreignKey:Site,MainNo;references:Site,No;constraint:OnDelete:CASCADE"`
	Pits   []Pit   `gorm:"foreignKey:Site,QuarryNo;references:Site,No;constraint:OnDelete:CASCADE"`
	Carts  []Cart  `gorm:"foreignKey:Site,QuarryNo;references:Site,No;constraint:OnDelete:CASCADE"`
}

// Pit is co-located with its quarry.
type Pit struct {
	Site     string   `gorm:"primaryKey;size:4"`
	QuarryNo int64    `gorm:"primaryKey;autoIncrement:false"`
	No       int64    `gorm:"primaryKey;autoIncrement:false"`
	Depth    int      `gorm:"not null"`
	Miners   []Miner  `gorm:"foreignKey:Site,QuarryNo,PitNo;references:Site,QuarryNo,No;constraint:OnDelete:SET NULL,OnUpdate:RESTRICT"`
	Props    []Prop   `gorm:"foreignKey:Site,QuarryNo,PitNo;references:Site,QuarryNo,No;constraint:OnDelete:CASCADE"`
	Quarry   *Quarry  `gorm:"foreignKey:Site,QuarryNo;references:Site,No"`
	Permits  []Permit `gorm:"foreignKey:Site,QuarryNo,PitNo;references:Site,QuarryNo,No;constraint:OnDelete:RESTRICT"`
}

// Miner is sharded by an id of its own and outlives the pit.
type Miner struct {
	ID       int64   `gorm:"primaryKey;autoIncrement:false"`
	Site     *string `gorm:"size:4"`
	QuarryNo *int64
	PitNo    *int64
}

// Prop goes with the pit, Permit keeps it, Cart goes with the quarry; none is sharded.
type (
	Prop struct {
		ID       int64  `gorm:"primaryKey;autoIncrement:false"`
		Site     string `gorm:"size:4"`
		QuarryNo int64
		PitNo    int64
	}
	Permit struct {
		ID       int64  `gorm:"primaryKey;autoIncrement:false"`
		Site     string `gorm:"size:4"`
		QuarryNo int64
		PitNo    int64
	}
	Cart struct {
		ID       int64  `gorm:"primaryKey;autoIncrement:false"`
		Site     string `gorm:"size:4"`
		QuarryNo int64
	}
)

var quarryModels = []any{&Quarry{}, &Pit{}, &Miner{}, &Prop{}, &Permit{}, &Cart{}}

func quarries(t *testing.T, db *gorm.DB) {
	t.Helper()
	require.NoError(t, db.AutoMigrate(quarryModels...))
	for site, name := range []string{"a", "b"} {
		for no := int64(1); no <= 4; no++ {
			base := int64(site)*1000 + no*100
			q := Quarry{Site: name, No: no, Carts: []Cart{{ID: base}}}
			if no > 1 && no < 4 {
				q.MainNo = &[]int64{no - 1}[0]
			}
			for pit := int64(1); pit <= 2; pit++ {
				p := Pit{No: pit, Miners: []Miner{{ID: base + pit}}, Props: []Prop{{ID: base + pit}}}
				if no == 4 && pit == 2 {
					p.Permits = []Permit{{ID: base}}
				}
				q.Pits = append(q.Pits, p)
			}
			require.NoError(t, db.Create(&q).Error)
		}
	}
}

// quarryCases delete what the database's own cascades, or dtde's, follow.
var quarryCases = []keyCase{
	{"a pit", func(db *gorm.DB) error { return affected(db.Delete(&Pit{Site: "a", QuarryNo: 1, No: 2}), 1) }, ""},
	{"a quarry that others belong to, which belong to it", func(db *gorm.DB) error {
		if err := db.Model(&Quarry{Site: "a", No: 1}).Update("main_no", 3).Error; err != nil {
			return err
		}
		return affected(db.Delete(&Quarry{Site: "a", No: 1}), 1)
	}, ""},
	{"a quarry with a pit that is kept", func(db *gorm.DB) error { return db.Delete(&Quarry{Site: "a", No: 4}).Error }, ""},
	{"in a transaction", func(db *gorm.DB) error {
		return db.Transaction(func(tx *gorm.DB) error { return affected(tx.Where("site = ? AND no = ?", "b", 2).Delete(&Quarry{}), 1) })
	}, ""},
	{"a number that is taken, of a pit that miners have", func(db *gorm.DB) error {
		err := db.Model(&Pit{}).Where("site = ? AND quarry_no = ? AND no = ?", "b", 1, 1).Updates(map[string]any{"no": 2}).Error
		if errors.Is(err, gorm.ErrDuplicatedKey) {
			return nil
		}
		return errors.Join(errors.New("not the duplicate"), err)
	}, ""},
	{"the key of a pit that miners have", func(db *gorm.DB) error {
		return db.Model(&Pit{}).Where("site = ? AND quarry_no = ? AND no = ?", "b", 1, 1).Update("no", 7).Error
	}, ""},
}

// TestHeldCascadesGoOn: what the database's own cascades delete takes along what refers to
// it by foreign keys that the database does not have.
func TestHeldCascadesGoOn(t *testing.T) {
	t.Parallel()
	settings := map[string][]dtde.Entity{
		"together":      {dtde.Model(&Quarry{}).ShardBy("Site", "a", "b"), dtde.Model(&Pit{}).ShardBy("Site", "a", "b").CoLocatedWith(&Quarry{}), dtde.Model(&Miner{}).ShardByHash("ID", 3)},
		"by number":     {dtde.Model(&Quarry{}).ShardByHash("No", 3), dtde.Model(&Pit{}).ShardByHash("QuarryNo", 3).CoLocatedWith(&Quarry{}), dtde.Model(&Miner{}).ShardByHash("ID", 3)},
		"children only": {dtde.Model(&Pit{}).ShardByHash("QuarryNo", 3), dtde.Model(&Miner{}).ShardByHash("ID", 3)},
		"by text":       {dtde.Model(&Pit{}).ShardBy("Site", "a", "b"), dtde.Model(&Miner{}).ShardByHash("ID", 3)},
		"grandchildren": {dtde.Model(&Miner{}).ShardByHash("ID", 3), dtde.Model(&Prop{}).ShardByHash("ID", 2)},
	}
	testenv.Each(t, func(t *testing.T, d testenv.DB) {
		for name, list := range settings {
			t.Run(name, func(t *testing.T) {
				twin, db := d.Open(t, translating{}), d.Open(t, translating{})
				require.NoError(t, db.Use(dtde.Register(dtde.Config{Entities: list})))
				quarries(t, twin)
				quarries(t, db)
				runKeyCases(t, twin, db, quarryCases, quarryModels...)
				if name == "children only" {
					refusedAs(t, "foreign-key-raw", db.Exec("DELETE FROM quarries WHERE no = ?", 3).Error)
					require.NoError(t, db.Exec("DELETE FROM carts WHERE id IN (SELECT no FROM quarries)").Error)
				}
			})
		}
	})
}

// TestMoveWithItsPrimaryKey: a row that moves with a new number goes past one that has its
// old number there.
func TestMoveWithItsPrimaryKey(t *testing.T) {
	t.Parallel()
	testenv.Each(t, func(t *testing.T, d testenv.DB) {
		twin, db := d.Open(t, translating{}), d.Open(t, translating{})
		require.NoError(t, db.Use(dtde.Register(dtde.Config{Entities: []dtde.Entity{
			dtde.Model(&Shaft{}).ShardBy("Site", "a", "b").CoLocatedWith(&Mine{}), dtde.Model(&Mine{}).ShardBy("Site", "a", "b"),
		}})))
		for _, side := range []*gorm.DB{twin, db} {
			require.NoError(t, side.AutoMigrate(&Mine{}, &Shaft{}))
			require.NoError(t, side.Create(&[]Mine{{"a", []Shaft{{No: 1}, {No: 2}}}, {"b", []Shaft{{No: 1}, {No: 2}}}}).Error)
		}
		runKeyCases(t, twin, db, []keyCase{
			{"a new number", func(db *gorm.DB) error {
				return affected(db.Model(&Shaft{Site: "a", No: 1}).Updates(map[string]any{"site": "b", "no": 3, "depth": 7}), 1)
			}, ""},
			{"a number that is taken", func(db *gorm.DB) error {
				err := db.Model(&Shaft{Site: "a", No: 2}).Updates(map[string]any{"site": "b", "no": 3}).Error
				require.ErrorIs(t, err, gorm.ErrDuplicatedKey)
				return nil
			}, ""},
			{"a computed number", func(db *gorm.DB) error {
				return db.Model(&Shaft{Site: "a", No: 2}).Updates(map[string]any{"site": "b", "no": gorm.Expr("no + 40")}).Error
			}, "move-expression"},
			{"computed from what moves", func(db *gorm.DB) error {
				return db.Model(&Shaft{Site: "a", No: 2}).Updates(map[string]any{"site": "b", "no": 9, "depth": gorm.Expr("no + 40")}).Error
			}, "move-expression"},
			{"computed from another column", func(db *gorm.DB) error {
				return affected(db.Model(&Shaft{Site: "a", No: 2}).Updates(map[string]any{"site": "b", "no": 9, "depth": gorm.Expr("depth + 40")}), 1)
			}, ""},
		}, &Mine{}, &Shaft{})
	})
}

type (
	// Mine has shafts that the database holds.
	Mine struct {
		Site   string  `gorm:"primaryKey;size:4"`
		Shafts []Shaft `gorm:"foreignKey:Site;references:Site"`
	}
	// Shaft is numbered in its mine.
	Shaft struct {
		Site  string `gorm:"primaryKey;size:4"`
		No    int64  `gorm:"primaryKey;autoIncrement:false"`
		Depth int
	}
)
