package tests

import (
	"context"
	"database/sql"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"github.com/go-dtde/dtde"
	"github.com/go-dtde/dtde/internal/bars"
	"github.com/go-dtde/dtde/internal/testenv"
)

// versionBars measure versioned saves beside the same statements by hand, and what many
// versions cost a read of the current one.
func versionBars(t testing.TB, r *bars.Report, d testenv.DB) {
	t.Helper()
	if d.Name == "mariadb" {
		return
	}
	r.Section("%s: versions", d.Name)
	now := day(1)
	clock := func() time.Time { now = now.Add(time.Second); return now }
	open := func() *gorm.DB {
		db := d.Open(t, &gorm.Config{NowFunc: clock})
		require.NoError(t, db.Use(dtde.Register(dtde.Config{Entities: []dtde.Entity{
			dtde.Model(&Policy{}).HasTemporalValidity("ValidFrom", "ValidTo").EntityKey("Number")}})))
		require.NoError(t, db.AutoMigrate(&Policy{}))
		return db
	}
	// both sides write to the same kind of table: what its constraints cost is not dtde's
	ours, plain := open(), testenv.Reopen(t, open(), &gorm.Config{NowFunc: clock})
	pool, err := plain.DB()
	require.NoError(t, err)
	n, m := 0, 0
	const keys = 400
	save := func() error {
		n++
		_, err := dtde.SaveWithVersioning(ours, &Policy{Number: fmt.Sprint("k", n%keys), Premium: n})
		return err
	}
	byHand := func() error {
		m++
		number := fmt.Sprint("k", m%keys)
		if d.Name == "postgres" {
			return saveBySQL(pool, number, m, clock())
		}
		return saveByGORM(plain, number, m, clock())
	}
	most := map[string]float64{"postgres": 1.25, "sqlite": 1.1}[d.Name]
	r.Ratio("a versioned save, to the same statements "+map[string]string{"postgres": "over database/sql", "sqlite": "by plain GORM"}[d.Name], most, save, byHand)

	for i := range 100 {
		_, err := dtde.SaveWithVersioning(ours, &Policy{Number: "many", Premium: i})
		require.NoError(t, err)
	}
	_, err = dtde.SaveWithVersioning(ours, &Policy{Number: "one", Premium: 1})
	require.NoError(t, err)
	current := func(number string) func() error {
		return func() error {
			var p Policy
			return ours.Scopes(dtde.Current()).Where("number = ?", number).Take(&p).Error
		}
	}
	r.Ratio("the current one of 100 versions, to one of one", 1.2, current("many"), current("one"))
}

// saveBySQL is what a save sends, by hand.
func saveBySQL(pool *sql.DB, number string, premium int, at time.Time) error {
	ctx := context.Background()
	tx, err := pool.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer func() { _ = tx.Rollback() }()
	if _, err := tx.ExecContext(ctx, "SELECT pg_advisory_xact_lock($1)", int64(len(number))*1000+int64(number[len(number)-1])); err != nil {
		return err
	}
	rows, err := tx.QueryContext(ctx, "SELECT id, number, premium, valid_from, valid_to FROM policies WHERE number = $1 FOR UPDATE", number)
	if err != nil {
		return err
	}
	var open *Policy
	for rows.Next() {
		var p Policy
		if err := rows.Scan(&p.ID, &p.Number, &p.Premium, &p.ValidFrom, &p.ValidTo); err != nil {
			return err
		}
		if p.ValidTo == nil {
			open = &p
		}
	}
	if err := rows.Close(); err != nil {
		return err
	}
	if open != nil {
		if _, err := tx.ExecContext(ctx, "UPDATE policies SET valid_to = $1 WHERE number = $2 AND id = $3 AND valid_from = $4", at, number, open.ID, open.ValidFrom); err != nil {
			return err
		}
	}
	var id int64
	if err := tx.QueryRowContext(ctx, "INSERT INTO policies (number, premium, valid_from, valid_to) VALUES ($1, $2, $3, $4) RETURNING id", number, premium, at, nil).Scan(&id); err != nil {
		return err
	}
	return tx.Commit()
}

// saveByGORM is what a save sends, by plain GORM.
func saveByGORM(db *gorm.DB, number string, premium int, at time.Time) error {
	return db.Transaction(func(tx *gorm.DB) error {
		if err := tx.Exec("DELETE FROM policies WHERE 1 = 0").Error; err != nil {
			return err
		}
		var rows []Policy
		if err := tx.Where(clause.Eq{Column: "number", Value: number}).Find(&rows).Error; err != nil {
			return err
		}
		for i := range rows {
			if p := &rows[i]; p.ValidTo == nil {
				if err := tx.Model(&Policy{}).Where("number = ?", number).Where("id = ?", p.ID).Where("valid_from = ?", p.ValidFrom).UpdateColumns(map[string]any{"valid_to": at}).Error; err != nil {
					return err
				}
			}
		}
		return tx.Create(&Policy{Number: number, Premium: premium, ValidFrom: at}).Error
	})
}
