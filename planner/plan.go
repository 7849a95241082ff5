package planner

import (
	"gorm.io/gorm/clause"

	"github.com/go-dtde/dtde/config"
)

// Form is how a plan is carried out.
type Form uint8

// The forms.
const (
	// None: no shard can hold a row; nothing is sent.
	None Form = iota
	// One statement, aimed at one shard.
	One
	// Union is one statement over UNION ALL of the shards.
	Union
	// Sessions are one statement per shard on one snapshot, merged in Go. Locking
	// reads visit the shards one after the other, in the order of the targets.
	Sessions
	// Steps are one write per shard, one after the other, in one transaction.
	Steps
)

var formNames = [...]string{"none", "one", "union", "sessions", "steps"}

// String is the form's name in lower case, as plans and events have it.
func (f Form) String() string {
	if int(f) < len(formNames) {
		return formNames[f]
	}
	return "invalid"
}

// Target is one shard of a plan.
type Target struct {
	// Shard is where the statement goes.
	Shard *config.Shard
	// Where replaces the statement's WHERE expressions on this shard: the caller's
	// own with IN lists cut to the shard's values. nil means the caller's as they are.
	Where []clause.Expression
	// Rows are the positions of the shard's rows in the caller's order (inserts).
	Rows []int
	// New tells that the shard is not in the catalog yet: it must be made and
	// announced before it is written (inserts and moves).
	New bool
}

// Plan is a decision: which shards a statement visits, how, and why. It is data;
// nobody changes it but the executor, which fills in Statements.
type Plan struct {
	// Entity is the model's name.
	Entity string
	Table  *config.Table
	// Epoch is the catalog's epoch that the plan was made of.
	Epoch   int64
	Targets []Target
	// Legs (Form Sessions) are the statements of a plan whose targets lie in several
	// databases, one each; nil otherwise.
	Legs []Leg
	// Reason says why these shards: `region {"US"}`, `all shards: lower(region) not understood`.
	Reason Reason
	// FormReason says why this form.
	FormReason string
	// Operation is what the statement does, Form how.
	Operation Operation
	Form      Form
	// Open tells that shards made at run time could be missing: the executor sees to
	// it that the catalog is current before it trusts the targets.
	Open bool
	// Sealed tells that shards were left out because their seal says that nothing the
	// statement could see is there: the executor sees to it that the seals hold in the
	// snapshot that it read.
	Sealed bool
	// Pushed (Form Union): each branch carries its own WHERE (Target.Where, or the
	// caller's), and with BranchLimit > 0 the ORDER BY and LIMIT BranchLimit too. The
	// statement around the branches keeps everything but the WHERE.
	Pushed bool
	// Flat (Form Union) tells that the statement is the union of the shards' own
	// statements, without one around them.
	Flat bool
	// Locking (Form Sessions): the shards are read one after the other, in the order
	// of the targets, because the statement locks what it reads.
	Locking bool
	// Moves (updates): rows found on any target but Destination would belong to
	// Destination afterwards, because the update assigns the shard key. The statement
	// as it stands may run on Destination only; on every other target the executor
	// makes sure that no row matches, moves the rows, or fails with ErrShardKeyChanged.
	// Destination is nil if Moves is false; it may not be among the targets.
	Moves bool
	// First (updates and deletes) tells that the statement's LIMIT counts over all targets:
	// the executor selects and locks the primary keys of the first rows before it writes,
	// and then writes these. Over several databases Merge.Order says how they are merged.
	First bool
	joins bool // the statement has other tables beside the entity
	// renames tells that ORDER BY names columns of the result that are not the entity's by
	// that name.
	renames bool
	// Whole is how versions that are cut at their shards' boundaries are put together; nil
	// for other entities.
	Whole *Whole
	// BranchLimit is the LIMIT of each branch or session, offset + limit of the
	// statement; 0 means none.
	BranchLimit int
	// Partials (Form Union, Pushed) says how each branch aggregates its own rows, so that
	// the statement around them only merges groups; nil means that rows come out of them.
	Partials *Partials
	// Merge says how rows of sessions are merged.
	Merge Merge
	// Destination is the shard of rows that move; see Moves.
	Destination *Target
	// Statements are what was sent; the executor fills them in by Sent.
	Statements []SQL

	// sent and visited are room for the one statement that most plans send, so that
	// noting it allocates nothing.
	sent    [1]SQL
	visited [1]string
}

// SQL is one statement as it was sent.
type SQL struct {
	// Shards are the ids of the shards that it read or wrote.
	Shards []string
	// Text is the statement with its placeholders, Args their number.
	Text string
	Args int
}

// Merge says how the rows of sessions become the statement's.
type Merge struct {
	// Order is the statement's ORDER BY; each session is ordered by it already.
	Order []OrderKey
	// Hidden are columns that the sessions select beyond the statement's, behind them: rows
	// are ordered by them, and lose them at the end.
	Hidden []string
	// Offset and Limit are the statement's; Limit -1 means none.
	Offset, Limit int
	// Distinct drops rows that are equal in every column.
	Distinct bool
	// FirstCome gives the first row that any session has: one is asked for, in no order.
	FirstCome bool
	// Sum adds the sessions' one number each (COUNT).
	Sum bool
	// Groups says how partial aggregates are merged; nil means that rows are.
	Groups *Grouping
	// Paging says how the sessions reach a page behind an offset.
	Paging Paging
}

// OrderKey is one key of a merge.
type OrderKey struct {
	// Column is the result column's name.
	Column string
	Desc   bool
	// NullsFirst tells where NULL stands in the result, Desc already considered.
	NullsFirst bool
	// NotNull (keys of a [Paging]): the engine sees to it that no value is NULL. Kind is
	// that of the values.
	NotNull bool
	Kind    config.Kind
}

// Sent notes a statement that was sent to a shard, or to all targets if shard is nil.
func (p *Plan) Sent(shard *config.Shard, text string, args int) {
	s := SQL{Text: text, Args: args}
	if shard == nil && len(p.Targets) == 1 {
		shard = p.Targets[0].Shard
	}
	switch {
	case shard == nil:
		s.Shards = p.ShardIDs()
	case len(p.Statements) > 0:
		s.Shards = []string{shard.ID}
	default:
		p.visited[0] = shard.ID
		s.Shards = p.visited[:]
	}
	if len(p.Statements) == 0 {
		p.Statements = p.sent[:0]
	}
	p.Statements = append(p.Statements, s)
}

// Shards lists the targets' shards, in visiting order.
func (p *Plan) Shards() []*config.Shard {
	shards := make([]*config.Shard, len(p.Targets))
	for i := range p.Targets {
		shards[i] = p.Targets[i].Shard
	}
	return shards
}

// ShardIDs lists the targets' ids, in visiting order.
func (p *Plan) ShardIDs() []string {
	ids := make([]string, len(p.Targets))
	for i := range p.Targets {
		ids[i] = p.Targets[i].Shard.ID
	}
	return ids
}
