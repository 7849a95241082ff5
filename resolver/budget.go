package resolver

import "sync/atomic"

// Budget bounds what many statements do side by side. Nobody waits for it, so that
// statements which are nested in one another, or hold connections that others need, can't
// wait for each other: who gets less goes on with less. It is safe for concurrent use.
type Budget struct {
	most int64
	used atomic.Int64
}

// NewBudget makes a budget of so many.
func NewBudget(most int) *Budget { return &Budget{most: int64(most)} }

// Take takes up to n, as many as there are; Give gives them back.
func (b *Budget) Take(n int) int {
	for {
		used := b.used.Load()
		got := min(int64(n), b.most-used)
		if got <= 0 {
			return 0
		}
		if b.used.CompareAndSwap(used, used+got) {
			return int(got)
		}
	}
}

// Give gives n back.
func (b *Budget) Give(n int) { b.used.Add(int64(-n)) }

// Used is how much is taken.
func (b *Budget) Used() int { return int(b.used.Load()) }
