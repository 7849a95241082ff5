package config

import (
	"errors"
	"slices"
)

// PartialReport says what a read under Partial left out. Each read adds to it, so give
// each a fresh one; it is not safe for concurrent use.
type PartialReport struct {
	// Missing are the shards that did not answer, in visiting order; none of their rows
	// is in the answer.
	Missing []MissingShard
}

// MissingShard is a shard that was left out of an answer.
type MissingShard struct {
	// Entity is the model's name, Shard the id, Database that of the shard's database; "" is
	// the *gorm.DB's own.
	Entity, Shard, Database string
	// Err is why it did not answer.
	Err error
}

// Complete tells that nothing is missing.
func (r *PartialReport) Complete() bool { return len(r.Missing) == 0 }

// Err joins the errors of what is missing, each once; nil if nothing is.
func (r *PartialReport) Err() error {
	var errs []error
	for _, m := range r.Missing {
		if !slices.ContainsFunc(errs, func(e error) bool { return e == m.Err }) { //nolint:errorlint // the same value
			errs = append(errs, m.Err)
		}
	}
	return errors.Join(errs...)
}

// Add notes a shard that is missing, unless it is noted already.
func (r *PartialReport) Add(m MissingShard) {
	for _, known := range r.Missing {
		if known.Entity == m.Entity && known.Shard == m.Shard {
			return
		}
	}
	r.Missing = append(r.Missing, m)
}
