package tests

import (
	"database/sql"
	"fmt"
	"sort"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"github.com/go-dtde/dtde"
	"github.com/go-dtde/dtde/internal/testenv"
)

// names runs a query for customers and gives their names, sorted.
func names(t *testing.T, tx *gorm.DB) []string {
	t.Helper()
	var out []Customer
	require.NoError(t, tx.Find(&out).Error)
	list := []string{}
	for _, c := range out {
		list = append(list, c.Name)
	}
	sort.Strings(list)
	return list
}

// shardsOf gives the ids of the shards that a statement was planned on.
func shardsOf(t *testing.T, tx *gorm.DB) []string {
	t.Helper()
	plans := dtde.Plans(tx)
	require.Len(t, plans, 1)
	return plans[0].ShardIDs()
}

// seeded has one customer per region, and one whose name is a region's.
func seeded(t *testing.T, db *gorm.DB) {
	t.Helper()
	use(t, db, entities(customers()))
	require.NoError(t, db.Create(&[]Customer{
		{Name: "e", Region: "EU"}, {Name: "u", Region: "US"}, {Name: "a", Region: "APAC"}, {Name: "US", Region: "EU", Status: "US"},
	}).Error)
}

func TestPredicatesOthersGetWrong(t *testing.T) {
	t.Parallel()
	many := make([]string, 10_000)
	for i := range many {
		many[i] = fmt.Sprintf("R%d", i)
	}
	many[5000] = "US"
	cases := []struct {
		name   string
		where  func(db *gorm.DB) *gorm.DB
		want   []string
		shards []string
	}{
		{"k = 1 OR k = 2", func(db *gorm.DB) *gorm.DB { return db.Where("region = ? OR region = ?", "US", "APAC") }, []string{"a", "u"}, []string{"US", "APAC"}},
		{"Where.Or", func(db *gorm.DB) *gorm.DB { return db.Where("region = ?", "US").Or("region = ?", "APAC") }, []string{"a", "u"}, []string{"US", "APAC"}},
		{"Where.Or of another column", func(db *gorm.DB) *gorm.DB { return db.Where("region = ?", "US").Or("name = ?", "e") }, []string{"e", "u"}, []string{"EU", "US", "APAC"}},
		{"NOT (k = 1)", func(db *gorm.DB) *gorm.DB { return db.Where("NOT (region = ?)", "EU") }, []string{"a", "u"}, []string{"US", "APAC"}},
		{"Not", func(db *gorm.DB) *gorm.DB { return db.Not("region = ?", "EU") }, []string{"a", "u"}, []string{"US", "APAC"}},
		{"Not map", func(db *gorm.DB) *gorm.DB {
			return db.Not(map[string]any{"region": []string{"EU", "APAC"}})
		}, []string{"u"}, []string{"US"}},
		{"k <> 1", func(db *gorm.DB) *gorm.DB { return db.Where("region <> ?", "EU") }, []string{"a", "u"}, []string{"US", "APAC"}},
		{"10,000 values", func(db *gorm.DB) *gorm.DB { return db.Where("region IN ?", many) }, []string{"u"}, []string{"US"}},
		{"flipped", func(db *gorm.DB) *gorm.DB { return db.Where("'US' = region") }, []string{"u"}, []string{"US"}},
		{"BETWEEN", func(db *gorm.DB) *gorm.DB { return db.Where("region BETWEEN ? AND ?", "US", "US") }, []string{"u"}, nil},
		{"another column equal to a shard's name", func(db *gorm.DB) *gorm.DB { return db.Where("status = ?", "US") }, []string{"US"}, []string{"EU", "US", "APAC"}},
		{"'us' against 'US'", func(db *gorm.DB) *gorm.DB { return db.Where("region = ?", "us") }, []string{}, []string{}},
		{"qualified", func(db *gorm.DB) *gorm.DB { return db.Where("customers.region = ?", "US") }, []string{"u"}, []string{"US"}},
		{"struct", func(db *gorm.DB) *gorm.DB { return db.Where(&Customer{Region: "US"}) }, []string{"u"}, []string{"US"}},
		{"map", func(db *gorm.DB) *gorm.DB { return db.Where(map[string]any{"region": "US"}) }, []string{"u"}, []string{"US"}},
		{"clause", func(db *gorm.DB) *gorm.DB { return db.Clauses(clause.Eq{Column: "region", Value: "US"}) }, []string{"u"}, []string{"US"}},
		{"named", func(db *gorm.DB) *gorm.DB { return db.Where("region = @r", sql.Named("r", "US")) }, []string{"u"}, []string{"US"}},
		{"group", func(db *gorm.DB) *gorm.DB {
			return db.Where(db.Session(&gorm.Session{NewDB: true}).Where("region = ?", "US").Or("region = ?", "EU")).Where("name <> ?", "US")
		}, []string{"e", "u"}, []string{"EU", "US"}},
		{"unknown fragment", func(db *gorm.DB) *gorm.DB { return db.Where("lower(region) = ?", "us") }, []string{"u"}, []string{"EU", "US", "APAC"}},
		{"newline OR leaks out of its fragment", func(db *gorm.DB) *gorm.DB {
			return db.Where("region = 'US'\nOR region = 'APAC'").Where("name <> ''")
		}, []string{"a", "u"}, nil},
		{"IS NULL", func(db *gorm.DB) *gorm.DB { return db.Where("region IS NULL") }, []string{}, nil},
		{"nil", func(db *gorm.DB) *gorm.DB { return db.Where(map[string]any{"region": nil}) }, []string{}, nil},
		{"empty result everywhere", func(db *gorm.DB) *gorm.DB { return db.Where("name = ?", "nobody") }, []string{}, []string{"EU", "US", "APAC"}},
		{"pointer value", func(db *gorm.DB) *gorm.DB { us := "US"; return db.Where("region = ?", &us) }, []string{"u"}, []string{"US"}},
		{"sql.NullString", func(db *gorm.DB) *gorm.DB {
			return db.Where("region = ?", sql.NullString{String: "US", Valid: true})
		}, []string{"u"}, []string{"US"}},
	}
	onEach(t, func(t *testing.T, db *gorm.DB) {
		seeded(t, db)
		for _, c := range cases {
			t.Run(c.name, func(t *testing.T) {
				var out []Customer
				tx := c.where(db).Find(&out)
				require.NoError(t, tx.Error)
				got := []string{}
				for _, x := range out {
					got = append(got, x.Name)
				}
				sort.Strings(got)
				assert.Equal(t, c.want, got)
				if c.shards != nil {
					assert.Equal(t, c.shards, shardsOf(t, tx))
				}
			})
		}
	})
}

