package dtde

import (
	"context"
	"reflect"

	"gorm.io/gorm"

	"github.com/go-dtde/dtde/config"
	"github.com/go-dtde/dtde/resolver"
)

type (
	// ReplicaPolicy says how a database's reads are spread over its replicas.
	ReplicaPolicy = config.ReplicaPolicy
	// ReplicaDSN describes a replica in a settings file.
	ReplicaDSN = config.ReplicaDSN
	// ReplicaChooser is a program's own policy, such as one made for dbresolver.
	ReplicaChooser = config.ReplicaChooser
	// ReadYourWritesSettings say how a session's reads come to see what it wrote.
	ReadYourWritesSettings = config.ReadYourWrites
	// ReplicaBehindError is a strict session's read that found no replica in time.
	ReplicaBehindError = resolver.ReplicaBehindError
	// LeastBusy is the policy of LeastBusyReplica for a program's own dbresolver.
	LeastBusy = resolver.LeastBusy
)

// The policies by which a database's reads are spread over its replicas.
const (
	RandomReplica     = config.RandomReplica
	RoundRobinReplica = config.RoundRobinReplica
	LeastBusyReplica  = config.LeastBusyReplica
)

// ErrReplicaBehind matches every ReplicaBehindError.
var ErrReplicaBehind = config.ErrReplicaBehind

// ReadYourWrites gives a context that is a session: reads under it, and under contexts made
// of it, see what writes under it wrote, although replicas lag behind. On PostgreSQL they are
// read from a replica that has replayed the writes, or from the source if none has in time;
// on other engines from the source for a while. A transaction counts for the context that it
// was begun with and for those of its statements that write. It costs nothing before the first
// write; each read after one asks the source once where it is. Without a session a read may
// be as old as its replica.
//
//	ctx = dtde.ReadYourWrites(ctx, dtde.ReadYourWritesSettings{})
//	db.WithContext(ctx).Create(&order)
//	db.WithContext(ctx).First(&order, order.ID) // is there
//
// dbresolver.Read insists on a replica in a session, too.
func ReadYourWrites(ctx context.Context, s ReadYourWritesSettings) context.Context {
	return resolver.WithSession(ctx, s)
}

var errTwoResolvers = &ConfigError{
	Field:   "Databases",
	Problem: "the *gorm.DB has a dbresolver, and replicas in these settings, too: give its replicas in one place",
}

// own is the *gorm.DB in the settings; nil if they don't list it.
func (p *Plugin) own(dialect string) *config.Database {
	for _, d := range p.config.Connectable(dialect) {
		if d.Own {
			return d
		}
	}
	return nil
}

// ownReplicas are the *gorm.DB's of the settings; nil without any.
func (p *Plugin) ownReplicas(db *gorm.DB, options resolver.PoolOptions) *resolver.Replicas {
	d := p.own(options.Dialect)
	if d == nil {
		return nil
	}
	replicated := p.database(d, db)
	replicated.ID = ""
	return resolver.NewReplicas(options, replicated)
}

// replicated tells whether the settings have replicas.
func (p *Plugin) replicated() bool {
	for i := range p.config.Databases {
		if d := &p.config.Databases[i]; len(d.Replicas)+len(d.ReplicaDSNs) > 0 {
			return true
		}
	}
	return false
}

// sibling tells that db was opened with a copy of the settings of, plugins included, as
// dbresolver opens the databases that it is told of: GORM then initializes them again.
func sibling(db, of *gorm.DB) bool {
	return db.Config != of.Config && reflect.ValueOf(db.Plugins).Pointer() == reflect.ValueOf(of.Plugins).Pointer()
}

// replicaOf meets a dbresolver that is registered after dtde, when it opens one of its
// databases. Only its pool is wanted; should somebody send statements there, they are
// refused, since dtde would not see them.
func (p *Plugin) replicaOf(db *gorm.DB) error {
	if p.replicas != nil {
		return errTwoResolvers
	}
	refuse := func(db *gorm.DB) {
		_ = db.AddError(&ConfigError{Problem: "this *gorm.DB was opened with the plugins of another one: give dtde a plugin of its own"})
	}
	cb := db.Callback()
	for _, err := range []error{
		cb.Create().Before("*").Register("dtde:refuse", refuse), cb.Query().Before("*").Register("dtde:refuse", refuse),
		cb.Update().Before("*").Register("dtde:refuse", refuse), cb.Delete().Before("*").Register("dtde:refuse", refuse),
		cb.Row().Before("*").Register("dtde:refuse", refuse), cb.Raw().Before("*").Register("dtde:refuse", refuse),
	} {
		if err != nil {
			return err
		}
	}
	return p.servers.Surround()
}
