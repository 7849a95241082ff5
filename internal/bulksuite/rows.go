package bulksuite

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"github.com/go-dtde/dtde"
)

// sameRows compares with CreateInBatches, in the database and in the structs.
func sameRows(t *testing.T, s *suite) {
	const n = 200
	twin, db := s.plain(t, &Cargo{}), s.open(t, tables(), &Cargo{})
	want, rows := cargoes(n), cargoes(n)
	create(t, twin, want)
	got, err := dtde.BulkInsert(db, rows)
	require.NoError(t, err)
	assert.EqualValues(t, n, got)
	s.used(t, n)
	sameStored(t, all(t, twin), all(t, db), false)
	stored := all(t, db)
	ids := map[int64]bool{}
	for i := range rows {
		require.NotZero(t, rows[i].ID)
		ids[rows[i].ID] = true
		require.Equal(t, rows[i].ID, stored[i].ID, "the key in the struct is that of its row")
		require.Equal(t, want[i].Status, rows[i].Status, "the model's default is in the struct")
		require.True(t, want[i].Created.Equal(rows[i].Created))
		require.True(t, want[i].Updated.Equal(rows[i].Updated))
		require.Equal(t, want[i].Stamp, rows[i].Stamp)
	}
	require.Len(t, ids, n)
}

// create makes rows one by one: SQLite knows no DEFAULT among the values of several.
func create(t *testing.T, db *gorm.DB, rows []Cargo) {
	t.Helper()
	require.NoError(t, db.Transaction(func(tx *gorm.DB) error {
		for i := range rows {
			if err := tx.Session(&gorm.Session{}).Create(&rows[i]).Error; err != nil {
				return err
			}
		}
		return nil
	}))
}

// sameStored compares rows but for their ids; with ids, these too.
func sameStored(t *testing.T, want, got []Cargo, ids bool) {
	t.Helper()
	require.Len(t, got, len(want))
	for i := range want {
		for _, c := range []*Cargo{&want[i], &got[i]} {
			if !ids {
				c.ID = 0
			}
			for _, at := range []*time.Time{&c.SoldAt, &c.Created, &c.Updated, &c.Deleted.Time} {
				*at = at.UTC()
			}
			if c.Due != nil {
				due := c.Due.UTC()
				c.Due = &due
			}
		}
		require.Equal(t, want[i], got[i])
	}
}

// chunks are of any size, and none is lost.
func chunks(t *testing.T, s *suite) {
	db := s.open(t, tables(), &Cargo{})
	const n = 103
	total := 0
	for _, size := range []int{-1, 0, 1, 10, 102, 103, 104} {
		got, err := dtde.BulkInsert(db, cargoes(n), dtde.BulkChunk(size))
		require.NoError(t, err, size)
		require.EqualValues(t, n, got)
		total += n
		require.Equal(t, total, count(t, db, &Cargo{}), size)
	}
	s.used(t, total)
	got, err := dtde.BulkInsert(db, []Cargo{})
	require.NoError(t, err)
	require.Zero(t, got)
}

// pointersAndMaps are rows, too.
func pointersAndMaps(t *testing.T, s *suite) {
	db := s.open(t, tables(), &Cargo{})
	list := cargoes(30)
	var pointers []*Cargo
	for i := range list {
		pointers = append(pointers, &list[i])
	}
	n, err := dtde.BulkInsert(db, pointers)
	require.NoError(t, err)
	require.EqualValues(t, 30, n)
	s.used(t, 30)
	require.NotZero(t, list[29].ID)
	n, err = dtde.BulkInsert(db.Model(&Cargo{}), []map[string]any{
		{"Region": "EU", "Name": "a", "SoldAt": now, "Seq": 100}, {"Region": "US", "Name": "b", "SoldAt": now, "Seq": 101},
	})
	require.NoError(t, err)
	require.EqualValues(t, 2, n)
	require.Equal(t, 32, count(t, db, &Cargo{}))
}

// selectAndOmit hold as in Create.
func selectAndOmit(t *testing.T, s *suite) {
	twin, db := s.plain(t, &Cargo{}), s.open(t, tables(), &Cargo{})
	for i, narrow := range []func(*gorm.DB) *gorm.DB{
		func(db *gorm.DB) *gorm.DB { return db.Omit("Name", "Note", "Status") },
		func(db *gorm.DB) *gorm.DB { return db.Select("Seq", "Region", "SoldAt", "Made", "Name") },
	} {
		want, rows := cargoes(20), cargoes(20)
		for k := range rows {
			want[k].Seq, rows[k].Seq = 100*i+k, 100*i+k
		}
		create(t, narrow(twin).Session(&gorm.Session{}), want)
		_, err := dtde.BulkInsert(narrow(db), rows)
		require.NoError(t, err)
	}
	sameStored(t, all(t, twin), all(t, db), false)
}

