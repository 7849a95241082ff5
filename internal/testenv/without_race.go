package testenv

import "testing"

// WithoutRace skips a test under the race detector, with the reason. make test runs it
// without: scripts/test.sh names it there, which a test checks. Call it in the Test
// function itself.
func WithoutRace(t testing.TB, reason string) {
	t.Helper()
	if RaceEnabled {
		t.Skipf("%s: scripts/test.sh runs this without the race detector", reason)
	}
}
