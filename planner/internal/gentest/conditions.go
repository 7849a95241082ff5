package gentest

import (
	"gorm.io/gorm"
	"pgregory.net/rapid"

	"github.com/go-dtde/dtde/internal/wheregen"
)

// Condition is a drawn condition.
type Condition = wheregen.Condition

// Draw draws a chain of Where, Or and Not. fresh starts nested groups.
func Draw(t *rapid.T, fresh func() *gorm.DB) Condition { return orders.Draw(t, fresh) }

var orders = &wheregen.Model{
	Table: "orders",
	Quote: "`",
	Columns: []wheregen.Column{
		{
			Name: "region", Weight: 4, Values: anySlice(Regions), As: region,
			Literals: []string{"'APAC'", "'US'", "'us'", "''", "'US '"}, Exprs: []string{"'US'", "'U' || 'S'"},
		},
		{
			Name: "code", Weight: 4, Values: anySlice(Codes), As: code,
			Literals: []string{"-7", "0", "1", "2", "5", "11"}, Exprs: []string{"1", "1 + 1", "1 OR code = 5", "(1)"},
		},
		{Name: "sold_at", Weight: 2, Values: anySlice(Times), As: instant},
		{Name: "name", Values: []any{"US", "x"}},
		{Name: "amount", Values: []any{0, 3, 5}},
	},
	Primary: []any{int64(1), int64(7), int64(60)},
	Unknown: []string{
		"lower(region) = 'us'", "region LIKE 'U%'", "code % 2 = 0", "code + 1 = 2", "-code = 1", "amount > 3", "name = 'US'", "name = region",
		"region = name", "code = amount", "region || 'x' = 'USx'", "coalesce(code, 1) = 1", "code = 1 + 1", "region IN (SELECT 'US')",
		"EXISTS (SELECT 1 WHERE 1 = 0)", "CASE WHEN code = 1 AND region = 'US' THEN 1 ELSE 0 END", "(code = 1) = (1 = 0)", "(code = 1) IS NULL",
		"code = 1 IS NULL", "code BETWEEN 1 AND amount", "code NOT NULL", "+code = 5", "code = -amount", "amount = 1 OR code = 3", "abs(code) > 3",
	},
	Struct: func(t *rapid.T) any {
		o := Order{Name: rapid.SampledFrom([]string{"", "US", "x"}).Draw(t, "name"), Amount: rapid.Int64Range(0, 5).Draw(t, "amount")}
		if rapid.Bool().Draw(t, "with region") {
			o.Region = &Regions[rapid.IntRange(0, len(Regions)-1).Draw(t, "region")]
		}
		if o.Name == "" && o.Amount == 0 && o.Region == nil {
			o.Name = "x"
		}
		return &o
	},
}

func anySlice[T any](list []T) []any {
	out := make([]any, len(list))
	for i := range list {
		out[i] = list[i]
	}
	return out
}
