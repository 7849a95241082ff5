package migrator

import (
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"gorm.io/gorm"

	"github.com/go-dtde/dtde/config"
)

// batchTables bounds the tables of one query for facts.
const batchTables = 250

// relation is what a database has under a name.
type relation struct {
	view    bool
	columns map[string]column // by name, in lower case
}

// column is what a database says of one column, as far as routing depends on it.
type column struct {
	// equal and order: text compares for equality, and sorts, by bytes; with padded
	// not looking at trailing spaces.
	equal, order, padded bool
	// uuid: the column's type is UUID.
	uuid bool
	// precision is a time column's resolution, 0 if it is none or keeps all digits.
	precision          time.Duration
	dateOnly, zoneless bool
	// lengthBytes is the n of binary(n).
	lengthBytes int
}

// ref is a table's name, qualified or not.
type ref struct{ namespace, name string }

func (r ref) String() string {
	if r.namespace == "" {
		return r.name
	}
	return r.namespace + "." + r.name
}

func refOf(s *config.Shard) ref { return ref{s.Namespace(), s.Name()} }

// relations reads what the database has under the names, with those of the columns
// that are there: one query for every batchTables names. The result has no entry for
// a name that does not exist.
func relations(db *gorm.DB, dialect string, refs []ref, columns []string) (map[ref]relation, error) {
	read := map[string]func(*gorm.DB, []ref, []string, map[ref]relation) error{
		"sqlite": readSQLite, "postgres": readPostgres, "mysql": readMySQL, "sqlserver": readSQLServer,
	}[dialect]
	if read == nil {
		return nil, fmt.Errorf("dtde: no way to look into a database of dialect %q", dialect)
	}
	found := map[ref]relation{}
	for len(refs) > 0 {
		batch := refs[:min(batchTables, len(refs))]
		refs = refs[len(batch):]
		if err := read(db, batch, columns, found); err != nil {
			return nil, err
		}
	}
	return found, nil
}

// add notes a row of a facts query; columnName is nil for a table without any of the columns.
func add(found map[ref]relation, r ref, view bool, columnName *string, c column) {
	rel, ok := found[r]
	if !ok {
		rel = relation{view: view, columns: map[string]column{}}
		found[r] = rel
	}
	if columnName != nil {
		rel.columns[strings.ToLower(*columnName)] = c
	}
}

func asJSON(list []string) string {
	b, _ := json.Marshal(list) // strings always marshal
	return string(b)
}

func quoteAll(refs []ref) []string {
	list := make([]string, len(refs))
	for i, r := range refs {
		list[i] = doubleQuoted(r.name)
		if r.namespace != "" {
			list[i] = doubleQuoted(r.namespace) + "." + list[i]
		}
	}
	return list
}

func doubleQuoted(name string) string { return `"` + strings.ReplaceAll(name, `"`, `""`) + `"` }

// byNamespace groups names for engines that are asked by schema.
func byNamespace(refs []ref) map[string][]string {
	groups := map[string][]string{}
	for _, r := range refs {
		groups[r.namespace] = append(groups[r.namespace], r.name)
	}
	return groups
}

func fraction(digits int) time.Duration {
	d := time.Second
	for range min(max(digits, 0), 9) {
		d /= 10
	}
	return d
}
