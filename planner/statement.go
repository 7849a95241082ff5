package planner

import (
	"gorm.io/gorm/clause"

	"github.com/go-dtde/dtde/config"
)

// Operation is what a statement does.
type Operation uint8

// The operations. The zero value is a read.
const (
	Select Operation = iota
	Insert
	Update
	Delete
	// Raw is SQL text that is neither of them, as far as the planner knows.
	Raw
)

var operationNames = [...]string{"select", "insert", "update", "delete", "raw"}

// String is the operation's name in lower case, as events and errors have it.
func (o Operation) String() string {
	if int(o) < len(operationNames) {
		return operationNames[o]
	}
	return "invalid"
}

// Dialect is what the planner must know of the engine.
type Dialect struct {
	// Name is GORM's name of the dialector: "sqlite", "postgres", "mysql" or "sqlserver".
	Name string
	// MariaDB tells MariaDB from MySQL; both have the name "mysql".
	MariaDB bool
}

// MergesUnions tells that the engine follows an index in each branch of an ordered UNION
// ALL, conditions or not. PostgreSQL does so without conditions only, MySQL never: there
// each branch must say how much it is to read.
func (d Dialect) MergesUnions() bool { return d.sqlite() }

// CountsSlowly tells that the engine takes longer to count rows than to go over them up to
// an offset.
func (d Dialect) CountsSlowly() bool { return d.sqlite() }

// ReadsRanges tells that the engine makes ranges of an index over several columns of
// conditions with OR, as MySQL and MariaDB do.
func (d Dialect) ReadsRanges() bool { return d.mysql() }

func (d Dialect) sqlite() bool    { return d.Name == "sqlite" }
func (d Dialect) mysql() bool     { return d.Name == "mysql" }
func (d Dialect) postgres() bool  { return d.Name == "postgres" }
func (d Dialect) sqlserver() bool { return d.Name == "sqlserver" }

// Statement is a GORM statement as the planner sees it. The planner changes nothing
// of it, nor of the clauses.
type Statement struct {
	// Operation is what the statement does.
	Operation Operation
	// Table is the entity, Epoch the catalog's epoch it comes from.
	Table *config.Table
	Epoch int64
	// Alias is the name under which the entity stands in the statement, normally
	// Table.LogicalName; only it (or no qualifier) marks a column as the entity's.
	// "" means the logical name.
	Alias string
	// Clauses are GORM's, by name: WHERE, ORDER BY, LIMIT, GROUP BY, FOR, SELECT, FROM.
	Clauses map[string]clause.Clause
	// Selects are GORM's Statement.Selects, Distinct its Distinct; Joins tells that
	// the statement joins other tables, in whatever way.
	Selects  []string
	Distinct bool
	Joins    bool
	Dialect  Dialect
	// Others are the tables beside the entity, as far as they are known. Keeps tells that
	// each row of the result comes of one row of the entity, whatever stands beside it: all
	// joins are inner, left or cross ones.
	Others []Other
	Keeps  bool
	// Nested tells that the statement becomes a part of another one's text, which says
	// later in which database it runs.
	Nested bool
	// InTransaction tells that the caller has a transaction open.
	InTransaction bool
	// OnShard names the shards to visit, whatever the predicate says.
	OnShard []string
	// AllShards visits all shards, whatever the predicate says.
	AllShards bool
	// Tiers are the tiers that the statement is narrowed to; nil means all.
	Tiers []config.Tier
	// Ends are the ends of versions that the statement can see, by its lens: shards that
	// are sealed before all of them are left out. nil leaves none out.
	Ends *config.Set
	// AtInstant tells that the statement sees the versions that are valid at one instant, of
	// an entity whose versions live where they start.
	AtInstant bool
	// Whole reads versions that are cut where their shard changes; nil for other entities.
	Whole *Whole
	// Form is the form the program insists on, if it does.
	Form config.ReadForm
	// WriteLimits tells that updates and deletes are built with their ORDER BY and LIMIT:
	// GORM does that for MySQL and MariaDB, and leaves them out for the others.
	WriteLimits bool
	// MaxShards bounds the shards of the plan; 0 means 1024.
	MaxShards int
}

const defaultMaxShards = 1024

func (s *Statement) alias() string {
	if s.Alias == "" {
		return s.Table.LogicalName
	}
	return s.Alias
}

func (s *Statement) maxShards() int {
	if s.MaxShards <= 0 {
		return defaultMaxShards
	}
	return s.MaxShards
}

// where lists the WHERE clause's expressions; ok is false if the clause has a shape
// that says nothing certain about its text.
func (s *Statement) where() (exprs []clause.Expression, ok bool) {
	c, present := s.Clauses["WHERE"]
	if !present || c.Expression == nil && c.Builder == nil {
		return nil, true
	}
	w, plain := c.Expression.(clause.Where)
	if !plain || c.Builder != nil || c.BeforeExpression != nil || c.AfterNameExpression != nil || c.AfterExpression != nil {
		return nil, false
	}
	return w.Exprs, true
}

// joins tells whether other tables stand beside the entity, also in a FROM clause.
func (s *Statement) joins() bool {
	if s.Joins {
		return true
	}
	c, ok := s.Clauses["FROM"]
	if !ok || c.Expression == nil {
		return false
	}
	from, plain := c.Expression.(clause.From)
	return !plain || len(from.Joins) > 0 || len(from.Tables) > 1
}
