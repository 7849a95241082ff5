package config

import (
	"fmt"
	"slices"
	"sort"
	"strconv"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"
)

// loader reads settings from YAML nodes, which know their lines.
type loader struct {
	faults
	registry Registry
	model    string // the entity being read, for faults
}

// fileKeys says how each key of one kind of mapping is read.
type fileKeys map[string]func(n *yaml.Node)

func (l *loader) fault(n *yaml.Node, field, format string, args ...any) {
	l.list = append(l.list, &ConfigError{Entity: l.model, Field: field, Line: n.Line, Problem: fmt.Sprintf(format, args...)})
}

// mapping reads a mapping with the given keys.
func (l *loader) mapping(n *yaml.Node, field string, keys fileKeys) {
	if n.Kind != yaml.MappingNode {
		l.fault(n, field, "must be a mapping of %s", names(keys))
		return
	}
	seen := map[string]bool{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		key, value := n.Content[i], n.Content[i+1]
		read, known := keys[key.Value]
		switch {
		case key.Kind != yaml.ScalarNode || !known:
			l.fault(key, field, "unknown key %q; there are %s", key.Value, names(keys))
		case seen[key.Value]:
			l.fault(key, key.Value, "the key is given twice")
		case value.Kind == yaml.AliasNode || value.Anchor != "":
			l.fault(value, key.Value, "anchors and aliases are not supported")
		default:
			read(value)
		}
		seen[key.Value] = true
	}
}

// require reports a key that is missing from a mapping.
func (l *loader) require(n *yaml.Node, field string, keys ...string) {
	if n.Kind != yaml.MappingNode {
		return
	}
	for _, want := range keys {
		if !hasKey(n, want) {
			l.fault(n, field, "the key %q is missing", want)
		}
	}
}

func hasKey(n *yaml.Node, key string) bool {
	for i := 0; n.Kind == yaml.MappingNode && i < len(n.Content); i += 2 {
		if n.Content[i].Value == key {
			return true
		}
	}
	return false
}

func names(keys fileKeys) string {
	all := make([]string, 0, len(keys))
	for k := range keys {
		all = append(all, k)
	}
	sort.Strings(all)
	return strings.Join(all, ", ")
}

// sequence reads a list, item by item.
func (l *loader) sequence(n *yaml.Node, field string, item func(n *yaml.Node)) {
	if n.Kind != yaml.SequenceNode {
		l.fault(n, field, "must be a list")
		return
	}
	for _, c := range n.Content {
		if c.Kind == yaml.AliasNode || c.Anchor != "" {
			l.fault(c, field, "anchors and aliases are not supported")
			continue
		}
		item(c)
	}
}

// text reads a name or an id; 2024 and true are text here, as they stand.
func (l *loader) text(field string, to *string) func(*yaml.Node) {
	return func(n *yaml.Node) {
		if n.Kind != yaml.ScalarNode || n.Tag == "!!null" || n.Tag == "!!binary" {
			l.fault(n, field, "must be text")
			return
		}
		*to = n.Value
	}
}

func (l *loader) texts(field string, to *[]string) func(*yaml.Node) {
	return func(n *yaml.Node) {
		l.sequence(n, field, func(n *yaml.Node) {
			var s string
			l.text(field, &s)(n)
			*to = append(*to, s)
		})
	}
}

func (l *loader) flag(field string, to *bool) func(*yaml.Node) {
	return func(n *yaml.Node) {
		if n.Kind != yaml.ScalarNode || n.Tag != "!!bool" {
			l.fault(n, field, "must be true or false")
			return
		}
		*to = strings.EqualFold(n.Value, "true")
	}
}

// number reads an integer of an int's or int64's size.
func number[N int | int64](l *loader, field string, to *N) func(*yaml.Node) {
	return func(n *yaml.Node) {
		i, err := strconv.ParseInt(n.Value, 10, 64)
		if n.Kind != yaml.ScalarNode || n.Tag != "!!int" || err != nil || int64(N(i)) != i {
			l.fault(n, field, "must be an integer")
			return
		}
		*to = N(i)
	}
}

// duration reads a duration such as 5s; it must not be negative.
func (l *loader) duration(field string, to *time.Duration) func(*yaml.Node) {
	return func(n *yaml.Node) {
		d, err := time.ParseDuration(n.Value)
		if n.Kind != yaml.ScalarNode || err != nil || d < 0 {
			l.fault(n, field, "must be a duration that is not negative, such as 5s")
			return
		}
		*to = d
	}
}

// choice reads one of a few words.
func (l *loader) choice(field string, words []string, to func(i int)) func(*yaml.Node) {
	return func(n *yaml.Node) {
		i := slices.Index(words, n.Value)
		if n.Kind != yaml.ScalarNode || i < 0 {
			l.fault(n, field, "must be one of %s", strings.Join(words, ", "))
			return
		}
		to(i)
	}
}

// registered reads the name of something in the registry.
func registered[T any](l *loader, field string, in map[string]T, to func(name string, found T)) func(*yaml.Node) {
	return func(n *yaml.Node) {
		found, known := in[n.Value]
		if n.Kind != yaml.ScalarNode || !known {
			l.fault(n, field, "the registry has no %s of the name %q", field, n.Value)
			return
		}
		to(n.Value, found)
	}
}

// scalar reads a key value. Text and times stay text: the column's kind and the
// strategy's zone decide what they mean.
func (l *loader) scalar(field string, to *any) func(*yaml.Node) {
	return func(n *yaml.Node) {
		if n.Kind == yaml.ScalarNode {
			switch n.Tag {
			case "!!null":
				*to = nil
				return
			case "!!bool":
				*to = strings.EqualFold(n.Value, "true")
				return
			case "!!str", "!!timestamp":
				*to = n.Value
				return
			case "!!int":
				if i, err := strconv.ParseInt(n.Value, 10, 64); err == nil {
					*to = i
					return
				}
				if u, err := strconv.ParseUint(n.Value, 10, 64); err == nil {
					*to = u
					return
				}
			}
		}
		l.fault(n, field, "must be a whole number, text, a time, true or false")
	}
}

// argument reads an argument of a manual predicate; unquoted times are times here.
func (l *loader) argument(n *yaml.Node, to *any) {
	switch n.Tag {
	case "!!timestamp":
		if t, ok := parseTime(n.Value); ok {
			*to = t
			return
		}
	case "!!float":
		if f, err := strconv.ParseFloat(n.Value, 64); err == nil && n.Kind == yaml.ScalarNode {
			*to = f
			return
		}
	}
	l.scalar("args", to)(n)
}

// parseTime reads a date, a date and time in UTC, or a time with its offset.
func parseTime(s string) (time.Time, bool) {
	for _, layout := range []string{time.RFC3339Nano, time.DateOnly, time.DateTime} {
		if t, err := time.Parse(layout, s); err == nil {
			return t, true
		}
	}
	return time.Time{}, false
}
