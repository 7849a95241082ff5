package tests

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"gorm.io/driver/postgres"
	"gorm.io/gorm"
	"gorm.io/gorm/schema"

	"github.com/go-dtde/dtde"
	"github.com/go-dtde/dtde/internal/testenv"
)

// Docket is a plain model with a relation to a sharded one.
type Docket struct {
	ID        int64 `gorm:"primaryKey"`
	FreightID int64
	Freight   Freight
}

// sqliteBeside is SQLite beside SQLite: a database of another engine is told by its dialector's
// name, which is all that is needed where nothing is committed over both.
func sqliteBeside(t *testing.T) *withLedger {
	t.Helper()
	for _, other := range []string{"mariadb", "postgres"} {
		for _, d := range testenv.Databases(t) {
			if d.Name == other {
				return openBeside(t, testenv.SQLite(), d, nil).ready(t)
			}
		}
	}
	// without servers: of the same engine, which is served alike
	return openBeside(t, testenv.SQLite(), testenv.SQLite(), nil).ready(t)
}

// TestAnotherEngineRefusesWhatIsRouted: a model of the settings, however it is reached, would
// pass its shards by.
func TestAnotherEngineRefusesWhatIsRouted(t *testing.T) {
	t.Parallel()
	b := sqliteBeside(t)
	ledger := dtde.OnDatabase(b.db, "ledger")
	for name, c := range map[string]struct {
		err    error
		reason string
	}{
		"find":                     {ledger.Find(&[]Freight{}).Error, "database-model"},
		"create":                   {ledger.Create(&Freight{ID: 1, Region: "EU"}).Error, "database-model"},
		"update":                   {ledger.Model(&Freight{}).Where("id = 1").Update("note", "x").Error, "database-model"},
		"delete":                   {ledger.Delete(&Freight{}, 1).Error, "database-model"},
		"rows":                     {errorOf(ledger.Model(&Freight{}).Rows()), "database-model"},
		"raw into it":              {ledger.Raw("SELECT 1 AS id").Find(&Freight{}).Error, "database-model"},
		"join":                     {ledger.Joins("Freight").Find(&[]Docket{}).Error, "database-model"},
		"its own subquery":         {ledger.Where("id IN (?)", ledger.Model(&Freight{}).Select("id")).Find(&[]Posting{}).Error, "database-model"},
		"a subquery of the shards": {ledger.Where("id IN (?)", b.db.Model(&Freight{}).Select("id")).Find(&[]Posting{}).Error, "database-subquery"},
		"a nested one": {ledger.Where("id IN (?)", ledger.Model(&PostingNote{}).Select("posting_id").
			Where("id IN (?)", b.db.Model(&Freight{}).Select("id"))).Find(&[]Posting{}).Error, "database-subquery"},
		"a subquery in an update": {ledger.Model(&Posting{}).Where("id = 1").
			Updates(map[string]any{"amount": b.db.Model(&Freight{}).Select("MAX(id)")}).Error, "database-subquery"},
		"of it among the shards": {b.db.Where("id IN (?)", ledger.Model(&Posting{}).Select("id")).Find(&[]Freight{}).Error, "database-subquery"},
		"of it in a plain model": {b.db.Table("elsewhere").Where("id IN (?)", ledger.Model(&Posting{}).Select("id")).Find(&[]map[string]any{}).Error, "database-subquery"},
		"AutoMigrate":            {ledger.AutoMigrate(&Freight{}), "database-model"},
		"what is related to it":  {ledger.AutoMigrate(&Docket{}), "database-model"},
		"DropTable":              {ledger.Migrator().DropTable(&Freight{}), "database-model"},
		"CreateTable":            {ledger.Migrator().CreateTable(&Freight{}), "database-model"},
	} {
		var refused *dtde.UnsupportedError
		if assert.ErrorAs(t, c.err, &refused, name) {
			assert.Equal(t, c.reason, refused.Reason, name)
		}
	}
	check(t, b.db.Create(&Freight{ID: 5, Region: "EU"}))
	require.NoError(t, ledger.Session(&gorm.Session{}).Exec("CREATE TABLE dockets (id bigint PRIMARY KEY, freight_id bigint)").Error)
	check(t, ledger.Omit("Freight").Create(&Docket{ID: 1, FreightID: 5}))
	var refused *dtde.UnsupportedError
	require.ErrorAs(t, ledger.Preload("Freight").Find(&[]Docket{}).Error, &refused)
	assert.Equal(t, "database-model", refused.Reason)
	require.ErrorAs(t, ledger.Create(&Docket{ID: 2, Freight: Freight{ID: 6, Region: "EU"}}).Error, &refused)
	assert.Equal(t, "database-model", refused.Reason)
	assert.False(t, ledger.Migrator().HasTable("freights"))
}

