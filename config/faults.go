package config

import (
	"errors"
	"fmt"
)

// faults collects what is wrong, so that all of it is reported together.
type faults struct{ list []error }

func (f *faults) add(entity, field, format string, args ...any) {
	f.list = append(f.list, &ConfigError{Entity: entity, Field: field, Problem: fmt.Sprintf(format, args...)})
}

// attach adds err, or each error that it joins, as a fault of the entity. field and
// problem are for those that are not a ConfigError already.
func (f *faults) attach(entity, field, problem string, err error) {
	var joined interface{ Unwrap() []error }
	var fault *ConfigError
	switch {
	case err == nil:
	case errors.As(err, &joined):
		for _, e := range joined.Unwrap() {
			if e != ErrConfig { // the headline that Err gives, not a fault of its own
				f.attach(entity, field, problem, e)
			}
		}
	case errors.As(err, &fault):
		c := *fault
		if c.Entity == "" {
			c.Entity = entity
		}
		if c.Field == "" {
			c.Field = field
		}
		f.list = append(f.list, &c)
	default:
		f.list = append(f.list, &ConfigError{Entity: entity, Field: field, Problem: problem, Cause: err})
	}
}

// err is nil without faults; otherwise it matches ErrConfig and unwraps to every fault.
func (f *faults) err() error {
	if len(f.list) == 0 {
		return nil
	}
	return fmt.Errorf("%w:\n%w", ErrConfig, errors.Join(f.list...))
}

// Faults lists every ConfigError that err holds, in the order in which they were
// found; nil if there is none.
func Faults(err error) []*ConfigError {
	switch e := err.(type) {
	case nil:
		return nil
	case *ConfigError:
		return []*ConfigError{e}
	case interface{ Unwrap() []error }:
		var all []*ConfigError
		for _, inner := range e.Unwrap() {
			all = append(all, Faults(inner)...)
		}
		return all
	}
	return Faults(errors.Unwrap(err))
}
