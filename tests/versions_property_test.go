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

// model is a history in memory, instant by instant: each day has the version that is
// valid, or none. The last day stands for all that come after it.
type model [modelDays]struct{ version, premium int }

const modelDays = 90

// next numbers versions.
type next int

func (n *next) version() int { *n++; return int(*n) }

// end is the first day from d on that has another version.
func (m *model) end(d int) int {
	e := d
	for e < modelDays && m[e].version == m[d].version {
		e++
	}
	return e
}

func (m *model) save(n *next, d, premium int, supersede bool) {
	if m[d].version != 0 && m[d].premium == premium && !supersede {
		return
	}
	end := m.end(d)
	if supersede {
		end = modelDays
	}
	if m[d].version != 0 && m[d].premium == premium { // it only grows
		for i := d; i < end; i++ {
			m[i] = m[d]
		}
		return
	}
	v := n.version()
	for i := d; i < end; i++ {
		m[i].version, m[i].premium = v, premium
	}
}

// update changes what lies in [a, b), version by version; what is left right of it is a
// version of its own.
func (m *model) update(n *next, a, b, premium int) {
	for i := a; i < b; {
		end := m.end(i)
		inside := min(end, b)
		if m[i].version != 0 && m[i].premium != premium {
			rest, v := n.version(), n.version()
			for k := inside; k < end; k++ {
				m[k].version = rest
			}
			for k := i; k < inside; k++ {
				m[k].version, m[k].premium = v, premium
			}
		}
		i = inside
	}
}

func (m *model) clear(n *next, a, b int) {
	if a >= b {
		return
	}
	if b < modelDays && m[b].version != 0 && m[b].version == m[b-1].version {
		rest := n.version()
		for k, end := b, m.end(b); k < end; k++ {
			m[k].version = rest
		}
	}
	for i := a; i < b; i++ {
		m[i] = struct{ version, premium int }{}
	}
}

// seedOf is a test's seed: DTDE_RAPID_SEED, or a new one, which its failures print.
func seedOf() uint64 {
	if fixed, err := strconv.ParseUint(os.Getenv("DTDE_RAPID_SEED"), 10, 64); err == nil {
		return fixed
	}
	return uint64(time.Now().UnixNano())
}

// breaks tells whether a version of a sealed shard ends after the shard's bound.
func (m *model) breaks(seals []dtde.Seal) bool {
	for d := 0; d < modelDays; d = m.end(d) {
		end := m.end(d)
		for _, s := range seals {
			if m[d].version != 0 && s.Shard == day(d).Format("2006_01") && (end == modelDays || day(end).After(s.Bound)) {
				return true
			}
		}
	}
	return false
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
		var n next
		refused, unseals := 0, 2 // each takes a second
		for step := range 60 {
			key := keys[rng.IntN(len(keys))]
			if byStart && step > 5 && rng.IntN(4) == 0 {
				sealing(t, db, rng, models, &unseals, fmt.Sprintf("seed %d, step %d: sealing", seed, step))
				requireValid(t, db, models, rng.IntN(modelDays), fmt.Sprintf("seed %d, step %d: sealing", seed, step))
			}
			changed := *models[key]
			m := &changed
			a, b := 1+rng.IntN(modelDays-10), 1+rng.IntN(modelDays-10)
			if a > b {
				a, b = b, a
			}
			premium := rng.IntN(6)
			if step > 20 {
				premium = step // new
			}
			policy := &Policy{Number: key, Premium: premium}
			period := dtde.Period{From: day(a), To: day(b)}
			var err error
			var did string
			switch rng.IntN(8) {
			case 0, 1, 2:
				did = fmt.Sprintf("save %d at %d", premium, a)
				_, err = dtde.SaveWithVersioning(db, policy, dtde.Effective(day(a)))
				m.save(&n, a, premium, false)
			case 3:
				premium = 1000 + step
				did = fmt.Sprintf("save %d at %d, supersede", premium, a)
				_, err = dtde.SaveWithVersioning(db, &Policy{Number: key, Premium: premium}, dtde.Effective(day(a)), dtde.Supersede())
				m.save(&n, a, premium, true)
			case 4:
				did = fmt.Sprintf("update [%d, %d) to %d", a, b, premium)
				_, err = dtde.UpdatePortion(db.Model(policy), period, map[string]any{"premium": premium})
				m.update(&n, a, b, premium)
			case 5:
				did = fmt.Sprintf("delete [%d, %d)", a, b)
				_, err = dtde.DeletePortion(db.Model(policy), period)
				m.clear(&n, a, b)
			case 6:
				premium = 2000 + step
				did = fmt.Sprintf("put %d in [%d, %d)", premium, a, b)
				_, err = dtde.Put(db, &Policy{Number: key, Premium: premium}, period)
				m.clear(&n, a, b)
				for i, v := a, n.version(); i < b; i++ {
					m[i].version, m[i].premium = v, premium
				}
			default:
				if a < modelDays/2 {
					continue
				}
				did = fmt.Sprintf("terminate at %d", a)
				_, err = dtde.Terminate(db, policy, day(a))
				m.clear(&n, a, modelDays)
			}
			did = fmt.Sprintf("seed %d, step %d: %s of %s", seed, step, did, key)
			if byStart && m.breaks(db.Plugins["dtde"].(*dtde.Plugin).Seals(policy)) {
				require.ErrorIs(t, err, dtde.ErrSealed, did)
				refused++
			} else {
				require.NoError(t, err, did)
				*models[key] = changed
			}
			requireModel(t, db, key, models[key], did)
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
