package config

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"time"

	"gorm.io/gorm"
)

// Database is one of the databases beside the *gorm.DB itself. Shards live in it if it is of
// the same engine; one of another engine has the program's plain tables only, which take part
// in its transactions.
type Database struct {
	// ID names the database for ever: letters, digits, underscores and hyphens, at most
	// 40. It is part of a two-phase commit's transaction id.
	ID string
	// Own tells that this is the *gorm.DB that dtde is used on, under a name; it takes
	// no Dialector.
	Own bool
	// Dialector says how to connect. It is used when the database is first needed, not
	// before.
	Dialector gorm.Dialector
	// Driver and DSN describe the database in a settings file: Driver is a name in
	// Config.Drivers, or in Registry.Drivers. DSNEnv is the environment variable that
	// has the DSN, read when the settings are checked.
	Driver, DSN, DSNEnv string
	// Group is the shard group that it belongs to; "" is a group, too. What says something of
	// its shards (Group, Tier, Priority, ReadOnly, Bulk), and Replicas, is refused for one of
	// another engine.
	Group string
	// Tier says how its shards are used; a shard that states its own wins.
	Tier Tier
	// Priority orders visits of its shards, lower first; 0 leaves it to the tier.
	Priority int
	// ReadOnly: its shards are read always and written never.
	ReadOnly bool
	// Pool are the settings of its pool of connections.
	Pool PoolSettings
	// Timeout bounds each statement on it, from the wait for a connection to the last row;
	// 0 means none. It doesn't bound commits, which have limits of their own.
	Timeout time.Duration
	// Breaker says when it is left alone because it is down; what it leaves open is taken
	// from Config.Breaker.
	Breaker BreakerSettings
	// Bulk is its own way to take in many rows; nil means Config.Bulk.
	Bulk Bulk
	// Replicas say how to connect to servers that repeat everything that is written to this
	// one, their source. Reads go to them; all else goes to the source. Pool, Timeout and
	// Breaker hold for each of them, too; given with Own, they hold for the replicas only.
	Replicas []gorm.Dialector
	// ReplicaDSNs describe further replicas in a settings file.
	ReplicaDSNs []ReplicaDSN
	// ReplicaPolicy says how reads are spread over them. CustomPolicy, if not nil, is one of
	// the program's own in its place.
	ReplicaPolicy ReplicaPolicy
	CustomPolicy  ReplicaChooser

	apart bool // see Apart
}

// Apart tells that the database is of another engine than the *gorm.DB: it holds no shards.
// It is known of what Connectable lists.
func (d *Database) Apart() bool { return d.apart }

// replicated tells that the database has replicas.
func (d *Database) replicated() bool { return len(d.Replicas)+len(d.ReplicaDSNs) > 0 }

// PoolSettings are those of a database's pool of connections, as database/sql has
// them; 0 leaves database/sql's default.
type PoolSettings struct {
	// MaxOpen and MaxIdle bound the connections, open and idle.
	MaxOpen, MaxIdle int
	// MaxLifetime and MaxIdleTime bound a connection's age, and how long it is idle.
	MaxLifetime, MaxIdleTime time.Duration
}

// Tier says how a shard is used. It sets the order of visits where no priority is
// given, and InTiers picks shards by it.
type Tier uint8

// The tiers, in the order in which they are visited.
const (
	// Hot is the default: priority 100.
	Hot Tier = iota
	// Warm shards have priority 200.
	Warm
	// Cold shards have priority 300.
	Cold
	// Archive shards have priority 400.
	Archive
)

var tierWords = []string{"hot", "warm", "cold", "archive"}

// String is the tier's name in lower case.
func (t Tier) String() string {
	if int(t) < len(tierWords) {
		return tierWords[t]
	}
	return "invalid"
}

// priority is the tier's place in the order of visits.
func (t Tier) priority() int { return DefaultPriority * (int(t) + 1) }

const maxDatabaseIDBytes = 40

