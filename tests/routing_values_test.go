package tests

import (
	"database/sql"
	"encoding/json"
	"fmt"
	"math"
	"strings"
	"time"

	"pgregory.net/rapid"

	"github.com/go-dtde/dtde/internal/wheregen"
)

// The values of the routing property: what rows hold, and what conditions compare
// with, in every Go type that a program might use.

var (
	routedTexts = []string{
		"EU", "US", "us", "Us", "US ", "US  ", " US", "", " ", "a", "A", "ä", "Ä", "a\u0308", "ß", "ss", "SS", "ẞ", "é", "e",
		"🙂", "🙃", "0", "1", "01", "1.0", "1e0", "10", "9", "Ω", "\u212a", "K", "k", "ı", "i", "I", "İ", "ſ", "s", "S",
		"M", "N", "n", "z", "Z", "Ž", "zz", "u\u00ads", "%", "_", "'", "\\", `"`, "us\t", "US\u00a0", strings.Repeat("US", 30),
		"true", "2024-01-01", "NULL",
	}
	routedInts = []int64{
		math.MinInt64, math.MinInt64 + 1, -1<<53 - 1, -1 << 53, -100, -8, -7, -1, 0, 1, 2, 3, 5, 9, 10, 11, 99, 100, 101, 999, 1000,
		1 << 31, 1<<53 - 1, 1 << 53, 1<<53 + 1, math.MaxInt64 - 1, math.MaxInt64,
	}
	routedUints = []uint64{0, 1, 2, 7, 100, 1<<53 - 1, 1 << 53, 1<<53 + 1, math.MaxInt64, math.MaxInt64 + 1, math.MaxUint64 - 1, math.MaxUint64}
	routedUUIDs = []string{
		"00000000-0000-0000-0000-000000000000", "ffffffff-ffff-ffff-ffff-ffffffffffff", "018f3a5e-7b1c-7cde-8000-0123456789ab",
		"018f3a5e-7b1c-7cde-8000-0123456789ac", "6ba7b810-9dad-11d1-80b4-00c04fd430c8", "6ba7b811-9dad-11d1-80b4-00c04fd430c8",
		"a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11", "A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A12",
	}
	routedBytes = [][]byte{{}, {0}, {0, 0}, {1}, []byte("US"), []byte("us"), []byte("US "), {0x55, 0x53, 0}, {0xff}, {0xc3, 0xa4}, []byte("0123456789abcdef")}
	berlin      = mustLoad("Europe/Berlin")
	dubai       = mustLoad("Asia/Dubai")
	newYork     = mustLoad("America/New_York")
	routedTimes = drawnTimes()
)

func mustLoad(name string) *time.Location {
	loc, err := time.LoadLocation(name)
	if err != nil {
		panic(err)
	}
	return loc
}

// drawnTimes are instants around the boundaries of days, months and years in several
// zones, around changes of clocks, and beyond every column's resolution.
func drawnTimes() []time.Time {
	var out []time.Time
	for _, loc := range []*time.Location{time.UTC, berlin, dubai, newYork} {
		for _, day := range []time.Time{
			time.Date(2024, 1, 1, 0, 0, 0, 0, loc), time.Date(2024, 2, 1, 0, 0, 0, 0, loc), time.Date(2024, 3, 1, 0, 0, 0, 0, loc),
			time.Date(2024, 4, 1, 0, 0, 0, 0, loc), time.Date(2024, 11, 1, 0, 0, 0, 0, loc), time.Date(2023, 7, 1, 0, 0, 0, 0, loc),
		} {
			for _, off := range []time.Duration{0, -time.Nanosecond, -600, 400, -time.Microsecond, -500 * time.Microsecond, -time.Second, 500 * time.Millisecond, time.Hour, -5 * time.Hour} {
				out = append(out, day.Add(off))
			}
		}
	}
	for _, clock := range []time.Time{time.Date(2024, 3, 31, 1, 0, 0, 0, time.UTC), time.Date(2024, 10, 27, 1, 0, 0, 0, time.UTC)} {
		out = append(out, clock.Add(-30*time.Minute).In(berlin), clock, clock.Add(30*time.Minute).In(berlin))
	}
	return append(out, time.Date(2024, 2, 29, 12, 0, 0, 0, time.UTC))
}

