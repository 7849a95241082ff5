package tests

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"gorm.io/gorm"
	gt "gorm.io/gorm/utils/tests"

	"github.com/go-dtde/dtde"
	"github.com/go-dtde/dtde/internal/testenv"
)

// The models that GORM tests itself with, as it publishes them: every kind of relation,
// soft deletes, text that refers to numbers, keys that nobody sets. The statements are of
// the kind that its tests run.

// UserSpeak and UserFriend are the join tables of GORM's User, for a program that shards
// them too.
type UserSpeak struct {
	UserID       uint   `gorm:"primaryKey;autoIncrement:false"`
	LanguageCode string `gorm:"primaryKey;size:64"`
}

func (UserSpeak) TableName() string { return "user_speaks" }

type UserFriend struct {
	UserID   uint `gorm:"primaryKey;autoIncrement:false"`
	FriendID uint `gorm:"primaryKey;autoIncrement:false"`
}

func (UserFriend) TableName() string { return "user_friends" }

// userParts says what a user comes with.
type userParts struct {
	Account, Company, Manager, NamedPet         bool
	Pets, Toys, Tools, Team, Languages, Friends int
}

var everyPart = userParts{Account: true, Company: true, Manager: true, Pets: 2, Toys: 2, Tools: 2, Team: 2, Languages: 2, Friends: 2}

// gormUser makes a user whose parts have names that begin with the user's.
func gormUser(name string, p userParts) *gt.User {
	birthday := utc(2020, 1, 2)
	u := gt.User{Name: name, Age: 18, Birthday: &birthday}
	each := func(n int, kind string, add func(name string)) {
		for i := range n {
			add(fmt.Sprintf("%s_%s_%d", name, kind, i+1))
		}
	}
	if p.Account {
		u.Account = gt.Account{Number: name + "_account"}
	}
	if p.Company {
		u.Company = gt.Company{Name: "company-" + name}
	}
	if p.Manager {
		u.Manager = gormUser(name+"_manager", userParts{})
	}
	if p.NamedPet {
		u.NamedPet = &gt.Pet{Name: name + "_namepet"}
	}
	each(p.Pets, "pet", func(n string) { u.Pets = append(u.Pets, &gt.Pet{Name: n}) })
	each(p.Toys, "toy", func(n string) { u.Toys = append(u.Toys, gt.Toy{Name: n}) })
	each(p.Tools, "tool", func(n string) { u.Tools = append(u.Tools, gt.Tools{Name: n}) })
	each(p.Team, "team", func(n string) { u.Team = append(u.Team, *gormUser(n, userParts{})) })
	each(p.Languages, "locale", func(n string) { u.Languages = append(u.Languages, gt.Language{Code: n, Name: n}) })
	each(p.Friends, "friend", func(n string) { u.Friends = append(u.Friends, gormUser(n, userParts{})) })
	return &u
}

func inNames(tx *gorm.DB) *gorm.DB { return tx.Order("name") }
func inCodes(tx *gorm.DB) *gorm.DB { return tx.Order("code") }

// gormUsers writes down the users whose names begin so, with all that is theirs.
func gormUsers(w *witness, db *gorm.DB, name string) {
	var found []gt.User
	w.tx(db.Preload("Account").Preload("Company").Preload("Manager").Preload("Pets", inNames).Preload("Pets.Toy").Preload("Toys", inNames).
		Preload("Tools", inNames).Preload("Team", inNames).Preload("Languages", inCodes).Preload("Friends", inNames).Preload("NamedPet", inNames).
		Where("name LIKE ?", name+"%").Order("name").Find(&found), found)
}

// gormRows writes down every row, deleted ones too, and who is joined with whom.
func gormRows(w *witness, db *gorm.DB) {
	every := db.Unscoped().Session(&gorm.Session{})
	for _, list := range []struct {
		found any
		order string
	}{
		{&[]gt.User{}, "name, age"}, {&[]gt.Pet{}, "name"}, {&[]gt.Toy{}, "name, owner_type"}, {&[]gt.Tools{}, "name"},
		{&[]gt.Account{}, "number"}, {&[]gt.Company{}, "name"}, {&[]gt.Language{}, "code"},
	} {
		w.tx(every.Order(list.order).Find(list.found), list.found)
	}
	var pairs []map[string]any
	w.tx(db.Table("user_speaks").Select("users.name AS n, user_speaks.language_code AS l").Joins("JOIN users ON users.id = user_speaks.user_id").
		Order("users.name, user_speaks.language_code").Find(&pairs), pairs)
	pairs = nil
	w.tx(db.Table("user_friends").Select("users.name AS n, f.name AS l").Joins("JOIN users ON users.id = user_friends.user_id").
		Joins("JOIN users AS f ON f.id = user_friends.friend_id").Order("users.name, f.name").Find(&pairs), pairs)
	for _, table := range []string{"user_speaks", "user_friends"} {
		var n int64
		w.tx(db.Table(table).Count(&n), n)
	}
}

