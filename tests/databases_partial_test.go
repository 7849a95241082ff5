package tests

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"gorm.io/driver/mysql"
	"gorm.io/gorm"
	"gorm.io/gorm/clause"
	"gorm.io/gorm/logger"

	"github.com/go-dtde/dtde"
	dbservers "github.com/go-dtde/dtde/internal/testenv/servers"
)

// partialRead is a read and what it answers, as text.
type partialRead struct {
	name string
	read func(tx *gorm.DB) (string, error)
}

func partialReads() []partialRead {
	ids := func(list []Consignment) string {
		var out []int64
		for _, c := range list {
			out = append(out, c.ID)
		}
		return fmt.Sprint(out)
	}
	return []partialRead{
		{"Find in order", func(tx *gorm.DB) (string, error) {
			var l []Consignment
			err := tx.Order("weight DESC, id").Find(&l).Error
			return ids(l), err
		}},
		{"Find a page", func(tx *gorm.DB) (string, error) {
			var l []Consignment
			err := tx.Order("id").Offset(7).Limit(5).Find(&l).Error
			return ids(l), err
		}},
		{"a deep page", func(tx *gorm.DB) (string, error) {
			var l []Consignment
			err := tx.Order("weight, id").Offset(120).Limit(5).Find(&l).Error
			return ids(l), err
		}},
		{"First", func(tx *gorm.DB) (string, error) {
			var c Consignment
			err := tx.Order("id").First(&c).Error
			return fmt.Sprint(c.ID), err
		}},
		{"Count", func(tx *gorm.DB) (string, error) {
			var n int64
			err := tx.Model(&Consignment{}).Count(&n).Error
			return fmt.Sprint(n), err
		}},
		{"aggregates", func(tx *gorm.DB) (string, error) {
			var a struct {
				S, L, M int64
				A       float64
			}
			err := tx.Model(&Consignment{}).Select("SUM(weight) AS s, MIN(id) AS l, MAX(id) AS m, AVG(weight) AS a").Take(&a).Error
			return fmt.Sprintf("%d %d %d %.4f", a.S, a.L, a.M, a.A), err
		}},
		{"groups", func(tx *gorm.DB) (string, error) {
			type group struct {
				Region string
				N      int64
			}
			var rows []group
			err := tx.Model(&Consignment{}).Select("region, COUNT(*) AS n").Group("region").Scan(&rows).Error
			slices.SortFunc(rows, func(a, b group) int { return strings.Compare(a.Region, b.Region) })
			return fmt.Sprint(rows), err
		}},
		{"Pluck", func(tx *gorm.DB) (string, error) {
			var l []int64
			err := tx.Model(&Consignment{}).Order("id").Limit(9).Pluck("id", &l).Error
			return fmt.Sprint(l), err
		}},
		{"Rows", func(tx *gorm.DB) (string, error) {
			rows, err := tx.Model(&Consignment{}).Select("id").Order("id").Limit(30).Rows()
			if err != nil {
				return "", err
			}
			defer func() { _ = rows.Close() }()
			var l []int64
			for rows.Next() {
				var id int64
				if err := rows.Scan(&id); err != nil {
					return "", err
				}
				l = append(l, id)
			}
			return fmt.Sprint(l), rows.Err()
		}},
		{"Iterate", func(tx *gorm.DB) (string, error) {
			var l []Consignment
			for c, err := range dtde.Iterate[Consignment](tx.Order("id DESC").Limit(20)) {
				if err != nil {
					return "", err
				}
				l = append(l, c)
			}
			return ids(l), nil
		}},
		{"FindInBatches", func(tx *gorm.DB) (string, error) {
			var l, batch []Consignment
			err := tx.FindInBatches(&batch, 30, func(*gorm.DB, int) error {
				l = append(l, batch...)
				return nil
			}).Error
			return ids(l), err
		}},
	}
}

