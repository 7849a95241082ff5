package tests

import (
	"encoding/json"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"github.com/go-dtde/dtde"
	"github.com/go-dtde/dtde/internal/testenv"
)

// fillFunds writes random histories of a few keys.
func fillFunds(t *testing.T, db *gorm.DB, rng *rand.Rand) {
	t.Helper()
	require.NoError(t, db.Create(&[]House{{ID: 1, Name: "one"}, {ID: 2, Name: "two"}}).Error)
	require.NoError(t, db.Create(&[]StockIndex{{1, "DAX"}, {2, "FTSE"}, {3, "SMI"}}).Error)
	for i := range int64(6) {
		require.NoError(t, db.Clauses(clause.OnConflict{DoNothing: true}).Create(&FundIndex{pickOne(rng, "f0", "f1", "f2"), 1 + i%3}).Error)
	}
	for i := range 110 {
		from := rng.IntN(300) - 150
		period := dtde.Period{From: day(from), To: day(from + 1 + rng.IntN(120))}
		if rng.IntN(3) == 0 {
			period.To = dtde.Period{}.To
		}
		fund, number := pickOne(rng, "f0", "f1", "f2"), rng.IntN(5)
		var err error
		switch i % 11 {
		case 0, 1:
			f := Fund{Code: fund, Name: fmt.Sprint(number), ManagerCode: pickOne(rng, "m0", "m1"), HouseID: int64(1 + rng.IntN(2))}
			if parent := pickOne(rng, "f0", "f1", "f2", ""); parent != "" {
				f.ParentCode = &parent
			}
			_, err = dtde.Put(db, &f, period)
		case 2, 3:
			_, err = dtde.Put(db, &Holding{Code: pickOne(rng, "h0", "h1", "h2", "h3"), FundCode: fund, Amount: number}, period)
		case 4:
			_, err = dtde.Put(db, &Lot{Code: pickOne(rng, "l0", "l1", "l2"), HoldingCode: pickOne(rng, "h0", "h1", "h2"), Size: number}, period)
		case 5:
			_, err = dtde.Put(db, &FundTerms{FundCode: fund, Fee: number}, period)
		case 6:
			_, err = dtde.SaveWithVersioning(db, &FundRate{Code: pickOne(rng, "r0", "r1"), FundCode: fund, Value: number}, dtde.Effective(day(from)))
		case 7:
			_, err = dtde.Put(db, &FundManager{Code: pickOne(rng, "m0", "m1"), Name: fmt.Sprint(number)}, period)
		case 8:
			_, err = dtde.Put(db, &Desk{Code: pickOne(rng, "d0", "d1", "d2"), HouseID: int64(1 + rng.IntN(2)), Floor: number}, period)
		case 9:
			_, err = dtde.Put(db, &FundMarket{FundCode: fund, MarketCode: pickOne(rng, "a", "b")}, period)
			if err == nil {
				_, err = dtde.Put(db, &Market{Code: pickOne(rng, "a", "b"), Name: fmt.Sprint(number)}, period)
			}
		default:
			_, err = dtde.Put(db, &Remark{Code: pickOne(rng, "x", "y", "z"), OwnerCode: fund, OwnerType: pickOne(rng, "fund", "fund", "other"), Text: fmt.Sprint(number)}, period)
		}
		require.NoError(t, err)
	}
}

func pickOne(rng *rand.Rand, from ...string) string { return from[rng.IntN(len(from))] }