type (
	namedString string
	namedSmall  int32
	namedBool   bool
)

func textAs(t *rapid.T) any {
	s := rapid.SampledFrom(routedTexts).Draw(t, "text")
	switch rapid.IntRange(0, 13).Draw(t, "as") {
	case 0:
		return &s
	case 1:
		return namedString(s)
	case 2:
		return sql.NullString{String: s, Valid: rapid.IntRange(0, 3).Draw(t, "valid") > 0}
	case 3:
		return nil
	case 4:
		return (*string)(nil)
	case 5:
		return rapid.SampledFrom([]any{0, 1, int64(10), uint8(9), 1.0, 0.5, true, json.Number("1")}).Draw(t, "other")
	case 6:
		return []byte(s)
	}
	return s
}

func intAs(t *rapid.T) any {
	i := rapid.SampledFrom(routedInts).Draw(t, "int")
	switch rapid.IntRange(0, 15).Draw(t, "as") {
	case 0:
		return &i
	case 1:
		if int64(int32(i)) == i {
			return namedSmall(i)
		}
	case 2:
		return sql.NullInt64{Int64: i, Valid: rapid.IntRange(0, 3).Draw(t, "valid") > 0}
	case 3:
		return fmt.Sprint(i)
	case 4:
		return rapid.SampledFrom([]string{"1", " 1", "01", "1.0", "1.5", "1e1", "abc", "", "5abc", "-0", "+1", "0x5"}).Draw(t, "string")
	case 5:
		return float64(rapid.IntRange(-3, 23).Draw(t, "half")) / 2
	case 6:
		return rapid.SampledFrom([]float64{float64(i), 1e18, 1e19, -1e19, 1<<53 - 1, 1 << 53, math.Pi}).Draw(t, "float")
	case 7:
		return nil
	case 8:
		if i >= 0 {
			return uint64(i)
		}
	case 9:
		return rapid.SampledFrom(routedUints).Draw(t, "uint")
	case 10:
		return rapid.SampledFrom([]any{true, false, int8(5), uint16(9), float32(2.5), json.Number("10"), []byte("5"), sql.NullBool{Bool: true, Valid: true}}).Draw(t, "other")
	case 11:
		return int(i)
	}
	return i
}

func uintAs(t *rapid.T) any {
	u := rapid.SampledFrom(routedUints).Draw(t, "uint")
	switch rapid.IntRange(0, 7).Draw(t, "as") {
	case 0:
		return &u
	case 1:
		return fmt.Sprint(u)
	case 2:
		return intAs(t)
	case 3:
		return float64(u)
	}
	return u
}

func boolAs(t *rapid.T) any {
	b := rapid.Bool().Draw(t, "bool")
	switch rapid.IntRange(0, 8).Draw(t, "as") {
	case 0:
		return &b
	case 1:
		return namedBool(b)
	case 2:
		return sql.NullBool{Bool: b, Valid: rapid.Bool().Draw(t, "valid")}
	case 3:
		return rapid.SampledFrom([]any{0, 1, 2, -1, "1", "0", "true", "f", "", "x", 0.5, 1.0, nil}).Draw(t, "other")
	}
	return b
}

var timeFormats = []string{
	"2006-01-02", "2006-01-02 15:04:05", "2006-01-02T15:04:05", time.RFC3339, "2006-01-02 15:04:05Z07:00", "2006-01-02 15:04:05-07:00",
	time.RFC3339Nano, "2006-01-02 15:04:05.999999", "2006-01-02 15:04:05.999999999-07:00", "2006-1-2", "20060102", "2006-01-02 15:04", "2006-01",
}

