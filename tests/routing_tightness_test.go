package tests

import (
	"bufio"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"github.com/go-dtde/dtde"
	"github.com/go-dtde/dtde/internal/testenv"
)

// understood is a condition that the planner must understand.
type understood struct {
	text  string
	apply func(db *gorm.DB) *gorm.DB
}

func where(sql string, args ...any) understood {
	text := sql
	for _, a := range args {
		switch v := a.(type) {
		case time.Time:
			a = v.Format(time.RFC3339Nano)
		case *time.Time:
			a = "pointer to " + v.Format(time.RFC3339Nano)
		case *string:
			a = "pointer to " + *v
		case *int64:
			a = fmt.Sprintf("pointer to %d", *v)
		}
		text += fmt.Sprintf("; %T %v", a, a)
	}
	return understood{text, func(db *gorm.DB) *gorm.DB { return db.Where(sql, args...) }}
}

func called(text string, apply func(db *gorm.DB) *gorm.DB) understood { return understood{text, apply} }

// textUnderstood, intUnderstood and timeUnderstood are the corpus; each holds for all
// entities with a key of that kind.
func textUnderstood() []understood {
	us := "US"
	return []understood{
		where("code = ?", "US"), where("? = code", "US"), where("code = 'US'"), where("text_words.code = ?", "EU"), where("code = ?", &us), where("code = ?", namedString("US")),
		where("code IN ?", []string{"EU", "US"}), where("code in ('EU', 'a')"), where("code = ? OR code = ?", "EU", "us"), where("code = ? AND amount > 1", "US"),
		where("code <> ?", "US"), where("code <> ? AND code <> ?", "US", "EU"), where("NOT (code = ? OR name = ?)", "US", "x"), where("code IS NULL"), where("code IS NOT NULL"),
		where("code = ? AND code = ?", "US", "EU"), where("code > ?", "a"), where("code < ?", "EU"), where("code BETWEEN ? AND ?", "EU", "US"), where("code >= ? AND code < ?", "M", "N"),
		where("code = @c", map[string]any{"c": "US"}), where("(code, amount) IN ?", [][]any{{"US", 1}, {"EU", 2}}), where("code = ? OR amount = ?", "US", 1), where("code = ?", ""), where("1 = 0"),
		called("map", func(db *gorm.DB) *gorm.DB { return db.Where(map[string]any{"code": "US"}) }),
		called("map of a list", func(db *gorm.DB) *gorm.DB { return db.Where(map[string]any{"code": []string{"EU", "US"}}) }),
		called("struct", func(db *gorm.DB) *gorm.DB { return db.Where(&textWord{Code: "US"}) }),
		called("clause.Eq", func(db *gorm.DB) *gorm.DB { return db.Where(clause.Eq{Column: "code", Value: "US"}) }),
		called("Not map", func(db *gorm.DB) *gorm.DB { return db.Not(map[string]any{"code": []string{"EU", "US"}}) }),
		called("Not Not", func(db *gorm.DB) *gorm.DB { return db.Not(clause.Not(clause.Eq{Column: "code", Value: "US"})) }),
		called("group", func(db *gorm.DB) *gorm.DB {
			fresh := db.Session(&gorm.Session{NewDB: true})
			return db.Where(fresh.Where("code = ?", "US").Or("code = ?", "EU")).Where("amount >= ?", 0)
		}),
		called("Or", func(db *gorm.DB) *gorm.DB { return db.Where("code = ?", "US").Or("code = ?", "EU") }),
	}
}

func intUnderstood() []understood {
	five := int64(5)
	return []understood{
		where("code = ?", 5), where("code = ?", uint8(5)), where("code = ?", &five), where("code = ?", "5"), where("code = ?", 5.0), where("code = 5"), where("5 = code"), where("code = -7"),
		where("code IN ?", []int{1, 5, 11}), where("code IN (1, -7)"), where("code <> ?", 5), where("code > ?", 11), where("code >= 10"), where("code < ?", 0), where("code BETWEEN ? AND ?", 1, 5),
		where("code NOT BETWEEN ? AND ?", -1, 9), where("NOT code > ?", 0), where("code > ? AND code < ?", 0, 2), where("code = ? OR code > ?", -7, 1000), where("code IS NULL"),
		where("NOT (code <> ? OR amount = ?)", 5, 1), where("code = ? AND code IN ?", 5, []int{5, 1}), where("code NOT IN ?", []int{1, 2}), where("code > ?", 4.5),
		called("struct", func(db *gorm.DB) *gorm.DB { return db.Where(&intWord{Code: 5}) }),
		called("clause range", func(db *gorm.DB) *gorm.DB {
			return db.Where(clause.Gte{Column: "code", Value: 0}, clause.Lt{Column: "code", Value: 10})
		}),
	}
}

func timeUnderstood() []understood {
	jan, feb := utc(2024, 1, 1), utc(2024, 2, 1)
	return []understood{
		where("at = ?", jan), where("at = ?", &jan), where("at = ?", jan.In(berlin)), where("at >= ? AND at < ?", jan, feb), where("at > ? AND at <= ?", jan, feb), where("at BETWEEN ? AND ?", jan, feb),
		where("at < ?", jan), where("at >= ?", utc(2024, 11, 1)), where("at IN ?", []time.Time{jan, feb}), where("NOT (at < ? OR at >= ?)", jan, feb), where("at = ? OR at = ?", jan, utc(2024, 11, 1)),
		where("at >= ? AND at < ?", jan.In(berlin), feb.In(berlin)), where("at >= ? AND at < ?", time.Date(2024, 2, 1, 0, 0, 0, 0, berlin), time.Date(2024, 3, 1, 0, 0, 0, 0, berlin)),
		where("at >= ? AND at < ?", "2024-02-10", "2024-02-20"), where("at = ?", "2024-02-15 12:00:00"), where("at < ? AND at > ?", jan, feb), where("at <> ?", jan), where("at IS NULL"),
		where("at > ?", time.Date(2024, 2, 29, 23, 59, 59, 999999999, time.UTC)),
	}
}

