package gentest

import (
	"database/sql"
	"fmt"

	"pgregory.net/rapid"
)

type (
	namedText string
	namedInt  uint32
)

func region(t *rapid.T) any {
	r := rapid.SampledFrom(Regions).Draw(t, "region")
	switch rapid.IntRange(0, 6).Draw(t, "as") {
	case 0:
		return &r
	case 1:
		return namedText(r)
	case 2:
		return sql.NullString{String: r, Valid: true}
	case 3:
		return nil
	}
	return r
}

func code(t *rapid.T) any {
	c := rapid.SampledFrom(Codes).Draw(t, "code")
	switch rapid.IntRange(0, 8).Draw(t, "as") {
	case 0:
		return &c
	case 1:
		if c >= 0 && c < 100 {
			return namedInt(c)
		}
	case 2:
		return sql.NullInt64{Int64: c, Valid: rapid.Bool().Draw(t, "valid")}
	case 3:
		if c >= 0 && c < 100 {
			return fmt.Sprint(c)
		}
	case 4:
		return float64(rapid.IntRange(-1, 6).Draw(t, "half")) / 2
	case 5:
		return nil
	case 6:
		if c >= 0 {
			return uint64(c)
		}
	}
	return c
}

func instant(t *rapid.T) any {
	at := rapid.SampledFrom(Times).Draw(t, "time")
	switch rapid.IntRange(0, 4).Draw(t, "as") {
	case 0:
		return at.Format("2006-01-02")
	case 1:
		return at.Format("2006-01-02 15:04:05")
	case 2:
		return &at
	}
	return at
}
