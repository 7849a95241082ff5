package oracle

import (
	"fmt"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"
	"gorm.io/hints"
)

// advice draws what tells the engine how to go about a statement: a comment, a hint for
// the optimizer or, on MariaDB, for an index. It changes no answer. verb is "select" or
// "update".
func (g *generator) advice(verb string) []call {
	var text string
	var hint clause.Expression
	index := fmt.Sprintf("idx_%s_deleted_at", g.v.model.table)
	kind := g.r.IntN(6)
	if g.engine != "mariadb" || len(g.v.manual) > 0 {
		kind = g.r.IntN(3)
	}
	switch kind {
	case 0:
		text, hint = fmt.Sprintf("Comment(%q, \"report's\")", verb), hints.Comment(verb, "report's")
	case 1:
		text, hint = `CommentAfter("where", "behind")`, hints.CommentAfter("where", "behind")
	case 2:
		text, hint = `New("NO_SUCH_HINT(x)")`, hints.New("NO_SUCH_HINT(x)")
	case 3:
		text, hint = fmt.Sprintf("UseIndex(%q)", index), hints.UseIndex(index)
	case 4:
		text, hint = fmt.Sprintf("IgnoreIndex(%q).ForOrderBy()", index), hints.IgnoreIndex(index).ForOrderBy()
	default:
		text, hint = fmt.Sprintf("ForceIndex(%q)", index), hints.ForceIndex(index)
	}
	if verb == "update" && kind == 4 {
		text, hint = fmt.Sprintf("IgnoreIndex(%q)", index), hints.IgnoreIndex(index)
	}
	c := fixed("Clauses(hints."+text+")", func(db *gorm.DB) *gorm.DB { return db.Clauses(hint) })
	c.optional = true
	return []call{c}
}
