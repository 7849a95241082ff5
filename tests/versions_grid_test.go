package tests

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"gorm.io/gorm"

	"github.com/go-dtde/dtde"
	"github.com/go-dtde/dtde/internal/testenv"
)

// Belief is bitemporal: a Policy, and when it was held for true.
type Belief struct {
	ID           int64 `gorm:"primaryKey"`
	Number       string
	Premium      int
	ValidFrom    time.Time
	ValidTo      *time.Time
	RecordedFrom time.Time
	RecordedTo   *time.Time
}

// TestGridIsTheModels runs random writes on a bitemporal entity, one a day, and compares
// what is seen on a grid of validity by knowledge with what the models were each day.
func TestGridIsTheModels(t *testing.T) {
	t.Parallel()
	seed := seedOf()
	const steps, firstDay = 25, 200
	testenv.Each(t, func(t *testing.T, d testenv.DB) {
		for _, layout := range layouts {
			t.Run(layout, func(t *testing.T) {
				rng := rand.New(rand.NewPCG(seed, uint64(len(t.Name()))))
				now := day(firstDay)
				db := d.Open(t, &gorm.Config{NowFunc: func() time.Time { return now }})
				e := dtde.Model(&Belief{}).HasTemporalValidity("ValidFrom", "ValidTo").EntityKey("Number").System("RecordedFrom", "RecordedTo")
				switch layout {
				case "by key":
					e = e.ShardByHash("Number", 4)
				case "by start":
					e = e.ShardByDate("ValidFrom", dtde.Month, day(1), day(400))
				}
				excluding(t, d, db)
				require.NoError(t, db.Use(dtde.Register(dtde.Config{Entities: []dtde.Entity{e}})))
				require.NoError(t, db.AutoMigrate(&Belief{}))
				writes := writing{row: func(number string, premium int) any { return &Belief{Number: number, Premium: premium} }}
				keys := []string{"x", "y"}
				var n next
				var beliefs []map[string]*model // of each day
				models := map[string]*model{"x": {}, "y": {}}
				for step := range steps {
					now = day(firstDay + step)
					changed := copied(models)
					op := writes.random(rng, &n, changed, keys[rng.IntN(2)], step)
					err := op.run(db)
					what := fmt.Sprintf("seed %d, step %d: %s", seed, step, op.name)
					if op.err != nil {
						require.ErrorIs(t, err, op.err, what)
					} else {
						require.NoError(t, err, what)
						models = changed
					}
					if op.purged > 0 { // what ended by then is gone from every belief
						for _, b := range beliefs {
							b[op.key].purge(op.purged)
						}
					}
					beliefs = append(beliefs, copied(models))
				}
				for step, models := range beliefs {
					known := dtde.KnownAt(day(firstDay + step).Add(time.Duration(rng.IntN(24)) * time.Hour))
					what := fmt.Sprintf("seed %d, known on day %d", seed, step)
					requireBeliefs(t, db.Scopes(known), models, what)
					for range 3 {
						at := 1 + rng.IntN(modelDays-1)
						var list []Belief
						require.NoError(t, db.Scopes(dtde.ValidAt(day(at)), known).Find(&list).Error, what)
						got, want := map[string]int{}, map[string]int{}
						for _, b := range list {
							got[b.Number] = b.Premium
						}
						for key, m := range models {
							if m[at].version != 0 {
								want[key] = m[at].premium
							}
						}
						require.Len(t, list, len(want), "%s, of day %d", what, at)
						require.Equal(t, want, got, "%s, of day %d", what, at)
					}
				}
				requireBeliefs(t, db.Scopes(dtde.AllVersions()), models, fmt.Sprintf("seed %d: known now", seed))
				requireBeliefs(t, db.Scopes(dtde.KnownAt(day(firstDay-1))), nil, fmt.Sprintf("seed %d: before anything was known", seed))
			})
		}
	})
}

func copied(models map[string]*model) map[string]*model {
	out := map[string]*model{}
	for key, m := range models {
		c := *m
		out[key] = &c
	}
	return out
}

// requireBeliefs compares the versions that a query sees, day by day, with the models.
func requireBeliefs(t *testing.T, query *gorm.DB, models map[string]*model, what string) {
	t.Helper()
	var list []Belief
	require.NoError(t, query.Find(&list).Error, what)
	got, want := map[string]*[modelDays]int{"x": {}, "y": {}}, map[string]*[modelDays]int{"x": {}, "y": {}}
	for _, b := range list {
		require.True(t, b.ValidTo == nil || b.ValidFrom.Before(*b.ValidTo), "%s: an empty period", what)
		for d := range modelDays {
			if at := day(d); !at.Before(b.ValidFrom) && (b.ValidTo == nil || at.Before(*b.ValidTo)) {
				require.Zero(t, got[b.Number][d], "%s: two versions of %s on day %d", what, b.Number, d)
				got[b.Number][d] = b.Premium + 1
			}
		}
	}
	for key, m := range models {
		for d := range modelDays {
			if m[d].version != 0 {
				want[key][d] = m[d].premium + 1
			}
		}
	}
	require.Equal(t, want, got, what)
}