// preloadForms are ways to preload from funds.
var preloadForms = map[string]func(*gorm.DB) *gorm.DB{
	"has many":                    func(tx *gorm.DB) *gorm.DB { return tx.Preload("Holdings") },
	"nested":                      func(tx *gorm.DB) *gorm.DB { return tx.Preload("Holdings.Lots") },
	"has one":                     func(tx *gorm.DB) *gorm.DB { return tx.Preload("Terms") },
	"starts only":                 func(tx *gorm.DB) *gorm.DB { return tx.Preload("Rates") },
	"belongs to":                  func(tx *gorm.DB) *gorm.DB { return tx.Preload("Manager") },
	"polymorphic":                 func(tx *gorm.DB) *gorm.DB { return tx.Preload("Remarks") },
	"many to many":                func(tx *gorm.DB) *gorm.DB { return tx.Preload("Markets").Preload("Indices") },
	"by a model without versions": func(tx *gorm.DB) *gorm.DB { return tx.Preload("House.Desks") },
	"itself": func(tx *gorm.DB) *gorm.DB {
		return tx.Preload("Parent.Parent.Terms").Preload("Children.Holdings.Lots").Preload("Children.Children.Manager")
	},
	"all":        func(tx *gorm.DB) *gorm.DB { return tx.Preload(clause.Associations) },
	"all of all": func(tx *gorm.DB) *gorm.DB { return tx.Preload(clause.Associations + "." + clause.Associations) },
	"conditions": func(tx *gorm.DB) *gorm.DB {
		return tx.Preload("Holdings", "amount > ? OR code = ?", 2, "h1").Preload("Rates", "value > ?", 1).Preload("Remarks", "text IN ?", []string{"1", "2"})
	},
	"functions": func(tx *gorm.DB) *gorm.DB {
		return tx.Preload("Holdings", func(tx *gorm.DB) *gorm.DB {
			return tx.Where("amount > 0 OR code = ?", "h0").Order("amount DESC, code").Preload("Lots", "size < ?", 4)
		}).Preload("Rates", func(tx *gorm.DB) *gorm.DB { return tx.Where("value < 3") })
	},
	"a lens of its own": func(tx *gorm.DB) *gorm.DB {
		return tx.Preload("Holdings", dtde.ValidAt(day(3))).Preload("Holdings.Lots").Preload("Terms", dtde.Latest()).
			Preload("Children", func(tx *gorm.DB) *gorm.DB { return tx.Scopes(dtde.ValidAt(day(9))).Preload("Manager") })
	},
	"columns": func(tx *gorm.DB) *gorm.DB {
		return tx.Preload("Holdings", func(tx *gorm.DB) *gorm.DB {
			return tx.Select("id", "code", "fund_code", "valid_from", "valid_to").Where("amount < ?", 4)
		})
	},
	"joins": func(tx *gorm.DB) *gorm.DB { return tx.Joins("House").Preload("House.Desks").Preload("Terms") },
}

// printedFunds is what was read, as text in one order.
func printedFunds(t *testing.T, list any) string {
	t.Helper()
	text, err := json.Marshal(list)
	require.NoError(t, err)
	var tree any
	require.NoError(t, json.Unmarshal(text, &tree))
	var lines []string
	funds, _ := ordered(tree).([]any)
	for _, fund := range funds {
		line, err := json.Marshal(fund)
		require.NoError(t, err)
		lines = append(lines, string(line))
	}
	return strings.Join(lines, "\n")
}

func ordered(v any) any {
	switch v := v.(type) {
	case []any:
		if len(v) == 0 {
			return nil // what has none is nil or empty
		}
		for i := range v {
			v[i] = ordered(v[i])
		}
		slices.SortFunc(v, func(a, b any) int {
			x, _ := json.Marshal(a)
			y, _ := json.Marshal(b)
			return strings.Compare(string(x), string(y))
		})
	case map[string]any:
		for k := range v {
			v[k] = ordered(v[k])
		}
	}
	return v
}

