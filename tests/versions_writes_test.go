package tests

import (
	"fmt"
	"math/rand/v2"

	"gorm.io/gorm"

	"github.com/go-dtde/dtde"
)

// randomly is a random write of versions, which the models have been through already.
type randomly struct {
	name string
	run  func(db *gorm.DB) error
	err  error // what it has to answer; the models are then as they were
	now  int   // the day on which it is run, if that matters
	// purged is the day by which versions of key that had ended are removed.
	purged int
	key    string
}

// writing is what random writes are made of.
type writing struct {
	row   func(number string, premium int) any // a pointer to a new row
	clock bool                                 // also saves without Effective
}

// random makes one of every kind of write, of the key or of all keys, on the models.
func (w writing) random(rng *rand.Rand, n *next, models map[string]*model, key string, step int) randomly {
	m := models[key]
	a, b := 1+rng.IntN(modelDays-10), 1+rng.IntN(modelDays-10)
	if a > b {
		a, b = b, a
	}
	premium := rng.IntN(6)
	if step > 20 {
		premium = step // new
	}
	policy := w.row(key, premium)
	period := dtde.Period{From: day(a), To: day(b)}
	write := func(run func(db *gorm.DB) (dtde.VersionResult, error), name string, args ...any) randomly {
		return randomly{name: fmt.Sprintf(name, args...), run: func(db *gorm.DB) error { _, err := run(db); return err }}
	}
	switch rng.IntN(16) {
	case 0, 1, 2:
		m.save(n, a, premium, false)
		return write(func(db *gorm.DB) (dtde.VersionResult, error) {
			return dtde.SaveWithVersioning(db, policy, dtde.Effective(day(a)))
		}, "save %d at %d", premium, a)
	case 3: // without Effective: now
		if !w.clock {
			break
		}
		save := write(func(db *gorm.DB) (dtde.VersionResult, error) { return dtde.SaveWithVersioning(db, policy) }, "save %d now, on %d", premium, a)
		save.now = a
		switch {
		case m[modelDays-1].version != 0 && m.openSince() > a:
			save.err = dtde.ErrClock
			return save
		case !m.starts(a): // else it starts a tick later than the day
			m.save(n, a, premium, false)
			return save
		}
	case 4:
		premium = 1000 + step
		m.save(n, a, premium, true)
		return write(func(db *gorm.DB) (dtde.VersionResult, error) {
			return dtde.SaveWithVersioning(db, w.row(key, premium), dtde.Effective(day(a)), dtde.Supersede())
		}, "save %d at %d, supersede", premium, a)
	case 5:
		m.update(n, a, b, func(int) int { return premium }, every)
		return write(func(db *gorm.DB) (dtde.VersionResult, error) {
			return dtde.UpdatePortion(db.Model(policy), period, map[string]any{"premium": premium})
		}, "update [%d, %d) to %d", a, b, premium)
	case 6:
		m.clear(n, a, b)
		return write(func(db *gorm.DB) (dtde.VersionResult, error) {
			return dtde.DeletePortion(db.Model(policy), period)
		}, "delete [%d, %d)", a, b)
	case 7:
		premium = 2000 + step
		m.put(n, a, b, premium)
		return write(func(db *gorm.DB) (dtde.VersionResult, error) {
			return dtde.Put(db, w.row(key, premium), period)
		}, "put %d in [%d, %d)", premium, a, b)
	case 8:
		patch := write(func(db *gorm.DB) (dtde.VersionResult, error) {
			return dtde.PatchVersion(db, policy, map[string]any{"Premium": premium}, dtde.Effective(day(a)))
		}, "patch at %d to %d", a, premium)
		if m[a].version == 0 {
			patch.err = dtde.ErrNoVersion
			return patch
		}
		m.save(n, a, premium, false)
		return patch
	case 9:
		revert := write(func(db *gorm.DB) (dtde.VersionResult, error) {
			return dtde.Revert(db, policy, day(a), dtde.Effective(day(b)))
		}, "revert to %d, at %d", a, b)
		if m[a].version == 0 {
			revert.err = dtde.ErrNoVersion
			return revert
		}
		m.save(n, b, m[a].premium, false)
		return revert
	case 10:
		m.coalesce()
		return write(func(db *gorm.DB) (dtde.VersionResult, error) { return dtde.Coalesce(db, policy) }, "coalesce")
	case 11:
		by := premium - 2
		m.update(n, a, b, func(was int) int { return was + by }, every)
		return write(func(db *gorm.DB) (dtde.VersionResult, error) {
			return dtde.Increment(db.Model(policy), period, map[string]any{"premium": by})
		}, "increment [%d, %d) by %d", a, b, by)
	case 12: // of whatever key
		for _, m := range models {
			m.update(n, a, b, func(int) int { return premium }, even)
		}
		return write(func(db *gorm.DB) (dtde.VersionResult, error) {
			return dtde.UpdatePortion(db.Model(w.row("", 0)).Where("premium % 2 = 0"), period, map[string]any{"premium": premium})
		}, "update even premiums in [%d, %d) to %d", a, b, premium)
	case 13:
		b = min(a+5, b)
		for _, m := range models {
			m.remove(n, a, b, even)
		}
		return write(func(db *gorm.DB) (dtde.VersionResult, error) {
			return dtde.DeletePortion(db.Where("premium % 2 = 0").Model(w.row("", 0)), dtde.Period{From: day(a), To: day(b)})
		}, "delete even premiums in [%d, %d)", a, b)
	case 14:
		m.purge(a / 2)
		purge := write(func(db *gorm.DB) (dtde.VersionResult, error) { return dtde.Purge(db, policy, day(a/2)) }, "purge %d", a/2)
		purge.purged, purge.key = a/2, key
		return purge
	}
	a = modelDays/2 + a/2
	m.clear(n, a, modelDays)
	return write(func(db *gorm.DB) (dtde.VersionResult, error) { return dtde.Terminate(db, policy, day(a)) }, "terminate at %d", a)
}