// TestPartial: each read of three servers of which one doesn't answer gives what one
// table without that server's rows would, and says so; without the scope it fails.
func TestPartial(t *testing.T) {
	t.Parallel()
	const each = 100
	d := newDepots(t, each)
	for _, statement := range []string{
		"CREATE TABLE consignments_rest (LIKE " + depotTable(0) + " INCLUDING ALL)",
		fmt.Sprintf("INSERT INTO consignments_rest SELECT 3 * i + s, CASE s WHEN 0 THEN 'EU' ELSE 'APAC' END, (i * 7919) %% 1000003, repeat('x', 100)"+
			" FROM generate_series(0, %d) AS i, unnest(ARRAY[0, 2]) AS s", each-1),
	} {
		_, err := d.direct[0].Exec(statement)
		require.NoError(t, err)
	}
	plain := openGORM(t, d.direct[0]).Table("consignments_rest").Session(&gorm.Session{})
	faulty := d.set.Postgres[faultyServer]
	s := openSpread(t, d, nil)
	// Nothing that must succeed runs under so short a limit.
	impatient := openSpread(t, d, func(c *dtde.Config) { c.Databases[faultyServer].Timeout = 150 * time.Millisecond })
	check := func(t *testing.T, s *spread, wrong func(error) bool) {
		dbservers.LeakCheck(t, d.set, s.pools...)
		for _, r := range partialReads() {
			want, err := r.read(plain)
			require.NoError(t, err, r.name)
			var report dtde.PartialReport
			got, err := r.read(s.db.Scopes(dtde.Partial(&report)))
			require.NoError(t, err, r.name)
			assert.Equal(t, want, got, r.name)
			assert.False(t, report.Complete(), r.name)
			require.Len(t, report.Missing, 1, r.name)
			m := report.Missing[0]
			assert.Equal(t, []string{"Consignment", "US", "US"}, []string{m.Entity, m.Shard, m.Database}, r.name)
			assert.True(t, wrong(m.Err), "%s: %v", r.name, m.Err)
			require.ErrorIs(t, report.Err(), m.Err)
			_, err = r.read(s.db)
			require.Error(t, err, r.name)
		}
	}
	t.Run("all answer", func(t *testing.T) {
		for _, r := range partialReads() {
			want, err := r.read(s.db)
			require.NoError(t, err, r.name)
			var report dtde.PartialReport
			got, err := r.read(s.db.Scopes(dtde.Partial(&report)))
			require.NoError(t, err, r.name)
			assert.Equal(t, want, got, r.name)
			assert.True(t, report.Complete(), r.name)
			require.NoError(t, report.Err())
		}
	})
	t.Run("one is slow", func(t *testing.T) {
		defer d.hold(t, faultyServer)()
		check(t, impatient, func(err error) bool {
			return errors.Is(err, context.DeadlineExceeded) || errors.Is(err, dtde.ErrDatabaseDown)
		})
	})
	require.Eventually(t, func() bool { return healthOf(t, impatient.plugin, "US").Err == nil }, 20*time.Second, 50*time.Millisecond)
	t.Run("one is cut among its rows", func(t *testing.T) {
		faulty.Proxy.CutAfter(2000)
		defer faulty.Proxy.CutAfter(-1)
		var report dtde.PartialReport
		var l []Consignment
		require.NoError(t, s.db.Scopes(dtde.Partial(&report)).Find(&l).Error)
		assert.Len(t, l, 2*each, "no row of the shard is there")
		require.Len(t, report.Missing, 1)
	})
	t.Run("one is killed", func(t *testing.T) {
		faulty.Kill(t)
		check(t, s, func(err error) bool { return err != nil })
		t.Run("which has the row", func(t *testing.T) {
			var report dtde.PartialReport
			err := s.db.Scopes(dtde.Partial(&report)).First(&Consignment{}, 3*5+1).Error
			require.ErrorIs(t, err, gorm.ErrRecordNotFound)
			require.Len(t, report.Missing, 1)
		})
		t.Run("and it alone is read", func(t *testing.T) {
			var report dtde.PartialReport
			err := pointRead(s.db.Scopes(dtde.Partial(&report)), "US")
			require.Error(t, err)
			require.NotErrorIs(t, err, gorm.ErrRecordNotFound)
			require.Len(t, report.Missing, 1)
			assert.Equal(t, "US", report.Missing[0].Shard)
		})
		t.Run("writes never degrade", func(t *testing.T) {
			var report dtde.PartialReport
			tx := s.db.Scopes(dtde.Partial(&report)).Session(&gorm.Session{})
			for name, err := range map[string]error{
				"update":        tx.Model(&Consignment{}).Where("weight > 0").Update("label", "x").Error,
				"delete":        tx.Where("weight > 0").Delete(&Consignment{}).Error,
				"create":        tx.Create(&Consignment{ID: 7000, Region: "EU"}).Error,
				"FirstOrCreate": tx.Where(&Consignment{ID: 3*5 + 1}).Attrs(&Consignment{Region: "EU"}).FirstOrCreate(&Consignment{}).Error,
			} {
				var refused *dtde.UnsupportedError
				require.ErrorAs(t, err, &refused, name)
				assert.Equal(t, "partial-write", refused.Reason, name)
			}
		})
		t.Run("transactions and locking reads stay exact", func(t *testing.T) {
			var report dtde.PartialReport
			err := s.db.Transaction(func(tx *gorm.DB) error { return tx.Scopes(dtde.Partial(&report)).Find(&[]Consignment{}).Error })
			require.Error(t, err)
			err = s.db.Scopes(dtde.Partial(&report)).Clauses(clause.Locking{Strength: "UPDATE"}).Find(&[]Consignment{}).Error
			require.Error(t, err)
			assert.True(t, report.Complete())
		})
		t.Run("none answers", func(t *testing.T) {
			for _, i := range []int{0, 2} {
				require.NoError(t, d.set.Postgres[i].Proxy.Refuse(true))
				defer func() { require.NoError(t, d.set.Postgres[i].Proxy.Refuse(false)) }()
			}
			quiet(s.pools)
			var report dtde.PartialReport
			require.Error(t, s.db.Scopes(dtde.Partial(&report)).Find(&[]Consignment{}).Error)
			assert.Len(t, report.Missing, 3)
		})
	})
	t.Run("an error is no silence", func(t *testing.T) {
		faulty.Start(t)
		require.NoError(t, healthOf(t, s.plugin, "US").Err)
		_, err := d.direct[faultyServer].Exec("ALTER TABLE " + depotTable(faultyServer) + " DROP COLUMN label")
		require.NoError(t, err)
		var report dtde.PartialReport
		err = s.db.Scopes(dtde.Partial(&report)).Select("id", "label").Find(&[]Consignment{}).Error
		require.ErrorContains(t, err, "label")
		assert.True(t, report.Complete())
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		err = s.db.WithContext(ctx).Scopes(dtde.Partial(&report)).Find(&[]Consignment{}).Error
		require.ErrorIs(t, err, context.Canceled)
		assert.True(t, report.Complete())
	})
}

