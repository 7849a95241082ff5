package tests

import (
	"slices"
	"testing"

	"gorm.io/gorm"

	"github.com/go-dtde/dtde/internal/testenv"
)

// BenchmarkDryRun builds the bars' statements by dtde and by plain GORM: what to profile
// when a bar is missed.
func BenchmarkDryRun(b *testing.B) {
	p := barPair(b, testenv.SQLite())
	benchmarkStatements(b, dry(p.sharded), dry(p.plain))
}

// BenchmarkReal runs the same statements.
func BenchmarkReal(b *testing.B) {
	for _, d := range testenv.Databases(b) {
		b.Run(d.Name, func(b *testing.B) {
			p := barPair(b, d)
			benchmarkStatements(b, p.sharded, p.plain)
		})
	}
}

func benchmarkStatements(b *testing.B, sharded, plain *gorm.DB) {
	for _, s := range slices.Concat(routed, unsharded, scattered) {
		b.Run(s.name+"/dtde", func(b *testing.B) { benchmarkRun(b, s.run(sharded)) })
		b.Run(s.name+"/plain", func(b *testing.B) { benchmarkRun(b, s.run(plain)) })
	}
}

func benchmarkRun(b *testing.B, run func() error) {
	b.ReportAllocs()
	for b.Loop() {
		if err := run(); err != nil {
			b.Fatal(err)
		}
	}
}