func timeAs(t *rapid.T) any {
	at := rapid.SampledFrom(routedTimes).Draw(t, "time")
	if loc := rapid.SampledFrom([]*time.Location{nil, time.UTC, berlin, newYork, dubai, time.FixedZone("", 5*3600+1800), time.FixedZone("", -12*3600), time.FixedZone("", 14*3600)}).Draw(t, "zone"); loc != nil {
		at = at.In(loc)
	}
	switch rapid.IntRange(0, 12).Draw(t, "as") {
	case 0:
		return &at
	case 1:
		return sql.NullTime{Time: at, Valid: rapid.IntRange(0, 3).Draw(t, "valid") > 0}
	case 2:
		return nil
	case 3, 4, 5:
		return at.Format(rapid.SampledFrom(timeFormats).Draw(t, "format"))
	case 6:
		return rapid.SampledFrom([]any{at.Unix(), 20240201, 2024, 20240201000000, "now", "", "x", 0.5, true}).Draw(t, "other")
	}
	return at
}

func bytesAs(t *rapid.T) any {
	b := rapid.SampledFrom(routedBytes).Draw(t, "bytes")
	switch rapid.IntRange(0, 8).Draw(t, "as") {
	case 0:
		return string(b)
	case 1:
		return sql.RawBytes(b)
	case 2:
		return nil
	case 3:
		return []byte(nil)
	case 4:
		return rapid.SampledFrom([]any{1, "", 0.5, json.RawMessage("1"), [2]byte{0x55, 0x53}}).Draw(t, "other")
	}
	return b
}

func uuidAs(t *rapid.T) any {
	u := rapid.SampledFrom(routedUUIDs).Draw(t, "uuid")
	switch rapid.IntRange(0, 8).Draw(t, "as") {
	case 0:
		return &u
	case 1:
		return strings.ToUpper(u)
	case 2:
		return strings.ReplaceAll(u, "-", "")
	case 3:
		return "{" + u + "}"
	case 4:
		return rapid.SampledFrom([]any{"", "x", nil, 1, u + " ", " " + u, u[:35], []byte(u)}).Draw(t, "other")
	}
	return u
}

func listOf[T any](list []T) []any {
	out := make([]any, len(list))
	for i := range list {
		out[i] = list[i]
	}
	return out
}

// unknownOf are conditions on a column that no planner need understand; every engine
// takes most of them.
func unknownOf(name string) []string {
	list := []string{
		"? LIKE 'U%'", "NOT ? LIKE '%S'", "coalesce(?, ?) = ?", "? IN (SELECT 'US')", "(? IS NULL) = (1 = 0)", "EXISTS (SELECT 1 WHERE 1 = 0)",
		"CASE WHEN ? IS NOT NULL AND amount = 1 THEN 1 = 1 ELSE 1 = 0 END", "? = ?", "? <> ?", "? = name OR amount = 3", "amount BETWEEN 1 AND 3",
		"? BETWEEN ? AND ?", "? IS NOT DISTINCT FROM ?", "? <=> ?", "? IS ?", "? IS NOT ?", "NULL", "NOT NULL", "? > ALL (SELECT 0)", "lower(?) = 'us'", "? || '' = 'US'",
		"(?) IS NOT NULL", "((?)) = ((?))", "NOT (? IS NULL OR amount = 2)", "NOT NOT (? IS NOT NULL)", "amount + 0 = 1 AND ? IS NOT NULL", "? COLLATE NOCASE = 'us'",
		"/* comment */ ? IS NOT NULL", "? IS NOT /* not */ NULL", "(? IS NOT NULL) IS TRUE", "? IS NOT NULL AND 1", "'a' = 'A'", "'a' = 'a '", "name = 'x' XOR ? IS NULL",
		"! (? IS NULL)", "? IS NULL || ? IS NOT NULL", "? IS NOT NULL && amount = 1", "0 = amount", "1 < amount AND ? IS NOT NULL",
	}
	for i := range list {
		list[i] = strings.ReplaceAll(list[i], "?", name)
	}
	return list
}