// onConflict is left to GORM's statements.
func onConflict(t *testing.T, s *suite) {
	db := s.open(t, tables(), &Cargo{})
	rows := cargoes(40)
	_, err := dtde.BulkInsert(db, rows)
	require.NoError(t, err)
	for i := range rows {
		rows[i].Name, rows[i].Made = "again", 1
	}
	_, err = dtde.BulkInsert(db.Clauses(clause.OnConflict{DoNothing: true}), rows, dtde.BulkChunk(15))
	require.NoError(t, err)
	require.Equal(t, 40, count(t, db, &Cargo{}))
	require.NotEqual(t, "again", all(t, db)[3].Name)
	_, err = dtde.BulkInsert(db.Clauses(clause.OnConflict{UpdateAll: true, Columns: []clause.Column{{Name: "id"}}}), rows[:1])
	if err != nil { // the shard key is among the columns
		require.ErrorIs(t, err, dtde.Err)
	}
	require.Equal(t, 40, count(t, db, &Cargo{}))
}

// keySources make the keys of a bulk insert as those of a create.
func keySources(t *testing.T, s *suite) {
	for name, spec := range map[string]dtde.KeySpec{
		"sequence": {Source: dtde.KeySequence},
		"custom":   {Source: dtde.KeyCustom, Func: func(row any) (any, error) { return int64(row.(*Cargo).Seq + 1000), nil }},
	} {
		if name == "sequence" && s.Name == "sqlite" {
			continue // which has none
		}
		t.Run(name, func(t *testing.T) {
			db := s.open(t, dtde.Config{Entities: []dtde.Entity{dtde.Model(&Cargo{}).ShardBy("Region", "EU", "US", "APAC").WithKeys(spec)}}, &Cargo{})
			rows := cargoes(50)
			_, err := dtde.BulkInsert(db, rows, dtde.BulkChunk(20))
			require.NoError(t, err)
			stored := all(t, db)
			require.Len(t, stored, 50)
			for i := range stored {
				require.Equal(t, rows[i].ID, stored[i].ID)
				if name == "custom" {
					require.EqualValues(t, i+1000, stored[i].ID)
				}
			}
		})
	}
	t.Run("slot", func(t *testing.T) {
		db := s.open(t, dtde.Config{Entities: []dtde.Entity{dtde.Model(&Cargo{}).ShardByHash("Seq", 4).WithKeys(dtde.KeySpec{Source: dtde.KeyTimeOrdered, CarrySlot: true})}}, &Cargo{})
		rows := cargoes(50)
		_, err := dtde.BulkInsert(db, rows)
		require.NoError(t, err)
		for i := range rows {
			var one Cargo
			require.NoError(t, db.Unscoped().First(&one, rows[i].ID).Error)
			require.Equal(t, rows[i].Seq, one.Seq)
		}
	})
}

// givenKeys of a row that another shard has are found.
func givenKeys(t *testing.T, s *suite) {
	s.slow = 20 * time.Millisecond
	db := s.open(t, tables(), &Cargo{})
	rows := cargoes(60)
	for i := range rows {
		rows[i].ID = int64(i + 1)
	}
	_, err := dtde.BulkInsert(db, rows, dtde.BulkChunk(25))
	require.NoError(t, err)
	again := cargoes(30)
	for i := range again {
		again[i].ID = int64(1000 + i)
	}
	again[29].ID, again[29].Region = 1, "US" // the first is in the EU
	_, err = dtde.BulkInsert(db, again, dtde.BulkChunk(7))
	require.ErrorIs(t, err, gorm.ErrDuplicatedKey)
	require.Equal(t, 60, count(t, db, &Cargo{}))
	// of the chunk before, which may be on its way
	again = cargoes(14)
	for i := range again {
		again[i].Region = []string{"EU", "US", "APAC"}[i%3]
	}
	again[6].ID, again[7].ID, again[6].Region, again[7].Region = 2000, 2000, "US", "EU"
	_, err = dtde.BulkInsert(db, again, dtde.BulkChunk(7))
	require.ErrorIs(t, err, gorm.ErrDuplicatedKey)
	require.Equal(t, 60, count(t, db, &Cargo{}))
}

// Wallet is not sharded.
type Wallet struct {
	ID    int64 `gorm:"primaryKey"`
	Owner string
}

// plainModels are created in batches.
func plainModels(t *testing.T, s *suite) {
	db := s.open(t, tables(), &Cargo{}, &Wallet{})
	wallets := make([]Wallet, 2500)
	for i := range wallets {
		wallets[i].Owner = fmt.Sprint(i)
	}
	n, err := dtde.BulkInsert(db, wallets)
	require.NoError(t, err)
	require.EqualValues(t, 2500, n)
	require.Equal(t, 2500, count(t, db, &Wallet{}))
	var one Wallet
	require.NoError(t, db.Where("owner = ?", "2100").First(&one).Error)
	require.Equal(t, wallets[2100].ID, one.ID)
}
