package tests

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"gorm.io/gorm"

	"github.com/go-dtde/dtde"
	"github.com/go-dtde/dtde/internal/testenv"
)

// Leaf is sharded by the hash of its id; most of its values occur many times.
type Leaf struct {
	ID    int64 `gorm:"primaryKey;autoIncrement:false"`
	Kind  int64 `gorm:"index"`
	Score *int64
	Label string
}

// Stay is sharded by the month of Day.
type Stay struct {
	ID  int64 `gorm:"primaryKey;autoIncrement:false"`
	Day time.Time
	N   int64
}

// PlainLeaf and PlainStay hold the same rows in one table each.
type (
	PlainLeaf Leaf
	PlainStay Stay
)

const (
	leafShards = 5
	leaves     = 6000
)

// pageTables fills the sharded tables and the plain ones alike.
func pageTables(t *testing.T, db *gorm.DB) {
	t.Helper()
	use(t, db, entities(
		dtde.Model(&Leaf{}).ShardByHash("ID", leafShards),
		dtde.Model(&Stay{}).ShardByDate("Day", dtde.Month, utc(2024, 1, 1), utc(2024, 7, 1)),
	))
	require.NoError(t, db.AutoMigrate(&PlainLeaf{}, &PlainStay{}))
	var all []Leaf
	var plain []PlainLeaf
	for i := range int64(leaves) {
		l := Leaf{ID: i*7919%100_003 + 1, Kind: i % 7 * (i % 3), Label: fmt.Sprint(i)}
		if score := i * i % 101; score%5 > 0 {
			l.Score = &score
		}
		all, plain = append(all, l), append(plain, PlainLeaf(l))
	}
	require.NoError(t, db.CreateInBatches(&all, 500).Error)
	require.NoError(t, db.CreateInBatches(&plain, 500).Error)
	var visits []Stay
	var plainVisits []PlainStay
	for i := range int64(leaves) {
		// months of very different sizes, the third empty
		day := utc(2024, 1, 1).AddDate(0, map[int64]int{0: 0, 1: 1, 2: 1, 3: 3, 4: 4, 5: 4, 6: 4, 7: 5}[i%8], int(i%28))
		v := Stay{ID: i + 1, Day: day, N: i % 10}
		visits, plainVisits = append(visits, v), append(plainVisits, PlainStay(v))
	}
	require.NoError(t, db.CreateInBatches(&visits, 500).Error)
	require.NoError(t, db.CreateInBatches(&plainVisits, 500).Error)
}

func TestDeepPagesAreThePlainTables(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, db *gorm.DB) {
		testenv.LeakCheck(t, db)
		pageTables(t, db)
		offsets := []int{980, 1000, 1500, 2999, 3000, 4321, 5980, 5999, 6000, 9000}
		for _, c := range []struct {
			order  string
			paging string
			visit  bool
			where  string
		}{
			{order: "id", paging: "probe"},
			{order: "id DESC", paging: "probe"},
			{order: "kind, id", paging: "probe"},
			{order: "kind DESC, score, id DESC", paging: "probe"},
			{order: "score, kind DESC, id", paging: "probe"},
			{order: "score DESC, id", paging: "probe"},
			{order: "id", paging: "probe", where: "kind > 1 OR score IS NULL"},
			{order: "day, id", paging: "walk", visit: true},
			{order: "day DESC, n, id DESC", paging: "walk", visit: true},
			{order: "id", paging: "probe", visit: true},
		} {
			t.Run(strings.TrimSpace(c.order+" "+c.where), func(t *testing.T) {
				for _, offset := range offsets {
					page := func(tx *gorm.DB) *gorm.DB {
						if c.where != "" {
							tx = tx.Where(c.where).Or("kind = ?", -1)
						}
						return tx.Order(c.order).Offset(offset).Limit(25)
					}
					sessions := db.Scopes(dtde.Reads(dtde.ReadSessions))
					if c.visit {
						var got, union []Stay
						var want []PlainStay
						require.NoError(t, page(sessions).Find(&got).Error)
						require.NoError(t, page(db).Find(&union).Error)
						require.NoError(t, page(db).Find(&want).Error)
						require.Equal(t, stayIDs(union), stayIDs(got), "offset %d", offset)
						require.Len(t, got, len(want))
						for i := range want {
							require.Equal(t, want[i].ID, got[i].ID, "offset %d, row %d", offset, i)
							require.True(t, want[i].Day.Equal(got[i].Day))
						}
						continue
					}
					var got, union []Leaf
					var want []PlainLeaf
					require.NoError(t, page(sessions).Find(&got).Error)
					require.NoError(t, page(db).Find(&union).Error)
					require.NoError(t, page(db).Find(&want).Error)
					require.Equal(t, union, got, "offset %d", offset)
					require.Len(t, got, len(want))
					for i := range want {
						require.Equal(t, Leaf(want[i]), got[i], "offset %d, row %d", offset, i)
					}
				}
				plans, err := dtde.Explain(db, func(tx *gorm.DB) *gorm.DB {
					tx = tx.Scopes(dtde.Reads(dtde.ReadSessions)).Order(c.order).Offset(4000).Limit(25)
					if c.visit {
						return tx.Find(&[]Stay{})
					}
					return tx.Find(&[]Leaf{})
				})
				require.NoError(t, err)
				require.Len(t, plans, 1)
				assert.Contains(t, plans[0].String(), "paging: "+c.paging)
			})
		}
	})
}