// TestPreloadAtStart compares what is preloaded for many versions at once with a loop that
// loads each one's as of its start.
func TestPreloadAtStart(t *testing.T) {
	t.Parallel()
	seed := seedOf()
	testenv.Each(t, func(t *testing.T, d testenv.DB) {
		for _, layout := range layouts {
			t.Run(layout, func(t *testing.T) {
				t.Parallel()
				rng := rand.New(rand.NewPCG(seed, 11))
				db := funds(t, d, layout)
				fillFunds(t, db, rng)
				at := day(rng.IntN(200) - 100)
				lenses := map[string]func(*gorm.DB) *gorm.DB{
					"all": dtde.AllVersions(), "latest": dtde.Latest(), "between": dtde.ValidBetween(at, at.AddDate(0, 2, 0)),
					"contained": dtde.ValidContainedIn(at, at.AddDate(0, 3, 0)),
				}
				for _, form := range slices.Sorted(maps.Keys(preloadForms)) {
					name, preload := pickOne(rng, "all", "all", "latest", "between", "contained"), preloadForms[form]
					what := fmt.Sprintf("seed %d, %s, %s", seed, name, form)
					var got, want []Fund
					require.NoError(t, preload(db.Scopes(lenses[name], dtde.PreloadAtStart())).Find(&got).Error, what)
					require.NoError(t, db.Scopes(lenses[name]).Find(&want).Error, what)
					for i := range want {
						one := Fund{}
						require.NoError(t, preload(db.Scopes(dtde.ValidAt(want[i].ValidFrom))).Where("funds.id = ?", want[i].ID).First(&one).Error, what)
						require.Equal(t, 1, got[i].found, "AfterFind")
						want[i] = one
					}
					require.Equal(t, printedFunds(t, want), printedFunds(t, got), what)
				}
			})
		}
	})
}

// TestPreloadAtStartStatements: one statement per relation serves any number of versions.
func TestPreloadAtStartStatements(t *testing.T) {
	t.Parallel()
	testenv.Each(t, func(t *testing.T, d testenv.DB) {
		db := funds(t, d, "by start")
		for i := range 40 {
			_, err := dtde.SaveWithVersioning(db, &Fund{Code: "f", Name: fmt.Sprint(i), ManagerCode: "m"}, dtde.Effective(day(i)))
			require.NoError(t, err)
			_, err = dtde.SaveWithVersioning(db, &Holding{Code: "h", FundCode: "f", Amount: i}, dtde.Effective(day(i/2*2)))
			require.NoError(t, err)
			_, err = dtde.SaveWithVersioning(db, &FundRate{Code: "r", FundCode: "f", Value: i}, dtde.Effective(day(i)))
			require.NoError(t, err)
		}
		recorder := testenv.Record(db)
		var list []Fund
		require.NoError(t, db.Scopes(dtde.AllVersions(), dtde.PreloadAtStart()).Preload("Holdings.Lots").Preload("Rates").Order("valid_from").Find(&list).Error)
		selects := slices.DeleteFunc(recorder.Statements(), func(sql string) bool {
			return !strings.HasPrefix(sql, "SELECT") || strings.Contains(sql, "dtde_catalog")
		})
		require.Len(t, selects, 5, "funds, holdings, lots, rates, and when rates end")
		require.Len(t, list, 40)
		for i, fund := range list {
			require.Len(t, fund.Holdings, 1)
			require.Equal(t, i/2*2+1, fund.Holdings[0].Amount, "the second save at one instant is what holds")
			require.Equal(t, 1, fund.Holdings[0].LotsFound, "AfterFind runs once, for what is given out")
			require.Len(t, fund.Rates, 1)
			require.Equal(t, i, fund.Rates[0].Value)
		}
	})
}

