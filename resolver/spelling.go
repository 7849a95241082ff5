package resolver

import "strings"

// savedPoint is a save point as it was named in a statement. The databases of a transaction
// can be of several engines, and each gets it in its own words.
type savedPoint struct {
	name      string // as it compares in the dialect
	statement string
	dialect   string // of the statement
}

// spelled is a statement about the save point in a dialect; "" if that has none for it.
func (p savedPoint) spelled(verb pointVerb, dialect string) string {
	if dialect == p.dialect {
		return p.statement
	}
	name := quotedPoint(p.name, dialect)
	switch {
	case dialect == "sqlserver" && verb == setPoint:
		return "SAVE TRANSACTION " + name
	case dialect == "sqlserver" && verb == rollbackToPoint:
		return "ROLLBACK TRANSACTION " + name
	case dialect == "sqlserver": // its save points last as long as the transaction
		return ""
	case verb == setPoint:
		return "SAVEPOINT " + name
	case verb == rollbackToPoint:
		return "ROLLBACK TO SAVEPOINT " + name
	}
	return "RELEASE SAVEPOINT " + name
}

// quotedPoint is the name in a dialect's quotes: what is a word like any other in one engine
// can be reserved in another.
func quotedPoint(name, dialect string) string {
	switch dialect {
	case "mysql":
		return "`" + strings.ReplaceAll(name, "`", "``") + "`"
	case "sqlserver":
		return "[" + strings.ReplaceAll(name, "]", "]]") + "]"
	}
	return `"` + strings.ReplaceAll(name, `"`, `""`) + `"`
}