var gormModels = []any{&gt.User{}, &gt.Account{}, &gt.Pet{}, &gt.Company{}, &gt.Toy{}, &gt.Language{}, &gt.Tools{}}

// gormSide opens one of the twins; nil entities make the plain one.
func gormSide(t *testing.T, d testenv.DB, entities []dtde.Entity) *gorm.DB {
	t.Helper()
	db := d.Open(t, &gorm.Config{
		NowFunc: func() time.Time { return utc(2025, 5, 5) }, TranslateError: true, DisableForeignKeyConstraintWhenMigrating: true,
	})
	if entities != nil {
		require.NoError(t, db.Use(dtde.Register(dtde.Config{Entities: entities})))
	}
	require.NoError(t, db.SetupJoinTable(&gt.User{}, "Languages", &UserSpeak{}))
	require.NoError(t, db.SetupJoinTable(&gt.User{}, "Friends", &UserFriend{}))
	require.NoError(t, db.AutoMigrate(gormModels...))
	return db
}

var (
	gormKey  = regexp.MustCompile(`"(ID|\w+ID|Int64)":("?)(-?[1-9]\d*)"?`)
	gormTime = regexp.MustCompile(`"2\d{3}-\d\d-\d\d[T ]\d\d:\d\d:\d\d[^"]*"`)
)

// unnumbered is a line without the values of keys, which the twins count differently, and
// of times: only whether there is one. What belongs together is told by names.
func unnumbered(line string) string {
	return gormTime.ReplaceAllString(gormKey.ReplaceAllString(line, `"$1":$2#$2`), `"time"`)
}

// TestModelsOfGORM compares GORM's own models, sharded in each of these ways, with their
// unsharded twins.
func TestModelsOfGORM(t *testing.T) {
	t.Parallel()
	all := []dtde.Entity{
		dtde.Model(&gt.User{}).ShardByHash("ID", 3), dtde.Model(&gt.Pet{}).ShardByHash("ID", 3), dtde.Model(&gt.Account{}).ShardByHash("ID", 2),
		dtde.Model(&gt.Toy{}).ShardByHash("ID", 2), dtde.Model(&gt.Tools{}).ShardByHash("ID", 2), dtde.Model(&gt.Language{}).ShardByHash("Code", 2),
	}
	ways := map[string][]dtde.Entity{
		"all and join tables": append(slices.Clone(all), dtde.Model(&UserSpeak{}).ShardByHash("UserID", 3), dtde.Model(&UserFriend{}).ShardByHash("UserID", 3)),
		"one":                 all[:1],
	}
	cases := slices.Concat(gormModelWrites, gormModelReads, gormModelAssociations, gormModelGenerics)
	testenv.Each(t, func(t *testing.T, d testenv.DB) {
		plain := gormSide(t, d, nil)
		for way, entities := range ways {
			sharded := gormSide(t, d, entities)
			for _, c := range cases {
				t.Run(way+"/"+c.name, func(t *testing.T) {
					want, got := gormRun(t, plain, c), gormRun(t, sharded, c)
					assert.Len(t, got, len(want))
					for i := range min(len(got), len(want)) {
						assert.Equal(t, want[i], got[i], "line %d", i)
					}
				})
			}
		}
	})
}

// gormRun runs a case on empty tables and gives what it has seen and left behind.
func gormRun(t *testing.T, db *gorm.DB, c surfaceCase) []string {
	t.Helper()
	for _, model := range gormModels {
		require.NoError(t, db.Session(&gorm.Session{AllowGlobalUpdate: true}).Unscoped().Delete(model).Error)
	}
	for _, table := range []string{"user_speaks", "user_friends"} {
		require.NoError(t, db.Exec("DELETE FROM "+table).Error)
	}
	w := &witness{}
	c.run(w, db)
	gormRows(w, db)
	for i, line := range w.lines {
		require.False(t, strings.HasPrefix(line, "refused"), line)
		w.lines[i] = unnumbered(line)
	}
	return w.lines
}