// TestPreloadAtStartRefusals: what would give other rows than a read at each start does.
func TestPreloadAtStartRefusals(t *testing.T) {
	t.Parallel()
	for _, layout := range layouts {
		t.Run(layout, func(t *testing.T) {
			t.Parallel()
			db := funds(t, testenv.SQLite(), layout)
			for i := range 3 {
				_, err := dtde.SaveWithVersioning(db, &Fund{Code: "f", Name: fmt.Sprint(i), ManagerCode: "m"}, dtde.Effective(day(i*9)))
				require.NoError(t, err)
				_, err = dtde.SaveWithVersioning(db, &Holding{Code: "h", FundCode: "f", Amount: i}, dtde.Effective(day(i*9)))
				require.NoError(t, err)
			}
			starts := func() *gorm.DB { return db.Scopes(dtde.AllVersions(), dtde.PreloadAtStart()) }
			var list []Fund
			find := func(tx *gorm.DB) error { list = nil; return tx.Find(&list).Error }
			for name, within := range map[string]func(*gorm.DB) *gorm.DB{
				"limit":  func(tx *gorm.DB) *gorm.DB { return tx.Limit(1) },
				"offset": func(tx *gorm.DB) *gorm.DB { return tx.Offset(1) },
				"group": func(tx *gorm.DB) *gorm.DB {
					return tx.Select("code, fund_code, valid_from, valid_to").Group("code, fund_code, valid_from, valid_to")
				},
				"cursor": dtde.After(""),
				"expression": func(tx *gorm.DB) *gorm.DB {
					return tx.Select("fund_code, valid_from, valid_to, COUNT(*) OVER () AS amount")
				},
				"arguments": func(tx *gorm.DB) *gorm.DB { return tx.Select("fund_code, valid_from, valid_to, ? AS amount", 1) },
				"distinct":  func(tx *gorm.DB) *gorm.DB { return tx.Distinct("fund_code", "amount") },
				"subquery": func(tx *gorm.DB) *gorm.DB {
					return tx.Where("code IN (?)", db.Model(&Lot{}).Select("holding_code"))
				},
				"subquery of its own": func(tx *gorm.DB) *gorm.DB {
					return tx.Where("amount = (?)", tx.Session(&gorm.Session{NewDB: true}).Model(&Holding{}).Select("MAX(amount)"))
				},
			} {
				err := find(starts().Preload("Holdings", within))
				refusedAs(t, "preload-shape", err)
				require.NoError(t, find(db.Scopes(dtde.ValidAt(day(3))).Preload("Holdings", func(tx *gorm.DB) *gorm.DB {
					if name == "cursor" {
						return tx
					}
					return within(tx)
				})), name)
			}
			refusedAs(t, "preload-shape", find(starts().Preload("Children", func(tx *gorm.DB) *gorm.DB { return tx.Joins("Terms") })))
			_, err := gorm.G[Fund](db).Scopes(func(s *gorm.Statement) { dtde.PreloadAtStart()(dtde.AllVersions()(s.DB)) }).Preload("Holdings", func(p gorm.PreloadBuilder) error { p.LimitPerRecord(1); return nil }).Find(t.Context())
			refusedAs(t, "preload-shape", err)

			refusedAs(t, "preload-start", find(starts().Preload("Holdings").Distinct("code")))
			refusedAs(t, "preload-start", find(starts().Preload("Holdings").Select("code, MIN(valid_from) AS valid_from").Group("code")))
			refusedAs(t, "preload-start", find(starts().Preload("Holdings").Select("funds.*, ? AS valid_from", day(9))))
			var small []struct {
				Code     string
				Holdings []Holding `gorm:"foreignKey:FundCode;references:Code"`
			}
			refusedAs(t, "preload-start", starts().Model(&Fund{}).Preload("Holdings").Find(&small).Error)
			refusedAs(t, "preload-start", starts().Table("funds").Preload("Holdings").Find(&small).Error)
			require.NoError(t, find(starts().Preload("Holdings").Select("code").Order("valid_from")), "the start is read, too")
			require.Len(t, list, 3)
			for i := range list {
				require.Len(t, list[i].Holdings, 1)
				require.Equal(t, i, list[i].Holdings[0].Amount)
			}

			var n int64
			require.NoError(t, starts().Model(&Fund{}).Preload("Holdings").Count(&n).Error)
			require.EqualValues(t, 3, n, "a count has no relations")
			var codes []string
			require.NoError(t, starts().Model(&Fund{}).Preload("Holdings").Distinct().Pluck("code", &codes).Error)
			require.Equal(t, []string{"f"}, codes)

			for _, lens := range []func(*gorm.DB) *gorm.DB{dtde.AllVersions(), dtde.ValidBetween(day(1), day(9)), dtde.ValidContainedIn(day(1), day(9))} {
				err := find(db.Scopes(lens).Preload("Terms"))
				refusedAs(t, "preload-versions", err)
				require.ErrorContains(t, err, "dtde.PreloadAtStart()")
				refusedAs(t, "preload-versions", find(db.Scopes(lens).Preload("House.Desks").Preload("Parent.Holdings")))
			}
			require.NoError(t, find(db.Scopes(dtde.ValidBetween(day(-5), day(5))).Preload("Holdings")), "all that are valid in it")
			require.Len(t, list, 1)
			require.Len(t, list[0].Holdings, 1)
			require.ErrorContains(t, find(db.Scopes(dtde.ValidAt(day(3)), dtde.PreloadAtStart()).Preload("Holdings")), "at the instant of ValidAt already")
		})
	}
}

