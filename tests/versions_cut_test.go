package tests

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"gorm.io/gorm"

	"github.com/go-dtde/dtde"
	"github.com/go-dtde/dtde/internal/testenv"
)

// cutQuarters puts a process with policies that are cut at quarters on a database.
func cutQuarters(t *testing.T, db *gorm.DB) *dtde.Plugin {
	t.Helper()
	plugin := dtde.Register(dtde.Config{Entities: []dtde.Entity{
		dtde.Model(&Policy{}).HasTemporalValidity("ValidFrom", "ValidTo").EntityKey("Number").
			ShardByDate("ValidFrom", dtde.Quarter, date(2024, 1, 1), date(2025, 1, 1)).SplitAtShardBoundaries(),
		dtde.Model(&Rider{}).HasTemporalValidity("ValidFrom", "ValidTo").EntityKey("Code"),
	}})
	require.NoError(t, db.Use(plugin))
	return plugin
}

// TestCutVersions: a version is one row in each quarter that it is valid in, and an
// instant is always in one shard; what is read is whole versions.
func TestCutVersions(t *testing.T) {
	t.Parallel()
	testenv.Each(t, func(t *testing.T, d testenv.DB) {
		db := d.Open(t, &gorm.Config{NowFunc: func() time.Time { return date(2024, 8, 15) }, DisableForeignKeyConstraintWhenMigrating: true})
		cutQuarters(t, db)
		require.NoError(t, db.AutoMigrate(&Policy{}, &Rider{}))
		p := Policy{Number: "a", Premium: 1}
		_, err := dtde.SaveWithVersioning(db, &p, dtde.Effective(date(2024, 2, 10)))
		require.NoError(t, err)
		assert.True(t, p.ValidFrom.Equal(date(2024, 2, 10)) && p.ValidTo == nil, "the caller has the whole version")
		require.Equal(t, "q1: 1 [02-10, 04-01) q2: 1 [04-01, 07-01) q3: 1 [07-01, 10-01) q4: 1 [10-01, ∞) ", byQuarter(t, db))
		_, err = dtde.UpdatePortion(db.Model(&Policy{}).Where("premium = ?", 1), dtde.Period{From: date(2024, 5, 5), To: date(2024, 8, 1)}, map[string]any{"premium": 2})
		require.NoError(t, err)
		assert.Equal(t, "q1: 1 [02-10, 04-01) q2: 1 [04-01, 05-05) q2: 2 [05-05, 07-01) q3: 2 [07-01, 08-01) q3: 1 [08-01, 10-01) q4: 1 [10-01, ∞) ", byQuarter(t, db))
		assert.Equal(t, "1 [2024-02-10, 2024-05-05) 2 [2024-05-05, 2024-08-01) 1 [2024-08-01, ∞)", timeline(t, db, "a"))

		for _, c := range []struct {
			lens             func(*gorm.DB) *gorm.DB
			shards, premiums string
		}{
			{dtde.ValidAt(date(2024, 6, 15)), "2024_q2", "2"},
			{dtde.ValidAt(date(2024, 7, 1)), "2024_q3", "2"},
			{dtde.Current(), "2024_q3", "1"},
			{dtde.ValidAt(date(2031, 1, 1)), "2024_q4", "1"},
			{dtde.ValidAt(date(2023, 1, 1)), "", ""},
			{dtde.ValidBetween(date(2024, 6, 1), date(2024, 7, 15)), "2024_q1 2024_q2 2024_q3 2024_q4", "2"},
			{dtde.AllVersions(), "2024_q1 2024_q2 2024_q3 2024_q4", "1 1 2"},
			{dtde.Latest(), "2024_q1 2024_q2 2024_q3 2024_q4", "1"},
		} {
			shards, premiums := visited(t, db, c.lens)
			assert.Equal(t, c.shards, shards)
			assert.Equal(t, c.premiums, premiums)
		}
		var at Policy
		require.NoError(t, db.Scopes(dtde.ValidAt(date(2024, 6, 15))).First(&at).Error)
		assert.True(t, at.ValidFrom.Equal(date(2024, 5, 5)) && at.ValidTo.Equal(date(2024, 8, 1)), "the whole period: %v", at)
		_, err = dtde.SaveWithVersioning(db, &Policy{Number: "a", Premium: 3}, dtde.IfVersion(date(2024, 8, 1)))
		require.NoError(t, err, "the last version starts there")
		findings, err := dtde.Check(db, &Policy{Number: "a"})
		require.NoError(t, err)
		assert.Empty(t, findings)
		_, err = dtde.Purge(db, &Policy{Number: "a"}, date(2024, 7, 10))
		require.NoError(t, err)
		assert.Equal(t, "2 [2024-05-05, 2024-08-01) 1 [2024-08-01, 2024-08-15) 3 [2024-08-15, ∞)", timeline(t, db, "a"), "a version goes as a whole")
	})
}

