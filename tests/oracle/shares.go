package oracle

import (
	"fmt"
	"slices"
	"strings"
)

// shapesOf tells what shapes of statements an operation of a kind belongs to; an
// operation may add some that depend on its calls. Each shape must be drawn often.
var shapesOf = map[string][]string{
	"aggregate": {"aggregates"}, "count": {"aggregates"}, "exists": {"aggregates"}, "count shapes": {"aggregates"}, "derived table": {"groups", "subqueries"},
	"subquery": {"subqueries"}, "reference": {"subqueries"},
	"distinct": {"distinct"}, "locking": {"locking"},
	"deep page": {"deep pages"}, "cursor": {"cursors"},
	"in batches": {"streams"}, "rows": {"streams"}, "row": {"streams"}, "iterate": {"streams"},
	"self join": {"raw joins"}, "raw join": {"raw joins"}, "relation join": {"relation joins"},
	"preload": {"preloads"}, "association": {"associations"}, "association write": {"associations"}, "nested save": {"nested saves"},
	"create": {"creates"}, "create in batches": {"creates"}, "create maps": {"creates"},
	"upsert": {"upserts"}, "save": {"upserts"}, "update key": {"moves"},
	"update": {"updates"}, "update many": {"updates"}, "update expression": {"expressions"}, "failing": {"expressions"},
	"delete": {"deletes"}, "delete many": {"deletes"}, "batch delete": {"batch deletes"},
	"returning": {"returning"}, "raw select": {"raw reads"}, "raw write": {"raw writes"}, "text": {"texts"},
	"generic": {"generics"}, "find into": {"destinations"}, "pluck": {"destinations"}, "aliased": {"destinations"},
	"first or create": {"first or create"}, "first or init": {"first or create"},
}

// wantedShapes are all that must have their share: those of [shapesOf] and those that
// depend on an operation's calls.
func wantedShapes() []string {
	all := []string{"orders", "pages", "groups", "transactions", "settings", "soft deletes", "composite keys", "cascades", "limited writes", "moves with children", "cursors over joins", "hints"}
	for _, shapes := range shapesOf {
		all = append(all, shapes...)
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// perShape is the share of operations that each shape must have, in percent.
const perShape = 2.0

// shapes are the operation's, each once.
func (st statement) shapes() []string {
	all := slices.Concat(shapesOf[st.kind], st.also)
	for _, c := range st.calls {
		switch name, _, _ := strings.Cut(c.text, "("); name {
		case "Order":
			all = append(all, "orders")
		case "Limit", "Offset":
			all = append(all, "pages")
		case "Group":
			all = append(all, "groups")
		case "Session":
			all = append(all, "settings")
		case "Unscoped":
			all = append(all, "soft deletes")
		case "Clauses":
			if strings.HasPrefix(c.text, "Clauses(hints.") {
				all = append(all, "hints")
			}
		}
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// shares lists the shapes with their counts, and what each lacks of its share.
func (c *tally) shares() (line string, missing []string) {
	for _, shape := range wantedShapes() {
		if 100*float64(c.shapes[shape]) < perShape*float64(c.operations) {
			missing = append(missing, fmt.Sprintf("%s: %d of %d", shape, c.shapes[shape], c.operations))
		}
	}
	return counts(c.shapes), missing
}
