package config

import (
	"fmt"
	"slices"

	"gorm.io/gorm"
)

// ReplicaDSN describes a replica in a settings file.
type ReplicaDSN struct {
	// Driver is a name in Config.Drivers; "" means the database's own.
	Driver string
	// DSN says how to connect. DSNEnv is, instead, the environment variable that has it,
	// read when the settings are checked.
	DSN, DSNEnv string
}

// ReplicaPolicy says how a database's reads are spread over its replicas.
type ReplicaPolicy uint8

// The policies.
const (
	// RandomReplica is the default: each read goes to any one of them.
	RandomReplica ReplicaPolicy = iota
	// RoundRobinReplica: they take turns.
	RoundRobinReplica
	// LeastBusyReplica: the one with the fewest of this process's statements under way.
	LeastBusyReplica
)

var policyWords = []string{"random", "roundRobin", "leastBusy"}

// String is the policy's name in settings files.
func (p ReplicaPolicy) String() string {
	if int(p) < len(policyWords) {
		return policyWords[p]
	}
	return "invalid"
}

// ReplicaChooser is a program's own policy: any dbresolver.Policy is one. It must be safe for
// concurrent use.
type ReplicaChooser interface {
	// Resolve chooses one of the replicas that it is given: those that are not known to be
	// down, at least one. It is called when a read needs a server, and must be quick and send
	// nothing, since a replica may not be opened yet.
	Resolve(replicas []gorm.ConnPool) gorm.ConnPool
}

// connectReplicas gives the replicas that are described their dialectors, and checks all.
func (d *Database) connectReplicas(drivers map[string]func(dsn string) gorm.Dialector, dialect string, fault func(field, format string, args ...any)) {
	if d.ReplicaPolicy > LeastBusyReplica {
		fault(".ReplicaPolicy", "unknown policy %d", d.ReplicaPolicy)
	}
	if (d.ReplicaPolicy != RandomReplica || d.CustomPolicy != nil) && !d.replicated() {
		fault(".ReplicaPolicy", "there are no replicas to choose from")
	}
	if d.ReplicaPolicy != RandomReplica && d.CustomPolicy != nil {
		fault(".CustomPolicy", "give a policy, or one of your own, not both")
	}
	all := slices.Clone(d.Replicas)
	for i, r := range d.ReplicaDSNs {
		if r.Driver == "" {
			r.Driver = d.Driver
		}
		all = append(all, connect(source{nil, r.Driver, r.DSN, r.DSNEnv}, fmt.Sprintf(".ReplicaDSNs[%d]", i), drivers, fault))
	}
	for i, r := range all {
		switch {
		case r == nil && i < len(d.Replicas):
			fault(fmt.Sprintf(".Replicas[%d]", i), "is nil")
		case r != nil && dialect != "" && r.Name() != dialect:
			fault(fmt.Sprintf(".Replicas[%d]", i), "is of %s and the *gorm.DB of %s: a replica repeats its source", r.Name(), dialect)
		}
	}
	d.Replicas, d.ReplicaDSNs = all, nil
}
