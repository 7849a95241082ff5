package servers

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestStandbyRepeatsItsSource(t *testing.T) {
	t.Parallel()
	source := Start(t, Options{Postgres: 1}).Postgres[0]
	name := source.CreateDatabase(t)
	standby := source.Standby(t)
	db := pool(t, source, name)
	count := func() (n int) {
		require.NoError(t, pool(t, standby, name).QueryRow("SELECT COUNT(*) FROM things").Scan(&n))
		return n
	}
	_, err := db.Exec("CREATE TABLE things (id INT)")
	require.NoError(t, err)
	standby.CatchUp(t, source)
	assert.Zero(t, count())
	standby.PauseReplay(t)
	_, err = db.Exec("INSERT INTO things VALUES (1)")
	require.NoError(t, err)
	assert.Zero(t, count(), "it is paused")
	standby.ResumeReplay(t)
	standby.CatchUp(t, source)
	assert.Equal(t, 1, count())
	_, err = pool(t, standby, name).Exec("INSERT INTO things VALUES (2)")
	require.ErrorContains(t, err, "read-only")
	standby.Restart(t)
	assert.Equal(t, 1, count())
}
