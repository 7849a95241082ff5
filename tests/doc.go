// Package tests uses dtde from outside, as a program would: acceptance
// scenarios, the oracle suite that compares sharded tables with plain ones, and
// what holds for the project as a whole (imports, documentation, the README).
package tests
