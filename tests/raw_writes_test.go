package tests

import (
	"sort"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"gorm.io/gorm"

	"github.com/go-dtde/dtde"
	"github.com/go-dtde/dtde/internal/testenv"
)

// onConflict is the engine's way to say it.
func onConflict(db *gorm.DB, column, set string) string {
	if db.Name() != "mysql" {
		if set == "" {
			return " ON CONFLICT (" + column + ") DO NOTHING"
		}
		return " ON CONFLICT (" + column + ") DO UPDATE SET " + set
	}
	if set == "" {
		set = column + " = " + column
	}
	return " ON DUPLICATE KEY UPDATE " + set
}

// rawWrites are inserts, updates and deletes in SQL text over several shards.
var rawWrites = []surfaceCase{
	{"DB.Exec/insert rows", func(w *witness, db *gorm.DB) {
		w.tx(db.Exec("INSERT INTO tags (id, name) VALUES (?, ?), (?, 'b'), (92, ?), (93, 'it''s (d), ?')", 90, "a", 91, "c"))
		w.tx(db.Exec("INSERT INTO members (id, region, name, age, score, updated_at) VALUES (@a, 'US', 'x', 1+1, NULL, @t), (61, @r, 'y', @n * 2, @n, @t), (62, @r, 'z', -3, 4, @t);",
			map[string]any{"a": 60, "r": "APAC", "n": 7, "t": utc(2024, 3, 3)}))
		w.tx(db.Exec("insert into member_tags (since, tag_id, member_id) values (1, 2, 3), (4, 5, 6), (7, 8, 9)"))
		w.tx(db.Exec("INSERT INTO pets (id, name, weight, member_id) VALUES (70, 'one', 1, NULL)"))
		w.tx(db.Exec("INSERT INTO tags (id) VALUES (94), (95)"))
	}},
	{"DB.Exec/insert rows that are there", func(w *witness, db *gorm.DB) {
		w.tx(db.Exec("INSERT INTO members (id, region, name) VALUES (1, 'US', 'other shard')"))
		w.tx(db.Exec("INSERT INTO members (id, region, name) VALUES (60, 'US', 'new'), (1, 'EU', 'there')"))
		w.tx(db.Exec("INSERT INTO members (id, region, name) VALUES (60, 'US', 'new'), (60, 'EU', 'twice')"))
		w.tx(db.Exec("INSERT INTO tags (id, name) VALUES (90, 'a'), (91, 'b'), (90, 'c')"))
		w.tx(db.Exec("INSERT INTO tags (id, no_such) VALUES (90, 'a'), (91, 'b')"))
		w.see(db.Exec("INSERT INTO tags (id, name) VALUES (90, 'a'), (91)").Error == nil)
	}},
	{"DB.Exec/insert on conflict", func(w *witness, db *gorm.DB) {
		w.tx(db.Exec("INSERT INTO tags (id, name) VALUES (1, 'x'), (2, 'x'), (90, 'new'), (91, 'new')" + onConflict(db, "id", "")))
		excluded := "excluded.name"
		if db.Name() == "mysql" {
			excluded = "VALUES(name)"
		}
		w.tx(db.Exec("INSERT INTO tags (id, name) VALUES (1, ?), (2, 'y'), (92, 'new'), (93, 'new')"+onConflict(db, "id", "name = "+excluded), "up"))
		w.tx(db.Exec("INSERT INTO members (id, region, name, age) VALUES (1, 'EU', 'x', 5), (2, 'APAC', 'lives elsewhere', 6), (63, 'US', 'n', 7)" + onConflict(db, "id", "age = members.age + 100")))
		w.tx(db.Exec("INSERT INTO members (id, region, name, age) VALUES (3, 'EU', 'lives elsewhere', 6)" + onConflict(db, "id", "")))
		ignore := "INSERT INTO tags (id, name) VALUES (1, 'i'), (94, 'i'), (95, 'i') ON CONFLICT DO NOTHING"
		if db.Name() == "mysql" {
			ignore = "INSERT IGNORE INTO tags (id, name) VALUES (1, 'i'), (94, 'i'), (95, 'i')"
		}
		w.tx(db.Exec(ignore))
		if db.Name() == "sqlite" {
			w.tx(db.Exec("INSERT OR IGNORE INTO tags (id, name) VALUES (1, 'i'), (96, 'i'), (97, 'i')"))
		}
		if db.Name() != "mysql" {
			w.tx(db.Exec("INSERT INTO tags (id, name) VALUES (1, 'w'), (2, 'w') ON CONFLICT (id) DO UPDATE SET name = ? WHERE tags.id > ?", "where", 1))
		}
	}},
	{"DB.Raw/insert and the rows", func(w *witness, db *gorm.DB) {
		var tags []Tag
		w.tx(db.Raw("INSERT INTO tags (id, name) VALUES (?, ?), (91, 'b'), (92, ?), (93, 'd') RETURNING tags.id, name", 90, "a", "c").Scan(&tags), tags)
		var ids []int64
		w.tx(db.Raw("INSERT INTO members (id, region, name) VALUES (62, 'US', 'x'), (61, 'EU', 'y'), (60, 'US', 'z') RETURNING id").Scan(&ids), ids)
		var maps []map[string]any
		w.tx(db.Raw("INSERT INTO tags (id, name) VALUES (95, 'f'), (94, 'e') RETURNING id * 2 AS twice, name").Find(&maps), len(maps), maps[0]["name"])
		var id int64
		w.err(db.Raw("INSERT INTO tags (id, name) VALUES (97, 'f'), (96, 'e') RETURNING id").Row().Scan(&id), id)
		rows, err := db.Raw("INSERT INTO tags (id, name) VALUES (99, 'f'), (98, 'e') RETURNING id").Rows()
		if w.err(err); err == nil {
			for rows.Next() {
				w.err(rows.Scan(&id), id)
			}
			w.err(rows.Close())
		}
		w.tx(db.Raw("INSERT INTO tags (id, name) VALUES (99, 'f'), (100, 'e') RETURNING id").Scan(&ids))
	}},
	{"DB.Raw/insert on conflict and the rows", func(w *witness, db *gorm.DB) {
		if w.err(nil); db.Name() == "mysql" {
			return
		}
		ids := []int64{}
		w.tx(db.Raw("INSERT INTO tags (id, name) VALUES (1, 'x'), (90, 'y') ON CONFLICT (id) DO NOTHING RETURNING id").Scan(&ids), ids)
		ids = []int64{}
		w.tx(db.Raw("INSERT INTO members (id, region, name) VALUES (1, 'US', 'x'), (2, 'EU', 'y') ON CONFLICT (id) DO NOTHING RETURNING id").Scan(&ids), ids)
	}},
	{"DB.Exec/insert without ids", func(w *witness, db *gorm.DB) {
		if _, sharded := db.Plugins["dtde"]; !sharded && db.Name() == "postgres" { // whose counters know nothing of given ids
			for _, table := range []string{"tags", "members"} {
				db.Exec("SELECT setval(pg_get_serial_sequence('" + table + "', 'id'), 100000)")
			}
		}
		w.tx(db.Exec("INSERT INTO tags (name) VALUES ('gen'), ('gen'), (?)", "gen"))
		w.tx(db.Exec("INSERT INTO members (region, name) VALUES ('US', 'gen'), ('EU', 'gen'), ('APAC', 'gen'), ('EU', 'gen')"))
		if db.Name() != "postgres" {
			w.tx(db.Exec("INSERT INTO members (id, region, name) VALUES (NULL, 'US', 'gen'), (?, 'EU', 'gen')", nil))
		}
		if db.Name() != "sqlite" {
			w.tx(db.Exec("INSERT INTO members (id, region, name) VALUES (DEFAULT, 'US', 'gen'), (63, 'EU', 'gen')"))
		}
		var n int64
		w.tx(db.Model(&Member{}).Where("name = ?", "gen").Distinct("id").Count(&n), n)
		w.tx(db.Unscoped().Where("name = ?", "gen").Delete(&Member{}))
		var ids []int64
		w.tx(db.Raw("INSERT INTO tags (name) VALUES ('gen'), ('gen'), ('gen') RETURNING id").Scan(&ids), len(ids))
		w.tx(db.Model(&Tag{}).Where("name = ?", "gen").Count(&n), n)
		w.tx(db.Where("name = ?", "gen").Delete(&Tag{}))
	}},
	{"DB.Exec/insert of a query", func(w *witness, db *gorm.DB) {
		w.tx(db.Exec("INSERT INTO tags (id, name) SELECT id + 100, name FROM tags WHERE id > ?", 0))
		w.tx(db.Exec("INSERT INTO pets (id, member_id, name, weight) SELECT m.id + ?, m.id, m.name, COUNT(p.id) FROM members m LEFT JOIN pets p ON p.member_id = m.id WHERE m.age > ? GROUP BY m.id, m.name", 200, 1))
		w.tx(db.Exec("INSERT INTO members (id, region, name, age, score, company_id, updated_at, deleted_at) SELECT id + 500, 'US', name, age, score, company_id, updated_at, deleted_at FROM members"))
		w.tx(db.Exec("INSERT INTO tags (id, name) SELECT ?, 'one'", 900))
		w.tx(db.Exec("INSERT INTO tags (id, name) SELECT id, name FROM tags WHERE id < 0"))
		w.tx(db.Exec("INSERT INTO tags (id, name) SELECT id, name FROM companies UNION ALL SELECT 901, 'two'"))
		w.see(db.Exec("INSERT INTO tags (id, name) SELECT id FROM companies").Error == nil)
		w.tx(db.Exec("INSERT INTO tags (id, name) WITH x AS (SELECT id + 950 AS id, name FROM companies) SELECT id, name FROM x"))
		w.tx(db.Exec("INSERT INTO companies (id, name) SELECT id + 50, name FROM tags WHERE id < ?", 10))
	}},
	{"DB.Exec/writes in transactions", func(w *witness, db *gorm.DB) {
		w.err(db.Transaction(func(tx *gorm.DB) error {
			w.tx(tx.Exec("INSERT INTO tags (id, name) VALUES (90, 'a'), (91, 'b')"))
			w.tx(tx.Exec("INSERT INTO tags (id, name) SELECT id + 2, name FROM tags WHERE id > ?", 89))
			return errSurface
		}))
		w.err(db.Transaction(func(tx *gorm.DB) error {
			w.tx(tx.Exec("INSERT INTO tags (id, name) VALUES (90, 'a'), (91, 'b')"))
			return tx.Exec("DELETE FROM tags WHERE id IN (?)", []int{90, 1}).Error
		}))
	}},
	{"DB.Raw/update and delete, and the rows", func(w *witness, db *gorm.DB) {
		if db.Name() == "mysql" { // MariaDB gives the rows of a DELETE only
			var ids []int64
			w.tx(db.Raw("DELETE FROM tags WHERE id > ? RETURNING id", 1).Scan(&ids))
			sort.Slice(ids, func(i, k int) bool { return ids[i] < ids[k] })
			w.see(ids)
			return
		}
		for _, text := range []string{
			"UPDATE members SET age = age + 1 WHERE age > 20 RETURNING members.id", "DELETE FROM tags WHERE id > 1 RETURNING id",
			"DELETE FROM tags WHERE id > 1000 RETURNING id",
		} {
			ids := []int64{}
			w.tx(db.Raw(text).Scan(&ids))
			sort.Slice(ids, func(i, k int) bool { return ids[i] < ids[k] })
			w.see(ids)
		}
	}},
	{"DB.Exec/update and delete by subqueries", func(w *witness, db *gorm.DB) {
		w.tx(db.Exec("UPDATE members SET age = (SELECT COUNT(*) FROM pets WHERE pets.member_id = members.id) + ?, name = 'few' WHERE id IN (SELECT member_id FROM pets p WHERE p.weight > ?)", 7, 1))
		w.tx(db.Exec("UPDATE pets SET weight = weight + ? WHERE EXISTS (SELECT 1 FROM members JOIN companies c ON c.id = members.company_id WHERE members.id = pets.member_id AND c.name <> ?)", 5, "x"))
		w.tx(db.Exec("UPDATE tags SET name = (SELECT name FROM companies WHERE id = 1) WHERE id IN (SELECT id FROM companies)"))
		w.tx(db.Exec("UPDATE member_tags SET since = ? WHERE tag_id IN (SELECT tags.id FROM tags WHERE tags.id > ?) AND member_id = ?", 77, 1, 1))
		w.tx(db.Exec("UPDATE tags SET name = (SELECT MAX(tags.name) FROM tags) WHERE tags.id = ?", 2))
		w.tx(db.Exec("DELETE FROM pets WHERE pets.id NOT IN (SELECT MIN(pets.id) FROM pets WHERE pets.weight > 0) AND pets.id = ?", 2))
		w.tx(db.Exec("DELETE FROM member_tags WHERE member_tags.member_id IN (SELECT members.id FROM members WHERE members.id = member_tags.member_id AND members.region = ?)", "EU"))
		w.tx(db.Exec("DELETE FROM tags WHERE tags.id IN (SELECT tag_id FROM member_tags) AND tags.id > ?", 1))
		w.tx(db.Exec("DELETE FROM pets WHERE member_id IN (SELECT id FROM members WHERE region = ?)", "APAC"))
		w.tx(db.Exec("DELETE FROM pets WHERE member_id IN (SELECT id FROM no_such)"))
	}},
	{"DB.Exec/unsharded rows by subqueries", func(w *witness, db *gorm.DB) {
		w.tx(db.Exec("UPDATE companies SET name = (SELECT MIN(members.name) FROM members WHERE members.company_id = companies.id) WHERE id IN (SELECT company_id FROM members WHERE region = ?)", "EU"))
		w.tx(db.Exec("INSERT INTO companies (id, name) SELECT COUNT(*) + 60, MAX(name) FROM tags"))
		w.tx(db.Exec("DELETE FROM companies WHERE id NOT IN (SELECT company_id FROM members WHERE company_id IS NOT NULL)"))
		w.tx(db.Exec("DELETE FROM companies WHERE EXISTS (SELECT 1 FROM members m JOIN pets ON pets.member_id = m.id WHERE m.company_id = companies.id AND m.age > ?)", 1))
	}},
	{"DB.Exec/writes WITH queries", func(w *witness, db *gorm.DB) {
		if db.Name() == "mysql" {
			w.err(nil) // MariaDB takes no WITH there
			return
		}
		w.tx(db.Exec("WITH few AS (SELECT id, name FROM members WHERE age > ?) UPDATE pets SET name = (SELECT few.name FROM few WHERE few.id = pets.member_id) WHERE member_id IN (SELECT id FROM few)", 10))
		w.tx(db.Exec("WITH light AS (SELECT id FROM pets WHERE weight < ?), one AS (SELECT 1 AS id) DELETE FROM tags WHERE id IN (SELECT id FROM light) AND id NOT IN (SELECT id FROM one)", 9))
		ids := []int64{}
		w.tx(db.Raw("WITH owners AS (SELECT member_id FROM pets) DELETE FROM cards WHERE cards.member_id IN (SELECT member_id FROM owners) RETURNING id").Scan(&ids))
		sort.Slice(ids, func(i, k int) bool { return ids[i] < ids[k] })
		w.see(ids)
	}},
	{"DB.Exec/first rows by subqueries", func(w *witness, db *gorm.DB) {
		if w.err(nil); db.Name() != "mysql" {
			return
		}
		w.tx(db.Exec("UPDATE pets SET name = ? WHERE member_id IN (SELECT id FROM members WHERE age > ?) ORDER BY weight DESC, pets.id LIMIT ?", "first", 3, 2))
		w.tx(db.Exec("DELETE FROM pets WHERE pets.weight > (SELECT AVG(age) - ? FROM members) ORDER BY pets.name, id LIMIT 2", 100))
	}},
	{"DB.Exec/first rows", func(w *witness, db *gorm.DB) {
		if db.Name() != "mysql" {
			w.err(nil)
			return // the others do not take it, see below
		}
		w.tx(db.Exec("UPDATE pets SET name = ? WHERE weight < ? ORDER BY weight DESC, pets.id LIMIT ?", "first", 9, 3))
		w.tx(db.Exec("UPDATE pets p SET p.weight = p.weight + ?, p.name = 'n' ORDER BY p.id DESC LIMIT 2", 10))
		w.tx(db.Exec("UPDATE pets SET weight = weight + 1 ORDER BY id"))
		w.tx(db.Exec("DELETE FROM pets WHERE pets.weight > ? ORDER BY pets.name, id LIMIT 3", 0))
		w.tx(db.Exec("DELETE FROM pets ORDER BY id LIMIT 0"))
		w.tx(db.Exec("UPDATE members SET id = id + 1000 WHERE age > ? ORDER BY id DESC LIMIT 4", 0))
		var pets []Pet
		w.tx(db.Raw("DELETE FROM pets WHERE weight > ? ORDER BY weight DESC, id LIMIT 2 RETURNING id, name, weight", 0).Scan(&pets), pets)
		w.tx(db.Raw("DELETE FROM pets WHERE weight > ? ORDER BY weight DESC, id LIMIT 2 RETURNING id, name, weight", 1000).Scan(&pets))
		w.tx(db.Exec("DELETE FROM tags LIMIT 100"))
		w.err(db.Transaction(func(tx *gorm.DB) error {
			w.tx(tx.Exec("DELETE FROM members ORDER BY id LIMIT 5"))
			return errSurface
		}))
	}},
	{"DB.Exec/first rows where there are none", func(w *witness, db *gorm.DB) {
		tx := db.Exec("DELETE FROM pets WHERE weight < 0 ORDER BY id LIMIT 3")
		w.see(tx.Error == nil) // not even the engine's class: one refuses, the other can't read it
	}},
}

