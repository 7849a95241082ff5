package tests

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"gorm.io/gorm"

	"github.com/go-dtde/dtde"
)

// Member has every relation of GORM. It is sharded by the value of Region; Company
// is the only unsharded model beside it.
type Member struct {
	ID        int64  `gorm:"primaryKey"`
	Region    string `gorm:"size:8"`
	Name      string `gorm:"size:32"`
	Age       int
	Score     *int
	CompanyID *int64
	Company   *Company
	ParentID  *int64
	Parent    *Member
	Children  []Member `gorm:"foreignKey:ParentID"`
	Pets      []Pet
	Card      *Card
	Tags      []Tag   `gorm:"many2many:member_tags"`
	Photos    []Photo `gorm:"polymorphic:Owner"`
	UpdatedAt time.Time
	DeletedAt gorm.DeletedAt
}

// Company is unsharded.
type Company struct {
	ID      int64  `gorm:"primaryKey"`
	Name    string `gorm:"size:32"`
	Members []Member
}

// Pet is sharded by the hash of its own id, so that it may change its owner.
type Pet struct {
	ID       int64 `gorm:"primaryKey"`
	MemberID *int64
	Member   *Member
	Name     string `gorm:"size:32"`
	Weight   int
	Photo    *Photo `gorm:"polymorphic:Owner"`
}

// Card is sharded by the hash of its owner's id.
type Card struct {
	ID       int64 `gorm:"primaryKey"`
	MemberID int64
	Number   string `gorm:"size:32"`
	Digits   int
}

// Tag is sharded by the hash of its id.
type Tag struct {
	ID      int64    `gorm:"primaryKey"`
	Name    string   `gorm:"size:32"`
	Members []Member `gorm:"many2many:member_tags"`
}

// MemberTag is the join table, sharded by the hash of MemberID.
type MemberTag struct {
	MemberID int64 `gorm:"primaryKey;autoIncrement:false"`
	TagID    int64 `gorm:"primaryKey;autoIncrement:false"`
	Since    int   `gorm:"default:7"`
}

// Photo is sharded by the hash of its id.
type Photo struct {
	ID        int64  `gorm:"primaryKey"`
	OwnerType string `gorm:"size:32"`
	OwnerID   int64
	Title     string `gorm:"size:32"`
}

// Gizmo has what models have beside relations: a composite primary key, a name of
// its own for its table, an embedded struct, serializers, a custom type and
// permissions. It is sharded by the hash of Code.
type Gizmo struct {
	Code   string    `gorm:"primaryKey;size:32"`
	Serial int64     `gorm:"primaryKey;autoIncrement:false"`
	Size   GizmoSize `gorm:"embedded;embeddedPrefix:size_"`
	Labels []string  `gorm:"serializer:json;size:200"`
	Made   int64     `gorm:"serializer:unixtime;type:timestamp NULL"`
	Spot   Spot
	Origin string `gorm:"size:32;<-:create"`
	Change string `gorm:"size:32;<-:update"`
	Shown  string `gorm:"size:32;->;default:shown"`
	Secret string `gorm:"size:32;->:false;<-:create"`
}

func (Gizmo) TableName() string { return "gizmos" }

// GizmoSize is embedded.
type GizmoSize struct {
	Width  int
	Height int
}

// Spot is stored as text.
type Spot struct{ X, Y int }

func (Spot) GormDataType() string           { return "varchar(32)" }
func (s Spot) Value() (driver.Value, error) { return fmt.Sprintf("%d/%d", s.X, s.Y), nil }
func (s *Spot) Scan(v any) error {
	if b, ok := v.([]byte); ok {
		v = string(b)
	}
	_, err := fmt.Sscanf(fmt.Sprint(v), "%d/%d", &s.X, &s.Y)
	return err
}

type hooksOf struct{}

// errMemberHook is what a hook of Member fails with where its name asks for it.
var errMemberHook = errors.New("the hook says no")

// note writes the hook down in the list that the context carries.
func (m *Member) note(tx *gorm.DB, hook string) error {
	if list, ok := tx.Statement.Context.Value(hooksOf{}).(*[]string); ok {
		*list = append(*list, hook+" "+m.Name)
	}
	if strings.HasPrefix(m.Name, "bad") {
		return errMemberHook
	}
	return nil
}

func (m *Member) BeforeSave(tx *gorm.DB) error   { return m.note(tx, "before save") }
func (m *Member) AfterCreate(tx *gorm.DB) error  { return m.note(tx, "after create") }
func (m *Member) AfterUpdate(tx *gorm.DB) error  { return m.note(tx, "after update") }
func (m *Member) BeforeDelete(tx *gorm.DB) error { return m.note(tx, "before delete") }
func (m *Member) AfterFind(tx *gorm.DB) error    { return m.note(tx, "after find") }

