package config

import (
	"math"
	"regexp"
	"strconv"
	"strings"
	"time"

	"gorm.io/gorm/schema"
)

// KeyColumnOf describes a field as a key column on a dialect ("sqlite", "postgres",
// "mysql", "sqlserver"), as its GORM type and tags declare it. BytesEqual and
// BytesOrder are what that type allows at best; whether the column's collation
// agrees is for the caller to say. Kind is KindInvalid if the field cannot be a key.
func KeyColumnOf(f *schema.Field, dialect string) KeyColumn {
	k := KeyColumn{Field: f, Column: f.DBName, Kind: KindOf(f), BytesEqual: true, BytesOrder: true}
	declared, digits := declaredType(f)
	switch k.Kind {
	case KindTime:
		k.Precision, k.DateOnly, k.Zoneless = timeColumn(f, dialect, declared, digits)
		if dialect == "sqlserver" && declared == "datetime" { // stores thirds of ten milliseconds
			k.Kind = KindInvalid
		}
	case KindString:
		full := strings.ToLower(f.TagSettings["TYPE"])
		known := declared == ""
		for _, list := range [][]string{textTypes, byteTypes} {
			for _, word := range list {
				known = known || word == declared
			}
		}
		switch {
		case dialect == "sqlite": // stores and compares every declared text type alike
			if strings.Contains(full, "nocase") || strings.Contains(full, "rtrim") {
				k.BytesEqual, k.BytesOrder = false, false
			}
		case declared == "uuid" || declared == "uniqueidentifier":
			k.UUID = true
			// SQL Server orders its UUIDs by their last bytes first.
			k.BytesOrder = declared == "uuid"
		case declared == "citext" || strings.Contains(full, "nocase") || strings.Contains(full, "_ci"):
			k.BytesEqual, k.BytesOrder = false, false
		case dialect == "sqlserver" || strings.HasSuffix(declared, "char") && !strings.HasSuffix(declared, "varchar") ||
			declared == "character" && !strings.Contains(full, "varying"):
			k.Padded, k.BytesOrder = true, false
		case !known: // an enumeration orders by position
			k.BytesOrder = false
		}
	case KindBytes:
		if declared == "binary" && digits > 0 {
			k.Length = digits
		}
	}
	return k
}

var typeForm = regexp.MustCompile(`^\s*([a-z0-9]+)[^(]*(?:\(\s*(\d+)?)?`)

// declaredType gives the first word of the field's `type:` tag in lower case, and
// the number in its parentheses or -1.
func declaredType(f *schema.Field) (word string, digits int) {
	m := typeForm.FindStringSubmatch(strings.ToLower(f.TagSettings["TYPE"]))
	if m == nil {
		return "", -1
	}
	if m[2] == "" {
		return m[1], -1
	}
	n, err := strconv.Atoi(m[2])
	if err != nil {
		return m[1], -1
	}
	return m[1], n
}

// timeColumn gives a time column's resolution and what it leaves out.
func timeColumn(f *schema.Field, dialect, declared string, digits int) (precision time.Duration, dateOnly, zoneless bool) {
	if declared == "date" {
		return 0, true, false
	}
	if dialect == "sqlite" { // times are text there, with all their digits
		return 0, false, false
	}
	custom := declared != "" && declared != "time"
	if !custom && f.TagSettings["PRECISION"] != "" {
		digits = f.Precision
	}
	switch dialect {
	case "mysql":
		switch {
		case digits < 0 && custom:
			digits = 0
		case digits < 0:
			digits = 3 // the driver's DefaultDatetimePrecision
		}
	case "postgres":
		// GORM writes no number for `precision:0`, which is the default of six digits.
		if digits < 0 || !custom && digits == 0 || digits > 6 {
			digits = 6
		}
		zoneless = declared == "timestamp" && !strings.Contains(strings.ToLower(f.TagSettings["TYPE"]), "with time zone")
	case "sqlserver":
		if digits < 0 || !custom && digits == 0 || digits > 7 {
			digits = 7
		}
		zoneless = custom && declared != "datetimeoffset"
	default:
		return 0, false, false
	}
	if digits > 9 {
		digits = 9
	}
	return time.Second / time.Duration(math.Pow10(digits)), false, zoneless
}