func TestTextKeyComparedWithNumber(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, db *gorm.DB) {
		use(t, db, entities(dtde.Model(&Contract{}).ShardByHash("Number", 4)))
		require.NoError(t, db.Create(&[]Contract{{Number: "5"}, {Number: "05"}, {Number: "x"}}).Error)
		var out []Contract
		tx := db.Where("contract_number = ?", 5).Find(&out)
		if tx.Error != nil {
			assert.Equal(t, "postgres", db.Name(), "only PostgreSQL refuses the comparison")
			return
		}
		assert.Len(t, shardsOf(t, tx), 4, "a number says nothing about a text key")
		want := 1
		if db.Name() == "mysql" {
			want = 2 // '05' = 5 there
		}
		assert.Len(t, out, want)
	})
}

func TestInListsAreSplitPerShard(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, db *gorm.DB) {
		use(t, db, entities(dtde.Model(&User{}).ShardByHash("ID", 8)))
		users := make([]User, 64)
		ids := make([]int64, 10_000)
		for i := range users {
			users[i] = User{ID: int64(i + 1), Name: fmt.Sprint(i)}
		}
		for i := range ids {
			ids[i] = int64(i + 1)
		}
		require.NoError(t, db.Create(&users).Error)
		sent := testenv.Record(db)
		var out []User
		require.NoError(t, db.Find(&out, ids).Error)
		assert.Len(t, out, 64)
		args := 0
		for _, c := range sent.Calls() {
			args += len(c.Args)
		}
		assert.Equal(t, 10_000, args, "every shard gets its own values and no others")
	})
}

