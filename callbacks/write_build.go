package callbacks

import (
	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"github.com/go-dtde/dtde/config"
	"github.com/go-dtde/dtde/planner"
)

// build writes one shard's statement into the caller's own. Steps that would read one
// another's changes are refused.
func (w *writer) build(a *aimed, target *planner.Target) shardSQL {
	s := w.buildStep(a, target)
	if (len(w.plan.Targets) > 1 || w.shifted) && w.db.Error == nil {
		if reads, err := w.reads(s); err != nil || reads {
			fail(w.db, firstError(err, writesWhatItReads(w.plan)))
		}
	}
	w.plan.Sent(target.Shard, s.text, len(s.vars))
	return s
}

// buildStep writes one shard's statement into the caller's own.
func (w *writer) buildStep(a *aimed, target *planner.Target) shardSQL {
	stmt, clauses := w.db.Statement, w.clauses
	stmt.SQL.Reset()
	stmt.SQL.Grow(writeText)
	stmt.Vars = nil
	stmt.Table, stmt.TableExpr = w.alias, nil // which has no text of its own
	if a.had {
		stmt.Clauses["WHERE"] = a.where
	}
	if target.Where != nil {
		stmt.Clauses["WHERE"] = clause.Clause{Name: "WHERE", Expression: clause.Where{Exprs: target.Where}}
	}
	text := subtext(stmt)
	stmt.TableExpr = w.r.asTable(target.Shard, w.alias)
	lent := w.lendWords(target.Shard)
	clauses = w.r.aimWrite(stmt, target.Shard, w.alias, w.plan.Operation, clauses)
	unhint := w.r.hintWrite(stmt, w.plan.Table, target.Shard)
	buildClauses(stmt, clauses)
	unhint()
	for _, name := range lent {
		delete(stmt.Clauses, name)
	}
	if stmt.Table != w.alias {
		w.requalify(target.Shard)
	}
	if text && w.db.Error == nil {
		fail(w.db, w.r.rewriteBuilt(stmt))
	}
	if built := stmt.SQL.String(); w.db.Error == nil && (text || w.r.many && containsWord(built, "select")) {
		w.r.together(stmt, target.Shard.Database)
		fail(w.db, w.r.settle(stmt, target.Shard.Database, true))
	}
	s := shardSQL{target.Shard, stmt.SQL.String(), stmt.Vars}
	w.r.refusedInside(w.db)
	return s
}

// writeText is about how long the text of an update or delete is.
const writeText = 160

// lendWords adds the clauses that begin a write where the program has none of its own. It
// names those that are kept with the shard, as those of reads are: they are its own.
func (w *writer) lendWords(s *config.Shard) (lent []string) {
	stmt, r := w.db.Statement, w.r
	kept := r.aliased(s, w.alias)
	if w.plan.Operation == planner.Update {
		if _, own := stmt.Clauses["UPDATE"]; own || r.dialect.Name == "sqlserver" {
			stmt.AddClauseIfNotExists(clause.Update{})
			return nil
		}
		stmt.Clauses["UPDATE"] = kept.update
		return updateWords
	}
	_, deletes := stmt.Clauses["DELETE"]
	_, from := stmt.Clauses["FROM"]
	if deletes || from || r.dialect.Name == "sqlserver" || r.dialect.Name == "mysql" { // see aimWrite
		stmt.AddClauseIfNotExists(clause.Delete{})
		stmt.AddClauseIfNotExists(clause.From{})
		return nil
	}
	stmt.Clauses["DELETE"], stmt.Clauses["FROM"] = deleteWord, kept.from
	return deleteWords
}

var (
	updateWords = []string{"UPDATE"}
	deleteWords = []string{"DELETE", "FROM"}
	deleteWord  = clause.Clause{Expression: clause.Delete{}}
)

// requalify gives the logical name's place before columns to the shard's, in a DELETE that
// takes no alias.
func (w *writer) requalify(s *config.Shard) {
	stmt := w.db.Statement
	if text := stmt.SQL.String(); containsWord(text, w.alias) {
		if text, ok := planner.Requalify(w.r.dialect, text, w.alias, w.r.quote(s.Name())); ok {
			setText(stmt, text)
		}
	}
}

// aimWrite fits the aliased table to what the dialect takes in UPDATE and DELETE.
func (r *Runtime) aimWrite(stmt *gorm.Statement, s *config.Shard, alias string, op planner.Operation, clauses []string) []string {
	switch {
	case r.dialect.Name == "sqlserver" && op == planner.Update:
		// UPDATE [orders] SET … OUTPUT … FROM [orders_eu] AS [orders] WHERE …
		stmt.Clauses["UPDATE"] = clause.Clause{Name: "UPDATE", Expression: clause.Expr{SQL: r.quote(alias)}}
		stmt.Clauses["FROM"] = clause.Clause{Name: "FROM", Expression: clause.From{}}
	case r.dialect.Name == "sqlserver":
		// DELETE [orders] OUTPUT … FROM [orders_eu] AS [orders] WHERE …
		stmt.Clauses["DELETE"] = clause.Clause{Expression: clause.Delete{Modifier: r.quote(alias)}}
		return []string{"DELETE", "RETURNING", "FROM", "WHERE"}
	case r.dialect.Name == "mysql" && op == planner.Delete:
		_, ordered := stmt.Clauses["ORDER BY"]
		_, limited := stmt.Clauses["LIMIT"]
		_, returning := stmt.Clauses["RETURNING"]
		if !ordered && !limited && !returning {
			// the multi-table form is the one that takes an alias
			stmt.Clauses["DELETE"] = clause.Clause{Expression: clause.Delete{Modifier: r.quote(alias)}}
			return clauses
		}
		stmt.Table, stmt.TableExpr = s.Name(), &clause.Expr{SQL: r.quote(s.Table)}
	}
	return clauses
}