// TestAnotherEngineHasGORMsCallsOnly: dtde's own are refused, where they would have no effect.
func TestAnotherEngineHasGORMsCallsOnly(t *testing.T) {
	t.Parallel()
	b := sqliteBeside(t)
	ledger := dtde.OnDatabase(b.db, "ledger")
	page := ledger.Order("id").Limit(2)
	for name, err := range map[string]error{
		"After":              page.Scopes(dtde.After("")).Find(&[]Posting{}).Error,
		"CursorOf":           errorOf(dtde.CursorOf(page.Find(&[]Posting{}), Posting{ID: 1})),
		"BulkInsert":         errorOf(dtde.BulkInsert(ledger, []Posting{{ID: 1}})),
		"SaveWithVersioning": errorOf(dtde.SaveWithVersioning(ledger, &Posting{ID: 1})),
	} {
		require.ErrorIs(t, err, dtde.ErrConfig, name)
		require.ErrorContains(t, err, "OnDatabase", name)
	}
	check(t, ledger.Create(&[]Posting{{ID: 1}, {ID: 2}}))
	n := 0
	for _, err := range dtde.Iterate[Posting](ledger.Order("id")) {
		require.NoError(t, err)
		n++
	}
	assert.Equal(t, 2, n)
	require.NoError(t, dtde.Transaction(ledger, func(tx *gorm.DB) error { return tx.Delete(&Posting{}, 1).Error }))
	// A connection of somebody else's is in one database only.
	pool, err := b.db.DB()
	require.NoError(t, err)
	given, err := pool.Begin()
	require.NoError(t, err)
	defer func() { _ = given.Rollback() }()
	session := b.db.Session(&gorm.Session{NewDB: true, Context: t.Context()})
	session.Statement.ConnPool = given
	var refused *dtde.UnsupportedError
	require.ErrorAs(t, dtde.OnDatabase(session, "ledger").Error, &refused)
	assert.Equal(t, "foreign-connection", refused.Reason)
}

func errorOf[T any](_ T, err error) error { return err }

// TestOnDatabaseUnknown: the error is the result's, and that of all that is tried on it, also
// of migrations; nothing reaches the *gorm.DB's own database.
func TestOnDatabaseUnknown(t *testing.T) {
	t.Parallel()
	testenv.Each(t, func(t *testing.T, d testenv.DB) {
		b := openBeside(t, d, testenv.SQLite(), nil)
		plain := d.Open(t)
		one := d.Open(t)
		use(t, one, dtde.Config{Entities: []dtde.Entity{dtde.Model(&Freight{}).ShardBy("Region", "EU", "own")}})
		for name, db := range map[string]*gorm.DB{
			"unknown":      dtde.OnDatabase(b.db, "typo"),
			"of a ledger":  dtde.OnDatabase(dtde.OnDatabase(b.db, "ledger"), "typo"),
			"not dtde's":   dtde.OnDatabase(plain, "ledger"),
			"no databases": dtde.OnDatabase(one, "ledger"),
		} {
			require.ErrorIs(t, db.Error, dtde.ErrConfig, name)
			require.ErrorIs(t, db.Find(&[]Posting{}).Error, dtde.ErrConfig, name)
			require.ErrorIs(t, db.Create(&Posting{}).Error, dtde.ErrConfig, name)
			require.ErrorIs(t, db.Exec("CREATE TABLE postings (id int)").Error, dtde.ErrConfig, name)
			require.ErrorIs(t, db.AutoMigrate(&Posting{}), dtde.ErrConfig, name)
			require.ErrorIs(t, db.Migrator().CreateTable(&Posting{}), dtde.ErrConfig, name)
			require.ErrorIs(t, db.Migrator().DropColumn(&Posting{}, "text"), dtde.ErrConfig, name)
			require.Error(t, db.Migrator().DropIndex("postings", "x"), name)
			assert.False(t, db.Migrator().HasTable("postings"), name)
			require.ErrorIs(t, db.Transaction(func(*gorm.DB) error { return nil }), dtde.ErrConfig, name)
		}
		for _, db := range []*gorm.DB{b.db, plain, one} {
			assert.False(t, db.Migrator().HasTable("postings"))
		}
	})
}

