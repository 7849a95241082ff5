// Quickstart shards a model over three tables on an embedded SQLite database, and
// goes on using plain GORM.
package main

import (
	"fmt"
	"log"

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

func main() {
	db, err := gorm.Open(sqlite.New(sqlite.Config{DriverName: "sqlite", DSN: "file:quickstart?mode=memory&cache=shared"}),
		&gorm.Config{Logger: logger.Default.LogMode(logger.Error)})
	check(err)

	check(db.Use(dtde.Register(dtde.Config{
		Entities: []dtde.Entity{dtde.Model(&Customer{})},
	})))
	check(db.AutoMigrate(&Customer{})) // customers_eu, customers_us, customers_apac

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

	fmt.Println(db.ToSQL(func(tx *gorm.DB) *gorm.DB { return tx.Where("region IN ?", []string{"EU", "APAC"}).Find(&page) }))
}

func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}
