package pgxcopy

import (
	"encoding/binary"
	"fmt"
	"io"
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
		values, err := e.rows.Values()
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

// value appends one value with its length.
func (e *encoder) value(buf []byte, column int, v any) ([]byte, error) {
	oid := e.columns[column]
	switch x := v.(type) {
	case nil:
		return append(buf, 0xff, 0xff, 0xff, 0xff), nil
	case int64:
		if oid == pgtype.Int8OID {
			return binary.BigEndian.AppendUint64(append(buf, 0, 0, 0, 8), uint64(x)), nil
		}
	case int:
		if oid == pgtype.Int8OID {
			return binary.BigEndian.AppendUint64(append(buf, 0, 0, 0, 8), uint64(x)), nil
		}
	case string:
		if oid == pgtype.TextOID || oid == pgtype.VarcharOID {
			return append(binary.BigEndian.AppendUint32(buf, uint32(len(x))), x...), nil
		}
	case bool:
		if oid == pgtype.BoolOID {
			if x {
				return append(buf, 0, 0, 0, 1, 1), nil
			}
			return append(buf, 0, 0, 0, 1, 0), nil
		}
	case time.Time:
		if oid == pgtype.TimestamptzOID {
			micros := (x.Unix()-unixTo2000)*1_000_000 + int64(x.Nanosecond())/1000
			return binary.BigEndian.AppendUint64(append(buf, 0, 0, 0, 8), uint64(micros)), nil
		}
	}
	return e.other(buf, oid, v)
}

// unixTo2000 is the beginning of 2000, which PostgreSQL counts from, in Unix seconds.
const unixTo2000 = 946_684_800

// other appends a value as pgx encodes it; what it can't write in binary it may read as
// text, as it does for a parameter of a statement.
func (e *encoder) other(buf []byte, oid uint32, v any) ([]byte, error) {
	start := len(buf)
	buf = append(buf, 0xff, 0xff, 0xff, 0xff)
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
