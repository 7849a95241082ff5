package planner

import (
	"strings"

	"gorm.io/gorm/clause"
	"gorm.io/gorm/schema"

	"github.com/go-dtde/dtde/config"
)

// ManualBoxes reads a manual table's predicate as boxes of the shard key: a row is in
// the table exactly if its key is in one of them. The predicate and its arguments are
// those of db.Where. The error is a *config.ConfigError without Entity when the
// predicate cannot be decided exactly from the key columns alone.
func ManualBoxes(t *schema.Schema, keys []config.KeyColumn, d Dialect, predicate string, args []any) ([]Box, error) {
	s := &scope{dialect: d, fields: t, primary: primaryColumn(t), keys: len(keys)}
	if t != nil {
		_, s.alias = splitTable(t.Table)
	}
	for i := range keys {
		s.columns = append(s.columns, &keys[i])
	}
	a, unknown := s.render([]clause.Expression{whereText(predicate, args)})
	if !a.exact {
		problem := "the predicate can not be decided from the shard key alone"
		if len(unknown) > 0 {
			problem += ": " + strings.Join(unknown, ", ") + " is not understood"
		}
		return nil, &config.ConfigError{Field: "predicate", Problem: problem + "; use comparisons of columns with constants, IN, BETWEEN, IS NULL, AND, OR and NOT"}
	}
	return s.predicate(a, nil).Boxes, nil
}

// whereText chooses between positional and named placeholders as GORM does.
func whereText(predicate string, args []any) clause.Expression {
	if len(args) > 0 && !strings.Contains(predicate, "?") && strings.Contains(predicate, "@") {
		return clause.NamedExpr{SQL: predicate, Vars: args}
	}
	return clause.Expr{SQL: predicate, Vars: args}
}

func splitTable(table string) (namespace, name string) {
	if i := strings.LastIndexByte(table, '.'); i >= 0 {
		return table[:i], table[i+1:]
	}
	return "", table
}

// ManualColumns lists the columns that a manual table's predicate uses, in the order
// of their first appearance and as they are written, without qualifiers. The error
// is a *config.ConfigError without Entity when the text cannot be read.
func ManualColumns(predicate string, d Dialect) ([]string, error) {
	text, marks := placeholders(predicate)
	l := lexer{src: text, marks: marks, dialect: d}
	if l.lex(); l.fault != "" {
		return nil, &config.ConfigError{Field: "predicate", Problem: "the predicate can not be read: " + l.fault}
	}
	a := analyser{src: text, toks: l.toks}
	var columns []string
	seen := map[string]bool{}
	for i, t := range l.toks {
		if t.kind != tokName && t.kind != tokQuoted || t.word != wordNone {
			continue
		}
		if i+1 < len(l.toks) && (l.toks[i+1].kind == tokDot || l.toks[i+1].kind == tokOpen) {
			continue // a qualifier, a function
		}
		quoted, name := a.identifier(i)
		if key := foldASCII(name); !seen[key] && (quoted || !niladic(key)) {
			seen[key] = true
			columns = append(columns, name)
		}
	}
	return columns, nil
}

// placeholders takes ? and @name out of a predicate, as GORM does.
func placeholders(predicate string) (text string, marks []mark) {
	var b strings.Builder
	for i := 0; i < len(predicate); i++ {
		c := predicate[i]
		if c != '?' && c != '@' {
			b.WriteByte(c)
			continue
		}
		marks = append(marks, mark{pos: int32(b.Len()), kind: tokValue})
		for c == '@' && i+1 < len(predicate) && isWordByte(predicate[i+1]) {
			i++
		}
	}
	return b.String(), marks
}