// TestCutVersionsReadAsOneTable compares reads of cut versions with the same on one table.
func TestCutVersionsReadAsOneTable(t *testing.T) {
	t.Parallel()
	seed := seedOf()
	testenv.Each(t, func(t *testing.T, d testenv.DB) {
		rng := rand.New(rand.NewPCG(seed, 7))
		now := func() time.Time { return date(2024, 8, 15) }
		db, twin := versioned(t, d, "by start, cut", now), versioned(t, d, "one table", now)
		var last int
		for step := range 50 {
			key, premium := fmt.Sprint("k", rng.IntN(4)), rng.IntN(3)
			a, b := 1+rng.IntN(360), 1+rng.IntN(360)
			if a > b {
				a, b = b, a
			}
			op := rng.IntN(5)
			for _, side := range []*gorm.DB{db, twin} {
				var err error
				switch op {
				case 0, 1:
					_, err = dtde.SaveWithVersioning(side, &Policy{Number: key, Premium: premium}, dtde.Effective(day(a)))
				case 2:
					_, err = dtde.Put(side, &Policy{Number: key, Premium: premium}, dtde.Period{From: day(a), To: day(b)})
				case 3:
					_, err = dtde.Increment(side.Model(&Policy{}).Where("number < ?", "k2"), dtde.Period{From: day(a), To: day(b)}, map[string]any{"premium": 1})
				default:
					_, err = dtde.DeletePortion(side.Model(&Policy{}).Where("number = ? AND premium > ?", key, 0), dtde.Period{From: day(a), To: day(b)})
				}
				require.NoError(t, err, "seed %d, step %d", seed, step)
			}
			last = step
		}
		at, from, to := day(1+rng.IntN(400)), day(1+rng.IntN(200)), day(201+rng.IntN(200))
		for name, lens := range map[string]func(*gorm.DB) *gorm.DB{
			"none": func(tx *gorm.DB) *gorm.DB { return tx }, "at": dtde.ValidAt(at), "now": dtde.Current(), "between": dtde.ValidBetween(from, to),
			"contained": dtde.ValidContainedIn(from, to), "all": dtde.AllVersions(), "latest": dtde.Latest(),
		} {
			for read, run := range map[string]func(tx *gorm.DB) (any, error){
				"rows": func(tx *gorm.DB) (any, error) {
					var list []Policy
					err := tx.Omit("ID").Order("number, valid_from").Find(&list).Error
					return printedPolicies(list), err
				},
				"a page": func(tx *gorm.DB) (any, error) {
					var list []Policy
					err := tx.Where("premium >= ?", 1).Order("number DESC, valid_from").Offset(1).Limit(3).Find(&list).Error
					return printedPolicies(list), err
				},
				"by period": func(tx *gorm.DB) (any, error) {
					var list []Policy
					err := tx.Where("valid_from >= ? AND (valid_to IS NULL OR valid_to > ?)", from, to).Order("number, valid_from").Find(&list).Error
					return printedPolicies(list), err
				},
				"count": func(tx *gorm.DB) (any, error) {
					var n int64
					return &n, tx.Model(&Policy{}).Count(&n).Error
				},
				"groups": func(tx *gorm.DB) (any, error) {
					var list []struct {
						Number string
						N, Sum int
					}
					return &list, tx.Model(&Policy{}).Select("number, COUNT(*) AS n, SUM(premium) AS sum").Group("number").Order("number").Scan(&list).Error
				},
				"a subquery": func(tx *gorm.DB) (any, error) {
					var list []string
					return &list, tx.Model(&Policy{}).Where("premium = (?)", tx.Session(&gorm.Session{NewDB: true}).Model(&Policy{}).Select("MAX(premium)")).Distinct().Order("number").Pluck("number", &list).Error
				},
				"text": func(tx *gorm.DB) (any, error) {
					var n int
					return &n, tx.Session(&gorm.Session{NewDB: true}).Raw("SELECT COUNT(*) FROM policies WHERE premium > ?", 0).Scan(&n).Error
				},
				"rows, one by one": func(tx *gorm.DB) (any, error) {
					rows, err := tx.Model(&Policy{}).Select("number", "premium").Order("number, valid_from").Rows()
					if err != nil {
						return nil, err
					}
					defer func() { _ = rows.Close() }()
					var out []string
					for rows.Next() {
						var number string
						var premium int
						if err := rows.Scan(&number, &premium); err != nil {
							return nil, err
						}
						out = append(out, fmt.Sprint(number, premium))
					}
					return out, rows.Err()
				},
			} {
				what := fmt.Sprintf("seed %d, %d steps: %s through %s", seed, last+1, read, name)
				got, err := run(db.Scopes(lens))
				require.NoError(t, err, what)
				want, err := run(twin.Scopes(lens))
				require.NoError(t, err, what)
				require.Equal(t, want, got, what)
			}
		}
	})
}

