package tests

import (
	"errors"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"gorm.io/gorm"
	"gorm.io/gorm/clause"

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

// baseTableChains name the logical table in a chain on another model, or in a clause of their own. What a read finds,
// or what it wrote into halts, must come from the shards; none writes where it says.
var baseTableChains = []struct {
	name    string
	refused bool
	run     func(tx *gorm.DB, rows *[]map[string]any) error
}{
	{"clause From", false, func(tx *gorm.DB, rows *[]map[string]any) error {
		return tx.Model(&Halt{}).Clauses(clause.From{Tables: []clause.Table{{Name: "shipments"}}}).Find(rows).Error
	}},
	{"clause From with a join", false, func(tx *gorm.DB, rows *[]map[string]any) error {
		from := clause.From{Tables: []clause.Table{{Name: "halts"}}, Joins: []clause.Join{{Type: clause.CrossJoin, Table: clause.Table{Name: "shipments"}}}}
		return tx.Model(&Halt{}).Select("shipments.note").Clauses(from).Find(rows).Error
	}},
	{"Joins with a comma", false, func(tx *gorm.DB, rows *[]map[string]any) error {
		return tx.Model(&Halt{}).Select("shipments.note").Joins(", shipments").Find(rows).Error
	}},
	{"Order", false, func(tx *gorm.DB, rows *[]map[string]any) error {
		return tx.Model(&Halt{}).Select("(SELECT MAX(note) FROM shipments) AS note").Order("(SELECT MAX(note) FROM shipments)").Find(rows).Error
	}},
	{"an upsert's assignment", false, func(tx *gorm.DB, rows *[]map[string]any) error {
		set := clause.Assignments(map[string]any{"note": gorm.Expr("(SELECT MAX(note) FROM shipments)")})
		if err := tx.Clauses(clause.OnConflict{Columns: []clause.Column{{Name: "id"}}, DoUpdates: set}).Create(&Halt{1, "x"}).Error; err != nil {
			return err
		}
		return tx.Model(&Halt{}).Find(rows).Error
	}},
	{"an upsert's assignment by db.Raw", false, func(tx *gorm.DB, rows *[]map[string]any) error {
		set := clause.Set{{Column: clause.Column{Name: "note"}, Value: clause.Expr{SQL: "(?)", Vars: []any{tx.Session(&gorm.Session{NewDB: true}).Raw("SELECT MAX(note) FROM shipments")}}}}
		if err := tx.Clauses(clause.OnConflict{Columns: []clause.Column{{Name: "id"}}, DoUpdates: set}).Create(&Halt{1, "x"}).Error; err != nil {
			return err
		}
		return tx.Model(&Halt{}).Find(rows).Error
	}},
	{"a created map's value", false, func(tx *gorm.DB, rows *[]map[string]any) error {
		if err := tx.Model(&Halt{}).Create(map[string]any{"id": 9, "note": gorm.Expr("(SELECT MAX(note) FROM shipments)")}).Error; err != nil {
			return err
		}
		return tx.Model(&Halt{}).Where("id = 9").Find(rows).Error
	}},
	{"an upsert of its own rows", false, func(tx *gorm.DB, rows *[]map[string]any) error {
		set := clause.Assignments(map[string]any{"note": gorm.Expr("(SELECT MAX(note) FROM shipments)")})
		if err := tx.Clauses(clause.OnConflict{Columns: []clause.Column{{Name: "id"}}, DoUpdates: set}).Create(&Shipment{1, "x"}).Error; err != nil {
			return err
		}
		return tx.Model(&Shipment{}).Find(rows).Error
	}},
	{"clause Insert", true, func(tx *gorm.DB, _ *[]map[string]any) error {
		return tx.Clauses(clause.Insert{Table: clause.Table{Name: "shipments"}}).Create(&Halt{5, "x"}).Error
	}},
	{"clause Update", true, func(tx *gorm.DB, _ *[]map[string]any) error {
		return tx.Model(&Halt{}).Clauses(clause.Update{Table: clause.Table{Name: "shipments"}}).Where("id > 0").Update("note", "x").Error
	}},
	{"clause Update of its own rows", true, func(tx *gorm.DB, _ *[]map[string]any) error {
		return tx.Model(&Shipment{}).Clauses(clause.Update{Table: clause.Table{Name: "shipments"}}).Where("id > 0").Update("note", "x").Error
	}},
	{"Table with a join", true, func(tx *gorm.DB, rows *[]map[string]any) error {
		return tx.Table("halts JOIN shipments ON 1 = 1").Find(rows).Error
	}},
	{"Table with a schema", true, func(tx *gorm.DB, rows *[]map[string]any) error { return tx.Table("main.shipments").Find(rows).Error }},
}

// Names that only some engines take for the logical table.
func TestTableNamesLeaveTheBaseTableAlone(t *testing.T) {
	t.Parallel()
	t.Run("in capitals", func(t *testing.T) {
		t.Parallel()
		db := besideBaseTable(t, testenv.SQLite())
		var notes []string
		require.NoError(t, db.Table("SHIPMENTS").Pluck("note", &notes).Error)
		assert.Equal(t, []string{"good"}, notes)
		require.NoError(t, db.Model(&Halt{}).Joins("JOIN SHIPMENTS s ON s.id = halts.id").Pluck("s.note", &notes).Error)
		assert.Equal(t, []string{"good"}, notes)
	})
	t.Run("ONLY", func(t *testing.T) {
		t.Parallel()
		db := besideBaseTable(t, testenv.Only(t, "postgres"))
		require.ErrorIs(t, db.Table("ONLY shipments").Find(&[]map[string]any{}).Error, dtde.ErrUnsupported)
		require.ErrorIs(t, db.Table("ONLY shipments").Where("id > 0").Update("note", "x").Error, dtde.ErrUnsupported)
	})
}

// besideBaseTable has one row in the shards of shipments, another in a table of that name, which the view base shows,
// and one in halts.
func besideBaseTable(t *testing.T, d testenv.DB) *gorm.DB {
	t.Helper()
	db := d.Open(t)
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
	return db
}

// leavesBaseTable runs something that names the logical table, in a transaction that is rolled back, and looks at the
// table of that name.
func leavesBaseTable(t *testing.T, db *gorm.DB, run func(tx *gorm.DB, rows *[]map[string]any) error) (rows []map[string]any, err error) {
	t.Helper()
	rollback := errors.New("roll back")
	require.ErrorIs(t, db.Transaction(func(tx *gorm.DB) error {
		err = run(tx, &rows)
		for _, row := range rows {
			for _, v := range row {
				assert.NotEqual(t, "poison", v)
			}
		}
		var base []map[string]any
		require.NoError(t, tx.Session(&gorm.Session{NewDB: true}).Raw("SELECT * FROM base").Scan(&base).Error)
		assert.Equal(t, []map[string]any{{"id": int64(666), "note": "poison"}}, base)
		return rollback
	}), rollback)
	return rows, err
}

func TestSQLTextLeavesTheBaseTableAlone(t *testing.T) {
	t.Parallel()
	testenv.Each(t, func(t *testing.T, d testenv.DB) {
		db := besideBaseTable(t, d)
		for _, text := range baseTableTexts {
			if only, rest, some := strings.Cut(text, ": "); some && !strings.Contains(only, " ") {
				if text = rest; only != db.Name() {
					continue
				}
			}
			text, refused := strings.CutPrefix(text, "! ")
			text, fails := strings.CutPrefix(text, "? ")
			t.Run(text, func(t *testing.T) {
				_, err := leavesBaseTable(t, db, func(tx *gorm.DB, rows *[]map[string]any) error {
					return tx.Session(&gorm.Session{}).Raw(text).Scan(rows).Error
				})
				switch {
				case fails:
					require.Error(t, err)
				case refused:
					require.ErrorIs(t, err, dtde.ErrUnsupported)
				default:
					require.NoError(t, err)
				}
			})
		}
	})
}

func TestChainsLeaveTheBaseTableAlone(t *testing.T) {
	t.Parallel()
	testenv.Each(t, func(t *testing.T, d testenv.DB) {
		db := besideBaseTable(t, d)
		for _, c := range baseTableChains {
			t.Run(c.name, func(t *testing.T) {
				rows, err := leavesBaseTable(t, db, c.run)
				if c.refused {
					require.ErrorIs(t, err, dtde.ErrUnsupported)
					return
				}
				require.NoError(t, err)
				require.Len(t, rows, 1)
				assert.EqualValues(t, "good", text(rows[0]["note"]))
			})
		}
	})
}

// text is a value that a driver may give as bytes.
func text(v any) any {
	if b, ok := v.([]byte); ok {
		return string(b)
	}
	return v
}
