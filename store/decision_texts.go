package store

import (
	"strings"
	"time"
)

// decisionTexts are one dialect's statements on dtde_decisions. Deadlines are instants on the
// home's clock: timestamps on PostgreSQL, milliseconds since 1970 in UTC elsewhere, which
// every driver reads alike.
type decisionTexts struct {
	exists, create        string
	cluster               string
	deadline              string
	decide, abort, state  string
	force                 string
	committed             string
	forget, forgetAborted string
}

// decideWithin is how long after its beginning a commit may be decided, on the home's clock;
// the texts say so, too.
const decideWithin = time.Hour

const (
	decisionColumns = "(txid, state, participants, deadline)"
	notedColumns    = "(txid, state, participants, deadline, note)"
	programName     = "'the name of the program'"
)

// decisionTextsOf are those of every dialect.
var decisionTextsOf = map[string]*decisionTexts{
	"sqlite": decisionTextsFor("sqlite"), "postgres": decisionTextsFor("postgres"),
	"mysql": decisionTextsFor("mysql"), "sqlserver": decisionTextsFor("sqlserver"),
}

// decisionTextsFor makes a dialect's statements; nil for one that dtde has none for. Each
// placeholder of theirs stands once and in order where the dialect doesn't number them.
func decisionTextsFor(dialect string) *decisionTexts {
	// now, later by an hour (until when a commit may be decided), earlier by a day (until when
	// what was aborted is kept), and as text.
	clock, hour, day, stamp := "", " + 3600000", " - 86400000", ""
	insert, from, join, conflict := "INSERT INTO dtde_decisions ", "", "||", " ON CONFLICT DO NOTHING"
	t := &decisionTexts{}
	switch dialect {
	case "postgres":
		clock, hour, day, stamp = "clock_timestamp()", " + interval '1 hour'", " - interval '1 day'", "clock_timestamp()"
		t.exists = "SELECT (to_regclass('dtde_decisions') IS NOT NULL)::int"
		t.create = createDecisions("varchar(64)", "varchar(16)", "text", "timestamptz", "text", "")
	case "sqlite":
		clock, stamp = "CAST(ROUND((julianday('now') - 2440587.5) * 86400000) AS INTEGER)", "datetime('now')"
		t.exists = "SELECT COUNT(*) FROM sqlite_master WHERE type = 'table' AND name = 'dtde_decisions'"
		t.create = createDecisions("varchar(64)", "varchar(16)", "text", "bigint", "text", "")
	case "mysql":
		clock, stamp = "TIMESTAMPDIFF(MICROSECOND, '1970-01-01 00:00:00', UTC_TIMESTAMP(3)) DIV 1000", "UTC_TIMESTAMP()"
		// DUAL, since MySQL 5.7 has no WHERE without FROM.
		from, conflict = " FROM DUAL", " ON DUPLICATE KEY UPDATE txid = txid"
		t.exists = "SELECT COUNT(*) FROM information_schema.tables WHERE table_schema = DATABASE() AND table_name = 'dtde_decisions'"
		t.create = createDecisions("varbinary(64)", "varbinary(16)", "longblob", "bigint", "varbinary(200)", " ENGINE=InnoDB")
	case "sqlserver":
		clock, stamp, join = "DATEDIFF_BIG(MILLISECOND, '1970-01-01', SYSUTCDATETIME())", "CONVERT(nvarchar(33), SYSUTCDATETIME(), 126)", "+"
		bin := " COLLATE Latin1_General_100_BIN2"
		t.exists = "SELECT COUNT(*) FROM (VALUES (OBJECT_ID(N'dtde_decisions', N'U'))) AS t (id) WHERE id IS NOT NULL"
		t.create = "IF OBJECT_ID(N'dtde_decisions', N'U') IS NULL " + strings.Replace(
			createDecisions("nvarchar(64)"+bin, "nvarchar(16)"+bin, "nvarchar(max)"+bin, "bigint", "nvarchar(200)", ""), "IF NOT EXISTS ", "", 1)
	default:
		return nil
	}
	absent := func(columns, values, txid string) string {
		if dialect == "sqlserver" { // the range lock makes two that insert the same key wait for each other
			return insert + columns + " SELECT " + values + " WHERE NOT EXISTS (SELECT 1 FROM dtde_decisions WITH (UPDLOCK, HOLDLOCK) WHERE txid = " + txid + ")"
		}
		return insert + columns + " VALUES (" + values + ")" + conflict
	}
	noted := func(parts ...string) string {
		if dialect == "mysql" {
			return "CONCAT(" + strings.Join(parts, ", ") + ")"
		}
		return strings.Join(parts, " "+join+" ")
	}
	t.cluster = absent(notedColumns, "'', 'committed', ?1, "+clock+", "+programName, "''")
	t.deadline = "SELECT " + clock + hour
	t.decide = insert + decisionColumns + " SELECT ?1, 'committed', ?2, ?3" + from + " WHERE " + clock + " < ?4"
	t.abort = absent(decisionColumns, "?1, 'aborted', '', "+clock+hour, "?1")
	t.state = "SELECT state FROM dtde_decisions WHERE txid = ?1"
	row := "?1, ?2, '', " + clock + hour + ", " + noted("'forced over nothing at '", stamp)
	over := func(state string) string { return noted("'forced over '", state, "' at '", stamp) }
	switch dialect {
	case "mysql": // assigns from left to right
		t.force = insert + notedColumns + " VALUES (" + row + ") ON DUPLICATE KEY UPDATE note = " + over("state") + ", state = VALUES(state)"
	case "sqlserver":
		t.force = "MERGE dtde_decisions WITH (HOLDLOCK) AS d USING (SELECT ?1 AS txid, ?2 AS state) AS s ON d.txid = s.txid" +
			" WHEN MATCHED THEN UPDATE SET note = " + over("d.state") + ", state = s.state" +
			" WHEN NOT MATCHED THEN INSERT " + notedColumns + " VALUES (" + strings.Replace(row, "?1, ?2", "s.txid, s.state", 1) + ");"
	default:
		t.force = insert + notedColumns + " VALUES (" + row + ")" +
			" ON CONFLICT (txid) DO UPDATE SET state = excluded.state, note = " + over("dtde_decisions.state")
	}
	t.committed = "SELECT txid, participants FROM dtde_decisions WHERE state = 'committed' AND note = '' AND deadline < " + clock
	t.forget = "DELETE FROM dtde_decisions WHERE txid = ?1 AND note = ''"
	t.forgetAborted = "DELETE FROM dtde_decisions WHERE state = 'aborted' AND note = '' AND deadline < " + clock + day
	for _, text := range []*string{&t.cluster, &t.decide, &t.abort, &t.state, &t.force, &t.forget} {
		*text = bind(dialect, *text)
	}
	return t
}

func createDecisions(txid, state, participants, deadline, note, suffix string) string {
	return "CREATE TABLE IF NOT EXISTS dtde_decisions (txid " + txid + " NOT NULL PRIMARY KEY, state " + state +
		" NOT NULL CHECK (state IN ('committed', 'aborted')), participants " + participants + " NOT NULL, deadline " + deadline +
		" NOT NULL, note " + note + " NOT NULL DEFAULT '')" + suffix
}