func printedPolicies(list []Policy) (out []string) {
	for _, p := range list {
		to := "∞"
		if p.ValidTo != nil {
			to = p.ValidTo.UTC().Format(time.DateOnly)
		}
		out = append(out, fmt.Sprintf("%s %d [%s, %s)", p.Number, p.Premium, p.ValidFrom.UTC().Format(time.DateOnly), to))
	}
	return out
}

// TestCutVersionsRefuse: what would not cut versions, or not put them together, is refused.
func TestCutVersionsRefuse(t *testing.T) {
	t.Parallel()
	db := testenv.SQLite().Open(t, &gorm.Config{NowFunc: func() time.Time { return date(2024, 8, 15) }})
	cutQuarters(t, db)
	require.NoError(t, db.AutoMigrate(&Policy{}, &Rider{}))
	_, err := dtde.SaveWithVersioning(db, &Policy{Number: "a", Premium: 1}, dtde.Effective(date(2024, 2, 10)))
	require.NoError(t, err)
	for name, write := range map[string]func() error{
		"create": func() error { return db.Create(&Policy{Number: "b", ValidFrom: date(2024, 2, 1)}).Error },
		"update": func() error { return db.Model(&Policy{}).Where("number = ?", "a").Update("premium", 2).Error },
		"delete": func() error { return db.Where("number = ?", "a").Delete(&Policy{}).Error },
		"text":   func() error { return db.Exec("UPDATE policies SET premium = 2").Error },
		"its rows": func() error {
			return db.Exec("INSERT INTO policies (number, valid_from) VALUES ('x', '2024-02-01')").Error
		},
		"bulk": func() error {
			_, err := dtde.BulkInsert(db, []Policy{{Number: "b", ValidFrom: date(2024, 2, 1)}})
			return err
		},
	} {
		require.ErrorIs(t, write(), dtde.ErrUnversionedWrite, name)
	}
	_, err = dtde.Repair(db, &Policy{Number: "a"})
	require.ErrorIs(t, err, dtde.ErrUnsupported)
	require.ErrorIs(t, db.Scopes(dtde.Reads(dtde.ReadSessions)).Find(&[]Policy{}).Error, dtde.ErrUnsupported)
	assert.Equal(t, "1 [2024-02-10, ∞)", timeline(t, db, "a"))

	policy := func() dtde.Entity {
		return dtde.Model(&Policy{}).HasTemporalValidity("ValidFrom", "ValidTo").EntityKey("Number").SplitAtShardBoundaries()
	}
	// rows that are not cut would be missed, and the parts of cut ones taken for versions
	require.ErrorIs(t, testenv.Reopen(t, db, &gorm.Config{}).Use(dtde.Register(dtde.Config{Entities: []dtde.Entity{
		dtde.Model(&Policy{}).HasTemporalValidity("ValidFrom", "ValidTo").EntityKey("Number").ShardByDate("ValidFrom", dtde.Quarter, date(2024, 1, 1), date(2025, 1, 1)),
		dtde.Model(&Rider{}).HasTemporalValidity("ValidFrom", "ValidTo").EntityKey("Code"),
	}})), dtde.ErrPlacementChanged)

	for name, entity := range map[string]dtde.Entity{
		"without bounds": policy().ShardByDate("ValidFrom", dtde.Year, time.Time{}, time.Time{}),
		"too many":       policy().ShardByDate("ValidFrom", dtde.Day, date(2020, 1, 1), date(2030, 1, 1)),
		"by key":         policy().ShardByHash("Number", 4),
		"system time": dtde.Model(&Rate{}).HasTemporalValidity("ValidFrom", "ValidTo").System("RecordedFrom", "RecordedTo").EntityKey("Code").
			ShardByDate("ValidFrom", dtde.Quarter, date(2024, 1, 1), date(2025, 1, 1)).SplitAtShardBoundaries(),
	} {
		err := testenv.SQLite().Open(t).Use(dtde.Register(dtde.Config{Entities: []dtde.Entity{entity}}))
		var fault *dtde.ConfigError
		require.ErrorAs(t, err, &fault, name)
	}
}
