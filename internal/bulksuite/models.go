package bulksuite

import (
	"database/sql"
	"fmt"
	"time"

	"gorm.io/gorm"
)

// Cargo has a field of each kind that a bulk insert treats in its own way.
type Cargo struct {
	ID       int64 `gorm:"primaryKey"`
	Seq      int
	Region   string
	SoldAt   time.Time
	Name     string
	Amount   float64
	Count    int32
	Small    uint8
	Fits     bool
	Note     *string
	Data     []byte
	Tags     []string `gorm:"serializer:json"`
	Status   string   `gorm:"default:new"`
	Made     int      `gorm:"default:(1+1)"` // by the database, where it is zero
	Weight   sql.NullFloat64
	Due      *time.Time
	Size     Size      `gorm:"embedded;embeddedPrefix:size_"`
	Stamp    int64     `gorm:"autoCreateTime:milli"`
	Created  time.Time `gorm:"autoCreateTime"`
	Updated  time.Time `gorm:"autoUpdateTime"`
	Deleted  gorm.DeletedAt
	Computed string `gorm:"-"`
}

// Size is embedded.
type Size struct{ Width, Height int }

// now is the clock of every test.
var now = time.Date(2024, 5, 6, 7, 8, 9, 0, time.UTC)

// cargoes makes n rows, the same for every call.
func cargoes(n int) []Cargo {
	regions := []string{"EU", "US", "APAC"}
	list := make([]Cargo, n)
	for i := range list {
		c := Cargo{
			Seq: i, Region: regions[i*7%3], SoldAt: time.Date(2023+i%2, time.Month(1+i%12), 1+i%28, i%24, 0, 0, 0, time.FixedZone("here", 3600*(i%5))),
			Name: fmt.Sprintf("cargo '%d' \"ä\" \\ \t\n", i), Amount: float64(i) / 4, Count: int32(-i), Small: uint8(i), Fits: i%2 == 0,
			Size: Size{i, i * 2},
		}
		if i%3 == 0 {
			note := fmt.Sprint("note ", i)
			c.Note, c.Due = &note, &c.SoldAt
			c.Data, c.Tags = []byte{0, 1, byte(i)}, []string{"a", fmt.Sprint(i)}
			c.Weight = sql.NullFloat64{Float64: float64(i), Valid: true}
		}
		if i%4 == 0 {
			c.Status, c.Made = "old", i+3
		}
		if i%5 == 0 {
			c.Created, c.Stamp = now.Add(-time.Hour), 5
		}
		if i%11 == 0 {
			c.Deleted = gorm.DeletedAt{Time: now, Valid: true}
		}
		list[i] = c
	}
	return list
}
