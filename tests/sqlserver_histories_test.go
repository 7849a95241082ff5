package tests

import (
	"database/sql/driver"
	"fmt"
	"strings"
	"testing"

	"gorm.io/gorm"

	"github.com/go-dtde/dtde"
)

// TestSQLServerHistories has what every write of versions sends: its locks, its guards, and
// the order of its steps. The constraints of versions are a golden file of the migrator.
func TestSQLServerHistories(t *testing.T) {
	t.Parallel()
	config := func() dtde.Config {
		return dtde.Config{NodeID: 1, Entities: []dtde.Entity{
			dtde.Model(&Employee{}).HasTemporalValidity("ValidFrom", "ValidTo").EntityKey("Name").ShardByHash("Name", 2),
			dtde.Model(&Belief{}).HasTemporalValidity("ValidFrom", "ValidTo").EntityKey("Number").System("RecordedFrom", "RecordedTo").ShardByHash("Number", 2),
		}}
	}
	employee := []scripted{
		{contains: "SELECT", columns: []string{"id", "name", "dept", "valid_from", "valid_to"}, rows: [][]driver.Value{
			{int64(1), "x", "a", day(1), day(9)}, {int64(2), "x", "b", day(9), nil},
		}},
		{contains: "INSERT", columns: []string{"id"}, rows: [][]driver.Value{{int64(3)}}, affected: 1},
		{contains: "", affected: 1},
	}
	belief := []scripted{
		{contains: "SELECT", columns: []string{"id", "number", "premium", "valid_from", "valid_to", "recorded_from", "recorded_to"}, rows: [][]driver.Value{
			{int64(1), "x", int64(5), day(1), nil, day(1), nil},
		}},
		{contains: "", affected: 1},
	}
	period := dtde.Period{From: day(3), To: day(5)}
	result := func(_ dtde.VersionResult, err error) error { return err }
	var out strings.Builder
	for _, c := range []struct {
		name    string
		answers []scripted
		run     func(db *gorm.DB) error
	}{
		{"the first version", employee[1:], func(db *gorm.DB) error {
			return result(dtde.SaveWithVersioning(db, &Employee{Name: "y", Dept: "a"}, dtde.Effective(day(1))))
		}},
		{"a save in between", employee, func(db *gorm.DB) error {
			return result(dtde.SaveWithVersioning(db, &Employee{Name: "x", Dept: "c"}, dtde.Effective(day(5))))
		}},
		{"a save that supersedes", employee, func(db *gorm.DB) error {
			return result(dtde.SaveWithVersioning(db, &Employee{Name: "x", Dept: "c"}, dtde.Effective(day(5)), dtde.Supersede()))
		}},
		{"a patch", employee, func(db *gorm.DB) error {
			return result(dtde.PatchVersion(db, &Employee{Name: "x"}, map[string]any{"dept": "c"}, dtde.Effective(day(12))))
		}},
		{"a portion", employee, func(db *gorm.DB) error {
			return result(dtde.UpdatePortion(db.Model(&Employee{Name: "x"}), period, map[string]any{"dept": "c"}))
		}},
		{"a portion that is deleted", employee, func(db *gorm.DB) error {
			return result(dtde.DeletePortion(db.Model(&Employee{Name: "x"}), period))
		}},
		{"a put", employee, func(db *gorm.DB) error {
			return result(dtde.Put(db, &Employee{Name: "x", Dept: "c"}, period))
		}},
		{"a termination", employee, func(db *gorm.DB) error { return result(dtde.Terminate(db, &Employee{Name: "x"}, day(5))) }},
		{"a revert", employee, func(db *gorm.DB) error {
			return result(dtde.Revert(db, &Employee{Name: "x"}, day(2), dtde.Effective(day(12))))
		}},
		{"a purge", employee, func(db *gorm.DB) error { return result(dtde.Purge(db, &Employee{Name: "x"}, day(9))) }},
		{"a save with system time, on a shard", belief, func(db *gorm.DB) error {
			return result(dtde.SaveWithVersioning(db, &Belief{Number: "x", Premium: 7}, dtde.Effective(day(5))))
		}},
		{"a portion with system time, on a shard", belief, func(db *gorm.DB) error {
			return result(dtde.UpdatePortion(db.Model(&Belief{Number: "x"}), period, map[string]any{"premium": 8}))
		}},
	} {
		fmt.Fprintf(&out, "-- %s\n%s\n", c.name, sentBy(t, config(), c.name, c.answers, c.run))
	}
	golden(t, "histories.sql", out.String())
}
