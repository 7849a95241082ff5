package tests

import (
	"context"
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"github.com/go-dtde/dtde"
	"github.com/go-dtde/dtde/internal/testenv"
)

// Liner lives in the database of its region.
type Liner struct {
	ID       int64  `gorm:"primaryKey;autoIncrement:false"`
	Region   string `gorm:"primaryKey;size:8"`
	Name     string `gorm:"size:40"`
	Length   int64
	FlagCode string  `gorm:"size:4"`
	Flag     *Flag   `gorm:"foreignKey:FlagCode;references:Code"`
	Crew     []Hand  `gorm:"foreignKey:LinerID,Region;references:ID,Region"`
	Master   *Master `gorm:"foreignKey:LinerID,Region;references:ID,Region"`
}

// Hand is co-located with the liner that it works on.
type Hand struct {
	ID      int64  `gorm:"primaryKey;autoIncrement:false"`
	Region  string `gorm:"size:8"`
	LinerID int64
	Name    string `gorm:"size:40"`
	Pay     *int64
	Liner   *Liner `gorm:"foreignKey:LinerID,Region;references:ID,Region"`
}

// Master is co-located, too; not each liner has one.
type Master struct {
	ID      int64  `gorm:"primaryKey;autoIncrement:false"`
	Region  string `gorm:"size:8"`
	LinerID int64
	Name    string `gorm:"size:40"`
}

// Flag is in every database.
type Flag struct {
	Code    string `gorm:"primaryKey;size:4"`
	Country string `gorm:"size:40"`
}

func linersOverDatabases(t *testing.T, d testenv.DB) (db, plain *gorm.DB) {
	t.Helper()
	inRegion := func(model any) dtde.Entity {
		return dtde.Model(model).ShardBy("Region").WithShards(
			dtde.Shard{ID: "EU", Database: "eu", Values: []any{"EU"}}, dtde.Shard{ID: "NO", Database: "eu", Values: []any{"NO"}},
			dtde.Shard{ID: "US", Database: "us", Values: []any{"US"}}, dtde.Shard{ID: "own", Values: []any{"own"}},
		)
	}
	db, _ = overDatabases(t, d, inRegion(&Liner{}), inRegion(&Hand{}).CoLocatedWith(&Liner{}), inRegion(&Master{}).CoLocatedWith(&Liner{}),
		dtde.Model(&Flag{}).AsReference())
	plain = d.Open(t)
	regions, flags := []string{"EU", "US", "own", "NO"}, []string{"PA", "LR", "MT"}
	for _, side := range []*gorm.DB{db, plain} {
		require.NoError(t, side.AutoMigrate(&Flag{}, &Liner{}, &Hand{}, &Master{}))
		require.NoError(t, bestEffort(side).Create([]Flag{{"PA", "Panama"}, {"LR", "Liberia"}, {"MT", "Malta"}}).Error)
		for i := range int64(24) {
			region := regions[i%4]
			liner := Liner{ID: i, Region: region, Name: fmt.Sprintf("liner %02d", (i*7)%24), Length: (i * 13) % 9, FlagCode: flags[i%3]}
			require.NoError(t, side.Omit(clause.Associations).Create(&liner).Error)
			for k := range i % 4 {
				hand := Hand{ID: i*10 + k, Region: region, LinerID: i, Name: fmt.Sprintf("hand %d", (i*k)%11)}
				if pay := (i + k) * 100; k != 1 {
					hand.Pay = &pay
				}
				require.NoError(t, side.Omit(clause.Associations).Create(&hand).Error)
			}
			if i%5 == 0 {
				require.NoError(t, side.Create(&Master{ID: i, Region: region, LinerID: i, Name: fmt.Sprint("master ", i)}).Error)
			}
		}
	}
	return db, plain
}