// TestPartialOfMariaDB: two databases of one server, one of which can't be reached.
func TestPartialOfMariaDB(t *testing.T) {
	t.Parallel()
	set := dbservers.Start(t, dbservers.Options{MariaDB: true})
	server := set.MariaDB
	own, us := server.CreateDatabase(t), server.CreateDatabase(t)
	db, err := gorm.Open(mysql.Open(server.DirectDSN(own)), &gorm.Config{Logger: logger.Discard})
	require.NoError(t, err)
	plugin := dtde.Register(dtde.Config{
		Databases: []dtde.Database{{ID: "own", Own: true}, {ID: "US", Dialector: mysql.Open(server.DSN(us))}},
		Entities:  []dtde.Entity{dtde.Model(&Freight{}).ShardBy("Region", "own", "US").WithStorageMode(dtde.Databases)},
	})
	require.NoError(t, db.Use(plugin))
	t.Cleanup(func() { _ = plugin.Close() })
	require.NoError(t, db.AutoMigrate(&Freight{}))
	for i := range 10 {
		require.NoError(t, db.Create(&Freight{ID: int64(i + 1), Region: []string{"own", "US"}[i%2], Weight: i}).Error)
	}
	require.NoError(t, server.Proxy.Refuse(true))
	server.Proxy.Cut()
	for range 8 { // also while the breaker is open
		var report dtde.PartialReport
		var total int
		require.NoError(t, db.Model(&Freight{}).Scopes(dtde.Partial(&report)).Select("SUM(weight)").Scan(&total).Error)
		assert.Equal(t, 0+2+4+6+8, total)
		require.Len(t, report.Missing, 1)
		assert.Equal(t, "US", report.Missing[0].Shard)
	}
	require.NoError(t, server.Proxy.Refuse(false))
}
