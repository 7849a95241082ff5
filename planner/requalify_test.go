package planner

import (
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestRequalify(t *testing.T) {
	t.Parallel()
	mariaDB := Dialect{Name: "mysql", MariaDB: true}
	for _, c := range []struct{ name, in, want string }{
		{"plain", "orders.amount + ?", "`orders_eu`.amount + ?"},
		{"quoted", "`orders`.`amount` + 1", "`orders_eu`.`amount` + 1"},
		{"case", "Orders.amount", "`orders_eu`.amount"},
		{"twice", "orders.a + orders.b", "`orders_eu`.a + `orders_eu`.b"},
		{"spaces", "orders . a", "`orders_eu` . a"},
		{"no qualifier", "orders + 1", "orders + 1"},
		{"longer name", "my_orders.a + orders2.a", "my_orders.a + orders2.a"},
		{"within a string", "concat('orders.a', orders.a)", "concat('orders.a', `orders_eu`.a)"},
		{"within a name", "`x orders`.a", "`x orders`.a"},
		{"function", "IF(orders.a > VALUES(a), orders.a, VALUES(a))", "IF(`orders_eu`.a > VALUES(a), `orders_eu`.a, VALUES(a))"},
	} {
		got, ok := Requalify(mariaDB, c.in, "orders", "`orders_eu`")
		assert.True(t, ok, c.name)
		assert.Equal(t, c.want, got, c.name)
	}
	_, ok := Requalify(mariaDB, "orders.a /* ", "orders", "x")
	assert.False(t, ok)
}
