package tests

import (
	"fmt"
	"sort"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"gorm.io/gorm"

	"github.com/go-dtde/dtde"
	"github.com/go-dtde/dtde/internal/testenv"
	"github.com/go-dtde/dtde/keys"
)

// StringKeyed and UUIDKeyed have text and binary keys.
type StringKeyed struct {
	ID     string `gorm:"primaryKey;size:36"`
	Region string `gorm:"size:8"`
}

type UUIDKeyed struct {
	ID     uuid.UUID `gorm:"primaryKey;type:varchar(36)"`
	Region string    `gorm:"size:8"`
}

func TestGeneratedIDsOverTwoInstances(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, db *gorm.DB) {
		testenv.LeakCheck(t, db)
		use(t, db, entities(customers()))
		other, _ := second(t, db, entities(customers()))
		var group sync.WaitGroup
		var mu sync.Mutex
		nodes := map[int]map[int]bool{0: {}, 1: {}}
		seen := map[int64]bool{}
		for i := range 6 {
			group.Add(1)
			go func() {
				defer group.Done()
				on := []*gorm.DB{db, other}[i%2]
				last := int64(0)
				for range 5 {
					rows := mixed()
					if !assert.NoError(t, on.Create(&rows).Error) {
						return
					}
					mu.Lock()
					for _, r := range rows {
						assert.Greater(t, r.ID, last, "later ids are greater")
						last = r.ID
						assert.False(t, seen[r.ID])
						seen[r.ID] = true
						_, node, _ := keys.Decompose(r.ID)
						nodes[i%2][node] = true
					}
					mu.Unlock()
				}
			}()
		}
		group.Wait()
		assert.Len(t, seen, 6*5*7)
		require.Len(t, nodes[0], 1, "one node per instance")
		require.Len(t, nodes[1], 1)
		assert.NotEqual(t, nodes[0], nodes[1])
		var leased int64
		require.NoError(t, beside(t, db).Table("dtde_nodes").Where("holder <> ''").Count(&leased).Error)
		assert.EqualValues(t, 2, leased)
	})
}

func TestUUIDKeys(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, db *gorm.DB) {
		use(t, db, entities(dtde.Model(&StringKeyed{}).ShardBy("Region", "EU", "US"), dtde.Model(&UUIDKeyed{}).ShardBy("Region", "EU", "US")))
		texts := []StringKeyed{{Region: "EU"}, {Region: "US"}, {Region: "EU"}, {ID: "mine", Region: "US"}}
		require.NoError(t, db.Create(&texts).Error)
		var ids []string
		for _, x := range texts[:3] {
			id, err := uuid.Parse(x.ID)
			require.NoError(t, err)
			assert.EqualValues(t, 7, id.Version())
			ids = append(ids, x.ID)
		}
		assert.True(t, sort.StringsAreSorted(ids), "time-ordered")
		assert.Equal(t, "mine", texts[3].ID)
		for _, x := range texts {
			var back StringKeyed
			require.NoError(t, db.First(&back, "id = ?", x.ID).Error)
			assert.Equal(t, x, back)
		}
		binary := []UUIDKeyed{{Region: "EU"}, {Region: "US"}}
		require.NoError(t, db.Create(&binary).Error)
		for _, x := range binary {
			assert.EqualValues(t, 7, x.ID.Version())
			var back UUIDKeyed
			require.NoError(t, db.First(&back, "id = ?", x.ID).Error)
			assert.Equal(t, x, back)
		}
	})
}

func TestSequenceKeys(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, db *gorm.DB) {
		cfg := entities(customers().WithKeys(dtde.KeySpec{Source: dtde.KeySequence}))
		if db.Name() == "sqlite" { // has no sequences
			require.ErrorIs(t, db.Use(dtde.Register(cfg)), dtde.ErrConfig)
			return
		}
		use(t, db, cfg)
		other, _ := second(t, db, cfg)
		seen := map[int64]bool{}
		for i := range 3 {
			rows := mixed()
			require.NoError(t, []*gorm.DB{db, other}[i%2].Create(&rows).Error)
			for k, r := range rows {
				assert.False(t, seen[r.ID])
				seen[r.ID] = true
				assert.LessOrEqual(t, r.ID, int64(2000), "small numbers")
				if k > 0 {
					assert.Greater(t, r.ID, rows[k-1].ID)
				}
			}
		}
		assert.Len(t, names(t, db), 21)
	})
}

