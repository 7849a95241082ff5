package config

// Warning is something that one table would have and an entity's shards don't, and
// that is no fault: dtde takes its place, or the program must know.
type Warning struct {
	// Entity is the model's name; "" where it is about a database.
	Entity string
	// Subject is what it is about: a foreign key's name, as the model has it, or the database's
	// id.
	Subject string
	// Problem says what is missing and why.
	Problem string
}

// String names entity, subject and problem.
func (w Warning) String() string {
	if w.Entity == "" {
		return w.Subject + ": " + w.Problem
	}
	return w.Entity + "." + w.Subject + ": " + w.Problem
}
