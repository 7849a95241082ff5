package strategies

import (
	"strings"

	"github.com/go-dtde/dtde/config"
)

// lines builds a fingerprint: "key=value" lines in a fixed order.
type lines struct{ b strings.Builder }

func (l *lines) add(key, value string) {
	if l.b.Len() > 0 {
		l.b.WriteByte('\n')
	}
	l.b.WriteString(key)
	l.b.WriteByte('=')
	l.b.WriteString(value)
}

// nest adds the lines of another strategy, each under a prefix.
func (l *lines) nest(prefix, text string) {
	for line := range strings.SplitSeq(strings.TrimRight(text, "\n"), "\n") {
		if l.b.Len() > 0 {
			l.b.WriteByte('\n')
		}
		l.b.WriteString(prefix)
		l.b.WriteString(line)
	}
}

func (l *lines) String() string { return l.b.String() }

// canonical prints a set in full; Set.String is for people and leaves things out.
func canonical(s config.Set) string {
	var parts []string
	for _, iv := range s.Intervals() {
		if !iv.From.Open && !iv.To.Open && iv.From.Value == iv.To.Value {
			parts = append(parts, iv.From.Value.String())
			continue
		}
		parts = append(parts, span(iv.From, iv.To))
	}
	if s.HasNull() {
		parts = append(parts, "NULL")
	}
	return "{" + strings.Join(parts, " ") + "}"
}

// span prints the interval between two bounds.
func span(from, to config.Bound) string {
	text := "("
	if !from.Open {
		if from.Inclusive {
			text = "["
		}
		text += from.Value.String()
	}
	text += ", "
	if !to.Open {
		text += to.Value.String()
		if to.Inclusive {
			return text + "]"
		}
	}
	return text + ")"
}