func stayIDs(visits []Stay) []int64 {
	ids := make([]int64, len(visits))
	for i := range visits {
		ids[i] = visits[i].ID
	}
	return ids
}

func TestDeepPagesWithoutATieBreaker(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, db *gorm.DB) {
		pageTables(t, db)
		sessions := db.Scopes(dtde.Reads(dtde.ReadSessions)).Session(&gorm.Session{})
		// pages together are the table: the primary key breaks the ties
		seen := map[int64]bool{}
		last := int64(-1)
		for offset := 1000; offset < leaves; offset += 500 {
			var page []Leaf
			require.NoError(t, sessions.Order("kind").Offset(offset).Limit(500).Find(&page).Error)
			require.Len(t, page, 500)
			for _, l := range page {
				require.False(t, seen[l.ID], "%d comes twice", l.ID)
				seen[l.ID] = true
				require.GreaterOrEqual(t, l.Kind, last)
				last = l.Kind
			}
		}
		// rows without their keys are fetched
		var kinds, want []int64
		require.NoError(t, sessions.Model(&Leaf{}).Order("kind").Offset(2000).Limit(50).Pluck("kind", &kinds).Error)
		require.NoError(t, db.Model(&PlainLeaf{}).Order("kind").Offset(2000).Limit(50).Pluck("kind", &want).Error)
		assert.Equal(t, want, kinds)
		var small []struct{ Kind int64 }
		require.NoError(t, sessions.Model(&Leaf{}).Order("kind").Offset(2000).Limit(50).Find(&small).Error)
		require.Len(t, small, 50)
		assert.Equal(t, want[49], small[49].Kind)
		var omitted []Leaf
		require.NoError(t, sessions.Omit("id").Order("kind").Offset(2000).Limit(50).Find(&omitted).Error)
		require.Len(t, omitted, 50)
		assert.Equal(t, want[49], omitted[49].Kind)
		var unordered, plain []struct{ ID int64 } // what orders the rows is not among them
		require.NoError(t, sessions.Model(&Leaf{}).Order("score, id").Offset(2000).Limit(50).Find(&unordered).Error)
		require.NoError(t, db.Model(&PlainLeaf{}).Order("score, id").Offset(2000).Limit(50).Find(&plain).Error)
		assert.Equal(t, plain, unordered)
		var ordered []struct{ ID, Score int64 }
		require.NoError(t, sessions.Model(&Leaf{}).Where("score IS NOT NULL").Order("score, id").Offset(2000).Limit(50).Find(&ordered).Error)
		require.Len(t, ordered, 50)
		// rows, and a transaction's own state
		require.NoError(t, db.Transaction(func(tx *gorm.DB) error {
			rows, err := tx.Scopes(dtde.Reads(dtde.ReadUnion)).Model(&Leaf{}).Order("id").Offset(1500).Limit(3).Rows()
			if err != nil {
				return err
			}
			return rows.Close()
		}))
		rows, err := sessions.Model(&Leaf{}).Order("id").Offset(1500).Limit(3).Rows()
		require.NoError(t, err)
		n := 0
		for rows.Next() {
			n++
		}
		require.NoError(t, rows.Err())
		require.NoError(t, rows.Close())
		assert.Equal(t, 3, n)
	})
}

var limitOf = regexp.MustCompile(`LIMIT (\S+)( OFFSET \S+)?$`)

// question is one shard's part of a statement that asks for a key or a count.
var question = regexp.MustCompile("SELECT [0-9]+, ([\"`]b|COUNT)")

