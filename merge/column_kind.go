package merge

import (
	"database/sql/driver"
	"fmt"
	"strings"
)

// columnKind is what a column's type says about text values in it.
type columnKind uint8

const (
	plainColumn   columnKind = iota // bytes decide order and equality, or nothing is known of the type
	numericColumn                   // text is a decimal number
	equalColumn                     // bytes decide equality, the order is the engine's
	opaqueColumn                    // only the engine knows
)

var columnKinds = map[string]columnKind{}

func init() {
	for kind, names := range map[columnKind]string{
		plainColumn: "TEXT,TINYTEXT,MEDIUMTEXT,LONGTEXT,CHAR,CHARACTER,VARCHAR,CHARACTER VARYING,NAME,CLOB," +
			"NCHAR,NVARCHAR,NTEXT,UUID,BLOB,TINYBLOB,MEDIUMBLOB,LONGBLOB,BINARY,VARBINARY,BYTEA,BIT,VARBIT,BOOL," +
			"BOOLEAN,DATE,DATETIME,TIMESTAMP,TIMESTAMPTZ,NULL",
		numericColumn: "INT,INTEGER,TINYINT,SMALLINT,MEDIUMINT,BIGINT,INT2,INT4,INT8,YEAR,OID,XID,CID,FLOAT,FLOAT4," +
			"FLOAT8,DOUBLE,DOUBLE PRECISION,REAL,NUMERIC,DECIMAL",
		equalColumn: "ENUM,SET,TIME,BPCHAR",
	} {
		for name := range strings.SplitSeq(names, ",") {
			columnKinds[name] = kind
		}
	}
}

// kindOf reads the engine's type name. Names that are not in the list (an extension's type, an interval, JSON, a
// PostgreSQL enum, which has a number for a name) are opaque: "9 days" and "10 days" are not in the order of their bytes.
func kindOf(t ColumnType) columnKind {
	name, _, _ := strings.Cut(strings.ToUpper(t.DatabaseTypeName), "(")
	name = strings.TrimSpace(name)
	name = strings.TrimSuffix(strings.TrimPrefix(name, "UNSIGNED "), " UNSIGNED")
	if name == "" {
		return plainColumn
	}
	if kind, ok := columnKinds[name]; ok {
		return kind
	}
	return opaqueColumn
}

// ComparerFor returns the order of a column's values: [CompareDecimal] for numeric types, [Compare] for text, binary,
// date and unknown types (an empty DatabaseTypeName). For types whose text is not in the order of its bytes (TIME, ENUM,
// padded BPCHAR, intervals, every name not known here) text values are [ErrIncomparable], other kinds compare as in [Compare].
func ComparerFor(t ColumnType) Comparer {
	switch kindOf(t) {
	case plainColumn:
		return Compare
	case numericColumn:
		return CompareDecimal
	}
	name := t.DatabaseTypeName
	return func(a, b driver.Value) (int, error) {
		if isText(a) || isText(b) {
			return 0, fmt.Errorf("%w: text of column type %s", ErrIncomparable, name)
		}
		return Compare(a, b)
	}
}

func isText(v driver.Value) bool {
	switch v.(type) {
	case string, []byte:
		return true
	}
	return false
}

func kindsOf(types []ColumnType) []columnKind {
	kinds := make([]columnKind, len(types))
	for i, t := range types {
		kinds[i] = kindOf(t)
	}
	return kinds
}
