package keys

import "github.com/google/uuid"

// UUIDv7 makes a UUID of RFC 9562 version 7: time-ordered, random below the
// millisecond. Within a process each one is greater than those before it, also when the
// clock is set back. It is safe for concurrent use. It fails only if the system gives
// no randomness.
func UUIDv7() (uuid.UUID, error) { return uuid.NewV7() }
