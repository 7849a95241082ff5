package planner

import (
	"slices"

	"gorm.io/gorm/clause"

	"github.com/go-dtde/dtde/config"
)

// CheckUpsert tells whether an upsert over shards does what it would do on one table.
// A row that conflicts must live on the shard that its key leads to: the conflict's
// columns include the shard key, or are the primary key of an entity whose ids carry
// their shard ("upsert-target"). And the update must leave the shard key as it is
// ("upsert-key", which is looked at first: the target may be exact for other reasons). The
// error is a *config.UnsupportedError.
func CheckUpsert(t *config.Table, onConflict clause.OnConflict) error {
	if err := assignedOnConflict(t, onConflict); err != nil {
		return err
	}
	return conflictTarget(t, onConflict)
}

// assignedOnConflict refuses to change the shard key of a row that is there.
func assignedOnConflict(t *config.Table, onConflict clause.OnConflict) error {
	if onConflict.DoNothing {
		return nil
	}
	for _, a := range onConflict.DoUpdates {
		i := t.KeyIndex(a.Column.Name)
		if i < 0 {
			continue
		}
		if c, ok := a.Value.(clause.Column); ok && c.Name == a.Column.Name {
			// Its own value, or the inserted row's, whose key leads to this shard too.
			continue
		}
		return &config.UnsupportedError{
			Entity: t.Name, Reason: "upsert-key", Problem: "an upsert that assigns the shard key column " + a.Column.Name,
			Hint: "leave it out of DoUpdates",
		}
	}
	return nil
}

func includesKey(t *config.Table, columns []clause.Column) bool {
	for i := range t.Keys {
		if !slices.ContainsFunc(columns, func(c clause.Column) bool { return conflictColumn(t, c) == t.Keys[i].Column }) {
			return false
		}
	}
	return true
}

func conflictColumn(t *config.Table, c clause.Column) string {
	if c.Name == clause.PrimaryKey {
		return primaryColumn(t.Schema)
	}
	return c.Name
}

// conflictTarget checks where conflicting rows can be.
func conflictTarget(t *config.Table, oc clause.OnConflict) error {
	refuse := func(problem string) error {
		return &config.UnsupportedError{
			Entity: t.Name, Reason: "upsert-target", Problem: problem,
			Hint: "make the shard key part of the unique index and of OnConflict.Columns",
		}
	}
	switch {
	case oc.OnConstraint != "":
		return refuse("an upsert on a named constraint")
	case len(t.Keys) == 0:
		return refuse("an upsert on an entity without a shard key")
	case len(oc.Columns) == 0:
		// Any unique index may conflict, the primary key among them.
		if primaryCarriesShard(t) {
			return nil
		}
		return refuse("an upsert without conflict columns")
	case includesKey(t, oc.Columns):
		return nil
	}
	primary := len(oc.Columns) > 0 && t.Schema != nil && len(t.Schema.PrimaryFieldDBNames) == len(oc.Columns)
	for _, c := range oc.Columns {
		primary = primary && slices.Contains(t.Schema.PrimaryFieldDBNames, conflictColumn(t, c))
	}
	if primary && primaryCarriesShard(t) {
		return nil
	}
	return refuse("an upsert whose conflict columns do not include the shard key")
}

// primaryCarriesShard tells whether two rows with one primary key are on one shard.
func primaryCarriesShard(t *config.Table) bool {
	if t.IDShard != nil && t.Primary != nil {
		return true
	}
	if t.Schema == nil || len(t.Keys) == 0 {
		return false
	}
	for i := range t.Keys {
		if !slices.Contains(t.Schema.PrimaryFieldDBNames, t.Keys[i].Column) {
			return false
		}
	}
	return true
}
