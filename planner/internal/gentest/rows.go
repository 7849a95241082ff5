package gentest

import (
	"time"

	"gorm.io/gorm"
)

// Order is the model that conditions are drawn for.
type Order struct {
	ID        int64 `gorm:"primaryKey;autoIncrement:false"`
	Region    *string
	Code      *int64
	SoldAt    time.Time
	Name      string
	Amount    int64
	DeletedAt gorm.DeletedAt
}

// Regions, Codes and Times are what rows hold and conditions compare with.
var (
	Regions = []string{"APAC", "EU", "US", "us", "", "US ", "Ü"}
	Codes   = []int64{-7, -1, 0, 1, 2, 3, 5, 11, 12, 1 << 53, 1<<63 - 1}
	Times   = times()
)

func times() []time.Time {
	var out []time.Time
	for _, month := range []time.Month{time.December, time.January, time.February} {
		year := 2024
		if month == time.December {
			year = 2023
		}
		first := time.Date(year, month, 1, 0, 0, 0, 0, time.UTC)
		out = append(out, first, first.Add(-time.Microsecond), first.Add(36*time.Hour), first.Add(12*time.Hour))
	}
	return out
}

// Rows are rows over all regions, codes and times, NULLs among them. They are always
// the same ones.
func Rows() []Order {
	var rows []Order
	names := []string{"US", "EU", "x", ""}
	for r := -1; r < len(Regions); r++ {
		for c := -1; c < len(Codes); c++ {
			n := len(rows)
			row := Order{ID: int64(n + 1), SoldAt: Times[n%len(Times)], Name: names[n%len(names)], Amount: int64(n % 9)}
			if r >= 0 {
				row.Region = &Regions[r]
			}
			if c >= 0 {
				row.Code = &Codes[c]
			}
			if n%11 == 0 {
				row.DeletedAt = gorm.DeletedAt{Time: Times[0], Valid: true}
			}
			rows = append(rows, row)
		}
	}
	return rows
}
