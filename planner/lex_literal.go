package planner

import "strings"

// number reads digits, a fraction, an exponent or 0x…; a letter that follows without
// a space may belong to it or not, depending on the engine.
func (l *lexer) number(i int) int {
	j, kind := i, tokInt
	if hexadecimal := strings.HasPrefix(l.src[i:], "0x") || strings.HasPrefix(l.src[i:], "0X"); hexadecimal {
		for j, kind = i+2, tokOther; j < len(l.src) && isHex(l.src[j]); {
			j++
		}
	} else {
		for j < len(l.src) && isDigit(l.src[j]) {
			j++
		}
		if j < len(l.src) && l.src[j] == '.' {
			for j, kind = j+1, tokOther; j < len(l.src) && isDigit(l.src[j]); {
				j++
			}
		}
		if j < len(l.src) && (l.src[j] == 'e' || l.src[j] == 'E') {
			k := j + 1
			if k < len(l.src) && (l.src[k] == '+' || l.src[k] == '-') {
				k++
			}
			if k < len(l.src) && isDigit(l.src[k]) {
				for j, kind = k, tokOther; j < len(l.src) && isDigit(l.src[j]); {
					j++
				}
			}
		}
	}
	if j < len(l.src) && (isWordByte(l.src[j]) || l.src[j] == '.') {
		return l.fail("a number that runs into a word")
	}
	return l.add(kind, wordNone, i, j)
}

// quoted reads up to the closing quote; a doubled one stands for itself.
func (l *lexer) quoted(i int, closing byte, kind tokenKind) int {
	for j := i + 1; j < len(l.src); j++ {
		switch c := l.src[j]; {
		case c == 0:
			return l.fail("a zero byte")
		case c == '\\' && kind == tokString && !l.dialect.sqlite():
			// Whether it escapes depends on the engine's mode and the literal's prefix.
			return l.fail("a backslash in a string")
		case c == closing:
			if j+1 < len(l.src) && l.src[j+1] == closing {
				if m := l.markWithin(j, j+1); m {
					return l.fail("a placeholder inside a literal or name")
				}
				j++
				continue
			}
			if l.markWithin(i+1, j) {
				return l.fail("a placeholder inside a literal or name")
			}
			return l.add(kind, wordNone, i, j+1)
		}
	}
	return l.fail("an unterminated quote")
}

// lineComment skips to the end of the line in whole statements. In a condition GORM
// writes on behind it.
func (l *lexer) lineComment(i int) int {
	if rest := l.src[i:]; !l.params || rest[0] == '-' && len(rest) > 2 && rest[2] > ' ' {
		return l.fail("a comment")
	}
	if n := strings.IndexByte(l.src[i:], '\n'); n >= 0 {
		return i + n + 1
	}
	return len(l.src)
}

// comment skips a comment in whole statements, unless engines differ on its end or
// run what stands in it.
func (l *lexer) comment(i int) int {
	n := strings.Index(l.src[i+2:], "*/") + 2
	if !l.params || n < 2 || strings.Contains(l.src[i+2:i+n], "/*") || strings.HasPrefix(l.src[i:], "/*!") || strings.HasPrefix(l.src[i:], "/*M!") {
		return l.fail("a comment")
	}
	return i + n + 2
}
