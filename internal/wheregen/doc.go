// Package wheregen draws conditions for property tests: every way that GORM has to
// write a WHERE clause over the columns of a [Model], with values in all the Go types
// that a program might use, and fragments that a planner does not understand.
//
//	c := model.Draw(rt, func() *gorm.DB { return db.Session(&gorm.Session{NewDB: true}) })
//	err := c.Apply(db.Model(&Order{})).Pluck("id", &ids).Error
//
// It holds no state: a drawn condition is a function that adds itself to a *gorm.DB,
// so that one condition can be run by several databases and read by the planner.
package wheregen
