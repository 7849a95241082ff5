// Package gentest is the model, the rows and the values that property tests of the
// planner draw conditions for: keys of several kinds, with NULLs and boundaries. The
// conditions themselves are drawn by package wheregen.
package gentest
