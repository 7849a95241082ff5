package config

import "strings"

// DefaultPriority is the visiting priority of a hot shard that states none.
const DefaultPriority = 100

// Shard is one place for an entity's rows.
type Shard struct {
	// ID is stable for ever and unique within the entity.
	ID string
	// Table is the physical table, qualified ("sales.orders_eu") or not. "" derives
	// it: the entity's table, an underscore and the id, in lower case.
	Table string
	// Values are the keys that live here (value strategy); empty means the id itself.
	Values []any
	// From and To bound the keys that live here (range strategy): [From, To), nil is open.
	From, To any
	// Database is the id of the database that it lives in. "" derives it: the entity's
	// storage mode says how.
	Database string
	// Tier says how the shard is used; the zero value takes its database's.
	Tier Tier
	// ReadOnly shards are read always and written never.
	ReadOnly bool
	// Priority orders visits, lower first; 0 takes its database's, or the tier's.
	Priority int
	// Predicate and Args describe the rows of a manual table, as in db.Where.
	Predicate string
	Args      []any
}

// Rank is Priority with its default.
func (s *Shard) Rank() int {
	if s.Priority == 0 {
		return s.Tier.priority()
	}
	return s.Priority
}

// Namespace and Name split a physical table's name at its last dot.
func (s *Shard) split() (namespace, name string) {
	if i := strings.LastIndexByte(s.Table, '.'); i >= 0 {
		return s.Table[:i], s.Table[i+1:]
	}
	return "", s.Table
}

// Name is the physical table without its schema.
func (s *Shard) Name() string { _, n := s.split(); return n }

// Namespace is the schema of the physical table, or "".
func (s *Shard) Namespace() string { n, _ := s.split(); return n }

// TableSuffix turns a shard id into the part of a table name: lower case, and
// every run of other characters than letters, digits and underscores becomes one
// underscore.
func TableSuffix(id string) string {
	var b strings.Builder
	gap := false
	for _, r := range strings.ToLower(id) {
		if r == '_' || r >= 'a' && r <= 'z' || r >= '0' && r <= '9' || r > 127 {
			if gap && b.Len() > 0 {
				b.WriteByte('_')
			}
			gap = false
			b.WriteRune(r)
			continue
		}
		gap = true
	}
	return b.String()
}
