package planner

import (
	"strings"
	"testing"
	"unsafe"

	"github.com/stretchr/testify/assert"
	"gorm.io/gorm/clause"
)

func TestConjunction(t *testing.T) {
	t.Parallel()
	for text, want := range map[string][]string{
		"a = ? AND b < ?":                 {"a", "b"},
		"a=? and  b>=? And c <> ?":        {"a", "b", "c"},
		"a = ? OR b < ?":                  nil,
		"a = ? AND b < ? OR c = ?":        nil,
		"a = ? AND (b < ? OR c = ?)":      nil,
		"a = ? AND NOT b = ?":             nil,
		"a = ? AND b BETWEEN ? AND ?":     nil,
		"a BETWEEN ? AND ?":               nil,
		"a = ?AND b < ?":                  nil,
		"a = ? ANDb < ?":                  nil,
		"a = ? AND b < ? AND":             nil,
		"a = ? AND b < ? -- AND c":        nil,
		"a = ? AND b IN ?":                nil,
		"a = '?' AND b < ? AND c = ?":     nil,
		"a = ? AND b = ? AND lower(c) =?": nil,
		"a = ? AND or = ?":                nil,
	} {
		n := strings.Count(text, "?")
		walk := conjunction{exprs: []clause.Expression{clause.Expr{SQL: text, Vars: []any{1, 2, 3, 4}[:n]}}}
		var got []string
		for c := (condition{}); walk.next(&c); {
			if c.other == nil {
				got = append(got, c.column.Name)
				assert.Equal(t, len(got), c.value, text)
			}
		}
		assert.Equal(t, want, got, text)
	}
}

// TestAPointsPlanIsSmall: an object of more than 512 bytes takes the allocator longer.
func TestAPointsPlanIsSmall(t *testing.T) {
	t.Parallel()
	assert.LessOrEqual(t, unsafe.Sizeof(onePoint{}), uintptr(512))
	assert.LessOrEqual(t, unsafe.Sizeof(oneInsert{}), uintptr(512))
}