// TestJoinsOverDatabases: what is joined with co-located and with reference entities is
// read database by database, and is what one database answers.
func TestJoinsOverDatabases(t *testing.T) {
	t.Parallel()
	testenv.Each(t, func(t *testing.T, d testenv.DB) {
		db, plain := linersOverDatabases(t, d)
		const onKey = "JOIN hands ON hands.liner_id = liners.id AND hands.region = liners.region"
		type row = map[string]any
		for name, read := range map[string]func(tx *gorm.DB) (any, error){
			"a relation": func(tx *gorm.DB) (any, error) {
				var list []Hand
				return list, tx.Joins("Liner").Order("hands.id").Find(&list).Error
			},
			"an inner one with conditions": func(tx *gorm.DB) (any, error) {
				var list []Hand
				return list, tx.InnerJoins("Liner", tx.Session(&gorm.Session{NewDB: true}).Where(&Liner{Length: 4})).Order("hands.pay DESC, hands.id").Find(&list).Error
			},
			"one to one, half of them there": func(tx *gorm.DB) (any, error) {
				var list []Liner
				return list, tx.Joins("Master").Order("liners.length, liners.id DESC").Find(&list).Error
			},
			"a reference": func(tx *gorm.DB) (any, error) {
				var list []Liner
				return list, tx.Joins("Flag").Where(clause.Neq{Column: clause.Column{Table: "Flag", Name: "country"}, Value: "Malta"}).Order("liners.id").Find(&list).Error
			},
			"nested": func(tx *gorm.DB) (any, error) {
				var list []Hand
				return list, tx.Joins("Liner").Joins("Liner.Flag").Where("pay > ?", 300).Order("hands.id").Find(&list).Error
			},
			"nested, with a preload": func(tx *gorm.DB) (any, error) {
				var list []Hand
				return list, tx.Joins("Liner.Master").Preload("Liner.Crew", func(tx *gorm.DB) *gorm.DB { return tx.Order("id") }).Order("hands.id").Find(&list).Error
			},
			"a page": func(tx *gorm.DB) (any, error) {
				var list []Hand
				return list, tx.Joins("Liner").Order("hands.pay, hands.id").Offset(7).Limit(9).Find(&list).Error
			},
			"first": func(tx *gorm.DB) (any, error) {
				var h Hand
				return h, tx.Joins("Liner").Where("hands.pay IS NOT NULL").First(&h).Error
			},
			"last": func(tx *gorm.DB) (any, error) {
				var h Hand
				return h, tx.Joins("Liner").Last(&h).Error
			},
			"count": func(tx *gorm.DB) (any, error) {
				var n int64
				return n, tx.Model(&Liner{}).Joins(onKey).Where("hands.pay > ?", 500).Count(&n).Error
			},
			"text": func(tx *gorm.DB) (any, error) {
				var list []Liner
				return list, tx.Joins(onKey+" AND hands.name = ?", "hand 0").Order("liners.id").Find(&list).Error
			},
			"text with an alias": func(tx *gorm.DB) (any, error) {
				var list []row
				return list, tx.Model(&Liner{}).Joins("LEFT JOIN hands AS h ON h.liner_id = liners.id AND h.region = liners.region").
					Select("liners.id, h.id AS hand, h.pay AS pay").Order("liners.id, hand").Find(&list).Error
			},
			"columns of both": func(tx *gorm.DB) (any, error) {
				var list []row
				return list, tx.Model(&Liner{}).Select("liners.id AS liner, hands.id AS hand, hands.pay + 1 AS more").Joins(onKey).Order("hand DESC").Find(&list).Error
			},
			"three tables": func(tx *gorm.DB) (any, error) {
				var list []row
				return list, tx.Model(&Liner{}).Select("liners.id AS liner, hands.id AS hand, flags.country").Joins(onKey).
					Joins("JOIN flags ON flags.code = liners.flag_code").Where("flags.country IN ?", []string{"Panama", "Malta"}).Order("hand").Limit(20).Find(&list).Error
			},
			"some regions": func(tx *gorm.DB) (any, error) {
				var list []Hand
				return list, tx.Joins("Liner").Where("hands.region IN ?", []string{"EU", "NO", "US"}).Order("hands.id").Find(&list).Error
			},
			"one region": func(tx *gorm.DB) (any, error) {
				var list []Hand
				return list, tx.Joins("Liner").Where("hands.region = ?", "US").Order("hands.id").Find(&list).Error
			},
			"sums": func(tx *gorm.DB) (any, error) {
				var list []row
				return list, tx.Model(&Liner{}).Select("liners.length, COUNT(*) AS n, SUM(liners.length) AS s").Joins(onKey).Group("liners.length").Order("liners.length").Find(&list).Error
			},
			"in a transaction": func(tx *gorm.DB) (any, error) {
				var list []Hand
				err := bestEffort(tx).Transaction(func(tx *gorm.DB) error { return tx.Joins("Liner").Order("hands.id").Find(&list).Error })
				return list, err
			},
			"an aliasing DTO": func(tx *gorm.DB) (any, error) {
				var list []struct {
					ID   int64
					Name string
				}
				return list, tx.Model(&Hand{}).Joins("Liner").Order("hands.id").Find(&list).Error
			},
			"all columns of both": func(tx *gorm.DB) (any, error) {
				var list []row
				return list, tx.Model(&Liner{}).Select("*").Joins("JOIN flags ON flags.code = liners.flag_code").Order("liners.length, liners.id").Find(&list).Error
			},
			"in batches": func(tx *gorm.DB) (any, error) {
				var list, batch []Hand
				err := tx.InnerJoins("Liner").Where("hands.pay IS NOT NULL").FindInBatches(&batch, 5, func(*gorm.DB, int) error {
					list = append(list, batch...)
					return nil
				}).Error
				return list, err
			},
			"by the generics API": func(tx *gorm.DB) (any, error) {
				return gorm.G[Hand](tx).Joins(clause.InnerJoin.Association("Liner"), nil).Where("hands.pay > ?", 900).Order("hands.id").Find(context.Background())
			},
			"rows": func(tx *gorm.DB) (any, error) {
				rows, err := tx.Model(&Liner{}).Select("liners.id, hands.id AS hand").Joins(onKey).Order("hand").Rows()
				if err != nil {
					return nil, err
				}
				defer rows.Close()
				var pairs [][2]int64
				for rows.Next() {
					var p [2]int64
					if err := rows.Scan(&p[0], &p[1]); err != nil {
						return nil, err
					}
					pairs = append(pairs, p)
				}
				return pairs, rows.Err()
			},
			"a subquery on the key": func(tx *gorm.DB) (any, error) {
				var list []Liner
				return list, tx.Where("EXISTS (SELECT 1 FROM hands WHERE hands.liner_id = liners.id AND hands.region = liners.region AND hands.pay > 1000)").Order("id").Find(&list).Error
			},
		} {
			t.Run(name, func(t *testing.T) {
				want, err := read(plain)
				require.NoError(t, err)
				require.NotEmpty(t, want)
				got, err := read(db)
				require.NoError(t, err)
				assert.Equal(t, want, got)
			})
		}
	})
}

