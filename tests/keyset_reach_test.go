package tests

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"gorm.io/gorm"

	"github.com/go-dtde/dtde"
	"github.com/go-dtde/dtde/internal/testenv"
)

// TestCursorsStayWithTheirStatement: the cursor pages the statement that it was given
// to, in every form and surrounding, and no preload of it.
func TestCursorsStayWithTheirStatement(t *testing.T) {
	t.Parallel()
	testenv.Each(t, func(t *testing.T, d testenv.DB) {
		for name, opts := range map[string][]gorm.Option{"plain": nil, "prepared": {&gorm.Config{PrepareStmt: true}}} {
			t.Run(name, func(t *testing.T) {
				db := d.Open(t, opts...)
				testenv.LeakCheck(t, db)
				shops(t, db)
				for range 3 {
					shop := theShop()
					require.NoError(t, db.Create(&shop).Error)
				}
				var want []int64
				require.NoError(t, db.Model(&Sale{}).Order("amount desc, id").Pluck("id", &want).Error)
				require.Len(t, want, 12)
				walk := func(tx *gorm.DB) {
					t.Helper()
					var got []int64
					for cursor := ""; len(got) < 20; {
						var page []Sale
						res := tx.Order("amount desc").Scopes(dtde.After(cursor)).Preload("Gifts").Preload("Notes").Preload("Shop").Limit(5).Find(&page)
						require.NoError(t, res.Error)
						if len(page) == 0 {
							break
						}
						for _, s := range page {
							got = append(got, s.ID)
							assert.Len(t, s.Gifts, 2, "a preload has no cursor")
							assert.Len(t, s.Notes, 2)
							assert.NotNil(t, s.Shop)
						}
						var err error
						cursor, err = dtde.CursorOf(res, &page[len(page)-1])
						require.NoError(t, err)
					}
					assert.Equal(t, want, got)
				}
				walk(db.Session(&gorm.Session{}))
				walk(db.Scopes(dtde.Reads(dtde.ReadSessions)).Session(&gorm.Session{}))
				require.NoError(t, db.Transaction(func(tx *gorm.DB) error {
					walk(tx.Session(&gorm.Session{}))
					return nil
				}))

				// an unsharded parent of sharded children
				var page []Shop
				res := db.Scopes(dtde.After("")).Preload("Sales").Limit(2).Find(&page)
				require.NoError(t, res.Error)
				require.Len(t, page, 2)
				cursor, err := dtde.CursorOf(res, page[1])
				require.NoError(t, err)
				require.NoError(t, db.Scopes(dtde.After(cursor)).Preload("Sales").Find(&page).Error)
				require.Len(t, page, 1)
				assert.Len(t, page[0].Sales, 4)

				// other finishers
				res = db.Order("amount desc").Scopes(dtde.After("")).Limit(5).Find(&[]Sale{})
				cursor, err = dtde.CursorOf(res, Sale{ID: want[4], Amount: amountOf(t, db, want[4])})
				require.NoError(t, err)
				rest := func() *gorm.DB { return db.Model(&Sale{}).Order("amount desc").Scopes(dtde.After(cursor)) }
				var ids []int64
				require.NoError(t, rest().Pluck("id", &ids).Error)
				assert.Equal(t, want[5:], ids)
				var one Sale
				require.NoError(t, rest().Take(&one).Error)
				assert.Equal(t, want[5], one.ID)
				ids = nil
				for s, err := range dtde.Iterate[Sale](rest()) {
					require.NoError(t, err)
					ids = append(ids, s.ID)
				}
				assert.Equal(t, want[5:], ids)
				var n int64
				require.NoError(t, db.Model(&Sale{}).Where("id IN (?)", rest().Select("id")).Count(&n).Error)
				assert.EqualValues(t, 7, n, "in a subquery")
			})
		}
	})
}

func amountOf(t *testing.T, db *gorm.DB, id int64) (amount int) {
	t.Helper()
	require.NoError(t, db.Model(&Sale{}).Where("id = ?", id).Pluck("amount", &amount).Error)
	return amount
}

func TestCursorConditions(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		db    *gorm.DB
		text  string
		order string
	}{
		"sqlite":    {testenv.SQLite().Open(t), "(`customers`.`spent` < 5 OR `customers`.`spent` IS NULL OR (`customers`.`spent` = 5 AND `customers`.`id` > 1))", "ORDER BY spent desc,`customers`.`id`"},
		"sqlserver": {sqlServer(t), `("customers"."spent" < 5 OR "customers"."spent" IS NULL OR ("customers"."spent" = 5 AND "customers"."id" > 1))`, `ORDER BY spent desc,"customers"."id"`},
	} {
		t.Run(name, func(t *testing.T) {
			if name == "sqlite" {
				use(t, c.db, entities(customers()))
			}
			res := c.db.Session(&gorm.Session{DryRun: true}).Order("spent desc, id").Find(&[]Customer{})
			cursor, err := dtde.CursorOf(res, Customer{ID: 1, Spent: 5})
			require.NoError(t, err)
			text := c.db.ToSQL(func(tx *gorm.DB) *gorm.DB {
				return tx.Where("region = ?", "US").Or("region = ?", "EU").Order("spent desc").Scopes(dtde.After(cursor)).Limit(3).Find(&[]Customer{})
			})
			assert.Contains(t, text, c.text)
			assert.Contains(t, text, c.order)
			assert.Contains(t, strings.ReplaceAll(text, `"`, "'"), "(region = 'US' OR region = 'EU') AND ")
			assert.NotContains(t, text, "apac")
		})
	}
}
