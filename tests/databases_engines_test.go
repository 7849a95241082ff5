package tests

import (
	"errors"
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"gorm.io/gorm"

	"github.com/go-dtde/dtde"
	"github.com/go-dtde/dtde/internal/testenv"
	dbservers "github.com/go-dtde/dtde/internal/testenv/servers"
)

// TestRecoveryOnOtherEngines: where nothing is ever prepared, recovery is refused, and says
// so.
func TestRecoveryOnOtherEngines(t *testing.T) {
	t.Parallel()
	for _, d := range testenv.Databases(t) {
		if d.Name == "postgres" {
			continue
		}
		t.Run(d.Name, func(t *testing.T) {
			db := d.Open(t)
			plugin := use(t, db, dtde.Config{
				Databases: []dtde.Database{{ID: "EU", Own: true}, {ID: "US", Dialector: d.Dialector(t)}},
				Entities:  []dtde.Entity{dtde.Model(&Freight{}).ShardBy("Region", "EU", "US").WithStorageMode(dtde.Databases)},
			})
			t.Cleanup(func() { _ = plugin.Close() })
			_, recovery := plugin.Recover(t.Context())
			_, listing := plugin.InDoubt(t.Context())
			for name, err := range map[string]error{"Recover": recovery, "InDoubt": listing, "ResolveInDoubt": plugin.ResolveInDoubt(t.Context(), "x", true)} {
				var refused *dtde.UnsupportedError
				require.ErrorAs(t, err, &refused, name)
				assert.Equal(t, "recover-engine", refused.Reason, name)
			}
		})
	}
}

// TestBestEffortTellsWhatIsWhere: a commit over three servers, one of which fails as it
// commits; the report is what the servers have.
func TestBestEffortTellsWhatIsWhere(t *testing.T) {
	t.Parallel()
	d := newDepots(t, 1)
	s := openSpread(t, d, nil)
	dbservers.LeakCheck(t, d.set, s.pools...)
	for _, statement := range []string{
		"CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'no'; END $$",
	} {
		for _, pool := range d.direct {
			_, err := pool.Exec(statement)
			require.NoError(t, err)
		}
	}
	for failing := range depotRegions {
		t.Run(depotRegions[failing]+" fails", func(t *testing.T) {
			_, err := d.direct[failing].Exec("CREATE CONSTRAINT TRIGGER late AFTER INSERT ON " + depotTable(failing) +
				" DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION refuse()")
			require.NoError(t, err)
			id := int64(100 * (failing + 1))
			err = s.db.WithContext(dtde.BestEffort(t.Context())).Transaction(func(tx *gorm.DB) error {
				for i, region := range depotRegions {
					if err := tx.Create(&Consignment{ID: id + int64(i), Region: region}).Error; err != nil {
						return err
					}
				}
				return nil
			})
			require.Error(t, err)
			var part *dtde.PartialCommitError
			committed := map[string]bool{}
			if errors.As(err, &part) {
				assert.Equal(t, depotRegions[failing], part.Failed)
				for _, where := range part.Committed {
					committed[where] = true
				}
				assert.Len(t, append(part.Committed, part.RolledBack...), 2)
			}
			there := 0
			for i, pool := range d.direct {
				var n int
				require.NoError(t, pool.QueryRow(fmt.Sprintf("SELECT COUNT(*) FROM %s WHERE id = %d", depotTable(i), id+int64(i))).Scan(&n))
				assert.Equal(t, committed[depotRegions[i]], n == 1, "%s, %v", depotRegions[i], err)
				there += n
			}
			assert.Equal(t, there > 0, part != nil, "an error without a report means that nothing is there")
			_, err = d.direct[failing].Exec("DROP TRIGGER late ON " + depotTable(failing))
			require.NoError(t, err)
		})
	}
}
