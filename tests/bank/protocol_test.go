package bank

import (
	"context"
	"errors"
	"fmt"

	"gorm.io/driver/mysql"
	"gorm.io/driver/sqlite"
)

// errInDoubt is a transfer of which nobody knows whether it happened. Every other
// error of a transfer means that it did not and will not.
var errInDoubt = errors.New("in doubt")

// protocol makes transfers atomic, or tries to. It is safe for concurrent use.
type protocol interface {
	transfer(ctx context.Context, t transfer) error
	// recover ends what coordinators left behind and tells how many it ended.
	recover(ctx context.Context) (int, error)
	close()
}

// at is called at each named point of a protocol; nil for nobody.
type at func(point string)

// newProtocol finds a protocol by its name; the DSNs are those of the servers.
func newProtocol(name string, dsns []string, at at) (protocol, error) {
	switch name {
	case "resolver":
		return newViaResolver(dsns, at, resolverOptions{decisions: decisionsOf})
	case "resolver without tombstones":
		return newViaResolver(dsns, at, resolverOptions{decisions: withoutTombstones})
	case "resolver by best effort":
		return newViaResolver(dsns, at, resolverOptions{decisions: decisionsOf, bestEffort: true})
	case "dtde":
		return newViaPlugin(dsns, at, false, nil)
	case "dtde by best effort":
		return newViaPlugin(dsns, at, true, nil)
	case "dtde beside mariadb":
		return newViaPlugin(dsns, at, false, mysql.Open)
	case "dtde beside sqlite":
		return newViaPlugin(dsns, at, false, sqlite.Open)
	case "dtde beside mariadb by best effort":
		return newViaPlugin(dsns, at, true, mysql.Open)
	case "hand":
		return newHand(dsns, at, handOptions{tombstones: true})
	case "hand without tombstones":
		return newHand(dsns, at, handOptions{})
	case "hand that trusts errors":
		return newHand(dsns, at, handOptions{tombstones: true, trustsErrors: true})
	case "shard by shard":
		return newHand(dsns, at, handOptions{shardByShard: true})
	}
	return nil, fmt.Errorf("no protocol %q", name)
}
