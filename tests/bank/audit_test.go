package bank

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// Each kind of loss is seen as what it is.
func TestAuditSeesEachLoss(t *testing.T) {
	w := newWorld(t, false)
	said := newOutcomes()
	require.Equal(t, findings{}, w.audit(t, said))
	exec := func(server int, statement string, args ...any) {
		_, err := w.direct[server].Exec(statement, args...)
		require.NoError(t, err)
	}
	move := func(server int, id string, delta, legs int) {
		exec(server, "INSERT INTO "+table("legs", server)+" (id, bank, account, delta, legs) VALUES ($1, $2, 1, $3, $4)", legID(id, server), bankOf(server), delta, legs)
		exec(server, "UPDATE "+table("accounts", server)+" SET balance = balance + $1 WHERE id = 1", delta)
	}
	for server, delta := range []int{5, 2, -7} {
		move(server, "whole", delta, 3)
	}
	said.note("whole", acknowledged, "")
	assert.Equal(t, findings{There: 1}, w.audit(t, said))
	said.note("never", acknowledged, "")
	said.note("whole", failed, "")
	assert.Equal(t, findings{There: 1, Lost: []string{"never"}, Undead: []string{"whole"}}, w.audit(t, said))
	said = newOutcomes()
	move(0, "half", 3, 2)
	assert.Equal(t, findings{There: 1, Total: 3, Half: []string{"half"}}, w.audit(t, said))
	exec(1, "UPDATE "+table("accounts", 1)+" SET balance = balance - 3 WHERE id = 9")
	assert.Equal(t, findings{There: 1, Half: []string{"half"}, Balances: []string{"B2/9"}}, w.audit(t, said))
	exec(2, "BEGIN; PREPARE TRANSACTION 'left'")
	assert.Equal(t, []string{"left"}, w.audit(t, said).Prepared)
	exec(2, "ROLLBACK PREPARED 'left'")
}
