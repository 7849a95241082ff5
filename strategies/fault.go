package strategies

import (
	"errors"
	"fmt"

	"github.com/go-dtde/dtde/config"
)

// faults collects what is wrong with a spec, so that all of it is reported together.
type faults struct {
	field string // what a fault is about unless it says otherwise
	list  []error
}

func (f *faults) add(format string, args ...any) { f.at(f.field, format, args...) }

func (f *faults) at(field, format string, args ...any) {
	f.list = append(f.list, &config.ConfigError{Field: field, Problem: fmt.Sprintf(format, args...)})
}

func (f *faults) join(err error) {
	if err != nil {
		f.list = append(f.list, err)
	}
}

func (f *faults) err() error { return errors.Join(f.list...) }

// refusals are the errors of Place, made once: a refused row must not cost more than a
// placed one.
type refusals struct{ missing, notFound error }

func newRefusals(key *config.KeyColumn, why string) refusals {
	return refusals{
		missing:  fmt.Errorf("%w: column %s is NULL or absent", config.ErrMissingShardKey, label(key)),
		notFound: fmt.Errorf("%w: %s column %s", config.ErrShardNotFound, why, label(key)),
	}
}

// label names a key column as the program does.
func label(key *config.KeyColumn) string {
	if key.Field != nil {
		return key.Field.Name
	}
	if key.Column != "" {
		return key.Column
	}
	return "shard key"
}

// checkOne tells whether keys is one column of the given kinds.
func checkOne(name string, keys []config.KeyColumn, kinds ...config.Kind) error {
	if len(keys) != 1 {
		return &config.ConfigError{Field: "strategy", Problem: fmt.Sprintf("%s takes one key column, not %d; use a composite for several", name, len(keys))}
	}
	for _, k := range kinds {
		if keys[0].Kind == k {
			return nil
		}
	}
	return &config.ConfigError{Field: label(&keys[0]), Problem: fmt.Sprintf("%s does not take a key of kind %s; it takes %v", name, keys[0].Kind, kinds)}
}