// TestJoinsThatDatabasesCannotAnswer: what would need rows of two databases beside each
// other is refused and says so.
func TestJoinsThatDatabasesCannotAnswer(t *testing.T) {
	t.Parallel()
	testenv.Each(t, func(t *testing.T, d testenv.DB) {
		db, _ := linersOverDatabases(t, d)
		require.NoError(t, db.AutoMigrate(&Quay{}))
		for name, c := range map[string]struct {
			reason string
			run    func() error
		}{
			"not by the shard key": {"databases-join", func() error {
				return db.Joins("JOIN hands ON hands.liner_id = liners.id").Find(&[]Liner{}).Error
			}},
			"with a table of the program's own database": {"databases-join", func() error {
				return db.Joins("JOIN quays ON quays.region = liners.region").Find(&[]Liner{}).Error
			}},
			"rows of the other side alone": {"databases-join", func() error {
				return db.Joins("RIGHT JOIN flags ON flags.code = liners.flag_code").Find(&[]Liner{}).Error
			}},
			"distinct": {"sessions-distinct", func() error {
				return db.Model(&Liner{}).Distinct("CAST(flags.country AS char) AS c").Joins("JOIN flags ON flags.code = liners.flag_code").Find(&[]map[string]any{}).Error
			}},
			"the other side's order": {"sessions-order", func() error {
				return db.Joins("JOIN flags ON flags.code = liners.flag_code").Order("flags.country").Find(&[]Liner{}).Error
			}},
		} {
			var unsupported *dtde.UnsupportedError
			require.ErrorAs(t, c.run(), &unsupported, name)
			assert.Equal(t, c.reason, unsupported.Reason, name)
			assert.NotContains(t, unsupported.Error(), "use a union", name+": there is none over several databases")
		}
	})
}
