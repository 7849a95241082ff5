package oracle

import (
	"errors"
	"fmt"
	"hash/fnv"
	"slices"
	"time"

	"gorm.io/gorm"

	"github.com/go-dtde/dtde"
	"github.com/go-dtde/dtde/config"
)

// variant is one way to shard a model, and the rows that fit it.
type variant struct {
	name   string
	model  *model
	shards int
	entity func() dtde.Entity
	// keys are the shard key's columns.
	keys []string
	// regions, levels and the times are what rows are drawn from: all of them have a
	// shard.
	regions  []string
	levels   int // 0 to levels-1
	from, to time.Time
	// letters start the codes.
	letters []string
	// bad makes a row that has no shard; nil if every row has one.
	bad func(r *row)
	// tick is how much the clock moves per operation.
	tick time.Duration
	// graph is set for the models with relations, deep for many rows.
	graph *graph
	deep  bool
	// kin is set for the models with composite keys and foreign keys.
	kin *kin
	// models are all that the variant has tables of; nil: the model alone.
	models []*model
	// manual are the tables that the suite makes itself.
	manual []string
	// spread: the shards live in several databases, one of them the *gorm.DB's own if
	// ownShards; references are the tables that each has.
	spread, ownShards bool
	references        []string
}

var (
	newYork = mustZone("America/New_York")
	kolkata = mustZone("Asia/Kolkata")
	start   = time.Date(2022, 1, 1, 0, 0, 0, 0, time.UTC)
)

func mustZone(name string) *time.Location {
	loc, err := time.LoadLocation(name)
	if err != nil {
		panic(err)
	}
	return loc
}

// shardCounts are how many shards each strategy is run with.
var shardCounts = []int{1, 2, 3, 8}

var allRegions = []string{"EU", "US", "APAC", "us", "EU ", "Ä", "O'Hara", "", "11", "1", "MEA", "LATAM"}

func plainVariant(kind string, n int, m *model) *variant {
	return &variant{
		name: fmt.Sprintf("%s-%d", kind, n), model: m, shards: n,
		regions: allRegions, levels: 9,
		from: start, to: start.AddDate(2, 0, 0),
		letters: []string{"A", "C", "M", "N", "S", "Z", "b", "q", "ä", "7"},
		tick:    97 * time.Minute,
	}
}

// variants lists every strategy with every count of shards.
func variants() []*variant {
	var all []*variant
	for _, n := range shardCounts {
		all = append(all, byValue(n, false), byValue(n, true))
		all = append(all,
			byDate("month-utc", n, dtde.Month, time.UTC),
			byDate("quarter-kolkata", n, dtde.Quarter, kolkata),
			byDate("year-utc", n, dtde.Year, time.UTC),
			byDate("month-newyork", n, dtde.Month, newYork),
			byCreation(n),
			byHash("hash-id", n, items, "ID", "id"),
			byHash("hash-code", n, items, "Code", "code"),
			byHash("hash-textid", n, documents, "ID", "id"),
			byHash("hash-uuid", n, records, "ID", "id"),
			byRing(n), byAlphabet(n), byRange(n), byRowCount(n),
			byRegionAndQuarter(n), byComputed(n), byParity(n), byManualTables(n),
		)
	}
	return slices.Concat(all, graphVariants(), kinVariants(), deepVariants())
}

// all are the models that the variant has tables of.
func (v *variant) all() []*model {
	if v.models != nil {
		return v.models
	}
	return []*model{v.model}
}

// sharding is what dtde is told.
func (v *variant) sharding() []dtde.Entity {
	var entities []dtde.Entity
	if v.graph != nil {
		entities = v.graph.entities()
	} else if v.kin != nil {
		entities = v.kin.entities()
	} else {
		entities = []dtde.Entity{v.entity()}
	}
	if v.spread {
		return inDatabases(entities)
	}
	return entities
}

// migrate makes the tables of a side.
func (v *variant) migrate(db *gorm.DB) error {
	var values []any
	for _, m := range v.all() {
		values = append(values, m.one())
	}
	if v.graph != nil {
		// The join table is a model of its own, as one that is sharded must be.
		if err := errors.Join(db.SetupJoinTable(&Owner{}, "Clubs", &Membership{}), db.SetupJoinTable(&Club{}, "Owners", &Membership{})); err != nil {
			return err
		}
	}
	return db.AutoMigrate(values...)
}

func byValue(n int, fallback bool) *variant {
	v := plainVariant("value", n, items)
	v.keys = []string{"region"}
	listed := []string{"EU", "US", "us", "APAC", "1", "11", "O'Hara", "Ä"}[:n]
	if n > 2 { // ids that differ by case only are a fault
		listed = slices.DeleteFunc(slices.Clone(listed), func(s string) bool { return s == "us" })
		listed = append(listed, "MEA")
	}
	if fallback {
		listed = listed[:n-1]
		v.name = fmt.Sprintf("value-default-%d", n)
	} else {
		v.regions = listed
		v.bad = func(r *row) { r.Region = "nowhere" }
	}
	v.entity = func() dtde.Entity {
		// Names with an apostrophe or an umlaut are values of shards with plain ids.
		e := dtde.Model(&Item{}).ShardBy("Region")
		var shards []dtde.Shard
		var values []string
		for _, value := range listed {
			if value == "O'Hara" || value == "Ä" {
				shards = append(shards, dtde.Shard{ID: fmt.Sprintf("other%d", len(shards)), Values: []any{value}})
				continue
			}
			values = append(values, value)
		}
		e = e.WithShards(shards...)
		e.Strategy.Values = values
		if fallback {
			e = e.WithDefaultShard("rest")
		}
		return e
	}
	return v
}

