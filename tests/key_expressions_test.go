package tests

import (
	"context"
	"errors"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"github.com/go-dtde/dtde"
	"github.com/go-dtde/dtde/internal/testenv"
)

// Clan is a shard key that may be an expression of the database.
type Clan string

// GormValue implements gorm.Valuer.
func (c Clan) GormValue(_ context.Context, db *gorm.DB) clause.Expr {
	return gorm.Expr("LOWER(?)", string(c))
}

// Tartan's shard key is computed when it is written.
type Tartan struct {
	ID   int64 `gorm:"primaryKey;autoIncrement:false"`
	Clan Clan  `gorm:"size:8"`
}

// TestShardKeysByExpressions: where a row belongs must be known before it is written; what
// the database would compute says nothing.
func TestShardKeysByExpressions(t *testing.T) {
	t.Parallel()
	testenv.Each(t, func(t *testing.T, d testenv.DB) {
		db := d.Open(t)
		require.NoError(t, db.Use(dtde.Register(dtde.Config{Entities: []dtde.Entity{dtde.Model(&Parish{}).ShardBy("Region", "n", "s", "w")}})))
		parishes(t, db)
		before := keyContents(t, db, &Parish{})
		upsert := func(assigned any) error {
			return db.Clauses(clause.OnConflict{Columns: []clause.Column{{Name: "id"}}, DoUpdates: clause.Set{{Column: clause.Column{Name: "region"}, Value: assigned}}}).
				Create(&Parish{ID: 3, Region: "n"}).Error
		}
		lower := gorm.Expr("LOWER(?)", "S")
		for name, c := range map[string]struct {
			run  func() error
			want error
		}{
			"a map": {func() error {
				return db.Model(&Parish{}).Create(map[string]any{"id": 50, "region": lower}).Error
			}, dtde.ErrMissingShardKey},
			"maps": {func() error {
				return db.Model(&Parish{}).Create([]map[string]any{{"id": 50, "region": "n"}, {"id": 51, "region": lower}}).Error
			}, dtde.ErrMissingShardKey},
			"a subquery": {func() error {
				return db.Model(&Parish{}).Create(map[string]any{"id": 50, "region": db.Model(&Parish{}).Select("MAX(region)")}).Error
			}, dtde.ErrMissingShardKey},
			"Update":       {func() error { return db.Model(&Parish{}).Where("id = ?", 3).Update("region", lower).Error }, dtde.ErrShardKeyChanged},
			"UpdateColumn": {func() error { return db.Model(&Parish{ID: 3}).UpdateColumn("region", lower).Error }, dtde.ErrShardKeyChanged},
			"Updates": {func() error {
				return db.Model(&Parish{}).Where("region = ?", "n").Updates(map[string]any{"weight": 1, "region": lower}).Error
			}, dtde.ErrShardKeyChanged},
			"another column": {func() error { return db.Model(&Parish{}).Where("id = ?", 3).Update("region", gorm.Expr("note")).Error }, dtde.ErrShardKeyChanged},
			"a bound value": {func() error {
				return db.Model(&Parish{}).Where("id = ?", 3).Update("region", gorm.Expr("?", "s")).Error
			}, dtde.ErrShardKeyChanged},
			"a bound value in a map": {func() error {
				return db.Model(&Parish{}).Create(map[string]any{"id": 60, "region": gorm.Expr("?", "w")}).Error
			}, dtde.ErrMissingShardKey},
			"itself": {func() error {
				return db.Model(&Parish{}).Where("id = ?", 3).Update("region", gorm.Expr("region")).Error
			}, dtde.ErrShardKeyChanged},
			"Update by query": {func() error {
				return db.Model(&Parish{}).Where("id = ?", 3).Update("region", db.Model(&Parish{}).Select("MAX(region)")).Error
			}, dtde.ErrShardKeyChanged},
			"DoUpdates": {func() error { return upsert(lower) }, dtde.ErrUnsupported},
			"SQL text":  {func() error { return db.Exec("UPDATE parishes SET region = LOWER('S') WHERE id = 3").Error }, dtde.ErrShardKeyChanged},
			"SQL text that inserts": {func() error {
				return db.Exec("INSERT INTO parishes (id, region) VALUES (50, LOWER('S'))").Error
			}, dtde.ErrMissingShardKey},
		} {
			err := c.run()
			require.ErrorIs(t, err, c.want, name)
			require.True(t, errors.Is(err, dtde.Err), name)
			assert.Equal(t, before, keyContents(t, db, &Parish{}), name)
		}
	})
}

// TestShardKeysThatComputeThemselves: a field type that writes an expression is refused, as
// what it holds need not be what is stored.
func TestShardKeysThatComputeThemselves(t *testing.T) {
	t.Parallel()
	testenv.Each(t, func(t *testing.T, d testenv.DB) {
		db := d.Open(t)
		err := db.Use(dtde.Register(dtde.Config{Entities: []dtde.Entity{dtde.Model(&Tartan{}).ShardBy("Clan", "red", "blue")}}))
		if err == nil {
			err = db.AutoMigrate(&Tartan{})
		}
		if err == nil {
			err = db.Create(&Tartan{ID: 1, Clan: "RED"}).Error
		}
		assert.ErrorIs(t, err, dtde.Err)
	})
}
