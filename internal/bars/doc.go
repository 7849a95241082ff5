// Package bars measures what dtde must reach and prints one line per bar: its name,
// the figure, the bar, met or missed. A comparison runs dtde and plain GORM by turns
// in many short rounds and takes the median of the rounds' ratios, with the garbage
// collector at rest inside a round: so a busy machine moves both sides alike.
//
//	r := bars.New(os.Stdout)
//	r.Ratio("First by key", 1.3, dtdeFirst, plainFirst)
//	r.Extra("First by key, allocations", 20, dtdeFirst, plainFirst)
//	r.Milliseconds("one shard", 50, func() error { … })
//	err := r.Finish()
//
// A missed bar is a finding, not an error; one that can't be measured is an error.
// The package is for tests only.
package bars
