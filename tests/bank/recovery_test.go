package bank

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// recoverAll recovers until nothing is left, with every server running.
func (w *world) recoverAll(t *testing.T, protocolName string) (ended int) {
	t.Helper()
	p, err := newProtocol(protocolName, w.dsns(), nil)
	require.NoError(t, err)
	defer p.close()
	for end := time.Now().Add(2 * time.Minute); ; time.Sleep(20 * time.Millisecond) {
		ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
		n, err := p.recover(ctx)
		cancel()
		ended += n
		if err == nil && n == 0 && w.atRest(t) {
			return ended
		}
		if time.Now().After(end) {
			require.NoError(t, err)
			require.FailNow(t, "the servers don't come to rest")
		}
	}
}

// atRest: no session of a coordinator that was killed still works in a transaction.
func (w *world) atRest(t *testing.T) bool {
	t.Helper()
	if w.other == "mariadb" && !w.mariaDBAtRest() {
		return false
	}
	for _, pool := range w.direct[:len(w.set.Postgres)] {
		var busy int
		err := pool.QueryRow(`SELECT COUNT(*) FROM pg_stat_activity WHERE datname = current_database()
			AND backend_type = 'client backend' AND state <> 'idle' AND pid <> pg_backend_pid()`).Scan(&busy)
		if err != nil || busy > 0 {
			return false
		}
	}
	return true
}
