package strategies

import (
	"encoding/hex"
	"strconv"
	"strings"
	"time"

	"github.com/go-dtde/dtde/config"
)

const day = 24 * time.Hour

// literal turns a value of the settings, which is text when it comes from a tag or a
// file, into a key value of the column's kind. It is strict: an integer is written
// canonically, a bool is true or false, bytes are 0x and hexadecimal digits, a time is
// RFC 3339 or 2006-01-02 or 2006-01-02 15:04:05 in loc (nil is UTC). A date-only
// column takes the calendar date in loc. NULL is never a literal.
func literal(k *config.KeyColumn, v any, loc *time.Location) (config.Value, bool) {
	if k.Kind == config.KindTime {
		t, ok := instant(v, loc)
		if !ok {
			return config.Value{}, false
		}
		if k.DateOnly {
			y, m, d := t.In(zone(loc)).Date()
			return config.Time(time.Date(y, m, d, 0, 0, 0, 0, time.UTC)), true
		}
		return cut(k, config.Time(t)), true
	}
	s, isText := v.(string)
	if !isText {
		val, ok := k.Convert(v)
		return val, ok && !val.IsNull()
	}
	switch k.Kind {
	case config.KindString:
		return config.Text(s), true
	case config.KindBool:
		return config.Bool(s == "true"), s == "true" || s == "false"
	case config.KindInt:
		if i, err := strconv.ParseInt(s, 10, 64); err == nil {
			return config.Int(i), strconv.FormatInt(i, 10) == s
		}
		u, err := strconv.ParseUint(s, 10, 64)
		return config.Uint(u), err == nil && strconv.FormatUint(u, 10) == s
	case config.KindBytes:
		digits, prefixed := strings.CutPrefix(s, "0x")
		b, err := hex.DecodeString(digits)
		return config.Bytes(b), err == nil && prefixed
	}
	return config.Value{}, false
}

func zone(loc *time.Location) *time.Location {
	if loc == nil {
		return time.UTC
	}
	return loc
}

// instant reads a time of the settings.
func instant(v any, loc *time.Location) (time.Time, bool) {
	switch x := v.(type) {
	case time.Time:
		return x, true
	case string:
		if t, err := time.Parse(time.RFC3339Nano, x); err == nil {
			return t, true
		}
		for _, layout := range []string{time.DateOnly, time.DateTime} {
			if t, err := time.ParseInLocation(layout, x, zone(loc)); err == nil {
				return t, true
			}
		}
		return time.Time{}, false
	}
	exact := config.KeyColumn{Kind: config.KindTime}
	val, ok := exact.Convert(v)
	return val.AsTime(), ok && !val.IsNull()
}
