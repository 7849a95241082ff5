package strategytest

//lint:file-ignore ST1005 a message begins with the name of the method that is at fault

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/go-dtde/dtde/config"
)

// description checks what a strategy says of itself.
func description(twins []config.Strategy, keys []config.KeyColumn) error {
	first := twins[0]
	for _, s := range twins {
		switch {
		case s.Check(keys) != nil:
			return fmt.Errorf("Check refuses the key columns: %w", s.Check(keys))
		case s.Name() == "":
			return errors.New("Name is empty")
		case s.Fingerprint() == "":
			return errors.New("Fingerprint is empty")
		case s.Fingerprint() != first.Fingerprint() || s.Name() != first.Name():
			return errors.New("Name or Fingerprint differ between two strategies of the same settings, or two calls")
		case !slices.Equal(s.Shards(), first.Shards()):
			return errors.New("Shards differ between two strategies of the same settings, or two calls")
		}
		if slices.Contains(strings.Split(s.Fingerprint(), "\n"), "") {
			return errors.New("Fingerprint has an empty line")
		}
		folded := map[string]bool{}
		for _, id := range s.Shards() {
			if id == "" {
				return errors.New("Shards has an empty id")
			}
			if folded[strings.ToLower(id)] {
				return fmt.Errorf("Shards lists %q twice, or twice but for case", id)
			}
			folded[strings.ToLower(id)] = true
		}
		if _, dynamic := s.(config.DynamicStrategy); !dynamic && len(folded) == 0 {
			return errors.New("Shards is empty, and no shard can be made at run time")
		}
	}
	return nil
}

// laws checks one sample against every twin.
func (q sample) laws(twins []config.Strategy) error {
	homes := make([]string, len(q.keys)) // "" is none
	for i, key := range q.keys {
		id, err := twins[0].Place(key)
		for _, s := range twins {
			if err := placing(s, key, id, err); err != nil {
				return fmt.Errorf("%w\nkey %v", err, key)
			}
		}
		if err == nil {
			homes[i] = id
		}
	}
	for _, s := range twins {
		if err := q.routing(s, homes); err != nil {
			return fmt.Errorf("%w\nknown %q\nsets %v\nkeys %v\nat %q", err, q.known, q.sets, q.keys, homes)
		}
	}
	return nil
}

// placing checks one key's answer against the first one given.
func placing(s config.Strategy, key []config.Value, first string, firstErr error) error {
	id, err := s.Place(slices.Clone(key))
	if id != first || (err == nil) != (firstErr == nil) {
		return fmt.Errorf("Place is not deterministic: %q, %v, then %q, %v", first, firstErr, id, err)
	}
	if err != nil {
		switch {
		case errors.Is(err, config.ErrMissingShardKey):
			return nil
		case len(key) > 0 && slices.ContainsFunc(key, config.Value.IsNull):
			return fmt.Errorf("Place of a key with a NULL must wrap ErrMissingShardKey, not %w", err)
		case errors.Is(err, config.ErrShardNotFound):
			return nil
		case len(key) == 0 && errors.Is(err, config.Err):
			return nil // placed by state, not by a key
		}
		return fmt.Errorf("Place's error wraps neither ErrMissingShardKey nor ErrShardNotFound: %w", err)
	}
	if id == "" {
		return errors.New("Place gives an empty id without an error")
	}
	if d, dynamic := s.(config.DynamicStrategy); dynamic && d.Owns(id) {
		return nil
	}
	if !slices.Contains(s.Shards(), id) {
		return fmt.Errorf("Place gives %q, which is neither in Shards nor owned", id)
	}
	return nil
}

// routing checks one answer of Route.
func (q sample) routing(s config.Strategy, homes []string) error {
	known, sets := slices.Clone(q.known), slices.Clone(q.sets)
	r := s.Route(config.RouteQuery{Keys: sets, Known: known})
	if !slices.Equal(known, q.known) || fmt.Sprint(sets) != fmt.Sprint(q.sets) {
		return errors.New("Route changes its query")
	}
	_, dynamic := s.(config.DynamicStrategy)
	if r.Open && !dynamic {
		return errors.New("Route says Open, and no shard can be made at run time")
	}
	if again := s.Route(config.RouteQuery{Keys: sets, Known: known}); again.All != r.All || again.Open != r.Open || !slices.Equal(again.IDs, r.IDs) {
		return errors.New("Route is not deterministic")
	}
	if len(homes) > 0 && len(q.sets) == 0 && !r.All {
		return errors.New("Route without keys must say All")
	}
	at := 0
	for _, id := range r.IDs {
		if r.All {
			break
		}
		k := slices.Index(q.known[at:], id)
		if k < 0 {
			return fmt.Errorf("Route lists %q, which is not known, or not in the order of the known shards, or twice: %q", id, r.IDs)
		}
		at += k + 1
	}
	for i, key := range q.keys {
		if homes[i] == "" || !inside(q.sets, key) {
			continue
		}
		switch {
		case !slices.Contains(q.known, homes[i]):
			if dynamic && !r.Open {
				return fmt.Errorf("key %v belongs to %q, which is not known, and Route does not say Open", key, homes[i])
			}
		case !r.All && !slices.Contains(r.IDs, homes[i]):
			return fmt.Errorf("key %v lies in the sets, and Route leaves out its shard %q: %q", key, homes[i], r.IDs)
		}
	}
	return nil
}

func inside(sets []config.Set, key []config.Value) bool {
	for i := range sets {
		if !sets[i].Contains(key[i]) {
			return false
		}
	}
	return true
}
