package temporal

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/go-dtde/dtde/config"
)

func TestErrors(t *testing.T) {
	t.Parallel()
	for _, err := range []error{ErrPeriod, ErrNoVersion, ErrClock, ErrHistory, ErrGap, ErrOption} {
		assert.ErrorIs(t, err, config.Err)
		wrapped := &ValidityError{Entity: "Contract", Operation: "save", At: sec(0), Hint: "do this", Cause: err}
		assert.ErrorIs(t, wrapped, err)
		assert.ErrorIs(t, wrapped, config.Err)
		assert.NotErrorIs(t, wrapped, config.ErrConfig)
	}
	assert.Equal(t, "dtde: save Contract at 1970-01-12T13:46:40Z: no version valid then; do this",
		(&ValidityError{Entity: "Contract", Operation: "save", At: sec(0), Hint: "do this", Cause: ErrNoVersion}).Error())
}

func TestNames(t *testing.T) {
	t.Parallel()
	assert.Equal(t, "parent without child", Unmatched.String())
	assert.Equal(t, "invalid", FindingKind(99).String())
	assert.Equal(t, "gap in [1970-01-12T13:46:41Z, ∞)", Finding{Kind: Gap, Period: Since(sec(1))}.String())
	assert.Equal(t, "latest", LensLatest.String())
	assert.Equal(t, "invalid", LensKind(99).String())
	assert.Equal(t, "exact match", ExactMatch.String())
	assert.Equal(t, "child within parent", ChildWithinParent.String())
	assert.Equal(t, "invalid", Containment(0).String())
	assert.Equal(t, "insert", Insert.String())
	assert.Equal(t, "invalid", StepKind(99).String())
	one := Version[int]{ID: 7, Valid: per(1, 2), System: per(3, 4)}
	assert.Contains(t, Step[int]{Kind: Retire, Old: one, New: one}.String(), "retire 7 [")
	assert.Contains(t, Step[int]{Kind: Remove, Old: one}.String(), "remove 7 [")
	assert.Contains(t, Step[int]{Kind: Insert, New: one}.String(), "insert [")
	assert.Equal(t, "[-∞, ∞)", Period{}.String())
}