// conditionsOn draws conditions about a key column beside those that every model has.
func conditionsOn(ids []int64, key ...wheregen.Column) *wheregen.Model {
	m := &wheregen.Model{Primary: listOf(ids[:min(len(ids), 8)])}
	for _, c := range key {
		c.Weight = 5
		m.Columns = append(m.Columns, c)
		m.Unknown = append(m.Unknown, unknownOf(c.Name)...)
	}
	m.Columns = append(m.Columns,
		wheregen.Column{Name: "name", Values: []any{"US", "EU", "x"}},
		wheregen.Column{Name: "amount", Values: []any{0, 1, 2, 3}, Literals: []string{"1", "-1"}},
	)
	return m
}

func textColumn(name string) wheregen.Column {
	return wheregen.Column{
		Name: name, Values: listOf(routedTexts), As: textAs,
		Literals: []string{"'US'", "'us'", "'US '", "''", "'ä'", "'1'", "1", "'it''s'", `"US"`, "N'US'", "X'5553'", "E'US'", "'\\'", "_utf8mb4'us'", "'U' 'S'", "NULL", "TRUE", "10"},
		Exprs:    []string{"'US'", "'us' OR 1 = 1", "('EU')", "upper('us')"},
	}
}

func intColumn(name string) wheregen.Column {
	return wheregen.Column{
		Name: name, Values: listOf(routedInts), As: intAs,
		Literals: []string{"1", "-7", "+5", "- 7", "--7", "0", "10", "1.0", "0.5", "1e1", "0x5", "x'05'", "b'101'", "'5'", "' 5'", "'5 '", "'abc'", "9223372036854775807", "-9223372036854775808", "9223372036854775808", "18446744073709551615", "99999999999999999999", "1_0", "NULL", "TRUE", "5 + 5", "010"},
		Exprs:    []string{"1", "1 + 1", "1 OR amount = 1", "(5)", "-7"},
	}
}

func uintColumn(name string) wheregen.Column {
	c := intColumn(name)
	c.Values, c.As = listOf(routedUints), uintAs
	return c
}

func boolColumn(name string) wheregen.Column {
	return wheregen.Column{Name: name, Values: []any{true, false}, As: boolAs, Literals: []string{"TRUE", "false", "1", "0", "2", "'t'", "NULL", "'1'"}, Exprs: []string{"TRUE", "NOT TRUE", "1 = 1"}}
}

func timeColumn(name string) wheregen.Column {
	return wheregen.Column{
		Name: name, Values: listOf(routedTimes), As: timeAs,
		Literals: []string{"'2024-02-01'", "'2024-01-31 23:59:59.9999999'", "'2024-02-01 00:00:00'", "DATE '2024-02-01'", "TIMESTAMP '2024-02-01 00:00:00'", "'2024-02-01T00:00:00+05:00'", "'2024-01-31T00:00:00+14:00'", "'2024-2-1'", "20240201", "CURRENT_TIMESTAMP", "NULL", "'infinity'", "'0000-00-00'"},
		Exprs:    []string{"'2024-02-01'", "CURRENT_TIMESTAMP"},
	}
}

func bytesColumn(name string) wheregen.Column {
	return wheregen.Column{Name: name, Values: listOf(routedBytes), As: bytesAs, Literals: []string{"x'5553'", "'US'", "'us'", "''", "'\\x5553'", "NULL"}}
}

func uuidColumn(name string) wheregen.Column {
	return wheregen.Column{Name: name, Values: listOf(routedUUIDs), As: uuidAs, Literals: []string{"'018f3a5e-7b1c-7cde-8000-0123456789ab'", "'018F3A5E-7B1C-7CDE-8000-0123456789AB'", "'018f3a5e7b1c7cde80000123456789ab'"}}
}
