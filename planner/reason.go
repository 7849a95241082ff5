package planner

import (
	"strings"

	"github.com/go-dtde/dtde/config"
)

// Reason says why a plan visits its shards. It is put into words only when it is
// asked for them, since nobody reads those of most plans. The zero value is no reason.
type Reason struct {
	text string
	set  *config.Set // what the column that text names was found to be
}

// Because is a reason in words.
func Because(text string) Reason { return Reason{text: text} }

// String gives the reason in words.
func (r Reason) String() string {
	if r.set == nil {
		return r.text
	}
	return r.text + " " + r.set.String()
}

// maxReasonBoxes bounds the boxes that a reason prints.
const maxReasonBoxes = 3

// reason says in words what a predicate says about the shard key.
func (p *Predicate) reason(t *config.Table) string {
	if len(p.Boxes) == 0 {
		return "no row can match"
	}
	var b strings.Builder
	parts := 0
	for i, box := range p.Boxes {
		text := ""
		for dim := range box {
			if !box[dim].IsFull() {
				text = appendPart(text, t.Keys[dim].Column+" "+box[dim].String())
			}
		}
		if p.IDs != nil && !p.IDs[i].IsFull() {
			text = appendPart(text, t.Primary.Column+" "+p.IDs[i].String())
		}
		if text == "" {
			return p.allReason(t)
		}
		if parts++; parts > maxReasonBoxes {
			b.WriteString(" or …")
			break
		}
		if parts > 1 {
			b.WriteString(" or ")
		}
		b.WriteString(text)
	}
	if len(p.Unknown) > 0 {
		b.WriteString(" (" + strings.Join(p.Unknown, ", ") + " not understood)")
	}
	return b.String()
}

func appendPart(text, part string) string {
	if text == "" {
		return part
	}
	return text + ", " + part
}

func (p *Predicate) allReason(t *config.Table) string {
	switch {
	case len(p.Unknown) > 0:
		return "all shards: " + strings.Join(p.Unknown, ", ") + " not understood"
	case len(t.Keys) == 0:
		return "all shards: the strategy has no key"
	}
	names := make([]string, len(t.Keys))
	for i := range t.Keys {
		names[i] = t.Keys[i].Column
	}
	return "all shards: no condition on " + strings.Join(names, ", ")
}
