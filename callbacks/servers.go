package callbacks

import (
	"errors"
	"reflect"
	"sync/atomic"

	"gorm.io/gorm"
	"gorm.io/gorm/logger"

	"github.com/go-dtde/dtde/config"
	"github.com/go-dtde/dtde/resolver"
)

// dbresolver, by which programs read from replicas, has a callback under one name in front
// of all others, which puts a pool of its choice into the statement. dtde stands around it:
// what was chosen becomes a pool of dtde's, so that the statement still reaches the other
// databases and its transactions stay dtde's; and what must not be read from a replica is
// not. Without dbresolver, dtde answers to that name itself, since dbresolver.Read and Write
// call it when a statement is built. The words are dbresolver's own, which it does not
// export.
const (
	resolverName = "gorm:db_resolver"
	readWish     = "gorm:db_resolver:read"
	writeWish    = "gorm:db_resolver:write"
)

// kinds are GORM's lists of callbacks.
var kinds = [...]string{"create", "query", "update", "delete", "row", "raw"}

// Servers choose the servers of one *gorm.DB's statements. As long as there are no replicas
// they cost nothing.
type Servers struct {
	db *gorm.DB
	// any tells that there are replicas, dtde's or dbresolver's.
	any atomic.Bool
	// resolving tells that the program has a dbresolver.
	resolving atomic.Bool
	// adopter is nil until Start; statements then stay where they are.
	adopter atomic.Pointer[resolver.Adopter]
	// query is dbresolver's own callback for reads; it writes for who asks it to.
	query   atomic.Pointer[func(*gorm.DB)]
	before  map[string]func(*gorm.DB)
	leaving bool
}

// TakeOver stands around the dbresolver that a program registered on db before dtde. Until
// Start all of its statements stay on db's own pool. GiveBack undoes it.
func TakeOver(db *gorm.DB) (*Servers, error) {
	s := &Servers{db: db, before: map[string]func(*gorm.DB){}}
	return s, s.Surround()
}

// Surround stands around a dbresolver that is there by now.
func (s *Servers) Surround() error {
	defer s.quietly()()
	cb := s.db.Callback()
	var faults []error
	for i, was := range [...]func(*gorm.DB){
		cb.Create().Get(resolverName), cb.Query().Get(resolverName), cb.Update().Get(resolverName),
		cb.Delete().Get(resolverName), cb.Row().Get(resolverName), cb.Raw().Get(resolverName),
	} {
		if was == nil || s.ours(was) {
			continue
		}
		kind := kinds[i]
		s.before[kind] = was
		if kind == "query" {
			s.query.Store(&was)
		}
		s.resolving.Store(true)
		faults = append(faults, s.front(kind).Replace(resolverName, s.choose(kind, was)))
	}
	if s.resolving.Load() && s.adopter.Load() != nil {
		faults = append(faults, s.enable())
	}
	return errors.Join(faults...)
}

// Resolving tells that the program has a dbresolver.
func (s *Servers) Resolving() bool { return s.resolving.Load() }

// Chosen lists the servers beside the *gorm.DB's own that the program's dbresolver has chosen
// so far, in that order.
func (s *Servers) Chosen() []*resolver.Pool { return s.adopter.Load().Servers() }

// ours tells a callback of dtde's under dbresolver's name.
func (s *Servers) ours(f func(*gorm.DB)) bool {
	return reflect.ValueOf(f).Pointer() == reflect.ValueOf(s.choose("", nil)).Pointer()
}

// GiveBack puts dbresolver's own callbacks back.
func (s *Servers) GiveBack() {
	defer s.quietly()()
	for kind, was := range s.before {
		_ = s.front(kind).Replace(resolverName, was)
	}
}

// Start has statements served from now on; own is db's pool. replicas tells that dtde's
// settings have some.
func (s *Servers) Start(own gorm.ConnPool, breaker config.BreakerSettings, replicas bool) error {
	defer s.quietly()()
	s.adopter.Store(resolver.NewAdopter(own, breaker))
	var faults []error
	if replicas && !s.resolving.Load() {
		for _, kind := range kinds {
			faults = append(faults, s.front(kind).Register(resolverName, s.choose(kind, nil)))
		}
	}
	if replicas || s.resolving.Load() {
		faults = append(faults, s.enable())
	}
	return errors.Join(faults...)
}

// enable has each statement give back, at its end, the pool that it had.
func (s *Servers) enable() error {
	s.any.Store(true)
	if s.leaving {
		return nil
	}
	s.leaving = true
	cb := s.db.Callback()
	leave := func(db *gorm.DB) { db.Statement.ConnPool = resolver.Leave(db.Statement.ConnPool, db.Statement) }
	return errors.Join(
		cb.Create().After("*").Register("dtde:leave_create", leave),
		cb.Query().After("*").Register("dtde:leave_query", leave),
		cb.Update().After("*").Register("dtde:leave_update", leave),
		cb.Delete().After("*").Register("dtde:leave_delete", leave),
		cb.Row().After("*").Register("dtde:leave_row", leave),
		cb.Raw().After("*").Register("dtde:leave_raw", leave),
	)
}

