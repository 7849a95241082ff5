package tests

import (
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"github.com/go-dtde/dtde"
	"github.com/go-dtde/dtde/internal/testenv"
)

// Sachet is sharded by a hash of its id, and soft deleted.
type Sachet struct {
	ID      int64 `gorm:"primaryKey;autoIncrement:false"`
	Name    string
	Weight  int
	Deleted gorm.DeletedAt
}

// sachetName is a smaller struct that rows of sachets are read into.
type sachetName struct {
	ID   int64
	Name string
}

// oneShard has in each statement a condition that leads to one shard, which dtde builds
// without GORM if it is plain, and with it otherwise.
var oneShard = []struct {
	name string
	read func(db *gorm.DB) *gorm.DB
}{
	{"take", func(db *gorm.DB) *gorm.DB { return db.Take(&Sachet{}, 7) }},
	{"first", func(db *gorm.DB) *gorm.DB { return db.First(&Sachet{}, 7) }},
	{"last", func(db *gorm.DB) *gorm.DB { return db.Last(&Sachet{}, "id = ?", 7) }},
	{"key in the destination", func(db *gorm.DB) *gorm.DB { return db.Take(&Sachet{ID: 7}) }},
	{"key in the destination and a condition", func(db *gorm.DB) *gorm.DB { return db.Where("weight > ?", 1).First(&Sachet{ID: 7}) }},
	{"find", func(db *gorm.DB) *gorm.DB { return db.Where("id = ? AND weight < ?", 7, 2).Find(&[]Sachet{}) }},
	{"find pointers", func(db *gorm.DB) *gorm.DB { return db.Where("id = ?", 7).Find(&[]*Sachet{}) }},
	{"find an array", func(db *gorm.DB) *gorm.DB { return db.Where("id = ?", 7).Find(&[3]Sachet{}) }},
	{"find maps", func(db *gorm.DB) *gorm.DB { return db.Model(&Sachet{}).Where("id = ?", 7).Find(&[]map[string]any{}) }},
	{"find a smaller struct", func(db *gorm.DB) *gorm.DB {
		return db.Model(&Sachet{}).Where("id = ?", 7).Find(&[]sachetName{})
	}},
	{"take a smaller struct", func(db *gorm.DB) *gorm.DB { return db.Model(&Sachet{}).Where("id = ?", 7).Take(&sachetName{}) }},
	{"query fields", func(db *gorm.DB) *gorm.DB {
		return db.Session(&gorm.Session{QueryFields: true}).Where("id = ?", 7).Find(&[]Sachet{})
	}},
	{"select", func(db *gorm.DB) *gorm.DB { return db.Select("name").Where("id = ?", 7).Find(&[]Sachet{}) }},
	{"select an expression", func(db *gorm.DB) *gorm.DB {
		return db.Select("COUNT(*) AS weight, ? AS name", "x").Where("id = ?", 7).Find(&[]Sachet{})
	}},
	{"omit", func(db *gorm.DB) *gorm.DB { return db.Omit("name").Where("id = ?", 7).Find(&[]Sachet{}) }},
	{"distinct", func(db *gorm.DB) *gorm.DB { return db.Distinct().Where("id = ?", 7).Find(&[]Sachet{}) }},
	{"unscoped", func(db *gorm.DB) *gorm.DB { return db.Unscoped().Where("id = ?", 7).Find(&[]Sachet{}) }},
	{"order, limit, offset", func(db *gorm.DB) *gorm.DB {
		return db.Where("id = ?", 7).Order("name DESC, id").Limit(3).Offset(2).Find(&[]Sachet{})
	}},
	{"group", func(db *gorm.DB) *gorm.DB {
		return db.Where("id = ?", 7).Group("name").Having("COUNT(*) > ?", 0).Find(&[]Sachet{})
	}},
	{"or", func(db *gorm.DB) *gorm.DB {
		return db.Where("id = ?", 7).Or("id = ? AND weight = 1", 7).Find(&[]Sachet{})
	}},
	{"a value of several", func(db *gorm.DB) *gorm.DB {
		return db.Where("id = ? AND weight IN ?", 7, []int{1, 2}).Find(&[]Sachet{})
	}},
	{"lock", func(db *gorm.DB) *gorm.DB {
		return db.Clauses(clause.Locking{Strength: "UPDATE"}).Where("id = ?", 7).Find(&[]Sachet{})
	}},
	{"a clause in front", func(db *gorm.DB) *gorm.DB {
		return db.Clauses(before{}).Where("id = ?", 7).Find(&[]Sachet{})
	}},
	{"count", func(db *gorm.DB) *gorm.DB { return db.Model(&Sachet{}).Where("id = ?", 7).Count(new(int64)) }},
	{"pluck", func(db *gorm.DB) *gorm.DB { return db.Model(&Sachet{}).Where("id = ?", 7).Pluck("name", &[]string{}) }},
	{"the same chain twice", func(db *gorm.DB) *gorm.DB {
		tx := db.Where("id = ?", 7)
		tx.Find(&[]Sachet{})
		tx.Statement.SQL.Reset() // DryRun leaves it there
		tx.Statement.Vars = nil
		return tx.Order("name").Find(&[]Sachet{})
	}},
}

