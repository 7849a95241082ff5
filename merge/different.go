package merge

import (
	"database/sql/driver"
	"fmt"
)

// different tells whether a partial row's combination of a column's Values is new to its group; one with a NULL never is.
func (g *grouped) different(a *aggregate, c *GroupColumn, row []driver.Value, kinds []columnKind) (bool, error) {
	key := g.key[:0]
	var err error
	for _, at := range c.Values {
		if row[at] == nil {
			return false, nil
		}
		if key, err = appendIdentity(key, row[at], kinds[at]); err != nil {
			return false, err
		}
	}
	if g.key = key; a.seen == nil {
		a.seen = map[string]struct{}{}
	}
	if _, known := a.seen[string(key)]; known {
		return false, nil
	}
	if g.values++; g.values > g.spec.MaxGroups {
		return false, fmt.Errorf("%w: more than %d different values", ErrTooManyRows, max(g.spec.MaxGroups, 0))
	}
	a.seen[string(key)] = struct{}{}
	return true, nil
}