// front is where a callback in front of all others is put.
func (s *Servers) front(kind string) interface {
	Register(name string, f func(*gorm.DB)) error
	Replace(name string, f func(*gorm.DB)) error
} {
	cb := s.db.Callback()
	switch kind {
	case "create":
		return cb.Create().Before("*")
	case "query":
		return cb.Query().Before("*")
	case "update":
		return cb.Update().Before("*")
	case "delete":
		return cb.Delete().Before("*")
	case "row":
		return cb.Row().Before("*")
	}
	return cb.Raw().Before("*")
}

// quietly keeps GORM from logging a replacement as if it were news for the program's log.
func (s *Servers) quietly() (again func()) {
	log := s.db.Logger
	s.db.Logger = logger.Discard
	return func() { s.db.Logger = log }
}

// wish is what dbresolver.Read and dbresolver.Write ask for.
type wish uint8

const (
	noWish wish = iota
	wishRead
	wishWrite
)

func wishOf(stmt *gorm.Statement) wish {
	if _, ok := stmt.Settings.Load(writeWish); ok {
		return wishWrite
	}
	if _, ok := stmt.Settings.Load(readWish); ok {
		return wishRead
	}
	return noWish
}

// choose is the callback in front of a kind of statements: was, dbresolver's own or nil,
// chooses a pool, unless the statement is part of a larger one, which has its servers. It is
// also called while a statement is built, when dbresolver.Read, Write or Use say something.
func (s *Servers) choose(kind string, was func(*gorm.DB)) func(*gorm.DB) {
	writes := kind == "create" || kind == "update" || kind == "delete"
	return func(db *gorm.DB) {
		adopter, stmt := s.adopter.Load(), db.Statement
		if adopter == nil || resolver.InTransaction(stmt.ConnPool) {
			return
		}
		pool, asked := stmt.ConnPool, wishOf(stmt)
		switch {
		case resolver.OnSource(pool) && (asked != wishRead || writes):
			return
		case resolver.Pinned(pool) && asked != wishWrite && !writes && kind != "raw":
			return
		case resolver.OnReplicas(pool) && asked == wishRead && !writes:
			return
		}
		stmt.ConnPool = resolver.Everyday(pool, stmt)
		if was != nil {
			plain := stmt.ConnPool
			was(db)
			if chosen := adopter.Adopt(stmt.ConnPool); resolver.Same(chosen, plain) {
				stmt.ConnPool = plain
			} else {
				stmt.ConnPool = resolver.Instead(pool, chosen, stmt)
			}
		}
		switch {
		case asked == wishWrite:
			stmt.ConnPool = resolver.ToSource(stmt.ConnPool, stmt)
		case asked == wishRead && !writes:
			stmt.ConnPool = resolver.ToReplicas(stmt.ConnPool, stmt)
		}
	}
}

// source puts the pool of the statement's source into it.
func (s *Servers) source(db *gorm.DB) {
	stmt := db.Statement
	if was := s.query.Load(); was != nil && resolver.Adopted(stmt.ConnPool) {
		stmt.ConnPool = resolver.Instead(stmt.ConnPool, s.sourceOf(db, *was), stmt)
	}
	stmt.ConnPool = resolver.ToSource(stmt.ConnPool, stmt)
}

// sourceOf asks dbresolver for the source that it would write the statement to.
func (s *Servers) sourceOf(db *gorm.DB, was func(*gorm.DB)) gorm.ConnPool {
	stmt := db.Statement
	before, asked := stmt.ConnPool, wishOf(stmt)
	if asked != wishWrite {
		stmt.Settings.Store(writeWish, struct{}{})
		defer stmt.Settings.Delete(writeWish)
	}
	was(db)
	source := s.adopter.Load().Adopt(stmt.ConnPool)
	stmt.ConnPool = before
	return source
}

// maxAsked bounds how often dbresolver is asked for a replica that is not down.
const maxAsked = 8

// replica puts a pool into the statement whose statements go to one replica of each database.
func (s *Servers) replica(db *gorm.DB) {
	stmt := db.Statement
	insist := resolver.OnReplicas(stmt.ConnPool)
	var given gorm.ConnPool
	source := stmt.ConnPool
	if was := s.query.Load(); was != nil && resolver.Adopted(source) {
		for range maxAsked {
			if resolver.Ready(stmt.ConnPool) {
				break
			}
			(*was)(db)
			stmt.ConnPool = s.adopter.Load().Adopt(stmt.ConnPool)
		}
		given = stmt.ConnPool
		source = resolver.Instead(source, s.sourceOf(db, *was), stmt)
	}
	stmt.ConnPool = resolver.OneRead(stmt.Context, source, given, insist, stmt)
}
