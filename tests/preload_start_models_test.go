package tests

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"gorm.io/gorm"

	"github.com/go-dtde/dtde"
	"github.com/go-dtde/dtde/internal/testenv"
)

// Fund keeps versions and has relations of every kind to others that do.
type Fund struct {
	ID          int64 `gorm:"primaryKey"`
	Code        string
	Name        string
	ManagerCode string
	HouseID     int64
	ParentCode  *string
	ValidFrom   time.Time
	ValidTo     *time.Time

	Holdings []Holding     `gorm:"foreignKey:FundCode;references:Code"`
	Terms    *FundTerms    `gorm:"foreignKey:FundCode;references:Code"`
	Rates    []*FundRate   `gorm:"foreignKey:FundCode;references:Code"`
	Manager  FundManager   `gorm:"foreignKey:ManagerCode;references:Code"`
	House    *House        // keeps no versions, but what belongs to it does
	Parent   *Fund         `gorm:"foreignKey:ParentCode;references:Code"`
	Children []*Fund       `gorm:"foreignKey:ParentCode;references:Code"`
	Markets  []Market      `gorm:"many2many:fund_markets;foreignKey:Code;joinForeignKey:FundCode;references:Code;joinReferences:MarketCode"`
	Indices  []*StockIndex `gorm:"many2many:fund_indices;foreignKey:Code;joinForeignKey:FundCode;references:ID;joinReferences:IndexID"`
	Remarks  []Remark      `gorm:"polymorphicType:OwnerType;polymorphicId:OwnerCode;polymorphicValue:fund;foreignKey:Code"`

	found int // by AfterFind
}

// AfterFind counts, and sees that what was preloaded is there.
func (f *Fund) AfterFind(*gorm.DB) error {
	f.found++
	return nil
}

// Holding is a fund's; its lots are one level deeper.
type Holding struct {
	ID        int64 `gorm:"primaryKey"`
	Code      string
	FundCode  string
	Amount    int
	ValidFrom time.Time
	ValidTo   time.Time // an open end is the sentinel
	Lots      []*Lot    `gorm:"foreignKey:HoldingCode;references:Code"`
	LotsFound int       `gorm:"-"`
}

// AfterFind comes after the holding's own preloads.
func (h *Holding) AfterFind(*gorm.DB) error {
	h.LotsFound += 1 + len(h.Lots)
	return nil
}

type Lot struct {
	ID          int64 `gorm:"primaryKey"`
	Code        string
	HoldingCode string
	Size        int
	ValidFrom   time.Time
	ValidTo     *time.Time
}

// FundTerms are had once.
type FundTerms struct {
	ID        int64 `gorm:"primaryKey"`
	FundCode  string
	Fee       int
	ValidFrom time.Time
	ValidTo   *time.Time
}

// FundRate has starts only.
type FundRate struct {
	ID        int64 `gorm:"primaryKey"`
	Code      string
	FundCode  string
	Value     int
	ValidFrom time.Time
}

type FundManager struct {
	ID        int64 `gorm:"primaryKey"`
	Code      string
	Name      string
	ValidFrom time.Time
	ValidTo   *time.Time
}

// House keeps no versions.
type House struct {
	ID    int64 `gorm:"primaryKey;autoIncrement:false"`
	Name  string
	Desks []Desk
}

type Desk struct {
	ID        int64 `gorm:"primaryKey"`
	Code      string
	HouseID   int64
	Floor     int
	ValidFrom time.Time
	ValidTo   *time.Time
}

type Market struct {
	ID        int64 `gorm:"primaryKey"`
	Code      string
	Name      string
	ValidFrom time.Time
	ValidTo   *time.Time
}

// FundMarket is the join table of funds and markets, and keeps versions.
type FundMarket struct {
	ID         int64 `gorm:"primaryKey"`
	FundCode   string
	MarketCode string
	ValidFrom  time.Time
	ValidTo    *time.Time
}

// StockIndex keeps no versions, nor does its join table.
type StockIndex struct {
	ID   int64 `gorm:"primaryKey;autoIncrement:false"`
	Name string
}

type FundIndex struct {
	FundCode string `gorm:"primaryKey;size:20"`
	IndexID  int64  `gorm:"primaryKey;autoIncrement:false"`
}

func (FundIndex) TableName() string { return "fund_indices" }

// Remark is a fund's or, later, another's.
type Remark struct {
	ID        int64 `gorm:"primaryKey"`
	Code      string
	OwnerCode string
	OwnerType string
	Text      string
	ValidFrom time.Time
	ValidTo   *time.Time
}

var fundModels = []any{&Fund{}, &Holding{}, &Lot{}, &FundTerms{}, &FundRate{}, &FundManager{}, &House{}, &Desk{}, &Market{}, &FundMarket{}, &StockIndex{}, &FundIndex{}, &Remark{}}

// funds opens them in one of the layouts.
func funds(t *testing.T, d testenv.DB, layout string) *gorm.DB {
	t.Helper()
	db := d.Open(t, &gorm.Config{NowFunc: func() time.Time { return day(40) }, DisableForeignKeyConstraintWhenMigrating: true})
	entity := func(model any, to string, key ...string) dtde.Entity {
		e := dtde.Model(model).HasTemporalValidity("ValidFrom", to).EntityKey(key...)
		from, until := day(-400), time.Date(2030, 1, 1, 0, 0, 0, 0, time.UTC)
		switch {
		case layout == "by key", to == "" && layout != "one table":
			return e.ShardByHash(key[0], 3)
		case layout == "by start":
			return e.ShardByDate("ValidFrom", dtde.Year, from, until)
		case layout == "by start, cut":
			return e.ShardByDate("ValidFrom", dtde.Quarter, from, day(500)).SplitAtShardBoundaries()
		}
		return e
	}
	require.NoError(t, db.SetupJoinTable(&Fund{}, "Markets", &FundMarket{}))
	require.NoError(t, db.SetupJoinTable(&Fund{}, "Indices", &FundIndex{}))
	excluding(t, d, db)
	require.NoError(t, db.Use(dtde.Register(dtde.Config{Entities: []dtde.Entity{
		entity(&Fund{}, "ValidTo", "Code"), entity(&Holding{}, "ValidTo", "Code"), entity(&Lot{}, "ValidTo", "Code"),
		entity(&FundTerms{}, "ValidTo", "FundCode"), entity(&FundRate{}, "", "Code"), entity(&FundManager{}, "ValidTo", "Code"),
		entity(&Desk{}, "ValidTo", "Code"), entity(&Market{}, "ValidTo", "Code"), entity(&FundMarket{}, "ValidTo", "FundCode", "MarketCode"),
		entity(&Remark{}, "ValidTo", "Code"),
	}})))
	require.NoError(t, db.AutoMigrate(fundModels...))
	return db
}
