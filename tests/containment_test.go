package tests

import (
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"gorm.io/gorm"

	"github.com/go-dtde/dtde"
	"github.com/go-dtde/dtde/internal/testenv"
)

// Pact is a parent with children of every kind.
type Pact struct {
	ID        int64  `gorm:"primaryKey"`
	Number    string `gorm:"size:40"`
	Price     int
	ValidFrom time.Time
	ValidTo   *time.Time
	Items     []PactItem `gorm:"foreignKey:PactNumber;references:Number"`
	Terms     *PactTerms `gorm:"foreignKey:PactNumber;references:Number"`
	Marks     []Mark     `gorm:"many2many:pact_marks;foreignKey:Number;joinForeignKey:PactNumber;references:Code;joinReferences:MarkCode"`
}

// PactItem lies within its pact, if it has one.
type PactItem struct {
	ID         int64   `gorm:"primaryKey"`
	Code       string  `gorm:"size:40"`
	PactNumber *string `gorm:"size:40"`
	Amount     int
	ValidFrom  time.Time
	ValidTo    *time.Time
}

// PactTerms are valid exactly when their pact is.
type PactTerms struct {
	ID         int64  `gorm:"primaryKey"`
	Code       string `gorm:"size:40"`
	PactNumber string `gorm:"size:40"`
	ValidFrom  time.Time
	ValidTo    *time.Time
}

// Mark is within every pact that it is put on.
type Mark struct {
	ID        int64  `gorm:"primaryKey"`
	Code      string `gorm:"size:40"`
	Text      string
	ValidFrom time.Time
	ValidTo   *time.Time
}

// pacts opens the four in a layout, under rules.
func pacts(t *testing.T, d testenv.DB, layout string, rules ...dtde.ContainmentRule) *gorm.DB {
	t.Helper()
	db := d.Open(t, &gorm.Config{NowFunc: func() time.Time { return day(40) }, DisableForeignKeyConstraintWhenMigrating: true})
	var entities []dtde.Entity
	for _, e := range []struct {
		model any
		key   string
	}{{&Pact{}, "Number"}, {&PactItem{}, "Code"}, {&PactTerms{}, "Code"}, {&Mark{}, "Code"}} {
		entity := dtde.Model(e.model).HasTemporalValidity("ValidFrom", "ValidTo").EntityKey(e.key)
		switch layout {
		case "by key":
			entity = entity.ShardByHash(e.key, 3)
		case "by start":
			entity = entity.ShardByDate("ValidFrom", dtde.Quarter, day(1), time.Date(2030, 1, 1, 0, 0, 0, 0, time.UTC))
		}
		entities = append(entities, entity)
	}
	require.NoError(t, db.Use(dtde.Register(dtde.Config{Entities: entities, Contains: rules})))
	require.NoError(t, db.AutoMigrate(&Pact{}, &PactItem{}, &PactTerms{}, &Mark{}))
	return db
}

var pactRules = []dtde.ContainmentRule{
	dtde.Contains[Pact, PactItem]("PactNumber", dtde.ChildWithinParent),
	dtde.Contains[Pact, PactTerms]("Terms", dtde.ExactMatch),
	dtde.Contains[Pact, Mark]("Marks", dtde.ChildWithinParent),
}

func eachPact(t *testing.T, rules []dtde.ContainmentRule, f func(t *testing.T, db *gorm.DB)) {
	t.Helper()
	testenv.Each(t, func(t *testing.T, d testenv.DB) {
		for _, layout := range layouts {
			t.Run(layout, func(t *testing.T) { f(t, pacts(t, d, layout, rules...)) })
		}
	})
}

