// Quickstart shards two models on an embedded SQLite database, one of which keeps its
// history, and goes on using plain GORM.
package main

import (
	"fmt"
	"log"
	"time"

	"gorm.io/driver/sqlite"
	"gorm.io/gorm"
	"gorm.io/gorm/logger"
	_ "modernc.org/sqlite" // SQLite in pure Go: no C compiler needed

	"github.com/go-dtde/dtde"
)

// Customer is an ordinary GORM model; its tag says how its rows are spread.
type Customer struct {
	ID     int64 `gorm:"primaryKey"`
	Name   string
	Region string `dtde:"shardKey;strategy:value;values:EU,US,APAC"`
}

// Contract keeps its history: ID is a version's id, Number the contract's.
type Contract struct {
	ID        int64  `gorm:"primaryKey"`
	Number    string `dtde:"entityKey;shardKey;strategy:hash;shards:4"`
	Price     int
	ValidFrom time.Time  `dtde:"validFrom"`
	ValidTo   *time.Time `dtde:"validTo"`
}

func main() {
	db, err := gorm.Open(sqlite.New(sqlite.Config{DriverName: "sqlite", DSN: "file:quickstart?mode=memory&cache=shared"}),
		&gorm.Config{Logger: logger.Default.LogMode(logger.Error)})
	check(err)

	check(db.Use(dtde.Register(dtde.Config{
		Entities: []dtde.Entity{dtde.Model(&Customer{}), dtde.Model(&Contract{})},
	})))
	check(db.AutoMigrate(&Customer{}, &Contract{})) // customers_eu, customers_us, …, contracts_0 … contracts_3

	check(db.Create(&[]Customer{ // split over three tables, all or nothing
		{Name: "Ada", Region: "EU"}, {Name: "Grace", Region: "US"}, {Name: "Edsger", Region: "EU"}, {Name: "Yukihiro", Region: "APAC"},
	}).Error)

	var us []Customer
	tx := db.Where("region = ?", "US").Find(&us) // reads customers_us only
	check(tx.Error)
	fmt.Println("US:", us[0].Name, "from", dtde.Plans(tx)[0].ShardIDs())

	var page []Customer
	check(db.Order("name").Offset(1).Limit(2).Find(&page).Error) // one globally correct page
	fmt.Println("page:", page[0].Name, page[1].Name)

	var total int64
	check(db.Model(&Customer{}).Count(&total).Error)
	fmt.Println("total:", total)

	// Each save closes the version valid then, at the very instant at which the next begins.
	march, june := time.Date(2024, 3, 1, 0, 0, 0, 0, time.UTC), time.Date(2024, 6, 1, 0, 0, 0, 0, time.UTC)
	_, err = dtde.SaveWithVersioning(db, &Contract{Number: "A-1", Price: 100}, dtde.Effective(march))
	check(err)
	_, err = dtde.SaveWithVersioning(db, &Contract{Number: "A-1", Price: 120}, dtde.Effective(june))
	check(err)
	var was Contract
	check(db.Scopes(dtde.ValidAt(june.Add(-time.Second))).First(&was, "number = ?", "A-1").Error)
	fmt.Println("price in May:", was.Price, "until", was.ValidTo.Format(time.DateOnly))

	fmt.Println(db.ToSQL(func(tx *gorm.DB) *gorm.DB { return tx.Where("region IN ?", []string{"EU", "APAC"}).Find(&page) }))
}

func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}