// movedRows bounds the rows that recorded statements fetched.
func movedRows(t testing.TB, calls []testenv.Call) (rows, statements int) {
	t.Helper()
	for _, c := range calls {
		if !strings.HasPrefix(c.SQL, "SELECT") || strings.Contains(c.SQL, "dtde_catalog") || !strings.Contains(c.SQL, " FROM ") {
			continue
		}
		statements++
		if asks := question.FindAllString(c.SQL, -1); len(asks) > 0 {
			rows += len(asks)
			continue
		}
		m := limitOf.FindStringSubmatch(c.SQL)
		require.NotNil(t, m, c.SQL)
		if n, err := strconv.Atoi(m[1]); err == nil { // SQLite's dialector writes the number
			rows += n
			continue
		}
		at := len(c.Args) - 1
		if m[2] != "" {
			at--
		}
		n, err := strconv.Atoi(fmt.Sprint(c.Args[at]))
		require.NoError(t, err)
		rows += n
	}
	return rows, statements
}

func TestDeepPagesMoveFewRows(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, db *gorm.DB) {
		pageTables(t, db)
		sent := testenv.Record(db)
		sessions := db.Scopes(dtde.Reads(dtde.ReadSessions)).Session(&gorm.Session{})
		for _, c := range []struct {
			name       string
			rows       int
			statements int
			find       func() error
		}{
			// a key per shard, counts beside the pivot, the page; among ties the first pivot is too far
			{"hashed", 30, 3, func() error { var ls []Leaf; return sessions.Order("id").Offset(5000).Limit(20).Find(&ls).Error }},
			{"with ties", 40, 4, func() error { var ls []Leaf; return sessions.Order("kind").Offset(5000).Limit(20).Find(&ls).Error }},
			{"in line", 120, 20, func() error { var vs []Stay; return sessions.Order("day").Offset(4000).Limit(20).Find(&vs).Error }},
			{"behind the end", 60, 20, func() error { var ls []Leaf; return sessions.Order("id").Offset(50_000).Limit(20).Find(&ls).Error }},
		} {
			sent.Reset()
			require.NoError(t, c.find(), c.name)
			rows, statements := movedRows(t, sent.Calls())
			assert.LessOrEqual(t, rows, c.rows, c.name)
			assert.GreaterOrEqual(t, statements, 2, "%s: at least a question and the page", c.name)
			assert.LessOrEqual(t, statements, c.statements, c.name)
		}
	})
}

// Drop is sharded by the hash of its id; its tables are filled with any ids.
type Drop struct {
	ID   int64 `gorm:"primaryKey;autoIncrement:false"`
	Kind int64 `gorm:"index"`
}

func TestVeryDeepPagesComeFromTheEnd(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, db *gorm.DB) {
		use(t, db, entities(dtde.Model(&Drop{}).ShardByHash("ID", 3)))
		const rows = 180_000
		digits := "(SELECT 0 AS d" + strings.Repeat(" UNION ALL SELECT %d", 9) + ")"
		digits = fmt.Sprintf(digits, 1, 2, 3, 4, 5, 6, 7, 8, 9)
		for shard := range 3 { // ids 0, 3, 6, …, then 1, 4, 7, …
			require.NoError(t, db.Exec(fmt.Sprintf("INSERT INTO drops_%[1]d (id, kind) SELECT i, (i - i %% 1000) / 1000 FROM "+
				"(SELECT 3 * (a.d + 10 * b.d + 100 * c.d + 1000 * d.d + 10000 * e.d) + %[1]d AS i "+
				"FROM %[2]s AS a, %[2]s AS b, %[2]s AS c, %[2]s AS d, %[2]s AS e) AS numbers WHERE i < %[3]d", shard, digits, rows)).Error)
		}
		sessions := db.Scopes(dtde.Reads(dtde.ReadSessions)).Session(&gorm.Session{})
		for _, c := range []struct{ offset, want int }{
			{100_000, 30}, {170_000, 30}, {179_980, 20}, {179_999, 1}, {180_000, 0}, {200_000, 0},
		} {
			for _, order := range []string{"kind, id", "id"} {
				var up, down []Drop
				require.NoError(t, sessions.Order(order).Offset(c.offset).Limit(30).Find(&up).Error)
				require.NoError(t, sessions.Order(strings.ReplaceAll(order, ",", " DESC,")+" DESC").Offset(c.offset).Limit(30).Find(&down).Error)
				require.Len(t, up, c.want)
				require.Len(t, down, c.want)
				for i := range up {
					require.EqualValues(t, c.offset+i, up[i].ID)
					require.EqualValues(t, rows-1-c.offset-i, down[i].ID)
				}
			}
		}
		sent := testenv.Record(db)
		require.NoError(t, sessions.Order("kind, id").Offset(170_000).Limit(30).Find(&[]Drop{}).Error)
		turned := strings.Contains(strings.Join(sent.Statements(), "\n"), "DESC")
		assert.Equal(t, db.Name() != "sqlite", turned, "the page was read from its other end, but where counting takes longer than going there")
	})
}