func TestContainment(t *testing.T) {
	t.Parallel()
	eachPact(t, pactRules, func(t *testing.T, db *gorm.DB) {
		number := func(s string) *string { return &s }
		savePact := func(db *gorm.DB, n string, price, at int) error {
			_, err := dtde.SaveWithVersioning(db, &Pact{Number: n, Price: price}, dtde.Effective(day(at)))
			return err
		}
		item := func(db *gorm.DB, code, n string, amount, from, to int) error {
			_, err := dtde.Put(db, &PactItem{Code: code, PactNumber: number(n), Amount: amount}, dtde.Period{From: day(from), To: day(to)})
			return err
		}
		uncovered := func(err error, what string) {
			t.Helper()
			require.ErrorIs(t, err, dtde.ErrUncovered, what)
			var fault *dtde.ValidityError
			require.ErrorAs(t, err, &fault, what)
			assert.NotContains(t, err.Error(), "d1", "no row values")
		}
		require.NoError(t, savePact(db, "d1", 1, 10))
		require.NoError(t, savePact(db, "d1", 2, 50))
		require.NoError(t, savePact(db, "d1", 3, 100))

		// the union of the parent's versions, not one of them
		require.NoError(t, item(db, "i1", "d1", 1, 20, 120))
		uncovered(item(db, "i2", "d1", 1, 9, 20), "before its parent")
		uncovered(item(db, "i2", "nobody", 1, 20, 21), "without a parent")
		require.NoError(t, func() error {
			_, err := dtde.Put(db, &PactItem{Code: "free"}, dtde.Period{From: day(1)})
			return err
		}(), "NULL refers to nobody")
		uncovered(db.Create(&PactItem{Code: "i2", PactNumber: number("d1"), ValidFrom: day(5)}).Error, "a plain create")
		uncovered(db.Session(&gorm.Session{SkipDefaultTransaction: true}).Create(&PactItem{Code: "i2", PactNumber: number("d1"), ValidFrom: day(5)}).Error, "without a transaction of GORM's")
		var n int64
		check(t, db.Model(&PactItem{}).Where("code = ?", "i2").Count(&n))
		require.Zero(t, n, "rolled back")
		uncovered(db.Model(&PactItem{}).Where("code = ?", "i1").Update("valid_from", day(8)).Error, "a plain update")
		uncovered(db.Model(&PactItem{}).Where("code = ?", "free").Update("pact_number", "d1").Error, "a plain update of the reference")
		require.NoError(t, db.Model(&PactItem{}).Where("code = ?", "i1").Update("amount", 7).Error)
		uncovered(db.Transaction(func(tx *gorm.DB) error {
			require.NoError(t, item(tx, "i3", "d2", 1, 20, 30), "only the end of the transaction counts")
			return nil
		}), "before COMMIT")
		require.NoError(t, db.Transaction(func(tx *gorm.DB) error {
			require.NoError(t, item(tx, "i3", "d2", 1, 20, 30))
			return savePact(tx, "d2", 1, 20)
		}), "the parent comes later")
		require.NoError(t, db.Transaction(func(tx *gorm.DB) error {
			err := tx.Transaction(func(inner *gorm.DB) error {
				require.NoError(t, item(inner, "i4", "nobody", 1, 20, 30))
				return errStop
			})
			require.ErrorIs(t, err, errStop)
			return nil
		}), "what was rolled back is not looked at")

		// a parent can't go before its children
		_, err := dtde.Terminate(db, &Pact{Number: "d1"}, day(110))
		uncovered(err, "terminate")
		_, err = dtde.DeletePortion(db.Model(&Pact{}).Where("price = ?", 2), dtde.Period{From: day(60), To: day(70)})
		uncovered(err, "a hole")
		uncovered(db.Where("number = ? AND price = ?", "d1", 2).Delete(&Pact{}).Error, "a plain delete")
		uncovered(db.Model(&Pact{}).Where("number = ? AND price = ?", "d1", 1).Update("number", "other").Error, "another key")
		_, err = dtde.Terminate(db, &Pact{Number: "d1"}, day(120))
		require.NoError(t, err, "the child ends then")
		require.NoError(t, db.Transaction(func(tx *gorm.DB) error {
			if _, err := dtde.Terminate(tx, &Pact{Number: "d1"}, day(90)); err != nil {
				return err
			}
			_, err := dtde.Terminate(tx, &PactItem{Code: "i1"}, day(90))
			return err
		}), "in either order")

		// one to one, exactly
		_, err = dtde.Put(db, &PactTerms{Code: "t1", PactNumber: "d1"}, dtde.Period{From: day(10), To: day(80)})
		require.ErrorIs(t, err, dtde.ErrUnmatched)
		_, err = dtde.Put(db, &PactTerms{Code: "t1", PactNumber: "d1"}, dtde.Period{From: day(10), To: day(90)})
		require.NoError(t, err)
		_, err = dtde.Put(db, &Pact{Number: "d1", Price: 9}, dtde.Period{From: day(90), To: day(95)})
		require.ErrorIs(t, err, dtde.ErrUnmatched, "the parent grows alone")
		_, err = dtde.DeletePortion(db.Model(&PactTerms{Code: "t1"}), dtde.Period{From: day(20), To: day(30)})
		require.ErrorIs(t, err, dtde.ErrUnmatched)
		_, err = dtde.Terminate(db, &PactTerms{Code: "t1"}, day(10))
		require.NoError(t, err, "no terms at all match nothing")

		// many to many
		_, err = dtde.Put(db, &Mark{Code: "l1"}, dtde.Period{From: day(15), To: day(100)})
		require.NoError(t, err)
		var d Pact
		var l Mark
		check(t, db.First(&d, "number = ?", "d1"))
		check(t, db.First(&l, "code = ?", "l1"))
		uncovered(db.Model(&d).Association("Marks").Append(&l), "the mark is valid longer")
		_, err = dtde.Terminate(db, &Mark{Code: "l1"}, day(90))
		require.NoError(t, err)
		check(t, db.First(&l, "code = ?", "l1"))
		require.NoError(t, db.Model(&d).Association("Marks").Append(&l))
		_, err = dtde.Put(db, &Mark{Code: "l1"}, dtde.Period{From: day(80), To: day(91)})
		uncovered(err, "the mark grows")
		_, err = dtde.Terminate(db, &Pact{Number: "d1"}, day(90).Add(-time.Hour))
		uncovered(err, "the pact shrinks")

		// Check sees what others did
		findings, err := dtde.Check(db, &Pact{Number: "d1"})
		require.NoError(t, err)
		require.Empty(t, findings)
		require.NoError(t, db.Exec("DELETE FROM pacts WHERE number = ? AND price = ?", "d1", 1).Error)
		findings, err = dtde.Check(db, &Pact{Number: "d1"})
		require.NoError(t, err)
		text := fmt.Sprint(findings)
		assert.Equal(t, 2, strings.Count(text, "uncovered child"), text)
		findings, err = dtde.Check(db, &PactItem{Code: "i1"})
		require.NoError(t, err)
		require.Len(t, findings, 1)
		assert.True(t, findings[0].Period.From.Equal(day(20)) && findings[0].Period.To.Equal(day(50)), "%v", findings)
		assert.NotEmpty(t, findings[0].IDs)
	})
}

