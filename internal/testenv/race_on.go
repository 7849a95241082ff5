//go:build race

package testenv

// RaceEnabled says whether the race detector is compiled in. It makes
// allocations of its own, and modernc's SQLite fourteen times slower: tests of
// those two skip under it and have a run without.
const RaceEnabled = true