func TestKeysOfEveryIntegerType(t *testing.T) {
	t.Parallel()
	type small int16
	onEach(t, func(t *testing.T, db *gorm.DB) {
		use(t, db, entities(dtde.Model(&User{}).ShardByHash("ID", 8)))
		require.NoError(t, db.Create(&[]User{{ID: -7, Name: "negative"}, {ID: 7, Name: "seven"}}).Error)
		seven := int64(7)
		for _, id := range []any{7, int8(7), int16(7), int32(7), int64(7), uint(7), uint8(7), uint64(7), small(7), &seven,
			sql.NullInt64{Int64: 7, Valid: true}} {
			var out []User
			tx := db.Where("id = ?", id).Find(&out)
			require.NoError(t, tx.Error, "%T", id)
			require.Len(t, out, 1, "%T", id)
			assert.Len(t, shardsOf(t, tx), 1, "%T", id)
		}
		var negative User
		require.NoError(t, db.First(&negative, -7).Error)
		assert.Equal(t, "negative", negative.Name)
	})
}

// Tenant has a shard 1 beside a shard 11.
type Tenant struct {
	ID   int64  `gorm:"primaryKey"`
	Code string `gorm:"size:8"`
	Name string
}

func TestShard1Beside11(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, db *gorm.DB) {
		use(t, db, entities(dtde.Model(&Tenant{}).ShardBy("Code", "1", "11")))
		require.NoError(t, db.Create(&[]Tenant{{Code: "1", Name: "one"}, {Code: "11", Name: "eleven"}}).Error)
		for code, name := range map[string]string{"1": "one", "11": "eleven"} {
			var out []Tenant
			tx := db.Where("code = ?", code).Find(&out)
			require.NoError(t, tx.Error)
			require.Len(t, out, 1)
			assert.Equal(t, name, out[0].Name)
			assert.Equal(t, []string{code}, shardsOf(t, tx))
		}
	})
}

func TestQuotedAndSoftDeleteNames(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, db *gorm.DB) {
		use(t, db, entities(dtde.Model(&Order{}).ShardByDate("OrderDate", dtde.Month, utc(2024, 1, 1), utc(2025, 1, 1))))
		require.NoError(t, db.Create(&[]Order{{ID: 1, OrderDate: utc(2024, 1, 31)}, {ID: 2, OrderDate: utc(2024, 2, 1)}}).Error)
		column := db.Statement.Quote("orders") + "." + db.Statement.Quote("order_date")
		var out []Order
		tx := db.Where(column+" < ?", utc(2024, 2, 1)).Find(&out)
		require.NoError(t, tx.Error)
		require.Len(t, out, 1)
		assert.Equal(t, []string{"2024_01"}, shardsOf(t, tx))
		require.NoError(t, db.Delete(&Order{}, 1).Error)
		var left []Order
		require.NoError(t, db.Where("order_date < ?", utc(2024, 2, 1)).Or("order_date >= ?", utc(2024, 2, 1)).Find(&left).Error)
		require.Len(t, left, 1, "the soft delete condition holds for both sides of the OR")
		require.NoError(t, db.Unscoped().Find(&left).Error)
		assert.Len(t, left, 2)
		require.NoError(t, db.Unscoped().Delete(&Order{}, 1).Error)
		require.NoError(t, db.Unscoped().Find(&left).Error)
		assert.Len(t, left, 1)
	})
}

func TestBoundariesInTwoZones(t *testing.T) {
	t.Parallel()
	newYork, err := time.LoadLocation("America/New_York")
	require.NoError(t, err)
	onEach(t, func(t *testing.T, db *gorm.DB) {
		from := time.Date(2024, 1, 1, 0, 0, 0, 0, newYork)
		use(t, db, entities(dtde.Model(&Order{}).ShardByDate("OrderDate", dtde.Month, from, from.AddDate(2, 0, 0))))
		eve := time.Date(2024, 12, 31, 23, 59, 59, 999_000_000, newYork)
		midnight := time.Date(2025, 1, 1, 0, 0, 0, 0, newYork)
		require.NoError(t, db.Create(&[]Order{{ID: 1, OrderDate: eve.UTC()}, {ID: 2, OrderDate: midnight}}).Error)
		for shard, id := range map[string]int64{"2024_12": 1, "2025_01": 2} {
			var ids []int64
			require.NoError(t, db.Table("orders_"+shard).Pluck("id", &ids).Error)
			assert.Equal(t, []int64{id}, ids, shard)
		}
		for _, at := range []time.Time{midnight, midnight.UTC()} {
			var out []Order
			tx := db.Where("order_date < ?", at).Find(&out)
			require.NoError(t, tx.Error)
			require.Len(t, out, 1)
			assert.EqualValues(t, 1, out[0].ID)
			tx = db.Where("order_date >= ?", at).Find(&out)
			require.NoError(t, tx.Error)
			require.Len(t, out, 1)
			assert.EqualValues(t, 2, out[0].ID)
			assert.Equal(t, []string{"2025_01"}, shardsOf(t, tx))
		}
	})
}

