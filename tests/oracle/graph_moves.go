package oracle

import (
	"fmt"

	"gorm.io/gorm"
)

// graphMove moves an owner that others refer to, or children to another owner, by an
// update of what may be a shard key.
func (g *generator) graphMove() *operation {
	o, other := *pick(g, g.graph.owners), *pick(g, g.graph.owners)
	n := int64(0)
	if len(g.graph.pets) > 0 {
		n = int64(pick(g, g.graph.pets))
	}
	fresh := g.draw()
	move := func(text string, run func(s *session, db *gorm.DB) *gorm.DB) *operation {
		return statement{kind: "update key", write: true, also: []string{"moves with children"}, finisher: text, run: func(s *session, db *gorm.DB) *answer {
			return s.answer(run(s, db))
		}}.operation()
	}
	switch g.r.IntN(5) {
	case 0:
		return move(fmt.Sprintf("Model(&Owner{ID: id(%d)}).Updates(region %q, level)", o.n, fresh.Region), func(s *session, db *gorm.DB) *gorm.DB {
			return db.Model(&Owner{ID: s.key(int64(o.n))}).Updates(map[string]any{"region": string(fresh.Region), "level": gorm.Expr("level + ?", 1)})
		})
	case 1:
		return move(fmt.Sprintf("Model(&Owner{}).Where(boss_id = id(%d)).Update(joined, %s)", o.n, goText(fresh.OrderedAt)), func(s *session, db *gorm.DB) *gorm.DB {
			return db.Model(&Owner{}).Where("boss_id = ?", s.key(int64(o.n))).Update("joined", fresh.OrderedAt)
		})
	case 2:
		return move(fmt.Sprintf("Model(&Pet{}).Where(owner_id = id(%d)).Updates(owner_id: id(%d), weight)", o.n, other.n), func(s *session, db *gorm.DB) *gorm.DB {
			return db.Model(&Pet{}).Where("owner_id = ?", s.key(int64(o.n))).Updates(map[string]any{"owner_id": s.key(int64(other.n)), "weight": 5})
		})
	case 3:
		return move(fmt.Sprintf("Model(&Pet{ID: %d}).Update(owner_id, id(%d))", n, other.n), func(s *session, db *gorm.DB) *gorm.DB {
			return db.Model(&Pet{ID: n}).Update("owner_id", s.key(int64(other.n)))
		})
	}
	return move(fmt.Sprintf("Model(&Note{}).Where(subject of id(%d)).Update(subject_id, id(%d))", o.n, other.n), func(s *session, db *gorm.DB) *gorm.DB {
		return db.Model(&Note{}).Where("subject_type = ? AND subject_id = ?", "owners", s.key(int64(o.n))).Update("subject_id", s.key(int64(other.n)))
	})
}
