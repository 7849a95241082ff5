package tests

import (
	"math"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"gorm.io/gorm"

	"github.com/go-dtde/dtde"
	"github.com/go-dtde/dtde/config"
	"github.com/go-dtde/dtde/internal/wheregen"
)

// Rest are the columns that every model of the routing property has beside its key.
type Rest struct {
	Name   string `gorm:"size:16"`
	Amount int
}

type (
	textWord struct {
		ID   int64  `gorm:"primaryKey;autoIncrement:false"`
		Code string `gorm:"size:128"`
		Rest
	}
	nullableWord struct {
		ID   int64   `gorm:"primaryKey;autoIncrement:false"`
		Code *string `gorm:"size:128"`
		Rest
	}
	intWord struct {
		ID   int64 `gorm:"primaryKey;autoIncrement:false"`
		Code int64
		Rest
		DeletedAt gorm.DeletedAt
	}
	nullableInt struct {
		ID   int64 `gorm:"primaryKey;autoIncrement:false"`
		Code *int64
		Rest
	}
	uintWord struct {
		ID   int64 `gorm:"primaryKey;autoIncrement:false"`
		Code uint64
		Rest
	}
	boolWord struct {
		ID   int64 `gorm:"primaryKey;autoIncrement:false"`
		Code bool
		Rest
	}
	bytesWord struct {
		ID   int64  `gorm:"primaryKey;autoIncrement:false"`
		Code []byte `gorm:"size:32"`
		Rest
	}
	uuidWord struct {
		ID   int64  `gorm:"primaryKey;autoIncrement:false"`
		Code string `gorm:"type:uuid"`
		Rest
	}
	timeWord struct {
		ID int64 `gorm:"primaryKey;autoIncrement:false"`
		At time.Time
		Rest
	}
	dateWord struct {
		ID int64     `gorm:"primaryKey;autoIncrement:false"`
		At time.Time `gorm:"type:date"`
		Rest
	}
	secondWord struct {
		ID int64     `gorm:"primaryKey;autoIncrement:false"`
		At time.Time `gorm:"type:timestamp"`
		Rest
	}
	pairWord struct {
		ID   int64  `gorm:"primaryKey;autoIncrement:false"`
		Code string `gorm:"size:128"`
		At   time.Time
		Rest
	}
	slotWord struct {
		ID   int64 `gorm:"primaryKey"`
		Code int64
		Rest
	}
)

func drawnRest(r *rand.Rand) Rest {
	return Rest{Name: []string{"US", "EU", "x", ""}[r.IntN(4)], Amount: r.IntN(5)}
}

func oneOf[T any](r *rand.Rand, list []T) T { return list[r.IntN(len(list))] }

// rowsOf draws n rows of a model.
func rowsOf[T any](row func(r *rand.Rand, id int64) T) func(*rand.Rand, int) any {
	return func(r *rand.Rand, n int) any {
		rows := make([]T, n)
		for i := range rows {
			rows[i] = row(r, int64(i+1))
		}
		return rows
	}
}

func textRows(from []string) func(*rand.Rand, int) any {
	return rowsOf(func(r *rand.Rand, id int64) textWord {
		return textWord{ID: id, Code: oneOf(r, from), Rest: drawnRest(r)}
	})
}

func intRows(from []int64) func(*rand.Rand, int) any {
	return rowsOf(func(r *rand.Rand, id int64) intWord {
		w := intWord{ID: id, Code: oneOf(r, from), Rest: drawnRest(r)}
		if r.IntN(9) == 0 {
			w.DeletedAt = gorm.DeletedAt{Time: utc(2024, 1, 1), Valid: true}
		}
		return w
	})
}

func timeRows() func(*rand.Rand, int) any {
	return rowsOf(func(r *rand.Rand, id int64) timeWord {
		return timeWord{ID: id, At: oneOf(r, routedTimes), Rest: drawnRest(r)}
	})
}

