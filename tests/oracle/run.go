package oracle

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// difference is where the sides part.
type difference struct {
	step           int
	op             *operation
	what           string
	plain, sharded *answer
}

// tally counts what a run did.
type tally struct {
	operations, writes int
	// found are reads with rows and writes that affected some, missed the others.
	found, missed int
	kinds, forms  map[string]int
	shapes        map[string]int
	refusals      map[string]int
	// examples has some operations for each refusal.
	examples    map[string][]string
	differences int
}

// maxExamples bounds the operations that are kept for each refusal.
const maxExamples = 6

func newTally() *tally {
	return &tally{kinds: map[string]int{}, forms: map[string]int{}, shapes: map[string]int{}, refusals: map[string]int{}, examples: map[string][]string{}}
}

func (c *tally) add(d *tally) {
	c.operations += d.operations
	c.writes += d.writes
	c.found += d.found
	c.missed += d.missed
	c.differences += d.differences
	for k, n := range d.kinds {
		c.kinds[k] += n
	}
	for k, n := range d.forms {
		c.forms[k] += n
	}
	for k, n := range d.shapes {
		c.shapes[k] += n
	}
	for k, n := range d.refusals {
		c.refusals[k] += n
	}
	for k, texts := range d.examples {
		c.examples[k] = append(c.examples[k], texts...)
		c.examples[k] = c.examples[k][:min(len(c.examples[k]), maxExamples)]
	}
}

func (c *tally) refused() int {
	n := 0
	for _, k := range c.refusals {
		n += k
	}
	return n
}

func (c *tally) percent(n int) float64 { return 100 * float64(n) / float64(max(1, c.operations)) }

// count notes an operation and its answer, of the sharded side.
func (c *tally) count(op *operation, a *answer, within ...string) {
	if len(op.body) > 0 {
		for i, inner := range op.body {
			if i < len(a.steps) {
				c.count(inner, a.steps[i], "transactions")
			}
		}
		return
	}
	c.operations++
	c.kinds[op.kind]++
	for _, shape := range slices.Concat(op.shapes, within) {
		c.shapes[shape]++
	}
	if op.write {
		c.writes++
	}
	if a.form != "" {
		c.forms[a.form]++
	}
	switch {
	case a.class == classRefused:
	case len(a.rows) > 0 || a.affected > 0:
		c.found++
	default:
		c.missed++
	}
	if a.class == classRefused {
		c.refusals[a.reason]++
		if len(c.examples[a.reason]) < maxExamples {
			c.examples[a.reason] = append(c.examples[a.reason], fmt.Sprintf("%s\n      %v", op.text, a.err))
		}
	}
}

// counts lists them, the largest first.
func counts(m map[string]int) string {
	names := make([]string, 0, len(m))
	for name := range m {
		names = append(names, name)
	}
	slices.SortFunc(names, func(a, b string) int {
		if m[a] != m[b] {
			return m[b] - m[a]
		}
		return strings.Compare(a, b)
	})
	for i, name := range names {
		names[i] = fmt.Sprintf("%s %d", name, m[name])
	}
	return strings.Join(names, ", ")
}

// contentsEvery is how many operations may pass between looks at the tables.
const contentsEvery = 12

// runProgram runs the operations on both sides until they differ.
func (w *world) runProgram(ops []*operation, t *tally) *difference {
	for i, op := range ops {
		w.clock.set(start.Add(w.v.tick * time.Duration(i+7)))
		refused := map[*operation]bool{}
		sharded := w.do(w.sharded, op, refused)
		t.count(op, sharded)
		differ := func(what string, plain *answer) *difference {
			return &difference{step: i, op: op, what: what, plain: plain, sharded: sharded}
		}
		due := i%contentsEvery == contentsEvery-1 || i == len(ops)-1
		if sharded.class == classRefused {
			if due || op.write {
				if d := w.contentsDisagree(); d != "" {
					return differ("a refused operation changed something: "+d, nil)
				}
			}
			continue
		}
		plain := w.do(w.plain, op, refused)
		if d := w.compare(op, plain, sharded); d != "" {
			return differ(d, plain)
		}
		if due || op.write && (len(refused) > 0 || plain.err != nil) {
			if d := w.contentsDisagree(); d != "" {
				return differ(d, plain)
			}
		}
	}
	return nil
}

// compare compares an operation's answers, those inside a transaction first.
func (w *world) compare(op *operation, plain, sharded *answer) string {
	for i, inner := range op.body {
		if i >= len(plain.steps) && i >= len(sharded.steps) {
			break
		}
		if i >= len(plain.steps) || i >= len(sharded.steps) {
			return fmt.Sprintf("the transaction ends after %d steps in plain, %d in sharded", len(plain.steps), len(sharded.steps))
		}
		if plain.steps[i].class == classRefused {
			continue
		}
		if d := w.compare(inner, plain.steps[i], sharded.steps[i]); d != "" {
			return fmt.Sprintf("step %d in it: %s", i, d)
		}
	}
	return disagree(plain, sharded, op.rule)
}
