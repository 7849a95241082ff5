package callbacks

import (
	"strings"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"
	"gorm.io/gorm/schema"
	"gorm.io/gorm/utils"

	"github.com/go-dtde/dtde/planner"
)

// beside lists the tables that a statement joins the entity with, as far as they are
// known, and tells whether each row of the join comes of one row of the entity.
func (r *Runtime) beside(stmt *gorm.Statement) (others []planner.Other, keeps bool) {
	keeps = true
	for i := range stmt.Joins {
		join := &stmt.Joins[i]
		if stmt.Schema != nil {
			if path := relationPath(stmt.Schema, join.Name); len(path) > 0 {
				keeps = keeps && join.JoinType != clause.RightJoin
				alias := join.Alias
				if alias == "" {
					alias = utils.JoinNestedRelationNames(strings.Split(join.Name, "."))
				}
				others = append(others, r.otherOf(path[len(path)-1], alias))
				continue
			}
		}
		if join.Expression != nil {
			from, known := join.Expression.(clause.Join)
			keeps = keeps && known && (from.Type == clause.InnerJoin || from.Type == clause.LeftJoin || from.Type == clause.CrossJoin || from.Type == "")
			continue
		}
		keeps = keeps && !containsWord(join.Name, "right") && !containsWord(join.Name, "full")
		if name, alias, ok := joinedTable(join.Name); ok {
			if t := r.byName(r.current(stmt.ConnPool), name); t != nil {
				others = append(others, planner.Other{Alias: alias, Schema: t.Schema, Table: t})
			}
			for _, ref := range r.catalog.Load().References() {
				if ref.Schema.Table == name {
					others = append(others, planner.Other{Alias: alias, Schema: ref.Schema})
				}
			}
		}
	}
	return others, keeps
}

func (r *Runtime) otherOf(s *schema.Schema, alias string) planner.Other {
	t, _ := r.catalog.Load().ByModel(s.ModelType)
	return planner.Other{Alias: alias, Schema: s, Table: t}
}

// joinedTable reads `[LEFT|INNER] JOIN name [[AS] alias] ON …` with plain names.
func joinedTable(text string) (name, alias string, ok bool) {
	words := strings.Fields(text)
	for len(words) > 0 && !strings.EqualFold(words[0], "join") {
		words = words[1:]
	}
	if len(words) < 3 {
		return "", "", false
	}
	name, words = words[1], words[2:]
	if strings.EqualFold(words[0], "as") && len(words) > 2 {
		words = words[1:]
	}
	if alias = words[0]; strings.EqualFold(alias, "on") {
		alias = name
	} else if len(words) < 2 || !strings.EqualFold(words[1], "on") {
		return "", "", false
	}
	if strings.ContainsAny(name+alias, "\"`[]().,'") {
		return "", "", false
	}
	return name, alias, true
}
