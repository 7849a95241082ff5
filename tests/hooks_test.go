package tests

import (
	"fmt"
	"sort"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"gorm.io/gorm"

	"github.com/go-dtde/dtde"
)

// Hooked writes down its hooks in the log that the session carries.
type Hooked struct {
	ID     int64 `gorm:"primaryKey"`
	Name   string
	Region string `gorm:"size:8"`
}

type hookLog struct {
	mu    sync.Mutex
	lines []string
}

func (l *hookLog) take() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	lines := l.lines
	l.lines = nil
	sort.Strings(lines)
	return lines
}

func (h *Hooked) note(tx *gorm.DB, hook string) error {
	v, _ := tx.Get("hooks")
	l, ok := v.(*hookLog)
	if !ok {
		return nil
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	key := "key"
	if h.ID == 0 {
		key = "no key"
	}
	l.lines = append(l.lines, fmt.Sprint(hook, " ", h.Name, " ", key))
	return nil
}

func (h *Hooked) BeforeCreate(tx *gorm.DB) error { return h.note(tx, "before create") }
func (h *Hooked) AfterCreate(tx *gorm.DB) error  { return h.note(tx, "after create") }
func (h *Hooked) BeforeSave(tx *gorm.DB) error   { return h.note(tx, "before save") }
func (h *Hooked) AfterSave(tx *gorm.DB) error    { return h.note(tx, "after save") }
func (h *Hooked) BeforeUpdate(tx *gorm.DB) error { return h.note(tx, "before update") }
func (h *Hooked) AfterUpdate(tx *gorm.DB) error  { return h.note(tx, "after update") }
func (h *Hooked) BeforeDelete(tx *gorm.DB) error { return h.note(tx, "before delete") }
func (h *Hooked) AfterDelete(tx *gorm.DB) error  { return h.note(tx, "after delete") }
func (h *Hooked) AfterFind(tx *gorm.DB) error    { return h.note(tx, "after find") }

func TestHooksRunOncePerRecord(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, db *gorm.DB) {
		use(t, db, entities(dtde.Model(&Hooked{}).ShardBy("Region", "EU", "US")))
		log := &hookLog{}
		on := db.Set("hooks", log).Session(&gorm.Session{})
		rows := []Hooked{{Name: "a", Region: "EU"}, {Name: "b", Region: "US"}, {Name: "c", Region: "EU"}}
		require.NoError(t, on.Create(&rows).Error)
		assert.Equal(t, []string{
			"after create a key", "after create b key", "after create c key", "after save a key", "after save b key", "after save c key",
			"before create a no key", "before create b no key", "before create c no key", "before save a no key", "before save b no key", "before save c no key",
		}, log.take())

		require.NoError(t, on.Find(&[]Hooked{}).Error)
		assert.Equal(t, []string{"after find a key", "after find b key", "after find c key"}, log.take())
		require.NoError(t, on.Order("id DESC").Limit(2).Find(&[]Hooked{}).Error)
		assert.Len(t, log.take(), 2)

		require.NoError(t, on.Model(&rows[0]).Update("name", "a2").Error)
		assert.Equal(t, []string{"after save a2 key", "after update a2 key", "before save a key", "before update a key"}, log.take())
		require.NoError(t, on.Model(&rows[0]).UpdateColumn("name", "a3").Error)
		assert.Empty(t, log.take())
		// a move is one update
		require.NoError(t, on.Model(&rows[0]).Update("region", "US").Error)
		assert.Equal(t, []string{"after save a3 key", "after update a3 key", "before save a3 key", "before update a3 key"}, log.take())
		require.NoError(t, on.Model(&Hooked{}).Where("name <> ''").Update("name", "all").Error)
		assert.Len(t, log.take(), 4, "once for the model, whatever the number of shards")

		require.NoError(t, on.Delete(&rows[1]).Error)
		assert.Equal(t, []string{"after delete b key", "before delete b key"}, log.take())
		require.NoError(t, on.Where("name = ?", "all").Delete(&Hooked{}).Error)
		assert.Len(t, log.take(), 2)
		require.NoError(t, on.Session(&gorm.Session{SkipHooks: true}).Create(&Hooked{Name: "d", Region: "EU"}).Error)
		assert.Empty(t, log.take())
	})
}
