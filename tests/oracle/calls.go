package oracle

import (
	"fmt"
	"strings"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"github.com/go-dtde/dtde"
	"github.com/go-dtde/dtde/config"
)

// fixed makes a call whose arguments need no resolving.
func fixed(text string, apply func(db *gorm.DB) *gorm.DB) call {
	return call{text: text, apply: func(_ *session, db *gorm.DB) *gorm.DB { return apply(db) }}
}

func sessionCall(setting string) call {
	return fixed("Session(&gorm.Session{"+setting+"})", func(db *gorm.DB) *gorm.DB {
		var s gorm.Session
		switch setting {
		case "PrepareStmt: true":
			s.PrepareStmt = true
		case "SkipDefaultTransaction: true":
			s.SkipDefaultTransaction = true
		case "QueryFields: true":
			s.QueryFields = true
		case "DryRun: true":
			s.DryRun = true
		case "AllowGlobalUpdate: true":
			s.AllowGlobalUpdate = true
		default:
			panic("oracle: no session setting " + setting)
		}
		return db.Session(&s)
	})
}

var modelCall = call{text: "Model(&Model{})", apply: func(s *session, db *gorm.DB) *gorm.DB { return db.Model(s.model.one()) }}

// modelOfRow is db.Model of a row's value: its primary key is a condition.
func modelOfRow(r row) call {
	return call{text: fmt.Sprintf("Model(&Model{ID: id(%d)})", r.n), apply: func(s *session, db *gorm.DB) *gorm.DB {
		v := s.model.fill(row{n: r.n}, s.id(r.n))
		p := s.model.one()
		setValue(p, v)
		return db.Model(p)
	}}
}

var unscoped = fixed("Unscoped()", func(db *gorm.DB) *gorm.DB { return db.Unscoped() })

func selectCall(query string, args ...any) call {
	return fixed("Select("+argsText(append([]any{query}, args...))+")", func(db *gorm.DB) *gorm.DB {
		return db.Select(query, args...)
	})
}

func selectList(columns []string) call {
	return fixed("Select("+goText(columns)+")", func(db *gorm.DB) *gorm.DB { return db.Select(columns) })
}

func omitCall(columns ...string) call {
	return fixed("Omit("+strings.Join(columns, ", ")+")", func(db *gorm.DB) *gorm.DB { return db.Omit(columns...) })
}

func orderCall(value any) call {
	return fixed("Order("+goText(value)+")", func(db *gorm.DB) *gorm.DB { return db.Order(value) })
}

func limitCall(n int) call {
	c := fixed(fmt.Sprintf("Limit(%d)", n), func(db *gorm.DB) *gorm.DB { return db.Limit(n) })
	c.limits = true
	return c
}

func offsetCall(n int) call {
	c := fixed(fmt.Sprintf("Offset(%d)", n), func(db *gorm.DB) *gorm.DB { return db.Offset(n) })
	c.limits = true
	return c
}

// hint insists on a form, on the sharded side only.
func hint(form config.ReadForm) call {
	name := map[config.ReadForm]string{dtde.ReadUnion: "dtde.ReadUnion", dtde.ReadSessions: "dtde.ReadSessions"}[form]
	return call{
		text:     "Scopes(dtde.Reads(" + name + "))",
		optional: true,
		apply: func(s *session, db *gorm.DB) *gorm.DB {
			if s.plain || s.unsharded {
				return db
			}
			return db.Scopes(dtde.Reads(form))
		},
	}
}

// hints draws a form for a read. Sessions are insisted on only for shapes that they
// can carry, but for a few.
func (g *generator) hints(sessions bool) []call {
	switch k := g.r.IntN(100); {
	case g.v.spread:
		if k < 1 { // several databases are refused it
			return []call{hint(dtde.ReadUnion)}
		}
	case k < 95 && sessions && (g.depth == 0 || g.stable || g.engine != "postgres"), k < 1:
		return []call{hint(dtde.ReadSessions)}
	case k < 98:
		return []call{hint(dtde.ReadUnion)}
	}
	return nil
}

