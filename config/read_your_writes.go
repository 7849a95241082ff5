package config

import "time"

// The defaults of [ReadYourWrites].
const (
	DefaultStick = 5 * time.Second
	DefaultWait  = 100 * time.Millisecond
)

// ReadYourWrites says how a session's reads come to see what it wrote, where replicas lag
// behind. The zero value is safe.
type ReadYourWrites struct {
	// Wait bounds how long a read waits for a replica to reach what was written, where the
	// engine tells (PostgreSQL's streaming replication). 0 means 100 ms; a negative value
	// asks each replica once.
	Wait time.Duration
	// Strict fails, with ErrReplicaBehind, a read for which no replica is there in time; it
	// goes to the source otherwise.
	Strict bool
	// Stick is how long after its last write to a database a session reads from the source,
	// where no engine tells positions. Choose it well above the replicas' lag: who lags for
	// longer is read nevertheless. 0 means 5 seconds; it must not be negative.
	Stick time.Duration
}

// WithDefaults fills what is left open.
func (r ReadYourWrites) WithDefaults() ReadYourWrites {
	if r.Wait == 0 {
		r.Wait = DefaultWait
	}
	if r.Stick <= 0 {
		r.Stick = DefaultStick
	}
	return r
}
