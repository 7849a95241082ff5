package planner

import (
	"gorm.io/gorm/clause"

	"github.com/go-dtde/dtde/config"
)

// RawStatement is SQL text over exactly one entity.
type RawStatement struct {
	// Operation is Select, Insert, Update or Delete.
	Operation Operation
	Table     *config.Table
	// Alias is the name under which the table stands in the text.
	Alias string
	// Where is the WHERE clause with its own arguments (placeholders turned into ?);
	// nil if there is none.
	Where []clause.Expression
	// Set are the assignments of an update as far as they are constants; an
	// assignment of anything else has a clause.Expr value.
	Set clause.Set
	// Values are an insert's rows; nil unless all are literals or placeholders.
	Values *clause.Values
	// Limited tells that the statement has ORDER BY, LIMIT, GROUP BY, DISTINCT or
	// aggregates, so that it can run on one shard only.
	Limited bool
	// SQL is the text as it came; NamePositions are the byte ranges in it of the
	// table's name, to be replaced by the shard's.
	SQL           string
	NamePositions []NamePosition
}

// NamePosition is the byte range [From, To) of a table name in a text.
type NamePosition struct {
	From, To int
	// Alias tells that " AS <alias>" must follow the physical name, so that the
	// text's qualifiers stay valid.
	Alias bool
}

// AnalyzeRaw finds out whether the text names one of the catalog's logical tables.
// (nil, nil) means that it does not.
func AnalyzeRaw(c *config.Catalog, d Dialect, sql string, args []any) (*RawStatement, error) {
	return nil, nil
}

// Render is the text aimed at a shard; quote quotes one identifier part.
func (r *RawStatement) Render(shard *config.Shard, quote func(string) string) string {
	return r.SQL
}
