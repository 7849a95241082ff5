package merge

import (
	"database/sql/driver"
	"encoding/binary"
	"fmt"
	"math"
	"math/big"
	"time"
)

// appendIdentity appends an encoding of v to key that is equal for exactly those values which DISTINCT and GROUP BY hold
// for equal: what compares as 0, and NULL with NULL. It is self-delimiting, so that encodings can follow one another.
func appendIdentity(key []byte, v driver.Value, kind columnKind) ([]byte, error) {
	switch v := v.(type) {
	case nil:
		return append(key, 'n'), nil
	case bool:
		if v {
			return append(key, 'b', 1), nil
		}
		return append(key, 'b', 0), nil
	case string:
		return appendTextIdentity(key, v, kind)
	case []byte:
		return appendTextIdentity(key, v, kind)
	case time.Time:
		key = binary.BigEndian.AppendUint64(append(key, 't'), uint64(v.Unix()))
		return binary.BigEndian.AppendUint32(key, uint32(v.Nanosecond())), nil
	}
	if n, ok := numberOf(v); ok {
		return appendNumberIdentity(key, n), nil
	}
	return key, fmt.Errorf("%w: %T", ErrIncomparable, v)
}

func appendNumberIdentity(key []byte, n number) []byte {
	if n.kind == floating {
		// A float that is an integer is the same key as that integer.
		if n.f == math.Trunc(n.f) {
			if n.f >= -two63 && n.f < two63 {
				n = number{i: int64(n.f)}
			} else if n.f >= two63 && n.f < two64 {
				n = number{kind: unsigned, u: uint64(n.f)}
			}
		}
	}
	switch n.kind {
	case signed:
		return binary.BigEndian.AppendUint64(append(key, 'i'), uint64(n.i))
	case unsigned:
		return binary.BigEndian.AppendUint64(append(key, 'u'), n.u)
	}
	if math.IsNaN(n.f) {
		n.f = math.NaN() // one of the many
	}
	return binary.BigEndian.AppendUint64(append(key, 'f'), math.Float64bits(n.f))
}

func appendTextIdentity[T text](key []byte, s T, kind columnKind) ([]byte, error) {
	switch kind {
	case opaqueColumn:
		return key, fmt.Errorf("%w: text of a type that only the engine can compare", ErrIncomparable)
	case numericColumn:
		return appendDecimalIdentity(key, string(s))
	}
	key = binary.AppendUvarint(append(key, 's'), uint64(len(s)))
	return append(key, s...), nil
}

func appendDecimalIdentity(key []byte, s string) ([]byte, error) {
	d, ok := parseDecimal(s)
	if !ok {
		return key, fmt.Errorf("%w: text that is no decimal number", ErrIncomparable)
	}
	value := d.rat()
	if value.IsInt() {
		i := value.Num()
		if i.IsInt64() {
			return appendNumberIdentity(key, number{i: i.Int64()}), nil
		}
		if i.IsUint64() {
			return appendNumberIdentity(key, number{kind: unsigned, u: i.Uint64()}), nil
		}
	}
	if f, exact := value.Float64(); exact {
		return appendNumberIdentity(key, number{kind: floating, f: f}), nil
	}
	return appendRatIdentity(key, value), nil
}

// appendRatIdentity relies on big.Rat keeping its fraction in lowest terms.
func appendRatIdentity(key []byte, value *big.Rat) []byte {
	s := value.RatString()
	key = binary.AppendUvarint(append(key, 'd'), uint64(len(s)))
	return append(key, s...)
}