// checkDatabases checks the databases without dialling, and gives each that has a
// driver its dialector.
func checkDatabases(f *faults, databases []Database, drivers map[string]func(dsn string) gorm.Dialector, dialect string) []*Database {
	var checked []*Database
	byID := map[string]*Database{}
	own := ""
	for i := range databases {
		d := &databases[i]
		fault := func(field, format string, args ...any) {
			f.add("", fmt.Sprintf("Databases[%s]%s", d.ID, field), format, args...)
		}
		if problem := databaseIDFault(d.ID); problem != "" {
			fault("", "%s", problem)
			continue
		}
		if byID[strings.ToLower(d.ID)] != nil {
			fault("", "two databases with this id, in whatever case")
			continue
		}
		byID[strings.ToLower(d.ID)] = d
		checked = append(checked, d)
		if d.Tier > Archive {
			fault(".Tier", "unknown tier %d", d.Tier)
		}
		if d.Priority < 0 {
			fault(".Priority", "is negative")
		}
		if p := d.Pool; p.MaxOpen < 0 || p.MaxIdle < 0 || p.MaxLifetime < 0 || p.MaxIdleTime < 0 || d.Timeout < 0 {
			fault(".Pool", "a bound is negative; 0 leaves the default")
		}
		if d.Breaker.Pause < 0 {
			fault(".Breaker", "the pause is negative; 0 leaves the default")
		}
		if d.Own {
			if own != "" {
				fault(".Own", "database %q is the *gorm.DB already", own)
			}
			own = d.ID
			limits := d.Pool != (PoolSettings{}) || d.Timeout != 0 || d.Breaker != (BreakerSettings{})
			if d.Dialector != nil || d.Driver != "" || d.DSN != "" || d.DSNEnv != "" || limits && !d.replicated() {
				fault(".Own", "the *gorm.DB itself is connected already: give no dialector, driver or DSN, and pool, timeout and breaker only for its replicas")
			}
			d.connectReplicas(drivers, dialect, fault)
			continue
		}
		d.Dialector = connect(source{d.Dialector, d.Driver, d.DSN, d.DSNEnv}, "", drivers, fault)
		if d.Dialector != nil && dialect != "" && d.Dialector.Name() != dialect {
			d.setApart(dialect, fault)
			continue
		}
		d.connectReplicas(drivers, dialect, fault)
	}
	return checked
}

// engines are the dialects that dtde has statements for.
var engines = []string{"sqlite", "postgres", "mysql", "sqlserver"}

// setApart notes that the database is of another engine, and checks what that allows.
func (d *Database) setApart(dialect string, fault func(field, format string, args ...any)) {
	d.apart = true
	engine := d.Dialector.Name()
	if !slices.Contains(engines, engine) {
		fault(".Dialector", "dtde has no SQL for %s: use SQLite, PostgreSQL, MySQL, MariaDB or SQL Server", engine)
	}
	for _, set := range []struct {
		field string
		is    bool
	}{
		{".Group", d.Group != ""}, {".Tier", d.Tier != Hot}, {".Priority", d.Priority != 0}, {".ReadOnly", d.ReadOnly}, {".Bulk", d.Bulk != nil},
		{".Replicas", d.replicated()}, {".ReplicaPolicy", d.ReplicaPolicy != RandomReplica || d.CustomPolicy != nil},
	} {
		if set.is {
			fault(set.field, "has no effect: the database is of %s and the *gorm.DB of %s, so it holds no shards and is read as it is", engine, dialect)
		}
	}
}

// sharded are the databases that shards may live in.
func sharded(all []*Database) []*Database {
	return slices.DeleteFunc(slices.Clone(all), (*Database).Apart)
}

// Connectable lists the databases of the settings as far as they are right, each with
// its dialector. Compile says what is wrong with the others.
func (c Config) Connectable(dialect string) []*Database {
	return checkDatabases(&faults{}, append([]Database(nil), c.Databases...), c.Drivers, dialect)
}

// source is how a database is given: by a dialector, or by a driver and a DSN.
type source struct {
	dialector           gorm.Dialector
	driver, dsn, dsnEnv string
}

// connect makes the dialector of a driver and a DSN; nil if there is a fault. at is where the
// faults are.
func connect(s source, at string, drivers map[string]func(dsn string) gorm.Dialector, fault func(field, format string, args ...any)) gorm.Dialector {
	if s.dialector != nil {
		if s.driver != "" || s.dsn != "" || s.dsnEnv != "" {
			fault(at, "give a dialector, or a driver and a DSN, not both")
		}
		return s.dialector
	}
	switch {
	case s.driver == "":
		fault(at, "give a dialector, or a driver with a DSN")
		return nil
	case s.dsn != "" && s.dsnEnv != "":
		fault(at+".DSN", "give the DSN or the environment variable that has it, not both")
		return nil
	case s.dsnEnv != "":
		if s.dsn = os.Getenv(s.dsnEnv); s.dsn == "" {
			fault(at+".DSNEnv", "the environment variable %s is not set", s.dsnEnv)
			return nil
		}
	case s.dsn == "":
		fault(at+".DSN", "is missing: give it, or DSNEnv")
		return nil
	}
	open := drivers[s.driver]
	if open == nil {
		fault(at+".Driver", "no driver of the name %q is registered in Config.Drivers", s.driver)
		return nil
	}
	return open(s.dsn)
}

// databaseIDFault says why a database's id is refused; "" means that it is good.
func databaseIDFault(id string) string {
	if id == "" {
		return "the id is empty"
	}
	if len(id) > maxDatabaseIDBytes {
		return fmt.Sprintf("the id is longer than %d bytes", maxDatabaseIDBytes)
	}
	for _, r := range id {
		if r > 127 || !strings.ContainsRune("_-", r) && (r < '0' || r > '9') && (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') {
			return "the id may hold ASCII letters, digits, underscores and hyphens only"
		}
	}
	return ""
}
