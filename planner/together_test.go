package planner_test

import (
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"gorm.io/gorm/schema"

	"github.com/go-dtde/dtde/config"
	"github.com/go-dtde/dtde/planner"
	"github.com/go-dtde/dtde/strategies"
)

type house struct {
	ID   int64
	Name string
}

type room struct {
	ID      int64
	HouseID int64
	Size    int
}

func together(t *testing.T) *config.Catalog {
	t.Helper()
	cache := &sync.Map{}
	catalog, err := config.Compile(config.Config{Entities: []config.Entity{
		config.Model(&house{}).ShardBy("ID", "1", "2", "3"),
		config.Model(&room{}).ShardBy("HouseID", "1", "2", "3").CoLocatedWith(&house{}),
	}}, config.Environment{
		Dialect:  "postgres",
		Parse:    func(model any) (*schema.Schema, error) { return schema.Parse(model, cache, schema.NamingStrategy{}) },
		Strategy: strategies.New, Fields: strategies.Fields,
	})
	require.NoError(t, err)
	return catalog
}

const (
	houses = `(SELECT "id","name" FROM "houses_1" UNION ALL SELECT "id","name" FROM "houses_2" UNION ALL SELECT "id","name" FROM "houses_3") AS h`
	rooms  = `(SELECT "id","house_id","size" FROM "rooms_1" UNION ALL SELECT "id","house_id","size" FROM "rooms_2" UNION ALL SELECT "id","house_id","size" FROM "rooms_3") AS r`
)

// TestTogether: what can be dropped is, and what cannot stays, down to the letter.
func TestTogether(t *testing.T) {
	t.Parallel()
	catalog := together(t)
	quote := func(s string) string { return `"` + s + `"` }
	for name, c := range map[string]struct{ sql, want string }{
		"inner":                   {"SELECT * FROM $h JOIN $r ON h.id = r.house_id WHERE h.id = 2", `SELECT * FROM "houses_2" AS h JOIN "rooms_2" AS r ON h.id = r.house_id WHERE h.id = 2`},
		"left":                    {"SELECT * FROM $h LEFT JOIN $r ON h.id = r.house_id WHERE h.id = 2", `SELECT * FROM "houses_2" AS h LEFT JOIN "rooms_2" AS r ON h.id = r.house_id WHERE h.id = 2`},
		"left, null allowed":      {"SELECT * FROM $h LEFT JOIN $r ON h.id = r.house_id WHERE r.house_id = 2 OR r.id IS NULL", ""},
		"left, rejecting":         {"SELECT * FROM $h LEFT JOIN $r ON h.id = r.house_id WHERE r.house_id = 2", `SELECT * FROM "houses_2" AS h LEFT JOIN "rooms_2" AS r ON h.id = r.house_id WHERE r.house_id = 2`},
		"a condition of ON":       {"SELECT * FROM $h LEFT JOIN $r ON h.id = r.house_id AND h.id = 2", ""},
		"its own condition of ON": {"SELECT * FROM $h LEFT JOIN $r ON h.id = r.house_id AND r.house_id = 2", "SELECT * FROM $h LEFT JOIN \"rooms_2\" AS r ON h.id = r.house_id AND r.house_id = 2"},
		"right":                   {"SELECT * FROM $h RIGHT JOIN $r ON h.id = r.house_id WHERE h.id = 2", ""},
		"full":                    {"SELECT * FROM $h FULL JOIN $r ON h.id = r.house_id WHERE h.id = 2", ""},
		"natural":                 {"SELECT * FROM $h NATURAL JOIN $r WHERE h.id = 2", ""},
		"using":                   {"SELECT * FROM $h JOIN $r USING (id) WHERE h.id = 2", ""},
		"an inequality":           {"SELECT * FROM $h JOIN $r ON h.id <= r.house_id", ""},
		"a negation":              {"SELECT * FROM $h JOIN $r ON NOT (h.id = r.house_id)", ""},
		"an alternative":          {"SELECT * FROM $h JOIN $r ON h.id = r.house_id OR true WHERE h.id IN (1, 2, 3)", ""},
		"an expression":           {"SELECT * FROM $h JOIN $r ON h.id = r.house_id + 1", ""},
		"one WITH name":           {`WITH "houses_2" AS (SELECT 1) SELECT * FROM $h JOIN $r ON h.id = r.house_id`, ""},
		"lateral":                 {"SELECT * FROM $h, LATERAL (SELECT 1) x, $r WHERE h.id = r.house_id AND h.id = 2", ""},
		"nothing possible": {"SELECT * FROM $h JOIN $r ON h.id = r.house_id WHERE h.id = 2 AND r.house_id = 3",
			`SELECT * FROM "houses_1" AS h JOIN "rooms_1" AS r ON h.id = r.house_id WHERE h.id = 2 AND r.house_id = 3`},
		"one alias twice": {"SELECT * FROM $h JOIN $r ON h.id = r.house_id JOIN $r ON h.id = 2", ""},
		"correlated": {"SELECT * FROM $h WHERE h.id = 3 AND EXISTS (SELECT 1 FROM $r WHERE r.house_id = h.id)",
			`SELECT * FROM "houses_3" AS h WHERE h.id = 3 AND EXISTS (SELECT 1 FROM "rooms_3" AS r WHERE r.house_id = h.id)`},
		"shadowed": {"SELECT * FROM \"houses_3\" AS h WHERE EXISTS (SELECT 1 FROM $r, (SELECT 1 AS id) h WHERE r.house_id = h.id)", ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			fill := strings.NewReplacer("$h", houses, "$r", rooms)
			want := fill.Replace(c.sql)
			if c.want != "" {
				want = fill.Replace(c.want)
			}
			got, _ := planner.Together(catalog, planner.Dialect{Name: "postgres"}, "", fill.Replace(c.sql), nil, quote)
			assert.Equal(t, want, got)
		})
	}
}
