// Package dtde is a GORM plugin that spreads a model over many tables while the
// program goes on using plain GORM.
//
//	err := db.Use(dtde.Register(dtde.Config{
//		Entities: []dtde.Entity{
//			dtde.Model(&Customer{}).ShardBy("Region", "EU", "US", "APAC"),
//		},
//	}))
//	db.AutoMigrate(&Customer{})                                // customers_eu, customers_us, customers_apac
//	db.Create(&customers)                                      // split by shard, all or nothing
//	db.Where("region = ?", "US").Find(&out)                    // reads customers_us only
//	db.Order("name").Offset(10).Limit(10).Find(&page)          // one globally correct page
//
// Every answer is one that a single table with the same rows could give, or the
// statement is refused with [ErrUnsupported]; docs/unsupported.md lists why.
//
// This package assembles: the work is done by the packages below it, of which a
// program needs config (for config.Load) and, for a Strategy of its own,
// strategies/strategytest.
package dtde
