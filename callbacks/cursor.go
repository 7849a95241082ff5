package callbacks

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"math"
	"time"

	"github.com/go-dtde/dtde/config"
	"github.com/go-dtde/dtde/planner"
)

// A cursor is, in URL-safe base64 without padding:
//
//	version | order | values, one per column | sum
//
// order is a digest of the entity and the columns with their directions, sum one of
// everything before it: it finds cursors that were cut or mistyped, and protects against
// nobody. A value is a tag and, but for NULL, its length and bytes. Names, shards and
// catalog epochs are no part of it: a cursor stays good when shards come and go.
const (
	cursorVersion = 1
	orderBytes    = 8
	sumBytes      = 4
)

// orderDigest is what two statements share if a cursor of one fits the other.
func orderDigest(entity string, k *planner.Keyset) [orderBytes]byte {
	h := sha256.New()
	_, _ = fmt.Fprintf(h, "%q", entity)
	for _, c := range k.Columns {
		_, _ = fmt.Fprintf(h, "%q %t", c.Column, c.Desc)
	}
	return [orderBytes]byte(h.Sum(nil)[:orderBytes])
}

func encodeCursor(order [orderBytes]byte, values []any) (string, error) {
	b := append([]byte{cursorVersion}, order[:]...)
	put := func(tag byte, data []byte) {
		b = append(b, tag)
		b = binary.AppendUvarint(b, uint64(len(data)))
		b = append(b, data...)
	}
	for _, v := range values {
		switch v := v.(type) {
		case nil:
			b = append(b, 'n')
		case int64:
			put('i', binary.BigEndian.AppendUint64(nil, uint64(v)))
		case uint64:
			put('u', binary.BigEndian.AppendUint64(nil, v))
		case float64:
			put('f', binary.BigEndian.AppendUint64(nil, math.Float64bits(v)))
		case bool:
			if v {
				put('b', []byte{1})
			} else {
				put('b', []byte{0})
			}
		case string:
			put('s', []byte(v))
		case []byte:
			put('x', v)
		case time.Time:
			data, err := v.UTC().MarshalBinary()
			if err != nil {
				return "", fmt.Errorf("encode a cursor: %w", err)
			}
			put('t', data)
		default:
			return "", fmt.Errorf("encode a cursor: a value of type %T", v)
		}
	}
	sum := sha256.Sum256(b)
	return base64.RawURLEncoding.EncodeToString(append(b, sum[:sumBytes]...)), nil
}

// malformed is one answer for everything that is not a cursor of this version.
func malformed(entity string) error {
	return &config.CursorError{Entity: entity, Problem: "it is malformed, or of another version", Hint: `begin with the first page, dtde.After("")`}
}

func decodeCursor(entity, text string, order [orderBytes]byte, n int) ([]any, error) {
	b, err := base64.RawURLEncoding.Strict().DecodeString(text)
	if err != nil || len(b) < 1+orderBytes+sumBytes || b[0] != cursorVersion {
		return nil, malformed(entity)
	}
	sum := sha256.Sum256(b[:len(b)-sumBytes])
	if [sumBytes]byte(sum[:sumBytes]) != [sumBytes]byte(b[len(b)-sumBytes:]) {
		return nil, malformed(entity)
	}
	b = b[1 : len(b)-sumBytes]
	if [orderBytes]byte(b[:orderBytes]) != order {
		return nil, &config.CursorError{
			Entity: entity, Problem: "it was made for another model, or another ORDER BY",
			Hint: `give the statement the order that the cursor's page had, or begin with dtde.After("")`,
		}
	}
	b = b[orderBytes:]
	values := make([]any, 0, n)
	for len(b) > 0 {
		v, rest, ok := decodeValue(b)
		if !ok {
			return nil, malformed(entity)
		}
		values, b = append(values, v), rest
	}
	if len(values) != n {
		return nil, malformed(entity)
	}
	return values, nil
}

func decodeValue(b []byte) (v any, rest []byte, ok bool) {
	tag := b[0]
	if tag == 'n' {
		return nil, b[1:], true
	}
	size, width := binary.Uvarint(b[1:])
	if width <= 0 || size > uint64(len(b)-1-width) {
		return nil, nil, false
	}
	data := b[1+width : 1+width+int(size)]
	rest = b[1+width+int(size):]
	switch {
	case tag == 's':
		return string(data), rest, true
	case tag == 'x':
		return append([]byte{}, data...), rest, true
	case tag == 'b' && size == 1:
		return data[0] == 1, rest, true
	case tag == 't':
		var t time.Time
		err := t.UnmarshalBinary(data)
		return t.UTC(), rest, err == nil
	case size != 8:
		return nil, nil, false
	}
	bits := binary.BigEndian.Uint64(data)
	switch tag {
	case 'i':
		return int64(bits), rest, true
	case 'u':
		return bits, rest, true
	case 'f':
		return math.Float64frombits(bits), rest, true
	}
	return nil, nil, false
}
