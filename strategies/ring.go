package strategies

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/cespare/xxhash/v2"

	"github.com/go-dtde/dtde/config"
)

// The bounds of a ring.
const (
	// DefaultVirtualNodes is the number of points per weight unit of a ring's shard.
	DefaultVirtualNodes = 160
	// MaxVirtualNodes is the largest number of points per weight unit.
	MaxVirtualNodes = 1024
	// MaxWeight is the largest weight of a ring's shard.
	MaxWeight = 1000
	// MaxRingPoints is the largest number of points of all shards together.
	MaxRingPoints = 1 << 20
)

// onRing spreads keys over shards that own the arcs of a circle. A key belongs to the
// first point at or after its hash, so a shard more takes keys only for itself.
type onRing struct {
	roster
	refusals
	key    config.KeyColumn
	hashes []uint64 // of all points, ascending
	owners []uint16 // of the same points: the position of their shard
	sum    func([]byte) uint64
	print  string
}

func newOnRing(spec config.StrategySpec, key config.KeyColumn) (config.Strategy, error) {
	f := faults{field: label(&key)}
	s := &onRing{key: key, refusals: newRefusals(&key, "no arc for"), sum: spec.RingHash.Sum}
	each := spec.VirtualNodes
	if each == 0 {
		each = DefaultVirtualNodes
	}
	if each < 1 || each > MaxVirtualNodes {
		f.add("the number of virtual nodes must be 1 to %d, not %d", MaxVirtualNodes, each)
	}
	if (spec.RingHash.Sum == nil) != (spec.RingHash.Name == "") {
		f.add("a ring hash needs both a name and a function")
	}
	if len(spec.Nodes) == 0 || len(spec.Nodes) > MaxSlots {
		f.add("a ring needs 1 to %d shards, not %d", MaxSlots, len(spec.Nodes))
	}
	total := 0
	for _, n := range spec.Nodes {
		weight := max(n.Weight, 0)
		if n.Weight == 0 {
			weight = 1
		}
		if n.Weight < 0 || n.Weight > MaxWeight {
			f.at(n.ID, "the weight must be 1 to %d, not %d", MaxWeight, n.Weight)
		}
		if n.ID == "" {
			f.add("a shard of the ring has no id")
		} else if slices.Contains(s.ids, n.ID) {
			f.at(n.ID, "the shard is on the ring twice")
		}
		s.add(n.ID)
		total += weight * each
	}
	if len(f.list) == 0 && total > MaxRingPoints {
		f.add("the weights make %d points on the ring, more than %d; use smaller weights or fewer virtual nodes", total, MaxRingPoints)
	}
	if err := f.err(); err != nil {
		return nil, err
	}
	s.lay(spec.Nodes, each, total)
	name := spec.RingHash.Name
	if name == "" {
		name = hashName
	}
	// All nodes stand on one line: a node more moves keys.
	nodes := make([]string, len(spec.Nodes))
	for i, n := range spec.Nodes {
		nodes[i] = fmt.Sprintf("%q*%d", n.ID, max(n.Weight, 1))
	}
	slices.Sort(nodes)
	var l lines
	l.add("strategy", "ring/1")
	l.add("hash", quote(name))
	l.add("virtual nodes", strconv.Itoa(each))
	l.add("nodes", strings.Join(nodes, " "))
	l.add("key", resolution(&key))
	s.print = l.String()
	return s, nil
}

// lay computes the points of all shards: the hash of a version byte 1, a tag byte 16,
// the id, "#" and the point's number from 0.
func (s *onRing) lay(nodes []config.RingNode, each, total int) {
	type point struct {
		hash  uint64
		owner uint16
	}
	points := make([]point, 0, total)
	var b []byte
	for i, n := range nodes {
		b = append(append(b[:0], hashVersion, tagNode), n.ID...)
		b = append(b, '#')
		stem := len(b)
		for p := range max(n.Weight, 1) * each {
			b = strconv.AppendInt(b[:stem], int64(p), 10)
			points = append(points, point{s.hash(b), uint16(i)})
		}
	}
	// Two points at one place are ordered by id, so that the order in which shards are
	// listed decides nothing.
	slices.SortFunc(points, func(a, b point) int {
		return cmp.Or(cmp.Compare(a.hash, b.hash), cmp.Compare(nodes[a.owner].ID, nodes[b.owner].ID))
	})
	s.hashes = make([]uint64, len(points))
	s.owners = make([]uint16, len(points))
	for i, p := range points {
		s.hashes[i], s.owners[i] = p.hash, p.owner
	}
}

func (s *onRing) hash(b []byte) uint64 {
	if s.sum != nil {
		return s.sum(b)
	}
	return xxhash.Sum64(b)
}

// scratch lends buffers to functions of the program, to which one on the stack cannot
// be given.
var scratch = sync.Pool{New: func() any { b := make([]byte, 0, 128); return &b }}

func (s *onRing) hashKey(v config.Value) uint64 {
	if s.sum == nil {
		return Hash(v)
	}
	b := scratch.Get().(*[]byte)
	*b = appendKey((*b)[:0], v, v.AsString())
	h := s.sum(*b)
	scratch.Put(b)
	return h
}

func (s *onRing) Name() string        { return "ring" }
func (s *onRing) Fingerprint() string { return s.print }

func (s *onRing) Check(keys []config.KeyColumn) error { return checkHashed("ring", keys) }

// home gives the shard of a value, or -1.
func (s *onRing) home(v config.Value) int {
	if v.Kind() != s.key.Kind {
		return -1
	}
	h := s.hashKey(cut(&s.key, v))
	lo, hi := 0, len(s.hashes)
	for lo < hi {
		if mid := (lo + hi) / 2; s.hashes[mid] < h {
			lo = mid + 1
		} else {
			hi = mid
		}
	}
	if lo == len(s.hashes) {
		lo = 0
	}
	return int(s.owners[lo])
}

func (s *onRing) Place(key []config.Value) (string, error) {
	if len(key) != 1 {
		return "", s.missing
	}
	return s.place(key[0])
}

func (s *onRing) place(v config.Value) (string, error) {
	if v.IsNull() {
		return "", s.missing
	}
	if i := s.home(v); i >= 0 {
		return s.ids[i], nil
	}
	return "", s.notFound
}

func (s *onRing) Route(q config.RouteQuery) config.Routing {
	if len(q.Keys) != 1 {
		return config.Routing{All: true}
	}
	return s.points(q.Known, q.Keys[0], s.home)
}
