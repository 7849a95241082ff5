package resolver

import (
	"testing"

	"github.com/stretchr/testify/assert"
)

// A decision is dropped only by a program that asks every participant; another one would
// let recovery roll back what was committed.
func TestDecisionsAreDroppedByWhoAsksEveryParticipant(t *testing.T) {
	t.Parallel()
	two := &TwoPhase{Databases: NewDatabases(PoolOptions{Dialect: "postgres"}, Database{ID: "eu"}, Database{ID: "us"})}
	of := func(cluster, database string) string {
		return gid{cluster, gidName("eu"), "1", gidName(database)}.String()
	}
	for name, c := range map[string]struct {
		participants []string
		want         bool
	}{
		"all asked":                 {[]string{of("shop", ""), of("shop", "us")}, true},
		"another program's":         {[]string{of("other", "us")}, false},
		"a database no longer here": {[]string{of("shop", "us"), of("shop", "asia")}, false},
		"not an id of ours":         {[]string{"us"}, false},
		"forced or unknown":         {[]string{""}, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			assert.Equal(t, c.want, two.asked("shop", c.participants))
		})
	}
}