// ordering is an ORDER BY and what it fixes.
type ordering struct {
	calls []call
	total bool
	keys  []string
	// columns are all that it names; simple: it is only those, in forms that sessions
	// are merged by.
	columns []string
	simple  bool
}

// merges tells whether sessions can be merged by a column: floats, times on SQLite
// (text there), and texts elsewhere sort as only the database does.
func (g *generator) merges(c column) bool {
	switch c.kind {
	case floatColumn:
		return false
	case timeColumn:
		return g.engine != "sqlite"
	case textColumn:
		return g.engine == "sqlite"
	case idColumn:
		return g.v.model == items || g.v.model == documents && g.engine == "sqlite"
	}
	return true
}

// order draws an ORDER BY: none, some keys, or a total one.
func (g *generator) order() ordering {
	o := ordering{simple: true}
	if g.chance(20) {
		return o
	}
	// Often one that sessions can be merged by.
	mergeable := g.chance(82)
	fixedKeys := true
	seen := map[string]bool{}
	for range g.r.IntN(3) {
		c := pick(g, columnsOfModels)
		if seen[c.name] || c.kind == idColumn || mergeable && !g.merges(c) {
			continue
		}
		seen[c.name] = true
		desc := g.chance(40)
		g.add(&o, c, desc, mergeable)
		// Equal texts of a collation can differ, and NULLs and floats are as exact
		// as anything; but an expression is no column.
		if c.name == "name" {
			fixedKeys = false
		}
		if fixedKeys {
			o.keys = append(o.keys, c.name)
		}
	}
	if g.chance(75) && (!mergeable || g.merges(columnNamed("id"))) {
		if g.chance(12) && !mergeable {
			o.simple = false
			o.calls = append(o.calls, orderCall(pick(g, []string{"abs(level)", "level % 3 desc", "coalesce(parent, 99)", "lower(region)", "CASE WHEN active THEN 0 ELSE 1 END"})))
		}
		id := columnNamed("id")
		g.add(&o, id, g.chance(40), mergeable)
		o.total = true
	}
	return o
}

func (g *generator) add(o *ordering, c column, desc, bare bool) {
	key := g.orderKey(c, desc)
	if bare {
		key = orderCall(c.name + map[bool]string{true: " desc"}[desc])
	}
	o.calls = append(o.calls, key)
	o.columns = append(o.columns, c.name)
	plain := !strings.ContainsAny(key.text[len("Order("):], "`\\") && !strings.Contains(key.text, "NULLS") && !strings.Contains(key.text, strings.ToUpper(c.name))
	o.simple = o.simple && g.merges(c) && (plain || strings.HasPrefix(key.text, "Order(clause"))
}

func (g *generator) orderKey(c column, desc bool) call {
	text := c.name
	if g.chance(25) {
		text = g.spell(c)
	}
	switch {
	case g.chance(25):
		return fixed(fmt.Sprintf("Order(clause.OrderByColumn{%q, Desc: %t})", c.name, desc), func(db *gorm.DB) *gorm.DB {
			return db.Order(clause.OrderByColumn{Column: clause.Column{Name: c.name}, Desc: desc})
		})
	case desc && g.engine != "mariadb" && g.chance(20):
		return orderCall(text + " DESC NULLS LAST")
	case g.engine != "mariadb" && g.chance(10):
		return orderCall(text + " NULLS FIRST")
	case desc:
		return orderCall(text + pick(g, []string{" desc", " DESC"}))
	}
	return orderCall(text + pick(g, []string{"", " asc", ""}))
}

// page draws LIMIT and OFFSET.
func (g *generator) page() []call {
	switch k := g.r.IntN(100); {
	case k < 45:
		return nil
	case k < 75:
		return []call{limitCall(1 + g.r.IntN(9))}
	case k < 95:
		return []call{offsetCall(g.r.IntN(12)), limitCall(1 + g.r.IntN(9))}
	case k < 97:
		return []call{limitCall(0)}
	case g.engine == "mariadb": // GORM's OFFSET without LIMIT is none of its SQL
		return nil
	default:
		return []call{offsetCall(1 + g.r.IntN(8))}
	}
}
