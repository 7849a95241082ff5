package planner

import (
	"github.com/go-dtde/dtde/config"
)

// atom evaluates a condition without AND, OR and leading NOT.
func (a *analyser) atom(lo, hi int, negated bool) area {
	left, i := a.operand(lo, hi)
	if i == 0 {
		return a.giveUp(lo, hi)
	}
	if i == hi {
		return a.constant(left, lo, hi, negated)
	}
	switch t := a.toks[i]; {
	case t.kind == tokOp:
		right, end := a.operand(i+1, hi)
		if end != hi {
			return a.giveUp(lo, hi)
		}
		return a.comparison(left, t.word, right, lo, hi, negated)
	case t.word == wordIs:
		null := !a.at(i+1, hi, wordNot)
		if !null {
			i++
		}
		if !a.at(i+1, hi, wordNull) || i+2 != hi {
			return a.giveUp(lo, hi)
		}
		return a.isNull(left, null != negated, lo, hi)
	case t.word == wordIn:
		return a.in(left, i+1, negated, lo, hi)
	case t.word == wordBetween:
		return a.between(left, i+1, negated, lo, hi)
	case t.word == wordNot && a.at(i+1, hi, wordIn):
		return a.in(left, i+2, !negated, lo, hi)
	case t.word == wordNot && a.at(i+1, hi, wordBetween):
		return a.between(left, i+2, !negated, lo, hi)
	}
	return a.giveUp(lo, hi)
}

// constant is a condition that is only an operand: TRUE, 0, …
func (a *analyser) constant(o operand, lo, hi int, negated bool) area {
	if o.kind == operandValue {
		switch v := o.value.(type) {
		case bool:
			return truth(v != negated)
		case int64:
			if a.toks[lo].kind == tokInt && (v == 0 || v == 1) {
				return truth((v == 1) != negated)
			}
		}
	}
	return a.giveUp(lo, hi)
}

func truth(b bool) area {
	if b {
		return everything()
	}
	return nothing()
}

func (a *analyser) slab(dim int, set config.Set, exact bool) area {
	return slab(len(a.scope.columns), dim, set, exact)
}

// comparison evaluates left op right.
func (a *analyser) comparison(left operand, op word, right operand, lo, hi int, negated bool) area {
	if left.kind == operandValue && (right.kind == operandColumn || right.kind == operandRow) {
		left, right, op = right, left, flip(op)
	}
	switch {
	case left.kind == operandFree && right.kind == operandValue, left.kind == operandValue && right.kind == operandFree:
		return anything()
	case left.kind == operandColumn && right.kind == operandValue:
		r, ok := compare(a.scope.columns[left.dim], op, right.value, negated)
		if !ok {
			return a.giveUp(lo, hi)
		}
		return a.slab(left.dim, r.set, r.exact)
	case left.kind == operandValue && right.kind == operandValue:
		return a.literals(left, op, right, lo, hi, negated)
	case left.kind == operandRow && right.kind == operandRow && len(left.row) == len(right.row) && (op == opEq || op == opNe):
		return a.rowEqual(left.row, right.row, lo, hi, negated != (op == opNe))
	}
	return a.giveUp(lo, hi)
}

// literals evaluates 1 = 1 and its like: integers that stand in the text.
func (a *analyser) literals(left operand, op word, right operand, lo, hi int, negated bool) area {
	l, lok := left.value.(int64)
	r, rok := right.value.(int64)
	if !lok || !rok || hi != lo+3 || a.toks[lo].kind != tokInt || a.toks[lo+2].kind != tokInt {
		return a.giveUp(lo, hi)
	}
	c := config.Int(l).Compare(config.Int(r))
	holds := op == opEq && c == 0 || op == opSame && c == 0 || op == opNe && c != 0 ||
		op == opLt && c < 0 || op == opLe && c <= 0 || op == opGt && c > 0 || op == opGe && c >= 0
	return truth(holds != negated)
}

func (a *analyser) isNull(o operand, null bool, lo, hi int) area {
	switch {
	case o.kind == operandColumn && null:
		return a.slab(o.dim, config.Point(config.Null()), true)
	case o.kind == operandColumn:
		return a.slab(o.dim, config.NotNull(), true)
	}
	return a.giveUp(lo, hi)
}

