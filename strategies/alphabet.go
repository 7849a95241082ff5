package strategies

import (
	"fmt"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/go-dtde/dtde/config"
)

// byLetter spreads text by its first character, in upper case: unicode.ToUpper, the
// simple mapping of one character to one. So 'a', 'A', 'ı' (dotless i, as I) and 'ſ'
// (long s, as S) lie within A–Z; 'ä' is 'Ä', 'ß' stays 'ß', and neither lies within
// A–Z, nor do digits, empty text and bytes that are no UTF-8. What lies in no range
// goes to the default shard, or nowhere.
type byLetter struct {
	roster
	refusals
	key      config.KeyColumn
	letters  []letters
	texts    []config.Set // of each shard: the texts that it holds by its letters
	fallback int          // the default shard, or -1
	rest     config.Set   // what the fallback holds
	print    string
}

// letters is one range, both ends included.
type letters struct {
	from, to rune
	shard    int
}

// maxLetters bounds a range; no alphabet and no block of ideographs is larger.
const maxLetters = 1 << 16

func newByLetter(spec config.StrategySpec, key config.KeyColumn) (config.Strategy, error) {
	f := faults{field: label(&key)}
	s := &byLetter{key: key, fallback: -1, refusals: newRefusals(&key, "no range of letters holds the first character of")}
	if len(spec.Letters) == 0 {
		f.add("no shards: list ranges of letters, such as A-M")
	}
	for _, text := range spec.Letters {
		from, to, ok := parseLetters(text)
		if !ok {
			f.at(text, "a range of letters is a letter or a digit, or two of one sort with a hyphen, the smaller first, such as Q or A-M")
			continue
		}
		for _, other := range s.letters {
			if from <= other.to && other.from <= to {
				f.at(text, "the letters overlap those of %q", s.ids[other.shard])
			}
		}
		s.letters = append(s.letters, letters{from, to, s.add(strings.ToUpper(text))})
	}
	if err := f.err(); err != nil {
		return nil, err
	}
	var l lines
	l.add("strategy", "alphabet/1")
	var listed []string
	held := config.Set{}
	for _, r := range s.letters {
		set := textsOf(r)
		s.texts = append(s.texts, set)
		held = held.Union(set)
		listed = append(listed, fmt.Sprintf("letters[%q-%q]=%q", r.from, r.to, s.ids[r.shard]))
	}
	slices.Sort(listed)
	for _, text := range listed {
		l.nest("", text)
	}
	if spec.Default != "" {
		if s.fallback = s.add(spec.Default); s.fallback == len(s.texts) {
			s.texts = append(s.texts, config.Set{})
		}
		// One line with all ranges: a range that is added later moves keys out of the
		// default shard.
		l.add("default", quote(spec.Default)+" except "+strings.Join(listed, " "))
	}
	s.rest = held.Complement()
	s.print = l.String()
	return s, nil
}

// parseLetters reads "A-M" or "Q".
func parseLetters(text string) (from, to rune, ok bool) {
	rs := []rune(text)
	if len(rs) != 1 && (len(rs) != 3 || rs[1] != '-') {
		return 0, 0, false
	}
	from, to = unicode.ToUpper(rs[0]), unicode.ToUpper(rs[len(rs)-1])
	sameSort := unicode.IsLetter(from) && unicode.IsLetter(to) || unicode.IsDigit(from) && unicode.IsDigit(to)
	return from, to, sameSort && from <= to && to-from < maxLetters
}

// textsOf is the set of texts whose first character, in upper case, is in a range.
func textsOf(l letters) config.Set {
	var first []rune
	for r := l.from; r <= l.to; r++ {
		if unicode.ToUpper(r) == r && utf8.ValidRune(r) {
			first = append(first, r)
		}
	}
	for _, c := range unicode.CaseRanges {
		for r := rune(c.Lo); r <= rune(c.Hi); r++ {
			if up := unicode.ToUpper(r); up != r && l.from <= up && up <= l.to {
				first = append(first, r)
			}
		}
	}
	slices.Sort(first)
	first = slices.Compact(first)
	var sets []config.Set
	for i := 0; i < len(first); {
		j := i
		// Within 64 characters only the last byte differs, so that the texts between
		// them in byte order all start with one of them; further on, texts that are no
		// UTF-8 stand in between.
		for j+1 < len(first) && first[j+1] == first[j]+1 && first[j+1]/64 == first[i]/64 {
			j++
		}
		end := []byte(string(first[j]))
		end[len(end)-1]++
		sets = append(sets, config.HalfOpen(config.Text(string(first[i])), config.Text(string(end))))
		i = j + 1
	}
	return union(sets)
}

// union joins sets pairwise, which is quicker than one after the other.
func union(sets []config.Set) config.Set {
	switch len(sets) {
	case 0:
		return config.Set{}
	case 1:
		return sets[0]
	}
	return union(sets[:len(sets)/2]).Union(union(sets[len(sets)/2:]))
}

func (s *byLetter) Name() string        { return "alphabet" }
func (s *byLetter) Fingerprint() string { return s.print }

func (s *byLetter) Check(keys []config.KeyColumn) error {
	return checkOne("alphabet", keys, config.KindString)
}

// home gives the shard of a value, or -1.
func (s *byLetter) home(v config.Value) int {
	if v.Kind() != config.KindString {
		return -1
	}
	text := v.AsString()
	r, size := utf8.DecodeRuneInString(text)
	if r == utf8.RuneError && size <= 1 {
		return s.fallback
	}
	r = unicode.ToUpper(r)
	for i := range s.letters {
		if l := &s.letters[i]; l.from <= r && r <= l.to {
			return l.shard
		}
	}
	return s.fallback
}

func (s *byLetter) Place(key []config.Value) (string, error) {
	if len(key) != 1 {
		return "", s.missing
	}
	return s.place(key[0])
}

func (s *byLetter) place(v config.Value) (string, error) {
	if v.IsNull() {
		return "", s.missing
	}
	if i := s.home(v); i >= 0 {
		return s.ids[i], nil
	}
	return "", s.notFound
}

func (s *byLetter) Route(q config.RouteQuery) config.Routing {
	if len(q.Keys) != 1 || !readable(&s.key) {
		return config.Routing{All: true}
	}
	set := q.Keys[0]
	if _, ok := count(set); ok || !s.key.BytesOrder {
		return s.points(q.Known, set, s.home)
	}
	rest := s.fallback >= 0 && set.Overlaps(s.rest)
	return s.some(q.Known, func(i int) bool {
		return rest && i == s.fallback || set.Overlaps(s.texts[i])
	})
}
