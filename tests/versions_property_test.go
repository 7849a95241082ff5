package tests

import (
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"gorm.io/gorm"

	"github.com/go-dtde/dtde"
)

// seedOf is a test's seed: DTDE_RAPID_SEED, or a new one, which its failures print.
func seedOf() uint64 {
	if fixed, err := strconv.ParseUint(os.Getenv("DTDE_RAPID_SEED"), 10, 64); err == nil {
		return fixed
	}
	return uint64(time.Now().UnixNano())
}

// sealing seals or unseals a random month's shard. What the seal says must be so of both
// models, or else it is refused.
func sealing(t *testing.T, db *gorm.DB, rng *rand.Rand, models map[string]*model, unseals *int, what string) {
	t.Helper()
	plugin := db.Plugins["dtde"].(*dtde.Plugin)
	shard := day(1 + rng.IntN(modelDays-1)).Format("2006_01")
	if _, there := plugin.Shard(&Policy{}, shard); !there {
		return
	}
	was := plugin.Seals(&Policy{})
	if slices.ContainsFunc(was, func(s dtde.Seal) bool { return s.Shard == shard }) && *unseals > 0 {
		*unseals--
		require.NoError(t, plugin.Unseal(t.Context(), &Policy{}, shard), what)
		return
	}
	begin, err := time.Parse("2006_01", shard)
	require.NoError(t, err)
	bound := begin.AddDate(0, 1, rng.IntN(20))
	err = plugin.Seal(t.Context(), &Policy{}, shard, bound)
	broken := false
	for _, m := range models {
		broken = broken || m.breaks([]dtde.Seal{{Shard: shard, Bound: bound}})
	}
	if broken {
		require.ErrorIs(t, err, dtde.ErrSealed, what)
		require.Equal(t, was, plugin.Seals(&Policy{}), what)
		return
	}
	require.NoError(t, err, what)
}

// TestHistoriesAreTheModels runs random writes and compares what is valid on every day
// with the model; no two versions overlap, none is empty. Shards by start are sealed and
// unsealed in between.
func TestHistoriesAreTheModels(t *testing.T) {
	t.Parallel()
	seed := seedOf()
	eachLayout(t, func(t *testing.T, db *gorm.DB, now *time.Time) {
		rng := rand.New(rand.NewPCG(seed, uint64(len(t.Name()))))
		*now = day(1)
		keys := []string{"x", "y"}
		models := map[string]*model{"x": {}, "y": {}}
		byStart := strings.HasSuffix(t.Name(), "/by_start")
		writes := writing{clock: !byStart, row: func(number string, premium int) any { return &Policy{Number: number, Premium: premium} }}
		var n next
		refused, unseals := 0, 2 // each takes a second
		for step := range 90 {
			key := keys[rng.IntN(len(keys))]
			if byStart && step > 5 && rng.IntN(4) == 0 {
				sealing(t, db, rng, models, &unseals, fmt.Sprintf("seed %d, step %d: sealing", seed, step))
				requireValid(t, db, models, rng.IntN(modelDays), fmt.Sprintf("seed %d, step %d: sealing", seed, step))
			}
			changed := copied(models)
			op := writes.random(rng, &n, changed, key, step)
			if op.now > 0 {
				*now = day(op.now)
			}
			err := op.run(db)
			did := fmt.Sprintf("seed %d, step %d: %s of %s", seed, step, op.name, key)
			broken := false
			for _, m := range changed {
				broken = broken || m.breaks(db.Plugins["dtde"].(*dtde.Plugin).Seals(&Policy{}))
			}
			switch {
			case op.err != nil:
				require.ErrorIs(t, err, op.err, did)
			case broken:
				require.ErrorIs(t, err, dtde.ErrSealed, did)
				refused++
			default:
				require.NoError(t, err, did)
				models = changed
			}
			for key, m := range models {
				requireModel(t, db, key, m, did)
			}
			requireValid(t, db, models, rng.IntN(modelDays), did)
		}
		t.Logf("seed %d: %d writes refused by seals", seed, refused)
	})
}

// requireValid compares what the lens sees on a day.
func requireValid(t *testing.T, db *gorm.DB, models map[string]*model, at int, what string) {
	t.Helper()
	var list []Policy
	require.NoError(t, db.Scopes(dtde.ValidAt(day(at))).Find(&list).Error, what)
	valid, expected := map[string]int{}, map[string]int{}
	for _, p := range list {
		valid[p.Number] = p.Premium
	}
	for key, m := range models {
		if m[at].version != 0 {
			expected[key] = m[at].premium
		}
	}
	require.Len(t, list, len(expected), "%s, on day %d", what, at)
	require.Equal(t, expected, valid, "%s, on day %d", what, at)
}

func requireModel(t *testing.T, db *gorm.DB, key string, m *model, what string) {
	t.Helper()
	rows, err := dtde.Timeline(db, &Policy{Number: key})
	require.NoError(t, err, what)
	var got, want [modelDays]int
	for _, r := range rows {
		require.True(t, r.ValidTo == nil || r.ValidFrom.Before(*r.ValidTo), "%s: an empty period", what)
		for d := range modelDays {
			if at := day(d); !at.Before(r.ValidFrom) && (r.ValidTo == nil || at.Before(*r.ValidTo)) {
				require.Zero(t, got[d], "%s: two versions on day %d", what, d)
				got[d] = r.Premium + 1
			}
		}
	}
	for d := range modelDays {
		if m[d].version != 0 {
			want[d] = m[d].premium + 1
		}
	}
	require.Equal(t, want, got, what)
}
