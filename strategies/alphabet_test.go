package strategies_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/go-dtde/dtde/config"
	"github.com/go-dtde/dtde/strategies"
)

func TestAlphabetPlaces(t *testing.T) {
	t.Parallel()
	plain := build(t, config.ByAlphabet("T", "a-M", "N-Z"), textKey)
	rest := build(t, withDefault(config.ByAlphabet("T", "a-M", "N-Z"), "other"), textKey)
	require.Equal(t, []string{"A-M", "N-Z"}, plain.Shards())
	require.Equal(t, []string{"A-M", "N-Z", "other"}, rest.Shards())
	for key, want := range map[string]string{
		"apple": "A-M", "Apple": "A-M", "m": "A-M", "Mz": "A-M", "n": "N-Z", "Zebra": "N-Z",
		"ıstanbul": "A-M",                                      // the dotless i is an I in upper case
		"ſun":      "N-Z",                                      // the long s is an S
		"ä":        "", "Äpfel": "", "ß": "", "é": "", "А": "", // a Cyrillic A
		"\u212A": "", // the Kelvin sign is upper case already, and no K
		"":       "", "1a": "", " a": "", "-": "", "[": "", "@": "", "\xff": "", "日": "",
	} {
		id, err := plain.Place([]config.Value{config.Text(key)})
		if want == "" {
			require.ErrorIs(t, err, config.ErrShardNotFound, key)
			want = "other"
		} else {
			require.Equal(t, want, id, key)
		}
		require.Equal(t, want, place(t, rest, config.Text(key)), key)
		ids, _ := route(rest, rest.Shards(), texts(key))
		require.Equal(t, []string{want}, ids, key)
	}
	_, err := rest.Place([]config.Value{config.Null()})
	require.ErrorIs(t, err, config.ErrMissingShardKey)
}

func TestAlphabetRouting(t *testing.T) {
	t.Parallel()
	spec := config.ByAlphabet("T", "A-M", "N-Y", "Z", "Ä")
	s, rest := build(t, spec, textKey), build(t, withDefault(spec, "other"), textKey)
	word := config.Text
	for _, c := range []struct {
		name         string
		set          config.Set
		plain        []string
		withoutOther bool
	}{
		{"in", texts("Zoe", "anna", "ä"), []string{"A-M", "Z", "Ä"}, true},
		{"in with a digit", texts("Zoe", "1"), []string{"Z"}, false},
		{"capitals only", config.HalfOpen(word("A"), word("C")), []string{"A-M"}, true},
		{"small letters", config.HalfOpen(word("x"), word("{")), []string{"N-Y", "Z"}, true},
		{"capitals to small letters", config.HalfOpen(word("Zz"), word("b")), []string{"A-M", "Z"}, false},
		{"like zo%", config.HalfOpen(word("zo"), word("zp")), []string{"Z"}, true},
		{"like ä%", config.HalfOpen(word("ä"), word("å")), []string{"Ä"}, true},
		{"between letters", config.HalfOpen(word("["), word("`")), nil, false},
		{"before letters", below(word("A")), nil, false},
		{"after ascii", atLeast(word("{")), []string{"A-M", "N-Y", "Ä"}, false}, // ı and ſ
		{"not a word", not(texts("anna")), s.Shards(), false},
		{"null", config.Point(config.Null()), nil, true},
		{"all", config.Full(), s.Shards(), false},
	} {
		got, open := route(s, s.Shards(), c.set)
		sameIDs(t, c.plain, got)
		require.False(t, open)
		want := append([]string(nil), c.plain...)
		if !c.withoutOther {
			want = append(want, "other")
		}
		got, _ = route(rest, rest.Shards(), c.set)
		sameIDs(t, want, got)
	}
}

// Between the characters of a range stand bytes that are no UTF-8, and they are the
// default shard's.
func TestAlphabetRoutesBytesThatAreNoText(t *testing.T) {
	t.Parallel()
	s := build(t, withDefault(config.ByAlphabet("T", "Z-ǅ"), "other"), textKey)
	for from, to := range map[string]string{"\x80": "\x81", "\xc3\xc0": "\xc4", "\xc3": "\xc3\x80", "\xff": "\xff\xff"} {
		require.Equal(t, "other", place(t, s, config.Text(from)))
		ids, _ := route(s, s.Shards(), config.HalfOpen(config.Text(from), config.Text(to)))
		require.Equal(t, []string{"other"}, ids, "%q", from)
	}
	ids, _ := route(s, s.Shards(), config.HalfOpen(config.Text("À"), config.Text("Á")))
	require.Equal(t, []string{"Z-Ǆ"}, ids)
}

func TestAlphabetPrunesRangesOnlyInByteOrder(t *testing.T) {
	t.Parallel()
	key := textKey
	key.BytesOrder = false
	s := build(t, config.ByAlphabet("T", "A-M", "N-Z"), key)
	ids, _ := route(s, s.Shards(), config.HalfOpen(config.Text("A"), config.Text("B")))
	require.Equal(t, s.Shards(), ids)
	ids, _ = route(s, s.Shards(), texts("A", "b"))
	require.Equal(t, []string{"A-M"}, ids)
	s = build(t, config.ByAlphabet("T", "A-M", "N-Z"), anyText)
	ids, _ = route(s, s.Shards(), texts("A"))
	require.Equal(t, s.Shards(), ids)
}

func TestAlphabetFaults(t *testing.T) {
	t.Parallel()
	for name, ranges := range map[string][]string{
		"none": nil, "empty": {""}, "turned": {"M-A"}, "two letters": {"AM"}, "no hyphen": {"A_M"}, "three": {"A-M-Z"},
		"no letter": {"!"}, "of two sorts": {"0-A"}, "overlap": {"A-M", "M-Z"}, "inside": {"A-Z", "k"}, "twice": {"A-M", "a-m"},
	} {
		_, err := strategies.New(config.ByAlphabet("T", ranges...), []config.KeyColumn{textKey}, nil)
		require.ErrorIs(t, err, config.ErrConfig, name)
	}
	_, err := strategies.New(config.ByAlphabet("N", "A-Z"), []config.KeyColumn{intKey}, nil)
	require.ErrorContains(t, err, "kind int")
}