// about gives the conditions of a model with the given key columns.
func about(key ...wheregen.Column) func(string, []int64) *wheregen.Model {
	return func(_ string, ids []int64) *wheregen.Model { return conditionsOn(ids, key...) }
}

func fixed(e dtde.Entity) func(string) dtde.Entity { return func(string) dtde.Entity { return e } }

var early, late = utc(2023, 1, 1), utc(2026, 1, 1)

// routedCases are entities with every strategy and every kind of key.
func routedCases() []routedCase {
	text := func(name string, e dtde.Entity, from []string) routedCase {
		return routedCase{name: name, entity: fixed(e), rows: textRows(from), table: "text_words", where: about(textColumn("code"))}
	}
	ints := func(name string, e dtde.Entity, from []int64) routedCase {
		return routedCase{name: name, entity: fixed(e), rows: intRows(from), table: "int_words", where: about(intColumn("code"))}
	}
	times := func(name string, e dtde.Entity) routedCase {
		return routedCase{name: name, entity: fixed(e), rows: timeRows(), table: "time_words", where: about(timeColumn("at"))}
	}
	folded := dtde.Model(&textWord{}).ShardBy("Code", "EU", "US", "Ä").WithDefaultShard("rest")
	folded.Strategy.FoldCase = true
	all := []routedCase{
		text("value-text", dtde.Model(&textWord{}).ShardBy("Code", "EU", "US").
			WithShards(dtde.Shard{ID: "small", Values: []any{"us", "us ", "ä", ""}}).WithDefaultShard("rest"), routedTexts),
		text("value-text-listed", dtde.Model(&textWord{}).ShardBy("Code", "EU", "US", "a", "1").
			WithShards(dtde.Shard{ID: "smile", Values: []any{"🙂"}}), []string{"EU", "US", "a", "1", "🙂"}),
		text("value-text-folded", folded, routedTexts),
		text("hash-text", dtde.Model(&textWord{}).ShardByHash("Code", 8), routedTexts),
		text("ring-text", dtde.Model(&textWord{}).ShardByRing("Code", dtde.RingNode{ID: "one"}, dtde.RingNode{ID: "two", Weight: 2}, dtde.RingNode{ID: "three"}), routedTexts),
		text("alphabet", dtde.Model(&textWord{}).ShardByAlphabet("Code", "A-M", "N-Z").WithDefaultShard("rest"), routedTexts),
		text("range-text", dtde.Model(&textWord{}).ShardByRange("Code", dtde.Range{ID: "low", To: "US"}, dtde.Range{ID: "mid", From: "US", To: "a"}, dtde.Range{ID: "high", From: "a"}), routedTexts),
		text("computed-text", dtde.Model(&textWord{}).ShardByComputed("length/1", lengthOf, config.KindInt,
			dtde.ByRange("", dtde.Range{ID: "short", To: 2}, dtde.Range{ID: "long", From: 2}), "Code"), routedTexts),
		text("max-rows", dtde.Model(&textWord{}).ShardByMaxRows(50), routedTexts),
		ints("value-int", dtde.Model(&intWord{}).ShardBy("Code", "1", "5", "-7", "9223372036854775807").WithDefaultShard("rest"), routedInts),
		ints("hash-int", dtde.Model(&intWord{}).ShardByHash("Code", 8), routedInts),
		ints("range-int", dtde.Model(&intWord{}).ShardByRange("Code", dtde.Range{ID: "negative", To: 0}, dtde.Range{ID: "small", From: 0, To: 10},
			dtde.Range{ID: "large", From: 10, To: int64(1 << 53)}, dtde.Range{ID: "huge", From: int64(1 << 53)}), routedInts),
		{
			name: "hash-uint", engines: []string{"mariadb"}, entity: fixed(dtde.Model(&uintWord{}).ShardByHash("Code", 8)), table: "uint_words",
			rows: rowsOf(func(r *rand.Rand, id int64) uintWord {
				return uintWord{ID: id, Code: oneOf(r, routedUints), Rest: drawnRest(r)}
			}),
			where: about(uintColumn("code")),
		},
		{
			name: "range-uint", engines: []string{"mariadb"}, table: "uint_words",
			entity: fixed(dtde.Model(&uintWord{}).ShardByRange("Code", dtde.Range{ID: "low", To: 100}, dtde.Range{ID: "mid", From: 100, To: uint64(math.MaxInt64 + 1)}, dtde.Range{ID: "high", From: uint64(math.MaxInt64 + 1)})),
			rows: rowsOf(func(r *rand.Rand, id int64) uintWord {
				return uintWord{ID: id, Code: oneOf(r, routedUints), Rest: drawnRest(r)}
			}),
			where: about(uintColumn("code")),
		},
		{
			name: "value-bool", entity: fixed(dtde.Model(&boolWord{}).ShardBy("Code", "true", "false")), table: "bool_words",
			rows: rowsOf(func(r *rand.Rand, id int64) boolWord {
				return boolWord{ID: id, Code: r.IntN(2) == 0, Rest: drawnRest(r)}
			}),
			where: about(boolColumn("code")),
		},
		{
			name: "hash-bytes", entity: fixed(dtde.Model(&bytesWord{}).ShardByHash("Code", 4)), table: "bytes_words",
			rows: rowsOf(func(r *rand.Rand, id int64) bytesWord {
				return bytesWord{ID: id, Code: oneOf(r, routedBytes), Rest: drawnRest(r)}
			}),
			where: about(bytesColumn("code")),
		},
		{
			name: "range-bytes", entity: fixed(dtde.Model(&bytesWord{}).ShardByRange("Code", dtde.Range{ID: "low", To: []byte("US")}, dtde.Range{ID: "high", From: []byte("US")})), table: "bytes_words",
			rows: rowsOf(func(r *rand.Rand, id int64) bytesWord {
				return bytesWord{ID: id, Code: oneOf(r, routedBytes), Rest: drawnRest(r)}
			}),
			where: about(bytesColumn("code")),
		},
		{
			name: "hash-uuid", entity: fixed(dtde.Model(&uuidWord{}).ShardByHash("Code", 4)), table: "uuid_words",
			rows: rowsOf(func(r *rand.Rand, id int64) uuidWord {
				return uuidWord{ID: id, Code: oneOf(r, routedUUIDs), Rest: drawnRest(r)}
			}),
			where: about(uuidColumn("code")),
		},
		times("month-utc", dtde.Model(&timeWord{}).ShardByDate("At", dtde.Month, early, late)),
		times("month-berlin", dtde.Model(&timeWord{}).ShardByDate("At", dtde.Month, early, late).InLocation(berlin)),
		times("day-dubai", dtde.Model(&timeWord{}).ShardByDate("At", dtde.Day, early, late).InLocation(dubai)),
		times("week-newyork", dtde.Model(&timeWord{}).ShardByDate("At", dtde.Week, early, late).InLocation(newYork)),
		times("year-utc", dtde.Model(&timeWord{}).ShardByDate("At", dtde.Year, early, late)),
		times("hash-time", dtde.Model(&timeWord{}).ShardByHash("At", 8)),
		times("range-time", dtde.Model(&timeWord{}).ShardByRange("At", dtde.Range{ID: "old", To: utc(2024, 1, 1)}, dtde.Range{ID: "new", From: utc(2024, 1, 1)})),
		{
			name: "month-of-date", entity: fixed(dtde.Model(&dateWord{}).ShardByDate("At", dtde.Month, early, late)), table: "date_words",
			rows: rowsOf(func(r *rand.Rand, id int64) dateWord {
				return dateWord{ID: id, At: oneOf(r, routedTimes).UTC().Truncate(24 * time.Hour), Rest: drawnRest(r)}
			}),
			where: about(timeColumn("at")),
		},
		{
			name: "day-of-timestamp", engines: []string{"postgres"}, entity: fixed(dtde.Model(&secondWord{}).ShardByDate("At", dtde.Day, early, late)), table: "second_words",
			rows: rowsOf(func(r *rand.Rand, id int64) secondWord {
				return secondWord{ID: id, At: oneOf(r, routedTimes).UTC(), Rest: drawnRest(r)}
			}),
			where: about(timeColumn("at")),
		},
		{
			name: "month-of-timestamp", entity: fixed(dtde.Model(&secondWord{}).ShardByDate("At", dtde.Month, early, late)), table: "second_words",
			rows: rowsOf(func(r *rand.Rand, id int64) secondWord {
				return secondWord{ID: id, At: oneOf(r, routedTimes).UTC(), Rest: drawnRest(r)}
			}),
			where: about(timeColumn("at")),
		},
		{
			name: "value-by-month", table: "pair_words",
			entity: fixed(dtde.Model(&pairWord{}).ShardByComposite(dtde.ByValue("Code", "EU", "US"), dtde.ByDate("At", dtde.Quarter, early, late))),
			rows: rowsOf(func(r *rand.Rand, id int64) pairWord {
				return pairWord{ID: id, Code: oneOf(r, []string{"EU", "US"}), At: oneOf(r, routedTimes), Rest: drawnRest(r)}
			}),
			where: about(textColumn("code"), timeColumn("at")),
		},
		{
			name: "slots", entity: fixed(dtde.Model(&slotWord{}).ShardByHash("Code", 4).WithKeys(dtde.KeySpec{Source: config.KeyTimeOrdered, CarrySlot: true})), table: "slot_words",
			rows: rowsOf(func(r *rand.Rand, _ int64) slotWord { return slotWord{Code: oneOf(r, routedInts), Rest: drawnRest(r)} }),
			where: func(_ string, ids []int64) *wheregen.Model {
				id := wheregen.Column{Name: "id", Values: listOf(append(ids[:len(ids):len(ids)], 0, -1, 1)), Literals: []string{"1", "0", "-1"}}
				return conditionsOn(ids, intColumn("code"), id)
			},
		},
	}
	return append(all, manualCases()...)
}

