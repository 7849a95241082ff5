package merge

import (
	"database/sql/driver"
	"fmt"
)

// count notes the values of a CountDistinct column.
func (g *grouped) count(a *aggregate, c *GroupColumn, row []driver.Value, kinds []columnKind) error {
	key := g.key[:0]
	var err error
	for _, at := range c.Values {
		if row[at] == nil {
			return nil
		}
		if key, err = appendIdentity(key, row[at], kinds[at]); err != nil {
			return err
		}
	}
	if g.key = key; a.seen == nil {
		a.seen = map[string]struct{}{}
	}
	if _, known := a.seen[string(key)]; known {
		return nil
	}
	if g.values++; g.values > g.spec.MaxGroups {
		return fmt.Errorf("%w: more than %d different values", ErrTooManyRows, max(g.spec.MaxGroups, 0))
	}
	a.seen[string(key)] = struct{}{}
	return nil
}
