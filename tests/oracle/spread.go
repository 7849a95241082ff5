package oracle

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"gorm.io/gorm"

	"github.com/go-dtde/dtde"
	"github.com/go-dtde/dtde/internal/testenv"
	"github.com/go-dtde/dtde/internal/testenv/servers"
)

// spreadIDs are the databases that the shards of a spread variant are dealt out to. The
// first is the *gorm.DB's own in half of the variants.
var spreadIDs = []string{"d0", "d1", "d2"}

// spreadOver lists the databases of an engine for spread variants: three PostgreSQL
// servers, three SQLite files, three databases of the MariaDB server.
func spreadOver(t testing.TB, d testenv.DB) *databases {
	t.Helper()
	ds := openDatabases(t, d)
	ds.test = "TestOracleDatabases"
	switch d.Name {
	case "sqlite":
	case "postgres":
		for _, s := range servers.Start(t, servers.Options{Postgres: len(spreadIDs)}).Postgres {
			ds.bases = append(ds.bases, d.OpenAt(t, s.DSN(s.CreateDatabase(t))))
		}
	default:
		for range spreadIDs {
			ds.bases = append(ds.bases, d.Open(t))
		}
	}
	return ds
}

// beside empties the further databases and gives them to dtde and, without any plugin,
// to the side that looks at their tables.
func (ds *databases) beside(t testing.TB, v *variant, s *side, config *gorm.Config) ([]dtde.Database, error) {
	var list []dtde.Database
	for i, id := range spreadIDs {
		if i == 0 && v.ownShards {
			list = append(list, dtde.Database{ID: id, Own: true})
			continue
		}
		db, raw, err := ds.open(t, 2+i, config)
		if err != nil {
			return nil, err
		}
		list = append(list, dtde.Database{ID: id, Dialector: db.Dialector})
		s.raws = append(s.raws, raw)
		s.sents = append(s.sents, testenv.Record(db))
	}
	return list, nil
}

// spread is a variant with its shards dealt out to several databases.
func spread(v *variant) *variant {
	w := *v
	w.name = "spread-" + v.name
	w.spread, w.ownShards = true, hash(w.name)%2 == 0
	w.references = append(w.references, "rates")
	return &w
}

// inDatabases puts entities into the databases, but those that are references or say
// where they live.
func inDatabases(entities []dtde.Entity) []dtde.Entity {
	for i := range entities {
		if !entities[i].Reference {
			entities[i] = entities[i].WithStorageMode(dtde.Databases)
		}
	}
	return append(entities, dtde.Model(&Rate{}).AsReference())
}

// spreadVariants are those of [variants] that several databases could make a difference
// to, and models with relations that live together in each database.
func spreadVariants() []*variant {
	names := []string{
		"value-3", "value-default-8", "month-newyork-3", "created-3", "hash-id-8", "hash-code-3", "hash-textid-3", "hash-uuid-3", "ring-3", "alphabet-3",
		"range-8", "maxrows-3", "composite-8", "computed-3", "custom-3", "graph-value-3", "graph-children-3", "graph-month-3", "deep-hash-4", "deep-month-6-6",
	}
	byName := map[string]*variant{}
	for _, v := range variants() {
		byName[v.name] = v
	}
	var all []*variant
	for _, name := range names {
		if byName[name] == nil {
			panic("oracle: there is no variant " + name + " to be spread")
		}
		all = append(all, spread(byName[name]))
	}
	for _, v := range nearbyVariants() {
		all = append(all, spread(v))
	}
	return append(all, kinNearby())
}

// nearbyVariants have co-located and reference entities, whose joins go database by
// database.
func nearbyVariants() []*variant {
	hashed := func(m any, field string, n int) dtde.Entity {
		e := dtde.Model(m).ShardByHash(field, n)
		if _, owner := m.(*Owner); !owner {
			e = e.CoLocatedWith(&Owner{})
		}
		return e
	}
	near := func(n int) *variant {
		v := graphVariant("near", n, &graph{petsByOwner: true, cardsByOwner: true, entities: func() []dtde.Entity {
			return []dtde.Entity{
				hashed(&Owner{}, "ID", n), hashed(&Pet{}, "OwnerID", n), hashed(&Card{}, "OwnerID", n), hashed(&Membership{}, "OwnerID", n), hashed(&Note{}, "SubjectID", n),
				dtde.Model(&City{}).AsReference(), dtde.Model(&Club{}).AsReference(),
			}
		}})
		v.references = []string{"cities", "clubs"}
		return v
	}
	return []*variant{near(3), near(8)}
}

// kinNearby has composite keys and foreign keys: parents and children lie in the same
// database, and each database has the agents.
func kinNearby() *variant {
	for _, v := range kinVariants() {
		if v.name != "kin-number-8" {
			continue
		}
		k := *v.kin
		k.entities = func() []dtde.Entity { return append(v.kin.entities(), dtde.Model(&Agent{}).AsReference()) }
		near := *v
		near.kin, near.references = &k, []string{"agents"}
		return spread(&near)
	}
	panic("oracle: there is no variant kin-number-8 to be spread")
}

// everywhere reads a reference entity's rows, which every database must have alike.
func (s *side) everywhere(m *model) ([]record, error) {
	var first []record
	for i, raw := range s.all() {
		rows, err := s.rowsOf(raw, m.table, m)
		if err != nil {
			return nil, err
		}
		if rows = sorted(rows, false); i == 0 {
			first = rows
		} else if d := sequence(first, rows, false); d != "" {
			return nil, fmt.Errorf("the reference entity %s differs between databases: %s", m.table, d)
		}
	}
	return first, nil
}

// all are the side's databases, without plugins.
func (s *side) all() []*gorm.DB { return append([]*gorm.DB{s.raw}, s.raws...) }

// addRatesTo fills the reference table in each database of a side.
func addRatesTo(s *side) error {
	var faults []error
	for _, raw := range s.all() {
		faults = append(faults, addRates(raw))
	}
	return errors.Join(faults...)
}

// databaseReasons are the refusals of what needs rows of several databases at once;
// they are counted apart.
var databaseReasons = []string{"databases-", "reference-", "sessions-", "union-databases", "write-order"}

func ofDatabases(reason string) bool {
	return slices.ContainsFunc(databaseReasons, func(prefix string) bool { return strings.HasPrefix(reason, prefix) })
}