func TestRawWrites(t *testing.T) {
	t.Parallel()
	runSurface(t, rawWrites, gorm.Config{})
}

// TestRawInsertsByRowCount: rows of SQL text fill one shard after the other, too.
func TestRawInsertsByRowCount(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, db *gorm.DB) {
		use(t, db, entities(dtde.Model(&Crew{}).ShardByMaxRows(3)))
		tx := db.Exec("INSERT INTO crews (id, port) VALUES (1, 'a'), (2, 'b'), (3, 'c'), (4, 'd'), (?, 'e')", 5)
		require.NoError(t, tx.Error)
		assert.EqualValues(t, 5, tx.RowsAffected)
		assert.Len(t, dtde.Plans(tx)[0].Targets, 2)
		require.NoError(t, db.Exec("INSERT INTO crews (id, port) SELECT id + 10, port FROM crews").Error)
		var n int64
		require.NoError(t, db.Model(&Crew{}).Count(&n).Error)
		assert.EqualValues(t, 10, n)
	})
}

// TestRawInsertLooksForGivenKeys: the arguments of the text are not those of the statement
// that looks for its rows' keys on the other shards.
func TestRawInsertLooksForGivenKeys(t *testing.T) {
	t.Parallel()
	testenv.Each(t, func(t *testing.T, d testenv.DB) {
		for name, config := range map[string]func() dtde.Config{
			"one database": func() dtde.Config { return entities(dtde.Model(&Crew{}).ShardByHash("Port", 3)) },
			"several": func() dtde.Config {
				c := entities(dtde.Model(&Crew{}).ShardByHash("Port", 3).WithStorageMode(dtde.Databases))
				c.Databases = []dtde.Database{{ID: "a", Dialector: d.Dialector(t)}, {ID: "b", Dialector: d.Dialector(t)}}
				return c
			},
		} {
			t.Run(name, func(t *testing.T) {
				db := d.Open(t)
				use(t, db, config())
				ctx := dtde.BestEffort(t.Context())
				insert := func() *gorm.DB {
					return db.WithContext(ctx).Exec("INSERT INTO crews (id, port) VALUES (?, ?), (?, ?), (?, ?)", 1, "a", 2, "b", 3, "c")
				}
				tx := insert()
				require.NoError(t, tx.Error)
				assert.EqualValues(t, 3, tx.RowsAffected)
				require.Error(t, insert().Error, "they are there")
				err := db.WithContext(ctx).Exec("INSERT INTO crews (id, port) VALUES (?, ?)", 1, "elsewhere").Error
				require.ErrorIs(t, err, gorm.ErrDuplicatedKey, "found on another shard")
			})
		}
	})
}
