package strategies

import (
	"unicode"
	"unicode/utf8"
)

// appendFold appends s with every character replaced by the smallest of those that
// Unicode's simple case folding holds equal: 'k', 'K' and the Kelvin sign become 'K';
// 'ß' and 'ẞ' become 'ß', which is not "ss". Bytes that are no UTF-8 stay as they are.
// No accents, widths or trailing spaces are folded.
func appendFold(b []byte, s string) []byte {
	for i := 0; i < len(s); {
		c := s[i]
		if c < utf8.RuneSelf {
			if 'a' <= c && c <= 'z' {
				c -= 'a' - 'A'
			}
			b = append(b, c)
			i++
			continue
		}
		r, size := utf8.DecodeRuneInString(s[i:])
		if r == utf8.RuneError && size == 1 {
			b = append(b, c)
			i++
			continue
		}
		least := r
		for f := unicode.SimpleFold(r); f != r; f = unicode.SimpleFold(f) {
			least = min(least, f)
		}
		b = utf8.AppendRune(b, least)
		i += size
	}
	return b
}
