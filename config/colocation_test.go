package config_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/go-dtde/dtde/config"
)

type owner struct {
	ID     int64
	Code   string
	Joined time.Time
}

type pet struct {
	ID      int64
	OwnerID int64
	Code    string
}

type taggedPet struct {
	ID      int64
	OwnerID int64 `dtde:"shardKey;strategy:hash;shards:4;coLocatedWith:owner"`
}

type breed struct {
	ID   int64 `dtde:"reference"`
	Name string
}

func TestCoLocated(t *testing.T) {
	t.Parallel()
	owners := config.Model(&owner{}).ShardByHash("ID", 4)
	for name, entity := range map[string]config.Entity{
		"fluent":  config.Model(&pet{}).ShardByHash("OwnerID", 4).CoLocatedWith(&owner{}),
		"by name": {Model: &pet{}, Strategy: config.ByHash("OwnerID", 4), PartnerName: "owner"},
		"tag":     config.Model(&taggedPet{}),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			catalog, err := config.Compile(config.Config{Entities: []config.Entity{entity, owners, config.Model(&breed{})}}, environment())
			require.NoError(t, err)
			pets, owners := catalog.Tables()[0], catalog.Tables()[1]
			assert.NotEmpty(t, pets.Group)
			assert.Equal(t, pets.Group, owners.Group)
			assert.True(t, pets.CoLocated(owners))
			assert.True(t, owners.CoLocated(pets))
			require.Len(t, catalog.References(), 1)
			later := catalog.WithKeys(pets.LogicalName, pets.Keys).With(1, nil)
			assert.Len(t, later.References(), 1)
			assert.True(t, later.Tables()[0].CoLocated(later.Tables()[1]))
		})
	}
}

func TestCoLocatedFaults(t *testing.T) {
	t.Parallel()
	owners := config.Model(&owner{}).ShardByHash("ID", 4)
	for name, c := range map[string]struct {
		entity config.Entity
		says   []string
	}{
		"slots":             {config.Model(&pet{}).ShardByHash("OwnerID", 8).CoLocatedWith(&owner{}), []string{"settings differ", "ids differ"}},
		"strategy":          {config.Model(&pet{}).ShardBy("Code", "a", "b").CoLocatedWith(&owner{}), []string{"the strategies are value and hash", "are string and int", "ids differ"}},
		"kinds":             {config.Model(&pet{}).ShardByHash("Code", 4).CoLocatedWith(&owner{}), []string{"are string and int"}},
		"no key":            {config.Model(&pet{}).ShardByMaxRows(10).CoLocatedWith(&owner{}), []string{"without a shard key"}},
		"itself":            {config.Model(&pet{}).ShardByHash("OwnerID", 4).CoLocatedWith(&pet{}), []string{"itself"}},
		"unlisted":          {config.Model(&pet{}).ShardByHash("OwnerID", 4).CoLocatedWith(&breed{}), []string{`"breed" is no other entity`}},
		"sharded reference": {config.Model(&pet{}).ShardByHash("OwnerID", 4).AsReference(), []string{"no setting for a strategy"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := config.Compile(config.Config{Entities: []config.Entity{c.entity, owners}}, environment())
			require.ErrorIs(t, err, config.ErrConfig)
			for _, says := range c.says {
				assert.ErrorContains(t, err, says)
			}
		})
	}
}