// tightnessOf gives the conditions that a case's pruning is measured by; nil for a
// case that is not.
func tightnessOf(c *routedCase) []understood {
	switch c.table {
	case "text_words":
		return textUnderstood()
	case "int_words":
		return intUnderstood()
	case "time_words", "date_words", "second_words":
		return timeUnderstood()
	}
	return nil
}

// TestRoutingStaysTight fails if a condition that is understood visits more shards
// than the golden file has: pruning that gets looser is still right, so nothing else
// would notice. "needed" are the shards that hold a matching row, of rows that are
// always the same.
func TestRoutingStaysTight(t *testing.T) {
	t.Parallel()
	golden := filepath.Join("testdata", "tightness.golden")
	recorded := readTightness(t, golden)
	var mu sync.Mutex
	measured := map[measuredKey]tightness{}
	t.Run("engines", func(t *testing.T) {
		testenv.Each(t, func(t *testing.T, d testenv.DB) {
			for _, c := range routedCases() {
				if c.refused || tightnessOf(&c) == nil || len(c.engines) > 0 && !slices.Contains(c.engines, d.Name) {
					continue
				}
				t.Run(c.name, func(t *testing.T) {
					t.Parallel()
					w, ok := c.open(t, d, 1)
					require.True(t, ok)
					for _, u := range tightnessOf(&c) {
						key := measuredKey{c.name + " | " + u.text, d.Name}
						got := w.measure(t, u)
						mu.Lock()
						measured[key] = got
						mu.Unlock()
						want, known := recorded[key]
						if !known {
							want, known = recorded[measuredKey{key.condition, ""}]
						}
						if !*updateGolden && assert.True(t, known, "%s is not in the golden file: run with -update", key) {
							assert.LessOrEqual(t, got.visited, want.visited, "%s visits more shards than it did", key)
						}
					}
				})
			}
		})
	})
	visited, needed := 0, 0
	for _, m := range measured {
		visited, needed = visited+m.visited, needed+m.needed
	}
	t.Logf("%d conditions visit %d shards, of which %d hold a matching row", len(measured), visited, needed)
	if *updateGolden {
		writeTightness(t, golden, recorded, measured)
	}
}

// tightness is what one condition visits, and how many of those shards it needs.
type tightness struct{ visited, needed, shards int }

func (w *routedWorld) measure(t *testing.T, u understood) tightness {
	t.Helper()
	var ids []int64
	tx := u.apply(w.sharded.Model(w.model())).Pluck(w.where.Table+".id", &ids)
	require.NoError(t, tx.Error, u.text)
	needed := map[string]bool{}
	for _, id := range ids {
		needed[w.shardOf[id]] = true
	}
	plans := dtde.Plans(tx)
	require.Len(t, plans, 1, u.text)
	return tightness{visited: len(plans[0].Targets), needed: len(needed), shards: len(plans[0].Table.Shards)}
}

func (m tightness) String() string {
	return fmt.Sprintf("visited %d needed %d of %d", m.visited, m.needed, m.shards)
}

// measuredKey is a line of the golden file: for one engine, or "" for all that have
// no line of their own.
type measuredKey struct{ condition, engine string }

func (k measuredKey) String() string {
	if k.engine == "" {
		return k.condition
	}
	return k.condition + " | on " + k.engine
}

func readTightness(t *testing.T, path string) map[measuredKey]tightness {
	t.Helper()
	all := map[measuredKey]tightness{}
	file, err := os.Open(path)
	if *updateGolden && os.IsNotExist(err) {
		return all
	}
	require.NoError(t, err)
	defer func() { _ = file.Close() }()
	for lines := bufio.NewScanner(file); lines.Scan(); {
		key, figures, _ := strings.Cut(lines.Text(), " => ")
		condition, engine, _ := strings.Cut(key, " | on ")
		var m tightness
		_, err := fmt.Sscanf(figures, "visited %d needed %d of %d", &m.visited, &m.needed, &m.shards)
		require.NoError(t, err, lines.Text())
		all[measuredKey{condition, engine}] = m
	}
	return all
}

// writeTightness gives an engine a line of its own where it differs from SQLite, and
// keeps the lines of engines that this run does not have.
func writeTightness(t *testing.T, path string, recorded, measured map[measuredKey]tightness) {
	t.Helper()
	present := map[string]bool{}
	for key := range measured {
		present[key.engine] = true
	}
	var lines []string
	line := func(key measuredKey, m tightness) { lines = append(lines, key.String()+" => "+m.String()) }
	for key, m := range recorded {
		if key.engine != "" && !present[key.engine] {
			line(key, m)
		}
	}
	for key, m := range measured {
		common, ok := measured[measuredKey{key.condition, "sqlite"}]
		switch {
		case key.engine == "sqlite":
			line(measuredKey{key.condition, ""}, m)
		case !ok || common != m:
			line(key, m)
		}
	}
	slices.Sort(lines)
	require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o755))
	require.NoError(t, os.WriteFile(path, []byte(strings.Join(lines, "\n")+"\n"), 0o644))
}