// KnownFund and KnownHolding keep system time, too.
type KnownFund struct {
	ID                   int64 `gorm:"primaryKey"`
	Code                 string
	Name                 string
	ValidFrom, KnownFrom time.Time
	ValidTo, KnownTo     *time.Time
	Holdings             []KnownHolding `gorm:"foreignKey:FundCode;references:Code"`
}

type KnownHolding struct {
	ID                   int64 `gorm:"primaryKey"`
	Code, FundCode       string
	Amount               int
	ValidFrom, KnownFrom time.Time
	ValidTo, KnownTo     *time.Time
}

// TestPreloadAtStartKnown: children are seen with the same eyes of system time as parents.
func TestPreloadAtStartKnown(t *testing.T) {
	t.Parallel()
	seed := seedOf()
	testenv.Each(t, func(t *testing.T, d testenv.DB) {
		for _, sharded := range []bool{false, true} {
			rng, now := rand.New(rand.NewPCG(seed, 12)), day(1)
			db := d.Open(t, &gorm.Config{NowFunc: func() time.Time { return now }, DisableForeignKeyConstraintWhenMigrating: true})
			fund := dtde.Model(&KnownFund{}).HasTemporalValidity("ValidFrom", "ValidTo").EntityKey("Code").System("KnownFrom", "KnownTo")
			holding := dtde.Model(&KnownHolding{}).HasTemporalValidity("ValidFrom", "ValidTo").EntityKey("Code").System("KnownFrom", "KnownTo")
			if sharded {
				fund, holding = fund.ShardByHash("Code", 2), holding.ShardByDate("ValidFrom", dtde.Quarter, day(-400), day(400))
			}
			require.NoError(t, db.Use(dtde.Register(dtde.Config{Entities: []dtde.Entity{fund, holding}})))
			require.NoError(t, db.AutoMigrate(&KnownFund{}, &KnownHolding{}))
			for i := range 50 {
				now = day(1 + i)
				from := rng.IntN(200) - 100
				period := dtde.Period{From: day(from), To: day(from + 1 + rng.IntN(90))}
				var err error
				if i%2 == 0 {
					_, err = dtde.Put(db, &KnownFund{Code: pickOne(rng, "f0", "f1"), Name: fmt.Sprint(i)}, period)
				} else {
					_, err = dtde.Put(db, &KnownHolding{Code: pickOne(rng, "h0", "h1", "h2"), FundCode: pickOne(rng, "f0", "f1"), Amount: i}, period)
				}
				require.NoError(t, err)
			}
			known := dtde.KnownAt(day(20 + rng.IntN(20)))
			var got, want []KnownFund
			require.NoError(t, db.Scopes(dtde.AllVersions(), known, dtde.PreloadAtStart()).Preload("Holdings").Order("code, valid_from").Find(&got).Error)
			require.NoError(t, db.Scopes(dtde.AllVersions(), known).Order("code, valid_from").Find(&want).Error)
			require.NotEmpty(t, want)
			for i := range want {
				require.NoError(t, db.Scopes(dtde.ValidAt(want[i].ValidFrom), known).Preload("Holdings").First(&want[i]).Error)
			}
			require.Equal(t, printedFunds(t, want), printedFunds(t, got), "seed %d", seed)
		}
	})
}