func byDate(name string, n int, unit config.DateUnit, zone *time.Location) *variant {
	v := plainVariant(name, n, items)
	v.keys = []string{"ordered_at"}
	v.from = time.Date(2022, 1, 1, 0, 0, 0, 0, zone)
	switch unit {
	case dtde.Month:
		v.to = v.from.AddDate(0, n, 0)
	case dtde.Quarter:
		v.to = v.from.AddDate(0, 3*n, 0)
	default:
		v.to = v.from.AddDate(n, 0, 0)
	}
	v.bad = func(r *row) { r.OrderedAt = v.to.UTC() }
	v.entity = func() dtde.Entity { return dtde.Model(&Item{}).ShardByDate("OrderedAt", unit, v.from, v.to) }
	return v
}

// byCreation is sharded by the column that GORM fills; the clock passes midnights.
func byCreation(n int) *variant {
	v := plainVariant("created", n, items)
	v.keys = []string{"created_at"}
	v.tick = time.Duration(n) * 12 * time.Hour
	v.entity = func() dtde.Entity {
		return dtde.Model(&Item{}).ShardByDate("CreatedAt", dtde.Month, start, start.AddDate(40, 0, 0))
	}
	return v
}

func byHash(name string, n int, m *model, field, column string) *variant {
	v := plainVariant(name, n, m)
	v.keys = []string{column}
	v.entity = func() dtde.Entity { return dtde.Model(m.one()).ShardByHash(field, n) }
	return v
}

func byRing(n int) *variant {
	v := plainVariant("ring", n, items)
	v.keys = []string{"region"}
	v.entity = func() dtde.Entity {
		var nodes []dtde.RingNode
		for i := range n {
			nodes = append(nodes, dtde.RingNode{ID: fmt.Sprintf("n%d", i), Weight: 1 + i%2})
		}
		return dtde.Model(&Item{}).ShardByRing("Region", nodes...)
	}
	return v
}

func byAlphabet(n int) *variant {
	v := plainVariant("alphabet", n, items)
	v.keys = []string{"code"}
	ranges := map[int][]string{
		1: {}, 2: {"A-M"}, 3: {"A-M", "N-Z"}, 8: {"A-B", "C-D", "E-H", "I-M", "N-R", "S-V", "W-Z"},
	}[n]
	if len(ranges) == 0 {
		ranges = []string{"A-Z"}
		v.letters = []string{"A", "b", "Q", "z", "M", "N"}
		v.bad = func(r *row) { r.Code = "7" + r.Code }
	}
	v.entity = func() dtde.Entity {
		e := dtde.Model(&Item{}).ShardByAlphabet("Code", ranges...)
		if n > 1 {
			e = e.WithDefaultShard("rest")
		}
		return e
	}
	return v
}

func byRange(n int) *variant {
	v := plainVariant("range", n, items)
	v.keys = []string{"level"}
	v.levels = 2 * n
	v.bad = func(r *row) { r.Level = 2*n + 1000 }
	v.entity = func() dtde.Entity {
		var ranges []dtde.Range
		for i := range n {
			r := dtde.Range{ID: fmt.Sprintf("r%d", i), From: 2 * i, To: 2*i + 2}
			if i == 0 {
				r.From = nil
			}
			ranges = append(ranges, r)
		}
		return dtde.Model(&Item{}).ShardByRange("Level", ranges...)
	}
	return v
}

func byRowCount(n int) *variant {
	v := plainVariant("maxrows", n, items)
	v.keys = nil
	full := map[int]int64{1: 100000, 2: 60, 3: 30, 8: 9}[n]
	v.entity = func() dtde.Entity { return dtde.Model(&Item{}).ShardByMaxRows(full) }
	return v
}

func byRegionAndQuarter(n int) *variant {
	v := plainVariant("composite", n, items)
	v.keys = []string{"region", "ordered_at"}
	regions, quarters := 1, n
	if n == 8 {
		regions, quarters = 2, 4
	}
	v.regions = []string{"EU", "US"}[:regions]
	v.from, v.to = start, start.AddDate(0, 3*quarters, 0)
	v.bad = func(r *row) { r.Region = "nowhere" }
	v.entity = func() dtde.Entity {
		return dtde.Model(&Item{}).ShardByComposite(
			dtde.ByValue("Region", v.regions...), dtde.ByDate("OrderedAt", dtde.Quarter, v.from, v.to))
	}
	return v
}

// byComputed routes by the remainder of two fields' sum of lengths.
func byComputed(n int) *variant {
	v := plainVariant("computed", n, items)
	v.keys = []string{"region", "level"}
	v.entity = func() dtde.Entity {
		compute := func(fields []dtde.Value) (dtde.Value, error) {
			level, _ := fields[1].AsInt()
			return config.Int((int64(len(fields[0].AsString())) + level) % int64(n)), nil
		}
		var ranges []dtde.Range
		for i := range n {
			ranges = append(ranges, dtde.Range{ID: fmt.Sprintf("c%d", i), From: i, To: i + 1})
		}
		inner := dtde.ByRange("", ranges...)
		inner.Fields = nil
		return dtde.Model(&Item{}).ShardByComputed("length-and-level/1", compute, config.KindInt, inner, "Region", "Level")
	}
	return v
}

// makeManual makes the variant's tables on a plain handle.
func (v *variant) makeManual(raw *gorm.DB) error {
	for _, name := range v.manual {
		if err := raw.Table(name).AutoMigrate(v.model.one()); err != nil {
			return err
		}
	}
	return nil
}

// hash makes seeds of names.
func hash(parts ...any) uint64 {
	h := fnv.New64a()
	fmt.Fprint(h, parts...)
	return h.Sum64()
}