func TestCustomKeys(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, db *gorm.DB) {
		var calls atomic.Int64
		use(t, db, entities(customers().WithKeys(dtde.KeySpec{Source: dtde.KeyCustom, Func: func(model any) (any, error) {
			name := ""
			switch m := model.(type) {
			case *Customer:
				name = m.Name
			case map[string]any:
				name, _ = m["name"].(string)
			}
			if name == "bad" {
				return nil, fmt.Errorf("no key for this one")
			}
			calls.Add(1)
			return int64(1000*len(name)) + calls.Load(), nil
		}})))
		rows := []Customer{{Name: "x", Region: "EU"}, {ID: 5, Name: "given", Region: "US"}, {Name: "xx", Region: "US"}}
		require.NoError(t, db.Create(&rows).Error)
		assert.Equal(t, []int64{1001, 5, 2002}, []int64{rows[0].ID, rows[1].ID, rows[2].ID}, "only where there is none")
		require.NoError(t, db.Model(&Customer{}).Create(map[string]any{"name": "xxx", "region": "EU"}).Error)
		require.NoError(t, db.First(&Customer{}, 3003).Error)
		err := db.Create(&[]Customer{{Name: "y", Region: "EU"}, {Name: "bad", Region: "US"}}).Error
		require.ErrorContains(t, err, "no key for this one")
		assert.Len(t, names(t, db), 4)
	})
}

func TestIDThatCarriesItsSlot(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, db *gorm.DB) {
		cfg := entities(dtde.Model(&Contract{}).ShardByHash("Number", 8).WithKeys(dtde.KeySpec{CarrySlot: true}))
		plugin := use(t, db, cfg)
		rows := make([]Contract, 40)
		for i := range rows {
			rows[i] = Contract{Number: fmt.Sprint("C-", i)}
		}
		require.NoError(t, db.Create(&rows).Error)
		sent := testenv.Record(db)
		for _, r := range rows {
			sent.Reset()
			var back Contract
			tx := db.First(&back, r.ID)
			require.NoError(t, tx.Error)
			assert.Equal(t, r, back)
			want, err := plugin.Resolve(&Contract{}, r.Number)
			require.NoError(t, err)
			require.Equal(t, []string{want.ID}, shardsOf(t, tx))
			require.Len(t, sent.Statements(), 1)
			require.NotContains(t, sent.Statements()[0], "UNION")
		}
		tx := db.Find(&[]Contract{}, []int64{rows[0].ID, rows[1].ID})
		require.NoError(t, tx.Error)
		assert.EqualValues(t, 2, tx.RowsAffected)
		assert.LessOrEqual(t, len(shardsOf(t, tx)), 2)
		tx = db.Model(&rows[0]).Update("holder", "h")
		require.NoError(t, tx.Error)
		assert.Len(t, shardsOf(t, tx), 1)
		require.ErrorIs(t, db.First(&Contract{}, 12345).Error, gorm.ErrRecordNotFound)

		// a given id that carries another slot would never be found by itself
		home, err := plugin.Resolve(&Contract{}, "given")
		require.NoError(t, err)
		for slot := range int64(8) {
			err := db.Create(&Contract{ID: 8_000 + slot, Number: "given"}).Error
			if fmt.Sprint(slot) == home.ID {
				require.NoError(t, err)
				require.NoError(t, db.First(&Contract{}, 8_000+slot).Error)
			} else {
				require.ErrorIs(t, err, dtde.Err)
			}
		}
		// a changed shard key would leave the id behind
		for i := range 8 {
			number := fmt.Sprint("elsewhere ", i)
			err := db.Model(&Contract{ID: rows[0].ID}).Update("contract_number", number).Error
			if to, _ := plugin.Resolve(&Contract{}, number); to.ID != fmt.Sprint(rows[0].ID%8) {
				require.ErrorIs(t, err, dtde.ErrShardKeyChanged)
			} else {
				require.NoError(t, err)
			}
			require.NoError(t, db.First(&Contract{}, rows[0].ID).Error, "the id finds its row")
		}
	})
}

func TestKeysThatCouldCollideAreRefused(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, db *gorm.DB) {
		err := db.Use(dtde.Register(entities(customers().WithKeys(dtde.KeySpec{Source: dtde.KeyNone}))))
		require.ErrorIs(t, err, dtde.ErrConfig)
		assert.Contains(t, strings.ToLower(err.Error()), "customer")
	})
}
