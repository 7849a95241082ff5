// Package gentest draws rows and conditions for property tests of the planner: every
// way that GORM has to write a WHERE clause, around keys of every kind, with NULLs,
// boundaries and fragments that the planner does not understand.
//
// It holds no state; a drawn condition is a function that adds itself to a *gorm.DB,
// so that the same condition can be run by a database and read by the planner.
package gentest