// oneShardWrites are updates and deletes of one shard.
var oneShardWrites = []struct {
	name  string
	write func(db *gorm.DB) *gorm.DB
}{
	{"update", func(db *gorm.DB) *gorm.DB { return db.Model(&Sachet{}).Where("id = ?", 7).Update("name", "x") }},
	{"update by the model's key", func(db *gorm.DB) *gorm.DB { return db.Model(&Sachet{ID: 7}).Update("weight", 3) }},
	{"updates", func(db *gorm.DB) *gorm.DB {
		return db.Model(&Sachet{}).Where("id = ? AND weight < ?", 7, 2).Updates(map[string]any{"weight": gorm.Expr("weight + ?", 1)})
	}},
	{"update with a list", func(db *gorm.DB) *gorm.DB {
		return db.Model(&Sachet{}).Where("id = ? AND weight IN (?)", 7, []int{1, 2}).Update("name", "x")
	}},
	{"update with RETURNING", func(db *gorm.DB) *gorm.DB {
		return db.Model(&[]Sachet{}).Clauses(clause.Returning{}).Where("id = ?", 7).Update("name", "x")
	}},
	{"update with a modifier", func(db *gorm.DB) *gorm.DB {
		return db.Model(&Sachet{}).Clauses(clause.Update{Modifier: "LOW_PRIORITY"}).Where("id = ?", 7).Update("name", "x")
	}},
	{"soft delete", func(db *gorm.DB) *gorm.DB { return db.Where("id = ?", 7).Delete(&Sachet{}) }},
	{"delete", func(db *gorm.DB) *gorm.DB { return db.Unscoped().Where("id = ?", 7).Delete(&Sachet{}) }},
	{"delete by key", func(db *gorm.DB) *gorm.DB { return db.Unscoped().Delete(&Sachet{}, 7) }},
	{"delete with RETURNING", func(db *gorm.DB) *gorm.DB {
		return db.Unscoped().Clauses(clause.Returning{}).Where("id = ? AND name <> ?", 7, "x").Delete(&[]Sachet{})
	}},
}

// before puts a comment in front of SELECT, as gorm.io/hints does.
type before struct{}

func (before) ModifyStatement(stmt *gorm.Statement) {
	c := stmt.Clauses["SELECT"]
	c.BeforeExpression = clause.Expr{SQL: "/* why */"}
	stmt.Clauses["SELECT"] = c
}

func (before) Build(clause.Builder) {}

// TestStatementsOfOneShardAreWrittenAsGORMWritesThem compares texts and values with those of
// one plain table.
func TestStatementsOfOneShardAreWrittenAsGORMWritesThem(t *testing.T) {
	t.Parallel()
	for _, d := range testenv.Databases(t) {
		t.Run(d.Name, func(t *testing.T) {
			t.Parallel()
			sharded, plain := d.Open(t), d.Open(t)
			require.NoError(t, sharded.Use(dtde.Register(dtde.Config{
				NodeID: 1, Entities: []dtde.Entity{dtde.Model(&Sachet{}).ShardByHash("ID", 4)},
			})))
			physical := regexp.MustCompile("[`\"]sachets_[0-3][`\"] AS ")
			for _, s := range oneShard {
				ours := s.read(sharded.Session(&gorm.Session{DryRun: true})).Statement
				want := s.read(plain.Session(&gorm.Session{DryRun: true})).Statement
				require.NoError(t, ours.Error, s.name)
				text := ours.SQL.String()
				assert.Regexp(t, physical, text, s.name)
				assert.Equal(t, want.SQL.String(), physical.ReplaceAllString(text, ""), s.name)
				assert.Equal(t, want.Vars, ours.Vars, s.name)
			}
			now := func() time.Time { return time.Unix(1_700_000_000, 0) } // of a soft delete
			for _, s := range oneShardWrites {
				ours := s.write(sharded.Session(&gorm.Session{DryRun: true, NowFunc: now})).Statement
				want := s.write(plain.Session(&gorm.Session{DryRun: true, NowFunc: now})).Statement
				require.NoError(t, ours.Error, s.name)
				text := ours.SQL.String()
				if d.Name == "mariadb" { // whose DELETE takes an alias with several tables only, and not with RETURNING
					text = strings.Replace(text, "DELETE `sachets` FROM", "DELETE FROM", 1)
					text = regexp.MustCompile("FROM `sachets_[0-3]` W").ReplaceAllString(text, "FROM `sachets` W")
				}
				assert.Equal(t, want.SQL.String(), physical.ReplaceAllString(text, ""), s.name)
				assert.Len(t, ours.Vars, len(want.Vars), s.name)
			}
		})
	}
}
