//go:build race

package testenv

// RaceEnabled says whether the race detector is compiled in. It makes allocations
// of its own, and what runs under it three times slower: see [WithoutRace].
const RaceEnabled = true