// withHooks is db whose hooks are written down, and the list.
func withHooks(db *gorm.DB) (*gorm.DB, *[]string) {
	list := &[]string{}
	return db.WithContext(context.WithValue(context.Background(), hooksOf{}, list)), list
}

func surfaceEntities() dtde.Config {
	return entities(
		dtde.Model(&Member{}).ShardBy("Region", "EU", "US", "APAC"),
		dtde.Model(&Pet{}).ShardByHash("ID", 4),
		dtde.Model(&Card{}).ShardByHash("MemberID", 3),
		dtde.Model(&Tag{}).ShardByHash("ID", 2),
		dtde.Model(&MemberTag{}).ShardByHash("MemberID", 3),
		dtde.Model(&Photo{}).ShardByHash("ID", 3),
		dtde.Model(&Gizmo{}).ShardByHash("Code", 3),
	)
}

var surfaceModels = []any{&Company{}, &Member{}, &Pet{}, &Card{}, &Tag{}, &MemberTag{}, &Photo{}, &Gizmo{}}

func pointer[V any](v V) *V { return &v }

// surfaceRows are the rows that every case begins with. Relations are given by
// their keys, so that each model is stored on its own.
func surfaceRows(t testing.TB, db *gorm.DB) {
	t.Helper()
	create := func(rows any) {
		t.Helper()
		require.NoError(t, db.Session(&gorm.Session{NewDB: true, SkipHooks: true}).Create(rows).Error)
	}
	create(&[]Company{{ID: 1, Name: "acme"}, {ID: 2, Name: "bolt"}})
	members := make([]Member, 9)
	for i := range members {
		id := int64(i + 1)
		m := Member{ID: id, Region: []string{"EU", "US", "APAC"}[i%3], Name: fmt.Sprint("m", id), Age: 20 + i*7%5}
		if i%2 == 0 {
			m.Score = pointer(i)
		}
		if i > 1 {
			m.CompanyID = pointer(int64(1 + i%2))
		}
		if i > 0 && i < 7 {
			m.ParentID = pointer(int64((i + 2) / 3)) // 1 has 2, 3, 4; 2 has 5, 6, 7
		}
		members[i] = m
	}
	members[8].DeletedAt = gorm.DeletedAt{Time: utc(2024, 1, 1), Valid: true}
	create(&members)
	pets := make([]Pet, 8)
	for i := range pets {
		pets[i] = Pet{ID: int64(i + 1), Name: fmt.Sprint("p", i+1), Weight: i * 5 % 7}
		if i < 7 {
			pets[i].MemberID = pointer(int64(1 + i%3))
		}
	}
	create(&pets)
	cards := make([]Card, 5)
	for i := range cards {
		cards[i] = Card{ID: int64(i + 1), MemberID: int64(i + 1), Number: fmt.Sprint("c", i+1), Digits: i % 3}
	}
	create(&cards)
	create(&[]Tag{{ID: 1, Name: "red"}, {ID: 2, Name: "green"}, {ID: 3, Name: "blue"}, {ID: 4, Name: "none"}})
	create(&[]MemberTag{{1, 1, 1}, {1, 2, 2}, {2, 2, 3}, {3, 1, 4}, {3, 3, 5}, {5, 3, 6}, {9, 1, 7}})
	create(&[]Photo{
		{1, "members", 1, "a"}, {2, "members", 1, "b"}, {3, "members", 2, "c"}, {4, "members", 6, "d"},
		{5, "pets", 1, "e"}, {6, "pets", 2, "f"}, {7, "pets", 5, "g"},
	})
	create(&[]Gizmo{
		{Code: "a", Serial: 1, Size: GizmoSize{1, 2}, Labels: []string{"x", "y"}, Made: 1700000000, Spot: Spot{1, 1}, Origin: "o", Change: "lost", Secret: "s1"},
		{Code: "a", Serial: 2, Size: GizmoSize{3, 4}, Labels: []string{}, Made: 1700000100, Spot: Spot{2, 1}, Secret: "s2"},
		{Code: "b", Serial: 1, Size: GizmoSize{5, 6}, Made: 1700000200, Spot: Spot{3, 1}},
		{Code: "c", Serial: 3, Size: GizmoSize{7, 8}, Labels: []string{"z"}, Made: 1700000300, Spot: Spot{4, 1}},
	})
}
