package pgxcopy_test

import (
	"context"
	"fmt"
	"os"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"
	"gorm.io/driver/postgres"
	"gorm.io/gorm"
	"gorm.io/gorm/logger"

	"github.com/go-dtde/dtde"
	"github.com/go-dtde/dtde/internal/bars"
	"github.com/go-dtde/dtde/internal/testenv/servers"
	"github.com/go-dtde/dtde/pgxcopy"
)

// Parcel is spread over three servers by its region.
type Parcel struct {
	ID     int64 `gorm:"primaryKey"`
	Region string
	Weight int64
	Label  string
}

var parcelRegions = []string{"EU", "US", "APAC"}

const (
	parcelRows = 1_000_000
	// bulkBar is the least that BulkInsert's rate may be of a plain COPY loop's.
	bulkBar = 0.8
	rounds  = 5
)

func parcels(n int) []Parcel {
	rows := make([]Parcel, n)
	for i := range rows {
		rows[i] = Parcel{Region: parcelRegions[i%3], Weight: int64(i) * 7919 % 1_000_003, Label: fmt.Sprintf("parcel %d", i)}
	}
	return rows
}

// parcelServers are three servers, and dtde over them.
type parcelServers struct {
	set  *servers.Set
	dsns []string
	db   *gorm.DB
}

func openParcels(t testing.TB) *parcelServers {
	t.Helper()
	s := &parcelServers{set: servers.Start(t, servers.Options{Postgres: len(parcelRegions)})}
	cfg := dtde.Config{
		Bulk:     pgxcopy.Bulk{},
		Entities: []dtde.Entity{dtde.Model(&Parcel{}).ShardBy("Region", parcelRegions...).WithStorageMode(dtde.Databases)},
	}
	for i, server := range s.set.Postgres {
		s.dsns = append(s.dsns, server.DirectDSN(server.CreateDatabase(t)))
		cfg.Databases = append(cfg.Databases, dtde.Database{ID: parcelRegions[i], Dialector: postgres.Open(s.dsns[i])})
	}
	home := s.set.Postgres[0]
	var err error
	s.db, err = gorm.Open(postgres.Open(home.DirectDSN(home.CreateDatabase(t))), &gorm.Config{Logger: logger.Default.LogMode(logger.Silent)})
	require.NoError(t, err)
	plugin := dtde.Register(cfg)
	require.NoError(t, s.db.Use(plugin))
	t.Cleanup(func() {
		_ = plugin.Close()
		if own, err := s.db.DB(); err == nil {
			_ = own.Close()
		}
	})
	require.NoError(t, s.db.AutoMigrate(&Parcel{}))
	return s
}

// empty truncates the servers' tables.
func (s *parcelServers) empty(t testing.TB) {
	t.Helper()
	for i, dsn := range s.dsns {
		conn, err := pgx.Connect(t.Context(), dsn)
		require.NoError(t, err)
		_, err = conn.Exec(t.Context(), "TRUNCATE "+parcelTable(i))
		require.NoError(t, err)
		require.NoError(t, conn.Close(t.Context()))
	}
}

func parcelTable(i int) string { return []string{"parcels_eu", "parcels_us", "parcels_apac"}[i] }

// copyLoops copies the rows by hand, a loop per server, all at once.
func (s *parcelServers) copyLoops(rows []Parcel) error {
	faults := make([]error, len(s.dsns))
	var group sync.WaitGroup
	for i, dsn := range s.dsns {
		group.Go(func() { faults[i] = copyLoop(dsn, i, rows) })
	}
	group.Wait()
	for _, err := range faults {
		if err != nil {
			return err
		}
	}
	return nil
}

func copyLoop(dsn string, server int, rows []Parcel) error {
	ctx := context.Background()
	conn, err := pgx.Connect(ctx, dsn)
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close(ctx) }()
	at := -1
	_, err = conn.CopyFrom(ctx, pgx.Identifier{parcelTable(server)}, []string{"id", "region", "weight", "label"},
		pgx.CopyFromFunc(func() ([]any, error) {
			for at++; at < len(rows); at++ {
				if r := &rows[at]; r.Region == parcelRegions[server] {
					return []any{int64(at) + 1, r.Region, r.Weight, r.Label}, nil
				}
			}
			return nil, nil
		}))
	return err
}

// TestBars is run by make bench. A missed bar is printed, not failed.
func TestBars(t *testing.T) {
	if os.Getenv("DTDE_BARS") == "" {
		t.Skip("measures; run it by make bench")
	}
	s := openParcels(t)
	r := bars.New(os.Stdout)
	r.Section("%d rows into three PostgreSQL servers, all or nothing, beside a COPY loop per server, all three at once", parcelRows)
	var ours, byHand []float64
	for range rounds {
		rows := parcels(parcelRows)
		s.empty(t)
		began := time.Now()
		require.NoError(t, s.copyLoops(rows))
		byHand = append(byHand, parcelRows/time.Since(began).Seconds())
		s.empty(t)
		began = time.Now()
		n, err := dtde.BulkInsert(s.db, rows)
		ours = append(ours, parcelRows/time.Since(began).Seconds())
		require.NoError(t, err)
		require.EqualValues(t, parcelRows, n)
	}
	slices.Sort(ours)
	slices.Sort(byHand)
	r.Line("COPY loops by hand, rows per second", fmt.Sprintf("%.0f", byHand[rounds/2]))
	r.Line("BulkInsert, rows per second", fmt.Sprintf("%.0f", ours[rounds/2]))
	// the report's bars are the most that a figure may be: a rate's is turned round
	r.Figure(fmt.Sprintf("time by that of the loops (rate at least %.1f ×)", bulkBar), "%.3f ×", byHand[rounds/2]/ours[rounds/2], 1/bulkBar)
	require.NoError(t, r.Finish())
}
