package oracle

import (
	"fmt"

	"gorm.io/gorm"
)

// Rate is an unsharded model beside the sharded one, with a row for most levels.
type Rate struct {
	Level int `gorm:"primaryKey;autoIncrement:false"`
	Bonus int64
	Label Text
}

// addRates makes the reference table with the rows that it keeps.
func addRates(db *gorm.DB) error {
	if err := db.AutoMigrate(&Rate{}); err != nil {
		return err
	}
	var rates []Rate
	for level := range 7 {
		rates = append(rates, Rate{Level: level, Bonus: int64(level*level - 3), Label: Text([]string{"EU", "US", "us"}[level%3])})
	}
	return db.Create(&rates).Error
}

// reference reads through the unsharded model: its rows decide on the sharded
// model's, or the other way round.
func (g *generator) reference() *operation {
	table := g.v.model.table
	level, amount := g.r.IntN(g.v.levels), g.r.IntN(50)
	rates := call{text: "Model(&Rate{})", apply: func(_ *session, db *gorm.DB) *gorm.DB { return db.Model(&Rate{}) }}
	order := orderCall("level")
	inner := joinLists(g.conditions(1), []call{selectCall("level")})
	switch g.r.IntN(6) {
	case 0:
		return intoMaps("reference", []call{rates, whereCall("Where", condition{"level IN (?)", []any{subquery{inner}}}), order}, true)
	case 1:
		return intoMaps("reference", []call{rates, whereCall("Where", condition{
			fmt.Sprintf("EXISTS (SELECT 1 FROM %s WHERE %s.level = rates.level AND %s.amount > ? AND %s.deleted_at IS NULL)", table, table, table, table), []any{amount},
		}), order}, true)
	case 2:
		return intoMaps("reference", []call{rates, selectCall(fmt.Sprintf("rates.level, (SELECT COUNT(*) FROM %s AS i WHERE i.level = rates.level) AS n", table)), orderCall("rates.level")}, true)
	case 3:
		return intoMaps("reference", []call{
			modelCall, whereCall("Where", condition{"level IN (SELECT level FROM rates WHERE bonus > ?)", []any{level}}), selectCall("id, level"), orderCall("id"),
		}, true)
	case 4:
		return intoMaps("reference", []call{
			modelCall, whereCall("Where", condition{fmt.Sprintf("EXISTS (SELECT 1 FROM rates WHERE rates.label = %s.region AND rates.level >= ?)", table), []any{level % 4}}),
			selectCall("id, region"), orderCall("id"),
		}, true)
	default:
		return intoMaps("reference", []call{
			modelCall, selectCall("id, level, (SELECT bonus FROM rates WHERE rates.level = " + table + ".level) AS bonus"), orderCall("id"), limitCall(9),
		}, true)
	}
}

// rawJoin joins the sharded model and the unsharded one by SQL text.
func (g *generator) rawJoin() *operation {
	table := g.v.model.table
	level, bonus := g.r.IntN(g.v.levels), g.r.IntN(30)
	on := fmt.Sprintf("JOIN rates ON rates.level = %s.level", table)
	switch g.r.IntN(6) {
	case 0:
		return intoMaps("raw join", []call{
			modelCall, joinCall(on), whereCall("Where", condition{"rates.bonus < ?", []any{bonus}}), selectCall(table + ".id, rates.bonus"), orderCall(table + ".id"),
		}, true)
	case 1:
		return intoMaps("raw join", []call{
			modelCall, joinCall("LEFT "+on+" AND rates.bonus > ?", bonus), whereCall("Where", condition{"rates.level IS NULL", nil}), selectCall(table + ".id"), orderCall(table + ".id DESC"), limitCall(5),
		}, true)
	case 2:
		return intoMaps("raw join", []call{
			modelCall, joinCall(on), selectCall("rates.label, COUNT(*) AS n, SUM(" + table + ".amount + rates.bonus) AS total"),
			fixed(`Group("rates.label")`, func(db *gorm.DB) *gorm.DB { return db.Group("rates.label") }), orderCall("rates.label"),
		}, true)
	case 3:
		return intoMaps("raw join", []call{
			call{text: "Model(&Rate{})", apply: func(_ *session, db *gorm.DB) *gorm.DB { return db.Model(&Rate{}) }},
			joinCall(fmt.Sprintf("LEFT JOIN %s ON %s.level = rates.level AND %s.active = ?", table, table, table), true),
			whereCall("Where", condition{"rates.level <= ?", []any{level}}), selectCall("rates.level, " + table + ".id"),
		}, false)
	case 4:
		best := subquery{[]call{selectCall("level, MAX(amount) AS most"), fixed(`Group("level")`, func(db *gorm.DB) *gorm.DB { return db.Group("level") })}}
		return intoMaps("raw join", []call{
			modelCall, {text: fmt.Sprintf("Joins(JOIN (?) AS best …, %s)", goText(best)), apply: func(s *session, db *gorm.DB) *gorm.DB {
				return db.Joins(fmt.Sprintf("JOIN (?) AS best ON best.level = %s.level AND best.most = %s.amount", table, table), s.resolve(best))
			}},
			selectCall(table + ".id, best.most"), orderCall(table + ".id"),
		}, true)
	default:
		return statement{
			kind: "raw join", calls: []call{modelCall, joinCall(on), whereCall("Where", condition{"rates.label = ? OR " + table + ".level = ?", []any{pick(g, g.v.regions), level}})},
			finisher: "Count(&n)", rule: rule{ordered: true}, run: func(s *session, db *gorm.DB) *answer {
				var n int64
				a := s.answer(db.Count(&n))
				a.rows = toRecords(n, s.precision)
				return a
			},
		}.operation()
	}
}
