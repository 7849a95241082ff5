package callbacks

import (
	"encoding/base64"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/go-dtde/dtde/config"
)

func TestCursorsKeepTheirValues(t *testing.T) {
	t.Parallel()
	value := rapid.OneOf(
		rapid.Just[any](nil), rapid.Int64().AsAny(), rapid.Uint64().AsAny(), rapid.Float64().AsAny(), rapid.Bool().AsAny(),
		rapid.String().AsAny(), rapid.Just[any]("\xff\x00"), rapid.SliceOf(rapid.Byte()).AsAny(),
		rapid.Map(rapid.Int64Range(-60_000_000_000, 200_000_000_000), func(s int64) any { return time.Unix(s, s&0xffff).UTC() }),
	)
	rapid.Check(t, func(t *rapid.T) {
		values := rapid.SliceOfN(value, 1, 5).Draw(t, "values")
		order := [orderBytes]byte(rapid.SliceOfN(rapid.Byte(), orderBytes, orderBytes).Draw(t, "order"))
		text, err := encodeCursor(order, values)
		require.NoError(t, err)
		require.Regexp(t, `^[A-Za-z0-9_-]+$`, text)
		back, err := decodeCursor("X", text, order, len(values))
		require.NoError(t, err)
		require.Equal(t, values, back)
		_, err = decodeCursor("X", text, order, len(values)+1)
		require.ErrorIs(t, err, config.ErrCursor)
		order[3]++
		_, err = decodeCursor("X", text, order, len(values))
		require.ErrorIs(t, err, config.ErrCursor)
		order[3]--

		// whatever one changes is found
		at := rapid.IntRange(0, len(text)-1).Draw(t, "at")
		with := rapid.SampledFrom([]byte("AZaz09-_ =")).Draw(t, "with")
		changed := []byte(text)
		changed[at] = with
		if string(changed) != text {
			_, err = decodeCursor("X", string(changed), order, len(values))
			require.ErrorIs(t, err, config.ErrCursor)
		}
	})
}

// FuzzCursor: no text makes a value out of nothing, or a panic.
func FuzzCursor(f *testing.F) {
	good, err := encodeCursor([orderBytes]byte{}, []any{"a", nil, int64(1), time.Unix(0, 0)})
	require.NoError(f, err)
	f.Add(good)
	f.Add("")
	f.Fuzz(func(t *testing.T, text string) {
		values, err := decodeCursor("X", text, [orderBytes]byte{}, 4)
		if err != nil {
			require.ErrorIs(t, err, config.ErrCursor)
			return
		}
		require.Len(t, values, 4)
	})
}

// TestCursorValuesAreBounded reads the parts behind the sum, which a forger can fix.
func TestCursorValuesAreBounded(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		b := rapid.SliceOfN(rapid.Byte(), 1, 40).Draw(t, "bytes")
		if rapid.Bool().Draw(t, "tagged") {
			b[0] = rapid.SampledFrom([]byte("niufbsxt")).Draw(t, "tag")
		}
		_, rest, ok := decodeValue(b)
		if ok {
			require.Less(t, len(rest), len(b))
		}
	})
	_, err := decodeCursor("X", base64.RawURLEncoding.EncodeToString(make([]byte, 5)), [orderBytes]byte{}, 1)
	require.ErrorIs(t, err, config.ErrCursor)
}
