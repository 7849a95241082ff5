package strategies

import (
	"encoding/binary"
	"fmt"
	"math/bits"

	"github.com/cespare/xxhash/v2"

	"github.com/go-dtde/dtde/config"
)

// The encoding of keys for hashing. These numbers are in every hash: changing one is a
// data migration, and hashVersion must change with it.
const (
	hashVersion = 1

	tagBool    = 1
	tagInt     = 2 // fits into int64
	tagBigInt  = 3 // above math.MaxInt64
	tagText    = 4
	tagBytes   = 5
	tagInstant = 6
	tagNode    = 16 // a ring's point, not a key
)

// hashName names Hash in fingerprints.
const hashName = "xxh64/1"

// MaxSlots is the largest number of hash slots.
const MaxSlots = 4096

// Hash is the stable 64-bit hash of a key value, "xxh64/1": XXH64 with seed 0 over a
// version byte 1, a tag byte and the value:
//
//	1  bool     one byte, 0 or 1
//	2  integer  eight bytes, little endian, two's complement; every width alike
//	3  integer  above 2^63-1: eight bytes, little endian, unsigned
//	4  text     its bytes
//	5  bytes    its bytes
//	6  time     Unix seconds as an integer, then nanoseconds as four bytes, little endian
//
// It is the same in every process and on every machine, for ever.
func Hash(v config.Value) uint64 {
	var buf [128]byte
	if text := v.AsString(); len(text) > len(buf)-2 {
		var d xxhash.Digest
		d.Reset()
		_, _ = d.Write(appendKey(buf[:0], v, ""))
		_, _ = d.WriteString(text)
		return d.Sum64()
	}
	return xxhash.Sum64(appendKey(buf[:0], v, v.AsString()))
}

// appendKey appends the encoding of a key value, whose text is given.
func appendKey(b []byte, v config.Value, text string) []byte {
	b = append(b, hashVersion)
	switch v.Kind() {
	case config.KindBool:
		if v.AsBool() {
			return append(b, tagBool, 1)
		}
		return append(b, tagBool, 0)
	case config.KindInt:
		if i, ok := v.AsInt(); ok {
			return binary.LittleEndian.AppendUint64(append(b, tagInt), uint64(i))
		}
		u, _ := v.AsUint()
		return binary.LittleEndian.AppendUint64(append(b, tagBigInt), u)
	case config.KindTime:
		t := v.AsTime()
		b = binary.LittleEndian.AppendUint64(append(b, tagInstant), uint64(t.Unix()))
		return binary.LittleEndian.AppendUint32(b, uint32(t.Nanosecond()))
	case config.KindBytes:
		return append(append(b, tagBytes), text...)
	}
	return append(append(b, tagText), text...)
}

// Slot maps a hash to one of so many slots by its high bits: the upper half of the
// 128-bit product hash × slots. Slots differ by at most one hash in 2^64/slots.
func Slot(hash uint64, slots int) int {
	slot, _ := bits.Mul64(hash, uint64(slots))
	return int(slot)
}

// byHash spreads keys over a fixed number of slots.
type byHash struct {
	roster
	refusals
	key   config.KeyColumn
	print string
}

func newByHash(spec config.StrategySpec, key config.KeyColumn) (config.Strategy, error) {
	f := faults{field: label(&key)}
	s := &byHash{key: key, refusals: newRefusals(&key, "no slot for")}
	if spec.Slots < 1 || spec.Slots > MaxSlots {
		f.add("the number of slots must be 1 to %d, not %d", MaxSlots, spec.Slots)
		return nil, f.err()
	}
	for i := range spec.Slots {
		s.add(fmt.Sprint(i))
	}
	var l lines
	l.add("strategy", "hash/1")
	l.add("hash", hashName)
	l.add("slots", fmt.Sprint(spec.Slots))
	l.add("key", resolution(&key))
	s.print = l.String()
	return s, nil
}

// resolution prints what decides the hashed form of a key: its kind, and a time's
// precision.
func resolution(k *config.KeyColumn) string {
	switch {
	case k.Kind != config.KindTime:
		return k.Kind.String()
	case k.DateOnly:
		return "date"
	}
	return "time/" + max(k.Precision, 1).String()
}

func (s *byHash) Name() string        { return "hash" }
func (s *byHash) Fingerprint() string { return s.print }

func (s *byHash) Check(keys []config.KeyColumn) error { return checkHashed("hash", keys) }

// checkHashed refuses text that the database holds equal while its bytes differ: such
// keys would hash to different shards.
func checkHashed(name string, keys []config.KeyColumn) error {
	if err := checkOne(name, keys, config.KindBool, config.KindInt, config.KindString, config.KindBytes, config.KindTime); err != nil {
		return err
	}
	if !readable(&keys[0]) {
		return &config.ConfigError{Field: label(&keys[0]), Problem: "the column compares text otherwise than by bytes, so equal keys could hash apart; " +
			"give it a binary collation without padding, or shard by value"}
	}
	return nil
}

// home gives the slot of a value, or -1.
func (s *byHash) home(v config.Value) int {
	if v.Kind() != s.key.Kind {
		return -1
	}
	return Slot(Hash(cut(&s.key, v)), len(s.ids))
}

func (s *byHash) Place(key []config.Value) (string, error) {
	if len(key) != 1 {
		return "", s.missing
	}
	return s.place(key[0])
}

func (s *byHash) place(v config.Value) (string, error) {
	if v.IsNull() {
		return "", s.missing
	}
	if i := s.home(v); i >= 0 {
		return s.ids[i], nil
	}
	return "", s.notFound
}

func (s *byHash) Route(q config.RouteQuery) config.Routing {
	if len(q.Keys) != 1 {
		return config.Routing{All: true}
	}
	return s.points(q.Known, q.Keys[0], s.home)
}
