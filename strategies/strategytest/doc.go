// Package strategytest is the conformance suite of [config.Strategy]: the laws that
// planner, store and migrations rely on, checked with random keys and sets. Run a
// strategy of your own through it before you store a row with it.
//
//	func TestMine(t *testing.T) {
//		keys := []config.KeyColumn{{Column: "code", Kind: config.KindInt}}
//		strategytest.Run(t, mine{}, keys, func(t *rapid.T) []config.Value {
//			return []config.Value{config.Int(rapid.Int64Range(0, 999).Draw(t, "code"))}
//		})
//	}
package strategytest
