package tests

import (
	"flag"
	"os"
)

// DTDE_RAPID_SEED is -rapid.seed for where flags cannot be given: CI judges a change by
// one seed, while make test draws a new one each time.
func init() {
	if seed := os.Getenv("DTDE_RAPID_SEED"); seed != "" {
		if err := flag.Set("rapid.seed", seed); err != nil {
			panic(err)
		}
	}
}
