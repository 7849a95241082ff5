package callbacks

import (
	"strings"

	"gorm.io/gorm"

	"github.com/go-dtde/dtde/config"
	"github.com/go-dtde/dtde/resolver"
)

// carryOver copies the rows that a condition finds to a shard in another database:
// read here, written there, as the driver gives their values.
func (w *writer) carryOver(from, to *config.Shard, columns []string, selected string, args []any) *gorm.DB {
	read := session(w.db)
	failedWith := func(err error) *gorm.DB {
		_ = read.AddError(err)
		return read
	}
	values, err := readAll(session(w.db).Raw("SELECT "+selected+" FROM "+w.r.quote(from.Table)+" WHERE ?", args...), len(columns))
	if err != nil {
		return failedWith(err)
	}
	if len(values) == 0 {
		return read
	}
	pool, err := resolver.On(w.db.Statement.ConnPool, to.Database)
	if err != nil {
		return failedWith(err)
	}
	// a space, since GORM takes bytes right behind a parenthesis for a list of numbers
	row := "( ?" + strings.Repeat(",?", len(columns)-1) + ")"
	text := "INSERT INTO " + w.r.quote(to.Table) + " (" + strings.Join(columns, ",") + ") VALUES " +
		row + strings.Repeat(","+row, len(values)/len(columns)-1)
	if w.r.identity(w.plan.Table) != nil {
		text = w.r.identityInsert(to, "ON") + text + ";" + w.r.identityInsert(to, "OFF")
	}
	there := session(w.db)
	there.Statement.ConnPool = pool
	return there.Exec(text, values...)
}

// readAll reads rows of so many columns, one value after the other.
func readAll(query *gorm.DB, columns int) (values []any, err error) {
	rows, err := query.Rows()
	if err != nil {
		return nil, err
	}
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		row, cells := make([]any, columns), make([]any, columns)
		for i := range cells {
			cells[i] = &row[i]
		}
		if err := rows.Scan(cells...); err != nil {
			return nil, err
		}
		values = append(values, row...)
	}
	return values, rows.Err()
}
