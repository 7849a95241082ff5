package temporal

import "github.com/go-dtde/dtde/config"

// Containment is what a child's periods have to do with its parent's.
type Containment = config.Containment

// The containments.
const (
	ChildWithinParent = config.ChildWithinParent
	ExactMatch        = config.ExactMatch
)

// Contains lists where the periods of one child's versions break the containment in
// those of one parent's. It compares the unions: a child may well be valid over many
// versions of its parent. nil means that it holds. Empty periods are never valid and
// break nothing.
func Contains(children, parents []Period, containment Containment) []Finding {
	var out []Finding
	for _, p := range Minus(children, parents) {
		out = append(out, Finding{Kind: Uncovered, Period: p})
	}
	if containment == ExactMatch {
		for _, p := range Minus(parents, children) {
			out = append(out, Finding{Kind: Unmatched, Period: p})
		}
	}
	return out
}
