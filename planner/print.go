package planner

import (
	"encoding/json"
	"fmt"
	"strings"
)

// String prints the plan for people: what, how and why, then one line per statement.
func (p *Plan) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s %s: %s", p.Operation, p.Entity, p.Form)
	if n := len(p.Targets); n > 0 {
		fmt.Fprintf(&b, ", %d", n)
		if p.Table != nil {
			fmt.Fprintf(&b, " of %d shards", max(n, len(p.Table.Shards)))
		}
		b.WriteString(" {" + strings.Join(p.ShardIDs(), " ") + "}")
	}
	if reason := p.Reason.String(); reason != "" {
		b.WriteString("\n  shards: " + reason)
	}
	if p.Open {
		b.WriteString("; open: newer shards could hold rows too")
	}
	if p.FormReason != "" {
		b.WriteString("\n  form: " + p.FormReason)
	}
	if p.Pushed {
		b.WriteString("\n  branches: WHERE")
		if p.Partials != nil {
			b.WriteString(", partial aggregates")
		}
		if p.BranchLimit > 0 {
			fmt.Fprintf(&b, ", ORDER BY, LIMIT %d", p.BranchLimit)
		}
	}
	if p.Form == Sessions {
		b.WriteString("\n  merge: " + p.Merge.String())
		switch paging := &p.Merge.Paging; {
		case paging.Form != PageFetch:
			b.WriteString("\n  paging: " + paging.String() + ", by " + keyList(paging.Keys))
		case p.BranchLimit > 0:
			fmt.Fprintf(&b, "; each session LIMIT %d", p.BranchLimit)
		}
	}
	if p.First {
		b.WriteString("\n  first rows only")
	}
	if p.Moves {
		b.WriteString("\n  moves: rows that match elsewhere would belong to " + p.Destination.Shard.ID)
	}
	for i := range p.Targets {
		t := &p.Targets[i]
		if t.New {
			b.WriteString("\n  new shard: " + t.Shard.ID)
		}
		if t.Where != nil {
			b.WriteString("\n  " + t.Shard.ID + ": its own values")
		}
		if t.Rows != nil {
			fmt.Fprintf(&b, "\n  %s: rows at %v", t.Shard.ID, t.Rows)
		}
	}
	for _, s := range p.Statements {
		fmt.Fprintf(&b, "\n  sql {%s}: %s", strings.Join(s.Shards, " "), s.Text)
	}
	return b.String()
}

// String prints the merge steps in their order.
func (m *Merge) String() string { return strings.Join(m.steps(), ", ") }

func (m *Merge) steps() []string {
	if m.Sum {
		return []string{"sum"}
	}
	steps := []string{"concatenate"}
	if len(m.Order) > 0 {
		steps[0] = "order by " + keyList(m.Order)
	}
	if m.FirstCome {
		steps[0] = "whichever comes first"
	}
	if g := m.Groups; g != nil {
		steps[0] = "merge partial aggregates"
		if g.Having != nil {
			steps = append(steps, "having")
		}
		if len(g.Order) > 0 {
			steps = append(steps, "order the groups")
		}
	}
	if m.Distinct {
		steps = append(steps, "distinct")
	}
	if m.Offset > 0 {
		steps = append(steps, fmt.Sprintf("offset %d", m.Offset))
	}
	if m.Limit >= 0 {
		steps = append(steps, fmt.Sprintf("limit %d", m.Limit))
	}
	if len(m.Hidden) > 0 {
		steps = append(steps, "without "+strings.Join(m.Hidden, ", "))
	}
	return steps
}

// keyList prints keys as an ORDER BY has them.
func keyList(order []OrderKey) string {
	keys := make([]string, len(order))
	for i, o := range order {
		if keys[i] = o.Column; o.Desc {
			keys[i] += " desc"
		}
		if o.NullsFirst {
			keys[i] += " nulls first"
		} else {
			keys[i] += " nulls last"
		}
	}
	return strings.Join(keys, ", ")
}

// planJSON is a plan as JSON has it; its names are stable.
type planJSON struct {
	Operation   string       `json:"operation"`
	Entity      string       `json:"entity"`
	Epoch       int64        `json:"epoch"`
	Form        string       `json:"form"`
	FormReason  string       `json:"formReason,omitempty"`
	Shards      []targetJSON `json:"shards"`
	Of          int          `json:"of"`
	Reason      string       `json:"reason"`
	Open        bool         `json:"open,omitempty"`
	Pushed      bool         `json:"pushed,omitempty"`
	Partials    bool         `json:"partials,omitempty"`
	BranchLimit int          `json:"branchLimit,omitempty"`
	Merge       []string     `json:"merge,omitempty"`
	Paging      string       `json:"paging,omitempty"`
	Locking     bool         `json:"locking,omitempty"`
	Moves       string       `json:"movesTo,omitempty"`
	Statements  []sqlJSON    `json:"statements,omitempty"`
}

type targetJSON struct {
	ID    string `json:"id"`
	Table string `json:"table"`
	Own   bool   `json:"ownValues,omitempty"`
	Rows  int    `json:"rows,omitempty"`
	New   bool   `json:"new,omitempty"`
}

type sqlJSON struct {
	Shards []string `json:"shards"`
	SQL    string   `json:"sql"`
	Args   int      `json:"args"`
}

// MarshalJSON prints the plan under stable names. It has key sets and SQL with
// placeholders, no rows.
func (p *Plan) MarshalJSON() ([]byte, error) {
	out := planJSON{
		Operation: p.Operation.String(), Entity: p.Entity, Epoch: p.Epoch, Form: p.Form.String(), FormReason: p.FormReason,
		Shards: make([]targetJSON, len(p.Targets)), Reason: p.Reason.String(), Open: p.Open, Pushed: p.Pushed,
		Partials:    p.Partials != nil,
		BranchLimit: p.BranchLimit, Locking: p.Locking,
	}
	if p.Table != nil {
		out.Of = len(p.Table.Shards)
	}
	if p.Form == Sessions {
		out.Merge = p.Merge.steps()
		if p.Merge.Paging.Form != PageFetch {
			out.Paging = p.Merge.Paging.String()
		}
	}
	if p.Moves {
		out.Moves = p.Destination.Shard.ID
	}
	for i := range p.Targets {
		t := &p.Targets[i]
		out.Shards[i] = targetJSON{ID: t.Shard.ID, Table: t.Shard.Table, Own: t.Where != nil, Rows: len(t.Rows), New: t.New}
	}
	for _, s := range p.Statements {
		out.Statements = append(out.Statements, sqlJSON{Shards: s.Shards, SQL: s.Text, Args: s.Args})
	}
	return json.Marshal(out)
}