// between evaluates o [NOT] BETWEEN x AND y from the token after BETWEEN.
func (a *analyser) between(o operand, i int, negated bool, lo, hi int) area {
	from, and := a.operand(i, hi)
	if and == 0 || !a.at(and, hi, wordAnd) {
		return a.giveUp(lo, hi)
	}
	to, end := a.operand(and+1, hi)
	if end != hi {
		return a.giveUp(lo, hi)
	}
	if !a.scope.dialect.postgres() && !a.scope.dialect.sqlite() && !a.comparesAlike(o, from, to) {
		return a.giveUp(lo, hi)
	}
	lower := a.comparison(o, opGe, from, lo, hi, negated)
	upper := a.comparison(o, opLe, to, lo, hi, negated)
	if negated {
		return lower.or(upper)
	}
	return lower.and(upper)
}

// comparesAlike tells that both bounds are values of the column's kind. MySQL and
// MariaDB compare all three of a BETWEEN in one common type: beside a number, text is
// compared as one with the other bound too.
func (a *analyser) comparesAlike(o, from, to operand) bool {
	if o.kind != operandColumn || from.kind != operandValue || to.kind != operandValue {
		return false
	}
	k := a.scope.columns[o.dim]
	_, lower := newConstant(k, from.value)
	_, upper := newConstant(k, to.value)
	return lower && upper
}

// in evaluates o IN (…) from the token after IN.
func (a *analyser) in(o operand, i int, negated bool, lo, hi int) area {
	if i >= hi || a.toks[i].kind != tokOpen || int(a.toks[i].at) != hi-1 {
		return a.giveUp(lo, hi)
	}
	if i+1 == hi-1 {
		return a.giveUp(lo, hi)
	}
	list, ok := a.list(i+1, hi-1)
	switch {
	case !ok:
		return a.giveUp(lo, hi)
	case o.kind == operandColumn:
		return a.columnIn(o.dim, list, negated, lo, hi)
	case o.kind == operandRow:
		return a.rowIn(o.row, list, negated, lo, hi)
	}
	return a.giveUp(lo, hi)
}

// columnIn evaluates column IN (values).
func (a *analyser) columnIn(dim int, list []operand, negated bool, lo, hi int) area {
	if a.scope.dialect.mysql() && !negated && mixed(len(list), func(i int) any { return list[i].value }) {
		return a.giveUp(lo, hi)
	}
	key := a.scope.columns[dim]
	points := make([]config.Value, 0, len(list))
	out, exact := config.Set{}, true
	for _, o := range list {
		if o.kind != operandValue {
			exact = false
			if !negated {
				return a.giveUp(lo, hi)
			}
			continue
		}
		r, ok := compare(key, opEq, o.value, false)
		switch {
		case !ok:
			if exact = false; !negated {
				return a.giveUp(lo, hi)
			}
		case r.null && negated:
			// x NOT IN (…, NULL) is never true.
			return nothing()
		case r.null:
		case r.exact:
			v, _ := r.set.Single()
			points = append(points, v)
		default:
			if exact = false; !negated {
				out = out.Union(r.set)
			}
		}
	}
	if out = out.Union(config.Points(points...)); negated {
		if !exact {
			a.note(lo, hi)
		}
		out = out.Complement()
	}
	return a.slab(dim, out, exact)
}

// rowEqual evaluates (a, b) = (x, y).
func (a *analyser) rowEqual(left, right []operand, lo, hi int, negated bool) area {
	out := truth(!negated)
	for i := range left {
		part := a.comparison(left[i], opEq, right[i], lo, hi, negated)
		if negated {
			out = out.or(part)
		} else {
			out = out.and(part)
		}
	}
	return out
}

// maxRowsNegated bounds the rows of a NOT IN that are evaluated one by one.
const maxRowsNegated = 64

// rowIn evaluates (a, b) IN ((x, y), …).
func (a *analyser) rowIn(left, list []operand, negated bool, lo, hi int) area {
	for _, o := range list {
		if o.kind != operandRow || len(o.row) != len(left) {
			return a.giveUp(lo, hi)
		}
	}
	if !negated {
		return a.tuples(left, list, lo, hi)
	}
	if len(list) > maxRowsNegated {
		return a.giveUp(lo, hi)
	}
	out := everything()
	for _, o := range list {
		out = out.and(a.rowEqual(left, o.row, lo, hi, true))
	}
	return out
}

// flip is the operator with its sides exchanged.
func flip(op word) word {
	switch op {
	case opLt:
		return opGt
	case opLe:
		return opGe
	case opGt:
		return opLt
	case opGe:
		return opLe
	}
	return op
}