func TestContainmentCascades(t *testing.T) {
	t.Parallel()
	eachPact(t, []dtde.ContainmentRule{
		dtde.Contains[Pact, PactItem]("Items", dtde.ChildWithinParent).Cascading(),
		dtde.Contains[PactItem, Mark]("Code", dtde.ChildWithinParent).Cascading(), // a mark of an item's code
	}, func(t *testing.T, db *gorm.DB) {
		_, err := dtde.SaveWithVersioning(db, &Pact{Number: "d1"}, dtde.Effective(day(10)))
		require.NoError(t, err)
		_, err = dtde.SaveWithVersioning(db, &Pact{Number: "d2"}, dtde.Effective(day(10)))
		require.NoError(t, err)
		for _, number := range []string{"d1", "d2"} {
			_, err = dtde.Put(db, &PactItem{Code: "i-" + number, PactNumber: &number, Amount: 1}, dtde.Period{From: day(20), To: day(200)})
			require.NoError(t, err)
			_, err = dtde.Put(db, &Mark{Code: "i-" + number}, dtde.Period{From: day(30)})
			require.ErrorIs(t, err, dtde.ErrUncovered)
			_, err = dtde.Put(db, &Mark{Code: "i-" + number}, dtde.Period{From: day(30), To: day(190)})
			require.NoError(t, err)
		}
		_, err = dtde.Terminate(db, &Pact{Number: "d1"}, day(100))
		require.NoError(t, err)
		_, err = dtde.DeletePortion(db.Model(&Pact{}).Where("1 = 1"), dtde.Period{From: day(50), To: day(60)})
		require.NoError(t, err)
		periods := func(number string) string {
			items, err := dtde.Timeline(db, &PactItem{Code: "i-" + number})
			require.NoError(t, err)
			marks, err := dtde.Timeline(db, &Mark{Code: "i-" + number})
			require.NoError(t, err)
			var parts []string
			for _, i := range items {
				parts = append(parts, fmt.Sprint(i.ValidFrom.UTC().YearDay(), "-", i.ValidTo.UTC().YearDay()))
			}
			parts = append(parts, "|")
			for _, l := range marks {
				parts = append(parts, fmt.Sprint(l.ValidFrom.UTC().YearDay(), "-", l.ValidTo.UTC().YearDay()))
			}
			return strings.Join(parts, " ")
		}
		assert.Equal(t, "20-50 60-100 | 30-50 60-100", periods("d1"))
		assert.Equal(t, "20-50 60-200 | 30-50 60-190", periods("d2"))
		require.NoError(t, db.Where("number = ?", "d2").Delete(&Pact{}).Error, "a plain delete cascades, too")
		assert.Equal(t, "|", periods("d2"))
	})
}