// Event is sharded by a time that GORM sets.
type Event struct {
	ID        int64 `gorm:"primaryKey"`
	Name      string
	CreatedAt time.Time
	UpdatedAt time.Time
}

func TestCreatedAtAtMidnight(t *testing.T) {
	t.Parallel()
	midnight := utc(2024, 2, 1)
	calls := 0
	now := func() time.Time { // every call is a little later, over the boundary
		calls++
		return midnight.Add(time.Duration(calls-2) * time.Millisecond)
	}
	for _, d := range testenv.Databases(t) {
		db := d.Open(t, &gorm.Config{NowFunc: now})
		use(t, db, entities(dtde.Model(&Event{}).ShardByDate("CreatedAt", dtde.Month, utc(2024, 1, 1), utc(2025, 1, 1))))
		calls = 0
		e := Event{Name: "x"}
		require.NoError(t, db.Create(&e).Error)
		shard := "events_2024_01"
		if !e.CreatedAt.Before(midnight) {
			shard = "events_2024_02"
		}
		var n int64
		require.NoError(t, db.Table(shard).Count(&n).Error)
		assert.EqualValues(t, 1, n, "the row is where its stored time says")
		assert.True(t, e.CreatedAt.Equal(e.UpdatedAt), "one NowFunc value per call")
		var back Event
		require.NoError(t, db.Where("created_at = ?", e.CreatedAt).First(&back).Error)
	}
}

func TestUpdateOfTheShardKey(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, db *gorm.DB) {
		use(t, db, entities(customers()))
		c := Customer{Name: "a", Region: "US"}
		require.NoError(t, db.Create(&c).Error)
		c.Name = "b"
		require.NoError(t, db.Save(&c).Error, "the unchanged key is written and nothing moves")
		tx := db.Model(&c).Updates(map[string]any{"region": "US", "name": "c"})
		require.NoError(t, tx.Error)
		assert.EqualValues(t, 1, tx.RowsAffected)
		var n int64
		require.NoError(t, db.Table("customers_us").Where("name = ?", "c").Count(&n).Error)
		assert.EqualValues(t, 1, n)

		tx = db.Model(&c).Update("region", "EU")
		if tx.Error != nil {
			require.ErrorIs(t, tx.Error, dtde.ErrShardKeyChanged)
			require.NoError(t, db.Table("customers_us").Where("region = ?", "US").Count(&n).Error)
			assert.EqualValues(t, 1, n, "nothing was written")
			return
		}
		assert.EqualValues(t, 1, tx.RowsAffected)
		require.NoError(t, db.Table("customers_eu").Where("id = ? AND name = ?", c.ID, "c").Count(&n).Error)
		assert.EqualValues(t, 1, n)
		require.NoError(t, db.Table("customers_us").Count(&n).Error)
		assert.Zero(t, n, "moved in one transaction")
	})
}

func TestLikeAndRawFragmentsAnswerRight(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, db *gorm.DB) {
		seeded(t, db)
		assert.Equal(t, []string{"u"}, names(t, db.Where("region LIKE ?", "U%")))
		assert.Equal(t, []string{"a", "u"}, names(t, db.Where("CASE WHEN region = 'EU' THEN 0 ELSE 1 END = 1")))
		var upper []string
		require.NoError(t, db.Model(&Customer{}).Distinct().Order("region").Pluck("region", &upper).Error)
		assert.Equal(t, "APAC EU US", strings.Join(upper, " "))
	})
}
