package tests

import (
	"database/sql/driver"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"gorm.io/gorm"

	"github.com/go-dtde/dtde"
)

// TestSQLServerVersionWrites has the statements of versioned writes: HOLDLOCK locks the
// range of a key's versions, also the ones that are not there yet, shard after shard.
func TestSQLServerVersionWrites(t *testing.T) {
	t.Parallel()
	columns := []string{"id", "code", "region", "count", "valid_from", "valid_to"}
	version := [][]driver.Value{{int64(5), "a", "EU", int64(1), day(1), nil}}
	found := []scripted{
		{contains: `"placements_eu" AS "placements" WITH`, columns: columns, rows: version},
		{contains: "UNION ALL", columns: columns, rows: version}, {contains: "SELECT", columns: columns},
	}
	done := append(found, scripted{contains: "placements_eu", affected: 1})
	var out strings.Builder
	for _, c := range []struct {
		name    string
		answers []scripted
		run     func(db *gorm.DB) error
	}{
		{"a first version", nil, func(db *gorm.DB) error {
			_, err := dtde.SaveWithVersioning(db, &Placement{Code: "a", Region: "EU"}, dtde.Effective(day(1)))
			return err
		}},
		{"the next version, on another shard", done, func(db *gorm.DB) error {
			_, err := dtde.SaveWithVersioning(db, &Placement{Code: "a", Region: "US"}, dtde.Effective(day(5)))
			return err
		}},
		{"a portion", done, func(db *gorm.DB) error {
			_, err := dtde.UpdatePortion(db.Model(&Placement{}).Where("code = ?", "a"), dtde.Period{From: day(5), To: day(9)}, map[string]any{"count": 2})
			return err
		}},
		{"an end", done, func(db *gorm.DB) error {
			_, err := dtde.Terminate(db, &Placement{Code: "a"}, day(5))
			return err
		}},
		{"versions are removed", done, func(db *gorm.DB) error {
			_, err := dtde.DeletePortion(db.Model(&Placement{Code: "a"}), dtde.Period{From: day(1), To: time.Time{}})
			return err
		}},
		{"a row that somebody else has changed", found, func(db *gorm.DB) error {
			return db.Transaction(func(tx *gorm.DB) error {
				_, err := dtde.Terminate(tx, &Placement{Code: "a"}, day(5))
				assert.ErrorIs(t, err, dtde.ErrConflict)
				return nil
			})
		}},
	} {
		config := dtde.Config{NodeID: 1, Entities: []dtde.Entity{
			dtde.Model(&Placement{}).HasTemporalValidity("ValidFrom", "ValidTo").EntityKey("Code").ShardBy("Region", "EU", "US"),
		}}
		fmt.Fprintf(&out, "-- %s\n%s\n", c.name, sentBy(t, config, c.name, c.answers, c.run))
	}
	golden(t, "versions.sql", out.String())
}