// TestContainmentBesideOthers: a parent is ended while a child is added; one of the two
// waits, and sees the other.
func TestContainmentBesideOthers(t *testing.T) {
	t.Parallel()
	testenv.Each(t, func(t *testing.T, d testenv.DB) {
		if d.Name == "sqlite" {
			return // one writer at a time, by its lock
		}
		for _, layout := range layouts {
			t.Run(layout, func(t *testing.T) {
				db := pacts(t, d, layout, pactRules[0])
				ended, added := 0, 0
				for round := range 12 {
					number := fmt.Sprint("d", round)
					_, err := dtde.SaveWithVersioning(db, &Pact{Number: number}, dtde.Effective(day(10)))
					require.NoError(t, err)
					var group sync.WaitGroup
					var endErr, addErr error
					group.Go(func() {
						if round%3 == 0 { // by plain GORM
							endErr = db.Model(&Pact{}).Where("number = ?", number).Update("valid_to", day(20)).Error
							return
						}
						_, endErr = dtde.Terminate(db, &Pact{Number: number}, day(20))
					})
					group.Go(func() {
						if round%2 == 0 {
							addErr = db.Create(&PactItem{Code: number, PactNumber: &number, ValidFrom: day(15)}).Error
							return
						}
						_, addErr = dtde.Put(db, &PactItem{Code: number, PactNumber: &number}, dtde.Period{From: day(15)})
					})
					group.Wait()
					if endErr == nil {
						ended++
					}
					if addErr == nil {
						added++
					}
					require.Error(t, errors.Join(endErr, addErr), "both can't be")
					findings, err := dtde.Check(db, &Pact{Number: number})
					require.NoError(t, err)
					require.Empty(t, findings)
				}
				t.Logf("%d ended, %d added", ended, added)
			})
		}
	})
}

// TestContainmentFaults: what Use says of rules that can't be.
func TestContainmentFaults(t *testing.T) {
	t.Parallel()
	temporal := func(model any, key string) dtde.Entity {
		return dtde.Model(model).HasTemporalValidity("ValidFrom", "ValidTo").EntityKey(key)
	}
	for name, c := range map[string]struct {
		rule dtde.ContainmentRule
		says string
	}{
		"no versions":  {dtde.Contains[Pact, Member]("ID", dtde.ChildWithinParent), "keep versions"},
		"no field":     {dtde.Contains[Pact, PactItem]("Nope", dtde.ChildWithinParent), "no field, column or relation"},
		"another kind": {dtde.Contains[Pact, PactItem]("Amount", dtde.ChildWithinParent), "another kind"},
		"too many":     {dtde.Contains[Pact, PactItem]("PactNumber,Code", dtde.ChildWithinParent), "each of the entity key's"},
		"no mode":      {dtde.Contains[Pact, PactItem]("PactNumber", 0), "ChildWithinParent or ExactMatch"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			db := testenv.SQLite().Open(t)
			err := db.Use(dtde.Register(dtde.Config{Entities: []dtde.Entity{temporal(&Pact{}, "Number"), temporal(&PactItem{}, "Code")}, Contains: []dtde.ContainmentRule{c.rule}}))
			require.ErrorIs(t, err, dtde.ErrConfig)
			assert.Contains(t, err.Error(), c.says)
		})
	}
}

// LeaseTag and PaymentTag are related by tags.
type LeaseTag struct {
	ID        int64      `gorm:"primaryKey"`
	Number    string     `dtde:"entityKey"`
	ValidFrom time.Time  `dtde:"validFrom"`
	ValidTo   *time.Time `dtde:"validTo"`
}

type PaymentTag struct {
	ID        int64      `gorm:"primaryKey"`
	Code      string     `dtde:"entityKey"`
	Lease     string     `dtde:"within:LeaseTag;cascade"`
	ValidFrom time.Time  `dtde:"validFrom"`
	ValidTo   *time.Time `dtde:"validTo"`
}

func TestContainmentByTags(t *testing.T) {
	t.Parallel()
	db := testenv.SQLite().Open(t)
	require.NoError(t, db.Use(dtde.Register(dtde.Config{Entities: []dtde.Entity{dtde.Model(&LeaseTag{}), dtde.Model(&PaymentTag{})}})))
	require.NoError(t, db.AutoMigrate(&LeaseTag{}, &PaymentTag{}))
	_, err := dtde.SaveWithVersioning(db, &PaymentTag{Code: "p", Lease: "l"}, dtde.Effective(day(1)))
	require.ErrorIs(t, err, dtde.ErrUncovered)
	_, err = dtde.SaveWithVersioning(db, &LeaseTag{Number: "l"}, dtde.Effective(day(1)))
	require.NoError(t, err)
	_, err = dtde.SaveWithVersioning(db, &PaymentTag{Code: "p", Lease: "l"}, dtde.Effective(day(1)))
	require.NoError(t, err)
	_, err = dtde.Terminate(db, &LeaseTag{Number: "l"}, day(5))
	require.NoError(t, err)
	rows, err := dtde.Timeline(db, &PaymentTag{Code: "p"})
	require.NoError(t, err)
	require.Len(t, rows, 1)
	assert.True(t, rows[0].ValidTo.Equal(day(5)))
}
