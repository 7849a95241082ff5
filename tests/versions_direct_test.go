package tests

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"gorm.io/gorm"

	"github.com/go-dtde/dtde"
	"github.com/go-dtde/dtde/internal/testenv"
)

// TestCallbacksOfTheProgram: callbacks that a program registers see the statements of a
// write of versions, whether they came before dtde's or after; what is written is the same.
func TestCallbacksOfTheProgram(t *testing.T) {
	t.Parallel()
	testenv.Each(t, func(t *testing.T, d testenv.DB) {
		for _, when := range []string{"none", "before", "after"} {
			t.Run(when, func(t *testing.T) {
				now := day(40)
				db := d.Open(t, &gorm.Config{NowFunc: func() time.Time { return now }, DisableForeignKeyConstraintWhenMigrating: true})
				seen := map[string]int{}
				listen := func() {
					note := func(name string) func(*gorm.DB) {
						return func(tx *gorm.DB) {
							if strings.Contains(tx.Statement.SQL.String(), "policies") {
								seen[name]++
							}
						}
					}
					require.NoError(t, db.Callback().Query().After("gorm:query").Register("own:query", note("query")))
					require.NoError(t, db.Callback().Create().After("gorm:create").Register("own:create", note("create")))
					require.NoError(t, db.Callback().Update().After("gorm:update").Register("own:update", note("update")))
				}
				if when == "before" {
					listen()
				}
				require.NoError(t, db.Use(dtde.Register(dtde.Config{Entities: []dtde.Entity{
					dtde.Model(&Policy{}).HasTemporalValidity("ValidFrom", "ValidTo").EntityKey("Number"),
					dtde.Model(&Rider{}).HasTemporalValidity("ValidFrom", "ValidTo").EntityKey("Code"),
				}})))
				require.NoError(t, db.AutoMigrate(&Policy{}, &Rider{}))
				if when == "after" {
					listen()
				}
				p := Policy{Number: "a", Premium: 1}
				_, err := dtde.SaveWithVersioning(db, &p)
				require.NoError(t, err)
				now = day(50)
				q := Policy{Number: "a", Premium: 2, Riders: []Rider{{Code: "r", Text: "with it", ValidFrom: day(50)}}}
				_, err = dtde.SaveWithVersioning(db, &q)
				require.NoError(t, err)
				_, err = dtde.UpdatePortion(db.Model(&Policy{Number: "a"}), dtde.Period{From: day(45), To: day(55)}, map[string]any{"premium": 3})
				require.NoError(t, err)
				assert.Equal(t, "1 [2024-02-09, 2024-02-14) 3 [2024-02-14, 2024-02-19) 3 [2024-02-19, 2024-02-24) 2 [2024-02-24, ∞)", timeline(t, db, "a"))
				assert.NotZero(t, p.ID)
				assert.Greater(t, q.ID, p.ID)
				var riders []Rider
				require.NoError(t, db.Find(&riders).Error)
				require.Len(t, riders, 1, "what a version is related to is saved with it")
				assert.Equal(t, "a", riders[0].PolicyNumber)
				if when == "none" {
					assert.Empty(t, seen)
					return
				}
				assert.GreaterOrEqual(t, seen["query"], 3)
				assert.GreaterOrEqual(t, seen["create"], 4)
				assert.GreaterOrEqual(t, seen["update"], 1)
			})
		}
	})
}