// TestOnDatabaseThatIsDown: an error, never another database.
func TestOnDatabaseThatIsDown(t *testing.T) {
	t.Parallel()
	nowhere := "host=127.0.0.1 port=1 user=nobody dbname=none connect_timeout=1"
	b := openBeside(t, testenv.SQLite(), testenv.SQLite(), func(c *dtde.Config) {
		c.Databases[2].Dialector = postgres.Open(nowhere)
		c.Cluster = "down"
	})
	down := dtde.OnDatabase(b.db, "ledger")
	require.Error(t, down.Create(&Posting{}).Error)
	require.Error(t, down.AutoMigrate(&Posting{}))
	assert.False(t, b.db.Migrator().HasTable("postings"))
	err := b.db.Transaction(func(tx *gorm.DB) error { return dtde.OnDatabase(tx, "ledger").Create(&Posting{}).Error })
	require.Error(t, err)
	_, err = b.plugin.Recover(t.Context())
	require.ErrorContains(t, err, `"ledger"`)
	_, err = b.plugin.Validate()
	require.NoError(t, err, "one with two-phase commit needs no table")
}

// TestAnotherEngineInTheSettings: what would have no effect there is a fault, and so is a
// shard.
func TestAnotherEngineInTheSettings(t *testing.T) {
	t.Parallel()
	nowhere := postgres.Open("host=127.0.0.1 port=1 user=nobody dbname=none")
	freight := dtde.Model(&Freight{}).ShardBy("Region", "EU", "US")
	for name, c := range map[string]struct {
		db       dtde.Database
		entity   dtde.Entity
		contains string
	}{
		"a shard by its database": {dtde.Database{}, freight.WithShards(dtde.Shard{ID: "EU", Database: "ledger"}), `"ledger" is of postgres`},
		"a shard by its id": {dtde.Database{}, dtde.Model(&Freight{}).ShardBy("Region", "home", "LEDGER").WithStorageMode(dtde.Databases),
			`"ledger" is of postgres`},
		"only there": {dtde.Database{Group: "far"}, dtde.Model(&Freight{}).ShardBy("Region", "EU").WithStorageMode(dtde.Databases).InGroup("far"),
			"no database belongs"},
		"a group":    {dtde.Database{Group: "far"}, freight, ".Group: has no effect"},
		"a tier":     {dtde.Database{Tier: dtde.Cold}, freight, ".Tier: has no effect"},
		"a priority": {dtde.Database{Priority: 3}, freight, ".Priority: has no effect"},
		"read only":  {dtde.Database{ReadOnly: true}, freight, ".ReadOnly: has no effect"},
		"replicas":   {dtde.Database{Replicas: []gorm.Dialector{nowhere}}, freight, ".Replicas: has no effect"},
		"no SQL":     {dtde.Database{Dialector: oracle{nowhere}}, freight, "no SQL for oracle"},
	} {
		c.db.ID = "ledger"
		if c.db.Dialector == nil {
			c.db.Dialector = nowhere
		}
		plugin := dtde.Register(dtde.Config{Databases: []dtde.Database{{ID: "home", Own: true}, c.db}, Entities: []dtde.Entity{c.entity}})
		err := testenv.SQLite().Open(t).Use(plugin)
		require.ErrorIs(t, err, dtde.ErrConfig, name)
		require.ErrorContains(t, err, c.contains, name)
		_, err = plugin.Recover(t.Context())
		require.ErrorIs(t, err, dtde.ErrConfig, "there is nothing to recover with")
	}
}

// oracle is a dialector of an engine that dtde has no statements for.
type oracle struct{ gorm.Dialector }

func (oracle) Name() string { return "oracle" }

// DataTypeOf is not asked.
func (oracle) DataTypeOf(*schema.Field) string { return "" }
