package strategytest

import (
	"fmt"
	"sync"
	"testing"

	"pgregory.net/rapid"

	"github.com/go-dtde/dtde/config"
)

// Run checks that s keeps the contract of [config.Strategy] for the given key columns:
//
//   - Check takes the columns; Name and Fingerprint are not empty and stay the same;
//   - ids of Shards are distinct, also regardless of case, and stay the same;
//   - Place gives the same answer each time: an id that is among Shards or that Owns
//     accepts, or an error that wraps config.ErrMissingShardKey or
//     config.ErrShardNotFound, and the former for a NULL that it does not place;
//   - Route lists every known shard that holds a key in its sets, lists known shards
//     only, each once and in their order, says Open if such a key belongs to a shard
//     that is not known, and changes nothing that it was given;
//   - all of that from several goroutines at once (run with -race).
//
// gen draws one key, a value per column; it should draw keys that share a shard and
// keys that do not, and some that no shard takes. again, if given, makes the strategy
// anew from the same settings: both must agree in everything. A failure prints rapid's
// seed.
func Run(t *testing.T, s config.Strategy, keys []config.KeyColumn, gen func(*rapid.T) []config.Value, again ...func() (config.Strategy, error)) {
	t.Helper()
	twins := []config.Strategy{s}
	for _, make := range again {
		twin, err := make()
		if err != nil {
			t.Fatalf("the strategy cannot be made again: %v", err)
		}
		twins = append(twins, twin)
	}
	t.Run("description", func(t *testing.T) {
		if err := description(twins, keys); err != nil {
			t.Fatal(err)
		}
	})
	t.Run("laws", func(t *testing.T) {
		rapid.Check(t, func(rt *rapid.T) {
			if err := drawSample(rt, s, keys, gen).laws(twins); err != nil {
				rt.Fatal(err)
			}
		})
	})
	t.Run("concurrent", func(t *testing.T) {
		if err := concurrent(t, twins, keys, gen); err != nil {
			t.Fatal(err)
		}
	})
}

// concurrent checks samples from several goroutines at once.
func concurrent(t *testing.T, twins []config.Strategy, keys []config.KeyColumn, gen func(*rapid.T) []config.Value) error {
	var samples []sample
	draw := rapid.Custom(func(rt *rapid.T) sample { return drawSample(rt, twins[0], keys, gen) })
	for seed := range 8 {
		samples = append(samples, draw.Example(seed))
	}
	errs := make([]error, 4)
	var wait sync.WaitGroup
	for g := range errs {
		wait.Add(1)
		go func() {
			defer wait.Done()
			for i := range samples {
				if err := samples[(i+g)%len(samples)].laws(twins); err != nil {
					errs[g] = fmt.Errorf("from several goroutines: %w", err)
				}
			}
		}()
	}
	wait.Wait()
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}
