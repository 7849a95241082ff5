package tests

import (
	"errors"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"gorm.io/gorm"

	"github.com/go-dtde/dtde"
	"github.com/go-dtde/dtde/internal/testenv"
)

// Shipment is sharded, and somebody has made a table of its logical name.
type Shipment struct {
	ID   int64 `gorm:"primaryKey;autoIncrement:false"`
	Note string
}

// Halt is not sharded.
type Halt struct {
	ID   int64 `gorm:"primaryKey;autoIncrement:false"`
	Note string
}

// baseTableTexts name the logical table where a statement names tables: each is routed or
// refused, whatever it says; none may read or write the table of that name. A text begins
// with the engine that has it, all if none stands there; "!" says that it is refused, "?"
// that the engine does so: what it writes to is no table.
var baseTableTexts = []string{
	`SELECT * FROM shipments`,
	`SELECT * FROM shipments;`,
	`select*from/**/shipments`,
	`SELECT * FROM SHIPMENTS AS shipments`,
	`SELECT shipments.* FROM halts JOIN shipments ON 1 = 1`,
	`SELECT * FROM halts s JOIN halts t ON t.id = s.id, shipments`,
	`SELECT * FROM halts WHERE note = (SELECT note FROM shipments)`,
	`SELECT CASE WHEN 1 = 1 THEN (SELECT MAX(note) FROM shipments) END AS n`,
	`SELECT * FROM halts UNION SELECT * FROM shipments`,
	`WITH x AS (SELECT * FROM shipments) SELECT * FROM x`,
	`WITH x AS (SELECT 1) SELECT * FROM shipments`,
	`INSERT INTO halts SELECT id + 10, note FROM shipments`,
	`INSERT INTO shipments (id, note) VALUES (7, 'x')`,
	`INSERT INTO shipments (id, note) SELECT id + 10, note FROM halts`,
	`UPDATE shipments SET note = 'x'`,
	`DELETE FROM shipments`,
	`DELETE FROM halts WHERE id IN (SELECT id FROM shipments)`,
	`UPDATE halts SET note = (SELECT MAX(note) FROM shipments)`,
	`EXPLAIN SELECT * FROM shipments`,
	`! SELECT 1; SELECT * FROM shipments`,
	`! CREATE TABLE copied AS SELECT * FROM shipments`,
	`! CREATE VIEW seen AS SELECT * FROM shipments`,
	`! CREATE INDEX noted ON shipments (note)`,
	`! ALTER TABLE shipments ADD COLUMN more INT`,
	`! DROP TABLE shipments`,
	`! DROP TABLE IF EXISTS halts, shipments`,
	`! INSERT INTO shipments VALUES (7, 'x')`,
	`! WITH shipments (id) AS (SELECT 5) SELECT * FROM shipments`,

	`sqlite: SELECT * FROM main.shipments`,
	`sqlite: SELECT * FROM [main].[shipments]`,
	`sqlite: SELECT * FROM (shipments)`,
	`sqlite: UPDATE main.shipments SET note = 'x'`,
	`sqlite: DELETE FROM main.shipments`,
	`sqlite: EXPLAIN QUERY PLAN SELECT * FROM shipments`,
	`sqlite: ! UPDATE OR REPLACE shipments SET note = 'x'`,
	`sqlite: ! UPDATE OR ROLLBACK shipments SET note = 'x'`,
	`sqlite: ! UPDATE OR ABORT shipments SET note = 'x'`,
	`sqlite: ! UPDATE OR FAIL shipments SET note = 'x'`,
	`sqlite: ! UPDATE OR IGNORE shipments SET note = 'x'`,
	`sqlite: ! INSERT OR REPLACE INTO shipments (id, note) VALUES (8, 'z')`,
	`sqlite: ! REPLACE INTO shipments (id, note) VALUES (8, 'z')`,
	`sqlite: ! SELECT * FROM shipments NOT INDEXED`,
	`sqlite: ! SELECT * FROM shipments INDEXED BY noted`,
	`sqlite: ! REINDEX shipments`,

	`postgres: SELECT * FROM "public"."shipments"`,
	`postgres: (SELECT * FROM shipments)`,
	`postgres: SELECT * FROM shipments AS p (a, b)`,
	`postgres: SELECT * FROM halts s, LATERAL (SELECT * FROM shipments p WHERE p.id = s.id) x`,
	`postgres: SELECT * FROM ((halts s JOIN shipments p USING (id)) JOIN halts t USING (id))`,
	`postgres: UPDATE halts SET note = shipments.note FROM shipments`,
	`postgres: DELETE FROM halts USING shipments WHERE shipments.id = halts.id`,
	`postgres: MERGE INTO halts USING shipments ON shipments.id = halts.id WHEN MATCHED THEN UPDATE SET note = shipments.note`,
	`postgres: WITH x AS (SELECT 1) UPDATE shipments SET note = 'x'`,
	`postgres: WITH x AS (SELECT 1) DELETE FROM shipments`,
	`postgres: EXPLAIN (ANALYZE, COSTS OFF) SELECT * FROM shipments WHERE id = 1`,
	`postgres: ! SELECT * FROM here.public.shipments`,
	`postgres: ! SELECT * FROM ONLY shipments`,
	`postgres: ! SELECT * FROM ONLY (shipments)`,
	`postgres: ! SELECT * FROM halts JOIN ONLY shipments ON true`,
	`postgres: ! SELECT * FROM shipments TABLESAMPLE SYSTEM (100)`,
	`postgres: ! UPDATE ONLY shipments SET note = 'x'`,
	`postgres: ! UPDATE ONLY (shipments) SET note = 'x'`,
	`postgres: ! DELETE FROM ONLY shipments`,
	`postgres: ! MERGE INTO shipments USING halts ON shipments.id = halts.id WHEN MATCHED THEN DELETE`,
	`postgres: ! WITH d AS (UPDATE shipments SET note = 'x' RETURNING *) SELECT * FROM d`,
	`postgres: ! EXPLAIN ANALYZE UPDATE shipments SET note = 'x'`,
	`postgres: ! EXPLAIN ANALYZE WITH d AS (DELETE FROM shipments RETURNING *) SELECT * FROM d`,
	`postgres: ! TABLE shipments`,
	`postgres: ! COPY shipments TO STDOUT`,
	`postgres: ! COPY (SELECT * FROM shipments) TO STDOUT`,
	`postgres: ! LOCK TABLE shipments`,
	`postgres: ! TRUNCATE halts, shipments`,
	`postgres: ! ANALYZE shipments`,
	`postgres: ! CLUSTER shipments`,
	`postgres: ! GRANT SELECT ON shipments TO PUBLIC`,
	`postgres: ! DECLARE c CURSOR FOR SELECT * FROM shipments`,
	`postgres: ! PREPARE p AS SELECT * FROM shipments`,
	`postgres: ! COMMENT ON TABLE shipments IS 'x'`,

	"mysql: SELECT * FROM `shipments` # and no more",
	`mysql: SELECT STRAIGHT_JOIN * FROM halts, shipments`,
	`mysql: SELECT * FROM halts STRAIGHT_JOIN shipments`,
	`mysql: SELECT * FROM {OJ halts LEFT OUTER JOIN shipments ON 1 = 1}`,
	`mysql: UPDATE halts JOIN shipments USING (id) SET halts.note = shipments.note`,
	`mysql: INSERT shipments (id, note) VALUES (7, 'x')`,
	`mysql: INSERT IGNORE shipments (id, note) VALUES (7, 'x')`,
	`mysql: VALUES (1), ((SELECT MAX(note) FROM shipments))`,
	`mysql: ANALYZE SELECT * FROM shipments`,
	`mysql: EXPLAIN FORMAT = JSON SELECT * FROM shipments`,
	`mysql: ! INSERT shipments VALUES (7, 'x')`,
	`mysql: ! INSERT LOW_PRIORITY shipments (id, note) VALUES (7, 'x')`,
	`mysql: ! INSERT DELAYED shipments (id, note) VALUES (7, 'x')`,
	`mysql: ! REPLACE shipments (id, note) VALUES (7, 'x')`,
	`mysql: ! REPLACE DELAYED shipments (id, note) VALUES (7, 'x')`,
	`mysql: ! REPLACE INTO shipments (id, note) VALUES (7, 'x')`,
	`mysql: ! UPDATE LOW_PRIORITY IGNORE shipments SET note = 'x'`,
	`mysql: ! DELETE QUICK IGNORE FROM shipments`,
	`mysql: ! DELETE shipments.* FROM shipments`,
	`mysql: ! DELETE p FROM shipments p`,
	`mysql: ! DELETE FROM shipments USING shipments JOIN halts`,
	`mysql: ! DELETE halts, shipments FROM halts JOIN shipments ON 1 = 1`,
	`mysql: ? UPDATE halts, shipments SET shipments.note = 'x'`,
	`mysql: ! SELECT * FROM shipments PARTITION (p0)`,
	`mysql: ! SELECT * FROM shipments FOR SYSTEM_TIME ALL`,
	`mysql: ! SELECT * FROM shipments p USE KEY (PRIMARY)`,
	`mysql: ! SELECT * FROM shipments FORCE INDEX FOR ORDER BY (PRIMARY)`,
	`mysql: ! SELECT * FROM /*! shipments */`,
	`mysql: ! ANALYZE UPDATE shipments SET note = 'x'`,
	`mysql: ! EXPLAIN shipments`,
	`mysql: ! DESCRIBE shipments`,
	`mysql: ! HANDLER shipments OPEN`,
	`mysql: ! LOCK TABLES shipments WRITE`,
	`mysql: ! CREATE TABLE copied LIKE shipments`,
	`mysql: ! RENAME TABLE shipments TO gone`,
	`mysql: ! DO (SELECT MAX(note) FROM shipments)`,
}

