package migrator

import (
	"gorm.io/gorm"
	"gorm.io/gorm/schema"

	"github.com/go-dtde/dtde/config"
)

// TextRules gives the TextEqual and TextOrder of a config.Environment for db: what
// AutoMigrate declares a text shard key column to be, or what the tables of manual
// shards are. Of tables that the program makes under derived names nothing is known
// yet: they are taken to compare by bytes, which [Inspect] must then confirm, and
// not to sort by them.
//
// On PostgreSQL a column gets a collation that sorts by bytes only where a strategy
// by ranges of text asks for it: elsewhere the rows keep the order that they have in
// one table. The functions may read from db and are not for concurrent use.
func TextRules(db *gorm.DB) (equal, order func(config.Entity, *schema.Field) bool) {
	looked := map[*schema.Field]column{}
	look := func(e config.Entity, f *schema.Field) column {
		c, done := looked[f]
		if !done {
			c = textRule(db, e, f)
			looked[f] = c
		}
		return c
	}
	return func(e config.Entity, f *schema.Field) bool { return look(e, f).equal },
		func(e config.Entity, f *schema.Field) bool { return look(e, f).order }
}

func textRule(db *gorm.DB, e config.Entity, f *schema.Field) column {
	w, err := newWorkspace(db.Session(&gorm.Session{}), Unwrap(db.Dialector))
	if err != nil {
		return column{}
	}
	if !e.NoMigrations && e.Storage != config.Manual {
		needs := specOrders(e.Strategy, f.DBName, f.Name)
		return w.declared(textType(db.Name(), w.mysqlCollation, w.dataTypeOf(f), needs))
	}
	var refs []ref
	for i := range e.Shards {
		if e.Shards[i].Table != "" {
			refs = append(refs, refOf(&e.Shards[i]))
		}
	}
	found, err := relations(w.query(), db.Name(), refs, []string{f.DBName})
	if err != nil || len(found) == 0 {
		return column{equal: true}
	}
	all := column{equal: true, order: true}
	for _, r := range found {
		if c, ok := r.columns[lower(f.DBName)]; ok {
			all.equal, all.order = all.equal && c.equal, all.order && c.order
		}
	}
	return all
}
