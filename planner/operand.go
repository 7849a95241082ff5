package planner

import "strconv"

// operandKind is what stands on one side of a comparison.
type operandKind uint8

const (
	operandOther  operandKind = iota // not understood, or of no interest
	operandColumn                    // one of the analysed columns
	operandValue                     // a constant
	operandRow                       // a row of operands
	operandFree                      // a column that is not analysed
)

type operand struct {
	kind  operandKind
	dim   int
	value any
	row   []operand
}

// operand reads one operand from the token i on; next is the position after it, or 0
// if there is none that the parser understands.
func (a *analyser) operand(i, hi int) (o operand, next int) {
	if i >= hi {
		return operand{}, 0
	}
	t := a.toks[i]
	switch t.kind {
	case tokValue:
		if int(t.at) >= len(a.values) {
			return operand{}, 0
		}
		return operand{kind: operandValue, value: a.values[t.at]}, i + 1
	case tokInt:
		return a.integer(i, false)
	case tokMinus:
		if i+1 < hi && a.toks[i+1].kind == tokInt {
			return a.integer(i+1, true)
		}
		return operand{}, 0
	case tokString:
		s := a.src[t.from:t.to]
		if s[0] == '"' && a.scope.ansiName(unquote(s)) {
			return operand{}, i + 1
		}
		return operand{kind: operandValue, value: unquote(s)}, i + 1
	case tokColumn:
		return columnOperand(a.cols[t.at]), i + 1
	case tokOpen:
		return a.parenthesised(i, hi)
	case tokName, tokQuoted:
		switch t.word {
		case wordTrue, wordFalse:
			return operand{kind: operandValue, value: t.word == wordTrue}, i + 1
		case wordNull:
			return operand{kind: operandValue}, i + 1
		case wordNone:
			return a.named(i, hi)
		}
	}
	return operand{}, 0
}

// ansiName tells whether a double-quoted text could be a column's name, in MySQL's
// ANSI_QUOTES mode.
func (s *scope) ansiName(name string) bool {
	if s.fields == nil {
		return true
	}
	for _, f := range s.fields.DBNames {
		if foldASCII(f) == foldASCII(name) {
			return true
		}
	}
	return false
}

func columnOperand(c column) operand {
	switch {
	case !c.known:
		return operand{}
	case c.dim < 0:
		return operand{kind: operandFree}
	}
	return operand{kind: operandColumn, dim: c.dim}
}

func (a *analyser) integer(i int, minus bool) (operand, int) {
	s := a.src[a.toks[i].from:a.toks[i].to]
	if minus {
		s = "-" + s
	}
	if n, err := strconv.ParseInt(s, 10, 64); err == nil {
		return operand{kind: operandValue, value: n}, i + 1
	}
	if n, err := strconv.ParseUint(s, 10, 64); err == nil {
		return operand{kind: operandValue, value: n}, i + 1
	}
	return operand{}, i + 1
}

// named reads name, table.name or schema.table.name.
func (a *analyser) named(i, hi int) (operand, int) {
	var parts [3]string
	quoted, n := true, 0
	for {
		if i >= hi || a.toks[i].kind != tokName && a.toks[i].kind != tokQuoted || n == len(parts) {
			return operand{}, 0
		}
		q, name := a.identifier(i)
		quoted = quoted && q
		parts[n], i, n = name, i+1, n+1
		if i >= hi || a.toks[i].kind != tokDot {
			break
		}
		// Names in one qualified name that are quoted in part only fold in part only.
		if i+1 < hi && (a.toks[i+1].kind == tokQuoted) != q && a.scope.dialect.postgres() && foldASCII(name) != name {
			return operand{}, 0
		}
		i++
	}
	if i < hi && a.toks[i].kind == tokOpen {
		return operand{}, 0 // a function
	}
	last := a.toks[i-1].kind == tokQuoted
	switch n {
	case 1:
		return columnOperand(a.scope.resolveName("", "", parts[0], last)), i
	case 2:
		return columnOperand(a.scope.resolveName("", parts[0], parts[1], last)), i
	}
	return columnOperand(a.scope.resolveName(parts[0], parts[1], parts[2], last)), i
}

// parenthesised reads (operand) or (operand, operand, …).
func (a *analyser) parenthesised(i, hi int) (operand, int) {
	end := int(a.toks[i].at)
	if end >= hi {
		return operand{}, 0
	}
	list, ok := a.list(i+1, end)
	switch {
	case !ok:
		return operand{}, 0
	case len(list) == 1:
		return list[0], end + 1
	}
	return operand{kind: operandRow, row: list}, end + 1
}

// list reads operands separated by commas that fill [lo, hi) precisely.
func (a *analyser) list(lo, hi int) ([]operand, bool) {
	out := make([]operand, 0, min((hi-lo+1)/2, 1<<16))
	for {
		o, next := a.operand(lo, hi)
		if next == 0 {
			return nil, false
		}
		out = append(out, o)
		if next == hi {
			return out, true
		}
		if a.toks[next].kind != tokComma {
			return nil, false
		}
		lo = next + 1
	}
}