func TestSQLTextLeavesTheBaseTableAlone(t *testing.T) {
	t.Parallel()
	testenv.Each(t, func(t *testing.T, d testenv.DB) {
		db := d.Open(t)
		engine := db.Name()
		require.NoError(t, db.Use(dtde.Register(dtde.Config{NodeID: 1, Entities: []dtde.Entity{dtde.Model(&Shipment{}).ShardByHash("ID", 3)}})))
		require.NoError(t, db.AutoMigrate(&Shipment{}, &Halt{}))
		pool, err := db.DB()
		require.NoError(t, err)
		for _, statement := range []string{
			"CREATE TABLE shipments (id BIGINT PRIMARY KEY, note VARCHAR(20))", "INSERT INTO shipments VALUES (666, 'poison')",
			"CREATE VIEW base AS SELECT * FROM shipments",
		} {
			_, err := pool.Exec(statement)
			require.NoError(t, err)
		}
		require.NoError(t, db.Create(&Shipment{1, "good"}).Error)
		require.NoError(t, db.Create(&Halt{1, "halt"}).Error)
		untouched := []map[string]any{{"id": int64(666), "note": "poison"}}
		for _, text := range baseTableTexts {
			if only, rest, some := strings.Cut(text, ": "); some && !strings.Contains(only, " ") {
				if text = rest; only != engine {
					continue
				}
			}
			text, refused := strings.CutPrefix(text, "! ")
			text, fails := strings.CutPrefix(text, "? ")
			t.Run(text, func(t *testing.T) {
				rollback := errors.New("roll back")
				err := db.Transaction(func(tx *gorm.DB) error {
					var rows, base []map[string]any
					err := tx.Session(&gorm.Session{}).Raw(text).Scan(&rows).Error
					if fails {
						require.Error(t, err)
					} else if refused {
						require.ErrorIs(t, err, dtde.ErrUnsupported)
					} else {
						require.NoError(t, err)
					}
					for _, row := range rows {
						assert.NotContains(t, row, "poison")
						for _, v := range row {
							assert.NotEqual(t, "poison", v)
						}
					}
					require.NoError(t, tx.Raw("SELECT * FROM base").Scan(&base).Error)
					assert.Equal(t, untouched, base)
					return rollback
				})
				require.ErrorIs(t, err, rollback)
			})
		}
	})
}
