package pgxcopy

import (
	"encoding/binary"
	"fmt"
	"io"
	"math"
	"time"

	"github.com/jackc/pgx/v5/pgtype"

	"github.com/go-dtde/dtde/config"
)

// encoder is a COPY's data in binary: pgx's own encoding, with a short cut for the values
// that most rows are made of. It is read by one goroutine, the connection's.
type encoder struct {
	types   *pgtype.Map
	columns []uint32 // type oids
	rows    config.BulkRows
	buf     []byte // encoded and not yet read
	at      int
	begun   bool
	ended   bool
	err     error
}

// chunkBytes is about how much is encoded ahead: what one message of the protocol takes.
const chunkBytes = 64 << 10

var signature = []byte("PGCOPY\n\377\r\n\000\000\000\000\000\000\000\000\000")

// Read gives the next part of the data. It runs on a goroutine of the driver's, which a
// panic in the program's own value must not take down.
func (e *encoder) Read(p []byte) (n int, err error) {
	defer func() {
		if r := recover(); r != nil {
			e.err = fmt.Errorf("a value panicked: %v", r)
			n, err = 0, e.err
		}
	}()
	if e.at == len(e.buf) {
		if e.err == nil && !e.ended {
			e.buf, e.at = e.buf[:0], 0
			e.fill()
		}
		if e.err != nil {
			return 0, e.err
		}
		if e.at == len(e.buf) {
			return 0, io.EOF
		}
	}
	n = copy(p, e.buf[e.at:])
	e.at += n
	return n, nil
}

func (e *encoder) fill() {
	if !e.begun {
		e.begun = true
		e.buf = append(e.buf, signature...)
	}
	for len(e.buf) < chunkBytes {
		if !e.rows.Next() {
			e.ended, e.err = true, e.rows.Err()
			return
		}
		values, err := e.rows.Fields()
		if err != nil {
			e.err = err
			return
		}
		if len(values) != len(e.columns) {
			e.err = fmt.Errorf("a row of %d values for %d columns", len(values), len(e.columns))
			return
		}
		e.buf = binary.BigEndian.AppendUint16(e.buf, uint16(len(values)))
		for i, v := range values {
			if e.buf, e.err = e.value(e.buf, i, v); e.err != nil {
				return
			}
		}
	}
}

// null stands for NULL in the place of a value's length.
var null = []byte{0xff, 0xff, 0xff, 0xff}

// value appends one value with its length.
func (e *encoder) value(buf []byte, column int, v any) ([]byte, error) {
	oid := e.columns[column]
	switch x := v.(type) {
	case nil:
		return append(buf, null...), nil
	case *int64:
		return short(e, buf, oid, x, int8OIDs, appendInt[int64])
	case *string:
		return short(e, buf, oid, x, textOIDs, appendText)
	case *int:
		return short(e, buf, oid, x, int8OIDs, appendInt[int])
	case *time.Time:
		return short(e, buf, oid, x, timestamptzOIDs, appendTime)
	case *bool:
		return short(e, buf, oid, x, boolOIDs, appendBool)
	case *float64:
		return short(e, buf, oid, x, float8OIDs, appendFloat)
	case time.Time: // which Go's clock gave, or a default
		return short(e, buf, oid, &x, timestamptzOIDs, appendTime)
	}
	return e.other(buf, oid, v)
}

// The types of columns that take a Go value by the short cut.
var (
	int8OIDs        = [2]uint32{pgtype.Int8OID}
	textOIDs        = [2]uint32{pgtype.TextOID, pgtype.VarcharOID}
	timestamptzOIDs = [2]uint32{pgtype.TimestamptzOID}
	boolOIDs        = [2]uint32{pgtype.BoolOID}
	float8OIDs      = [2]uint32{pgtype.Float8OID}
)

// short appends what a pointer leads to; a column of another type takes it as pgx has it.
func short[T any](e *encoder, buf []byte, oid uint32, x *T, into [2]uint32, encode func([]byte, T) []byte) ([]byte, error) {
	switch {
	case x == nil:
		return append(buf, null...), nil
	case oid == into[0] || oid == into[1]:
		return encode(buf, *x), nil
	}
	return e.other(buf, oid, *x)
}

func appendInt[T int | int64](buf []byte, x T) []byte {
	return binary.BigEndian.AppendUint64(append(buf, 0, 0, 0, 8), uint64(x))
}

func appendText(buf []byte, x string) []byte {
	return append(binary.BigEndian.AppendUint32(buf, uint32(len(x))), x...)
}

func appendFloat(buf []byte, x float64) []byte {
	return binary.BigEndian.AppendUint64(append(buf, 0, 0, 0, 8), math.Float64bits(x))
}

func appendBool(buf []byte, x bool) []byte {
	if x {
		return append(buf, 0, 0, 0, 1, 1)
	}
	return append(buf, 0, 0, 0, 1, 0)
}

func appendTime(buf []byte, x time.Time) []byte {
	micros := (x.Unix()-unixTo2000)*1_000_000 + int64(x.Nanosecond())/1000
	return binary.BigEndian.AppendUint64(append(buf, 0, 0, 0, 8), uint64(micros))
}

// unixTo2000 is the beginning of 2000, which PostgreSQL counts from, in Unix seconds.
const unixTo2000 = 946_684_800

// other appends a value as pgx encodes it; what it can't write in binary it may read as
// text, as it does for a parameter of a statement.
func (e *encoder) other(buf []byte, oid uint32, v any) ([]byte, error) {
	start := len(buf)
	buf = append(buf, null...)
	encoded, err := e.types.Encode(oid, pgtype.BinaryFormatCode, v, buf)
	if err != nil {
		text, ok := v.(string)
		if !ok {
			raw, again := e.types.Encode(oid, pgtype.TextFormatCode, v, nil)
			if again != nil {
				return buf, err
			}
			if raw == nil {
				return buf, nil
			}
			text = string(raw)
		}
		var read any
		if again := e.types.Scan(oid, pgtype.TextFormatCode, []byte(text), &read); again != nil {
			return buf, err
		}
		if encoded, err = e.types.Encode(oid, pgtype.BinaryFormatCode, read, buf); err != nil {
			return buf, err
		}
	}
	if encoded == nil { // NULL
		return buf, nil
	}
	binary.BigEndian.PutUint32(encoded[start:], uint32(len(encoded)-start-4))
	return encoded, nil
}