// lengthOf computes a key: how many characters a text has.
func lengthOf(fields []config.Value) (config.Value, error) {
	return config.Int(int64(len([]rune(fields[0].AsString())))), nil
}

// manualTables makes tables of a model that dtde finds, by plain GORM.
func manualTables(model any, names ...string) func(*testing.T, *gorm.DB) {
	return func(t *testing.T, db *gorm.DB) {
		t.Helper()
		for _, name := range names {
			require.NoError(t, db.Table(name).AutoMigrate(model))
		}
	}
}

// collated makes tables whose code column has a collation of its own, instead of the
// engine's default.
func collated(collation string, names ...string) func(*testing.T, *gorm.DB) {
	return func(t *testing.T, db *gorm.DB) {
		t.Helper()
		if db.Name() == "postgres" {
			require.NoError(t, db.Exec(`CREATE COLLATION insensitive (provider = icu, locale = 'und-u-ks-level2', deterministic = false)`).Error)
		}
		if collation != "" {
			collation = " COLLATE " + collation
		}
		for _, name := range names {
			require.NoError(t, db.Exec("CREATE TABLE "+name+" (id bigint PRIMARY KEY, code varchar(128)"+collation+", name varchar(16), amount bigint)").Error)
		}
	}
}

// manualCases are tables that dtde did not make, with the comparison rules that they have.
func manualCases() []routedCase {
	words := func(name, collation string, engines ...string) routedCase {
		return routedCase{
			name: name, engines: engines, table: "text_words", rows: textRows([]string{"EU", "US", "a", "1", "🙂"}),
			prepare: collated(collation, "text_words_eu", "text_words_us", "text_words_rest"), where: about(textColumn("code")),
			entity: fixed(dtde.Model(&textWord{}).ShardBy("Code", "EU", "US").WithDefaultShard("rest").MigrationsDisabled()),
		}
	}
	refused := func(c routedCase) routedCase { c.refused = true; return c }
	manualText := routedCase{
		table: "nullable_words", where: about(textColumn("code")),
		entity: fixed(dtde.Model(&nullableWord{}).UseManualSharding(
			dtde.ManualTable("words_us", "code = ? OR code IN (?)", "US", []string{"us", "ä"}),
			dtde.ManualTable("words_none", "code IS NULL"),
			dtde.ManualTable("words_other", "code IS NOT NULL AND code NOT IN ('US', 'us', 'ä')"))),
		rows: rowsOf(func(r *rand.Rand, id int64) nullableWord {
			w := nullableWord{ID: id, Rest: drawnRest(r)}
			if r.IntN(5) > 0 {
				code := oneOf(r, routedTexts)
				w.Code = &code
			}
			return w
		}),
	}
	onBytes := manualText
	onBytes.name, onBytes.engines, onBytes.prepare = "manual-text", []string{"sqlite", "postgres"}, manualTables(&nullableWord{}, "words_us", "words_none", "words_other")
	onBin := manualText
	onBin.name, onBin.engines, onBin.prepare = "manual-text-nopad", []string{"mariadb"}, collated("utf8mb4_nopad_bin", "words_us", "words_none", "words_other")
	onICU := manualText
	onICU.name, onICU.engines, onICU.prepare = "manual-text-icu", []string{"postgres"}, collated(`"und-x-icu"`, "words_us", "words_none", "words_other")
	onPadded := manualText
	onPadded.name, onPadded.engines, onPadded.prepare, onPadded.refused = "manual-text-default", []string{"mariadb"}, manualTables(&nullableWord{}, "words_us", "words_none", "words_other"), true
	return []routedCase{
		onBytes, onBin, onICU, onPadded,
		refused(words("nocase", "NOCASE", "sqlite")), refused(words("rtrim", "RTRIM", "sqlite")),
		refused(words("insensitive", "insensitive", "postgres")), words("icu", `"und-x-icu"`, "postgres"),
		refused(words("general-ci", "utf8mb4_general_ci", "mariadb")), refused(words("bin-padded", "utf8mb4_bin", "mariadb")),
		words("nopad-bin", "utf8mb4_nopad_bin", "mariadb"),
		{
			name: "manual-int", table: "nullable_ints", prepare: manualTables(&nullableInt{}, "ints_low", "ints_five", "ints_high", "ints_none"), where: about(intColumn("code")),
			entity: fixed(dtde.Model(&nullableInt{}).UseManualSharding(
				dtde.ManualTable("ints_low", "code < 0"), dtde.ManualTable("ints_five", "code BETWEEN ? AND ?", 0, 5),
				dtde.ManualTable("ints_high", "NOT (code <= 5)"), dtde.ManualTable("ints_none", "code IS NULL"))),
			rows: rowsOf(func(r *rand.Rand, id int64) nullableInt {
				w := nullableInt{ID: id, Rest: drawnRest(r)}
				if r.IntN(5) > 0 {
					code := oneOf(r, routedInts)
					w.Code = &code
				}
				return w
			}),
		},
		{
			name: "manual-time", table: "time_words", prepare: manualTables(&timeWord{}, "times_2023", "times_2024", "times_later"), where: about(timeColumn("at")), rows: timeRows(),
			entity: fixed(dtde.Model(&timeWord{}).UseManualSharding(
				dtde.ManualTable("times_2023", "at < ?", utc(2024, 1, 1)),
				dtde.ManualTable("times_2024", "at >= ? AND at < ?", utc(2024, 1, 1), utc(2024, 3, 1)),
				dtde.ManualTable("times_later", "at >= ?", utc(2024, 3, 1)))),
		},
	}
}
