package store_test

import (
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/go-dtde/dtde/config"
	"github.com/go-dtde/dtde/internal/testenv"
	"github.com/go-dtde/dtde/store"
)

func TestComparePlacement(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name               string
		recorded, settings []string
		field              string
	}{
		{"nothing recorded", nil, []string{"slots=8"}, ""},
		{"the same", []string{"hash=v1", "slots=8"}, []string{"slots=8", "hash=v1"}, ""},
		{"more in the settings", []string{"slots=8"}, []string{"slots=8", "extra=1"}, ""},
		{"another value", []string{"slots=8"}, []string{"slots=16"}, "slots"},
		{"a key missing", []string{"hash=v1", "slots=8"}, []string{"slots=8"}, "hash"},
		{"all missing", []string{"slots=8"}, nil, "slots"},
		{"a value with the sign in it", []string{"ranges=a=b"}, []string{"ranges=a=c"}, "ranges"},
		{"case counts", []string{"value.EU=eu"}, []string{"value.eu=eu"}, "value.EU"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			err := store.ComparePlacement("User", c.recorded, c.settings)
			if c.field == "" {
				require.NoError(t, err)
				return
			}
			require.ErrorIs(t, err, config.ErrPlacementChanged)
			require.ErrorIs(t, err, config.Err)
			var fault *config.ConfigError
			require.ErrorAs(t, err, &fault)
			assert.Equal(t, "User", fault.Entity)
			assert.Equal(t, c.field, fault.Field)
		})
	}
}

func TestPlacementIsRecordedOnce(t *testing.T) {
	t.Parallel()
	testenv.Each(t, func(t *testing.T, d testenv.DB) {
		one, db := open(t, d)
		two, ctx := another(t, db), t.Context()
		eight, sixteen := []string{"slots=8", "hash=v1"}, []string{"slots=16", "hash=v1"}
		require.NoError(t, one.CheckPlacement(ctx, "users", eight), "nothing recorded yet")
		require.NoError(t, one.RecordPlacement(ctx, "users", eight))
		first, err := one.Load(ctx, nil)
		require.NoError(t, err)
		assert.Equal(t, []string{"hash=v1", "slots=8"}, first.Placement["users"])
		assert.EqualValues(t, 2, first.Epoch)

		require.NoError(t, two.CheckPlacement(ctx, "users", eight))
		require.NoError(t, two.RecordPlacement(ctx, "users", eight))
		for _, err := range []error{two.CheckPlacement(ctx, "users", sixteen), two.RecordPlacement(ctx, "users", sixteen)} {
			require.ErrorIs(t, err, config.ErrPlacementChanged)
			assert.Contains(t, err.Error(), "slots = 8")
			assert.Contains(t, err.Error(), "have 16")
		}
		again, err := two.Load(ctx, nil)
		require.NoError(t, err)
		assert.Equal(t, first, again, "neither agreement nor refusal changes anything")

		require.NoError(t, two.RecordPlacement(ctx, "users", append(eight, "default=x")))
		more, err := one.Load(ctx, nil)
		require.NoError(t, err)
		assert.Greater(t, more.Epoch, first.Epoch, "running processes find out")
		require.ErrorIs(t, store.ComparePlacement("users", more.Placement["users"], eight), config.ErrPlacementChanged)

		require.ErrorIs(t, one.RecordPlacement(ctx, "users", []string{"a=1", "a=2"}), store.ErrName)
		require.NoError(t, one.RecordPlacement(ctx, "other", sixteen), "entities are apart")
	})
}

func TestPlacementRace(t *testing.T) {
	t.Parallel()
	testenv.Each(t, func(t *testing.T, d testenv.DB) {
		s, db := open(t, d)
		// Disjoint keys: no unique key makes these two meet.
		settings := [][]string{{"a=1"}, {"b=1"}, {"a=2"}, {"a=1", "b=2"}}
		for round := range 5 {
			entity := string(rune('a' + round))
			var won, lost atomic.Int32
			var wg sync.WaitGroup
			for _, lines := range settings {
				p := another(t, db)
				wg.Go(func() {
					switch err := p.RecordPlacement(t.Context(), entity, lines); {
					case err == nil:
						won.Add(1)
					case assert.ErrorIs(t, err, config.ErrPlacementChanged):
						lost.Add(1)
					}
				})
			}
			wg.Wait()
			state, err := s.Load(t.Context(), nil)
			require.NoError(t, err)
			agree := 0
			for _, lines := range settings {
				if store.ComparePlacement(entity, state.Placement[entity], lines) == nil {
					agree++
				}
			}
			assert.Positive(t, won.Load())
			assert.Positive(t, lost.Load())
			assert.Positive(t, agree, "what is recorded is one program's settings: %v", state.Placement[entity])
		}
	})
}
