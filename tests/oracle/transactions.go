package oracle

import (
	"database/sql"
	"fmt"
	"slices"
	"strings"

	"gorm.io/gorm"
)

// transaction runs operations in db.Transaction; it commits or rolls back.
func (g *generator) transaction() *operation {
	outermost := g.depth == 0
	if outermost {
		g.stable = g.engine != "sqlite" && g.chance(60)
		defer func() { g.stable = false }()
	}
	g.depth++
	// PostgreSQL takes nothing more after a failure.
	before, tolerant := g.tolerant, g.engine != "postgres" && g.chance(50)
	g.tolerant = tolerant
	known, graph := append([]*row(nil), g.rows...), g.graph
	var body []*operation
	for range 1 + g.r.IntN(4) {
		body = append(body, g.operation())
	}
	g.depth--
	g.tolerant = before
	fails := g.chance(30)
	if fails {
		g.rows, g.graph = known, graph
	}
	return block(body, blockSettings{fails: fails, skipped: g.chance(10), tolerant: tolerant, stable: outermost && g.stable})
}

// blockSettings say how a transaction goes: it rolls back at its end, it is begun
// under SkipDefaultTransaction, it goes on after a failure, it is at repeatable read.
type blockSettings struct{ fails, skipped, tolerant, stable bool }

// block is one transaction; nested ones are save points.
func block(body []*operation, settings blockSettings) *operation {
	op := &operation{kind: "transaction", body: body}
	op.text = blockText("Transaction", body, settings.fails)
	if settings.stable {
		op.text = "/* at repeatable read */ " + op.text
	}
	if settings.tolerant {
		op.text = "/* failures inside are ignored */ " + op.text
	}
	op.without = func(i int) *operation {
		if i < len(body) && len(body) > 1 {
			return block(slices.Concat(body[:i], body[i+1:]), settings)
		}
		if i -= len(body); i < 0 || i >= len(body) {
			return nil
		}
		// The transaction with its i-th operation made smaller.
		for k := range parts(body[i]) {
			if o := reduced(body[i], k); o != nil {
				return block(slices.Concat(body[:i], []*operation{o}, body[i+1:]), settings)
			}
		}
		return nil
	}
	for _, inner := range body {
		op.write = op.write || inner.write
	}
	op.run = func(s *session) *answer {
		db, _, done := s.start()
		defer done()
		if settings.skipped {
			db = db.Session(&gorm.Session{SkipDefaultTransaction: true})
		}
		var options []*sql.TxOptions
		if settings.stable {
			options = append(options, &sql.TxOptions{Isolation: sql.LevelRepeatableRead})
		}
		a := &answer{}
		err := db.Transaction(func(tx *gorm.DB) error {
			inner := *s
			inner.db, inner.inTx = tx, true
			if err := inner.runBody(body, a, settings.tolerant); err != nil {
				return err
			}
			if settings.fails {
				return errBlock
			}
			return nil
		}, options...)
		a.err = err
		a.class, a.reason = s.classify(err)
		return a
	}
	return op
}

func blockText(name string, body []*operation, fails bool) string {
	var b strings.Builder
	fmt.Fprintf(&b, "db.%s(func(db *gorm.DB) error {\n", name)
	for _, op := range body {
		fmt.Fprintf(&b, "    %s\n", strings.ReplaceAll(op.text, "\n", "\n    "))
	}
	if fails {
		b.WriteString("    return errRollback\n")
	}
	b.WriteString("})")
	return b.String()
}

// runBody runs a transaction's operations until one fails; a refusal is none, the
// plain side skips it; tolerant goes on after failures, too.
func (s *session) runBody(body []*operation, a *answer, tolerant bool) error {
	for _, op := range body {
		if s.plain && s.refused[op] {
			a.steps = append(a.steps, &answer{class: classRefused})
			continue
		}
		step := op.run(s)
		a.steps = append(a.steps, step)
		switch {
		case step.class == classRefused && !s.plain:
			s.refused[op] = true
		case step.class == "rolled back", step.class == "gorm.ErrRecordNotFound", step.class == "gorm.ErrMissingWhereClause":
		case step.err != nil && !tolerant:
			return step.err
		}
	}
	return nil
}

// savePoints begins a transaction by hand, and rolls a part of it back.
func (g *generator) savePoints() *operation {
	g.tolerant = false
	g.depth += 2 // no transactions inside
	draw := func() []*operation {
		var ops []*operation
		for range 1 + g.r.IntN(2) {
			ops = append(ops, g.operation())
		}
		return ops
	}
	before := draw()
	known := append([]*row(nil), g.rows...)
	undone := draw()
	g.rows = known
	after := draw()
	g.depth -= 2
	commit := g.chance(75)
	op := &operation{kind: "save points", body: append(append(append([]*operation(nil), before...), undone...), after...)}
	for _, inner := range op.body {
		op.write = op.write || inner.write
	}
	op.text = "db.Begin()" + strings.TrimPrefix(blockText("", before, false), "db.") + ".SavePoint(\"sp\")" +
		strings.TrimPrefix(blockText("", undone, false), "db.") + ".RollbackTo(\"sp\")" + strings.TrimPrefix(blockText("", after, false), "db.") +
		map[bool]string{true: ".Commit()", false: ".Rollback()"}[commit]
	op.run = func(s *session) *answer {
		db, _, done := s.start()
		defer done()
		a := &answer{}
		tx := db.Begin()
		finished := false
		defer func() {
			if !finished {
				tx.Rollback()
			}
		}()
		err := tx.Error
		inner := *s
		inner.db, inner.inTx = tx, true
		for i, part := range [][]*operation{before, undone, after} {
			if err == nil {
				err = inner.runBody(part, a, false)
			}
			if err == nil && i < 2 {
				if i == 0 {
					err = tx.SavePoint("sp").Error
				} else {
					err = tx.RollbackTo("sp").Error
				}
			}
		}
		if err == nil {
			finished = true
			if commit {
				err = tx.Commit().Error
			} else {
				err = tx.Rollback().Error
			}
		}
		a.err = err
		a.class, a.reason = s.classify(err)
		return a
	}
	return op
}
