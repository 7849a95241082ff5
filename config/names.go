package config

import (
	"errors"
	"strings"
	"time"
)

var keySourceNames = [...]string{"auto", "timeOrdered", "uuidv7", "sequence", "custom", "none"}

// String is the source's name, as tags and files have it.
func (s KeySource) String() string {
	if int(s) < len(keySourceNames) {
		return keySourceNames[s]
	}
	return "invalid"
}

// ParseKeySource reads a source's name, in any case; ok is false if there is none such.
func ParseKeySource(name string) (s KeySource, ok bool) {
	for i, n := range keySourceNames {
		if strings.EqualFold(n, name) {
			return KeySource(i), true
		}
	}
	return KeyAuto, false
}

var errNoZone = errors.New("no such time zone")

// loadZone loads a time zone by name. The machine's own zone is refused: boundaries
// must be the same on every machine.
func loadZone(name string) (*time.Location, error) {
	if name == "" || strings.EqualFold(name, "local") {
		return nil, errNoZone
	}
	return time.LoadLocation(name)
}
