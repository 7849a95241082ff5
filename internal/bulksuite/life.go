package bulksuite

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"github.com/go-dtde/dtde"
)

// Ticket has hooks and lines.
type Ticket struct {
	ID     int64 `gorm:"primaryKey"`
	Region string
	Seq    int
	Made   int    `gorm:"default:(1+1)"`
	Lines  []Line `gorm:"foreignKey:TicketID"`

	before, after int
	sawKey        bool
	sawMade       int
}

// Line is a ticket's.
type Line struct {
	ID       int64 `gorm:"primaryKey"`
	TicketID int64
	Text     string
}

// BeforeCreate counts.
func (t *Ticket) BeforeCreate(*gorm.DB) error {
	t.before++
	if t.Seq < 0 {
		return errors.New("no such ticket")
	}
	return nil
}

// AfterCreate counts, and looks at what the database has answered.
func (t *Ticket) AfterCreate(tx *gorm.DB) error {
	t.after++
	t.sawKey, t.sawMade = t.ID != 0, t.Made
	var n int64
	if err := tx.Model(&Ticket{}).Where("region = ? AND id = ?", t.Region, t.ID).Count(&n).Error; err != nil {
		return err
	}
	if n != 1 {
		return fmt.Errorf("%d rows of this ticket", n)
	}
	return nil
}

func tickets(n int) []Ticket {
	list := make([]Ticket, n)
	for i := range list {
		list[i] = Ticket{Seq: i, Region: []string{"EU", "US"}[i%2]}
		if i%3 == 0 {
			list[i].Lines = []Line{{Text: "a"}, {Text: "b"}}
		}
	}
	return list
}

func ticketed() dtde.Config {
	return dtde.Config{Entities: []dtde.Entity{dtde.Model(&Ticket{}).ShardBy("Region", "EU", "US")}}
}

// hooks run once per record, and see what they see in Create.
func hooks(t *testing.T, s *suite) {
	s.slow = 5 * time.Millisecond
	db := s.open(t, ticketed(), &Ticket{}, &Line{})
	rows := tickets(40)
	for i := range rows {
		rows[i].Made = 5 // the database has nothing to answer
	}
	_, err := dtde.BulkInsert(db, rows, dtde.BulkChunk(15))
	require.NoError(t, err)
	s.used(t, 40)
	for i := range rows {
		require.Equal(t, 1, rows[i].before)
		require.Equal(t, 1, rows[i].after)
		require.True(t, rows[i].sawKey)
	}
	rows = tickets(20)
	rows[17].Seq = -1
	_, err = dtde.BulkInsert(db, rows, dtde.BulkChunk(15))
	require.ErrorContains(t, err, "no such ticket")
	require.Equal(t, 40, count(t, db, &Ticket{}))
	rows = tickets(20)
	_, err = dtde.BulkInsert(db.Session(&gorm.Session{SkipHooks: true}).Omit(clause.Associations), rows)
	require.NoError(t, err)
	require.Zero(t, rows[3].before)
	s.used(t, 60)
	require.Equal(t, 60, count(t, db, &Ticket{}))
	if s.Name == "postgres" || s.Name == "sqlite" { // which answer with what they made
		rows = tickets(3)
		_, err = dtde.BulkInsert(db, rows)
		require.NoError(t, err)
		require.Equal(t, 2, rows[1].sawMade)
	}
}

// associations are saved.
func associations(t *testing.T, s *suite) {
	s.slow = 5 * time.Millisecond
	db := s.open(t, ticketed(), &Ticket{}, &Line{})
	rows := tickets(30)
	for i := range rows {
		rows[i].Made = 5
	}
	_, err := dtde.BulkInsert(db, rows, dtde.BulkChunk(8))
	require.NoError(t, err)
	var stored []Ticket
	require.NoError(t, db.Preload("Lines").Order("seq").Find(&stored).Error)
	require.Len(t, stored, 30)
	for i := range stored {
		require.Len(t, stored[i].Lines, len(rows[i].Lines))
	}
	_, err = dtde.BulkInsert(db.Omit(clause.Associations), tickets(30))
	require.NoError(t, err)
	require.Equal(t, 20, count(t, db, &Line{}))
}

// Contract keeps versions.
type Contract struct {
	ID        int64  `gorm:"primaryKey"`
	Number    string `dtde:"entityKey;shardKey;strategy:hash;shards:3"`
	Terms     string
	ValidFrom time.Time  `dtde:"validFrom"`
	ValidTo   *time.Time `dtde:"validTo"`
}

// versions begin as those of Create.
func versions(t *testing.T, s *suite) {
	db := s.open(t, dtde.Config{Entities: []dtde.Entity{dtde.Model(&Contract{})}}, &Contract{})
	zone := time.FixedZone("here", 7200)
	rows := make([]Contract, 40)
	for i := range rows {
		rows[i] = Contract{Number: fmt.Sprint("C", i), Terms: "first"}
		if i%2 == 0 {
			rows[i].ValidFrom = time.Date(2020, 1, 1, 0, 0, 0, 123_456_789, zone)
		}
	}
	_, err := dtde.BulkInsert(db, rows, dtde.BulkChunk(15))
	require.NoError(t, err)
	s.used(t, 40)
	var valid []Contract
	require.NoError(t, db.Scopes(dtde.ValidAt(time.Date(2021, 1, 1, 0, 0, 0, 0, time.UTC))).Find(&valid).Error)
	assert.Len(t, valid, 20)
	require.NoError(t, db.Scopes(dtde.Current()).Order("number").Find(&valid).Error)
	require.Len(t, valid, 40)
	for _, c := range valid {
		require.False(t, c.ValidFrom.IsZero())
		require.Nil(t, c.ValidTo)
	}
	_, err = dtde.SaveWithVersioning(db, &Contract{Number: "C3", Terms: "second"}, dtde.Effective(now.Add(time.Hour)))
	require.NoError(t, err)
	list, err := dtde.Timeline(db, &Contract{Number: "C3"})
	require.NoError(t, err)
	require.Len(t, list, 2)
	require.True(t, list[0].ValidTo.Equal(list[1].ValidFrom))
}

// events collects what an observer is told.
type events struct {
	mu   sync.Mutex
	rows int64
	n    int
}

func (e *events) ShardResolved(context.Context, dtde.ShardResolved) {}
func (e *events) QueryExecuted(_ context.Context, q dtde.QueryExecuted) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if q.Operation == "insert" {
		e.n++
		e.rows += q.Rows
	}
}

// observed: an event for each chunk, with its rows.
func observed(t *testing.T, s *suite) {
	seen := &events{}
	cfg := tables()
	cfg.Observer = seen
	db := s.open(t, cfg, &Cargo{})
	var report dtde.Report
	n, err := dtde.BulkInsert(db.Scopes(dtde.WithReport(&report)), cargoes(50), dtde.BulkChunk(20))
	require.NoError(t, err)
	require.EqualValues(t, 50, n)
	assert.EqualValues(t, 50, seen.rows)
	assert.Equal(t, 3, seen.n)
	_, err = dtde.BulkInsert(db, cargoes(50), dtde.BulkChunk(20))
	require.NoError(t, err)
	assert.EqualValues(t, 100, seen.rows)
}
