package store

import (
	"strconv"
	"strings"
)

// texts are one dialect's statements. They are constant, so that drivers can keep them
// prepared. sqlserver's are held by a golden file only.
type texts struct {
	Exists                     string
	CreateCatalog, CreateNodes string
	SeedEpoch                  string
	Epoch, BumpEpoch           string
	Load, Shards, Placement    string
	SealOf                     string
	AddFact                    string
	Forget, ForgetFact         string
	Active, SetActive          string
	Rows, TakeRows             string
	Nodes, LeaseNode, AddNode  string
	RenewNode, ReleaseNode     string
	Holder                     string
	StepSequence               string
}

const catalogColumns = "(entity, kind, item, value, number)"

// textsFor gives a dialect's statements.
func textsFor(dialect string) (texts, bool) {
	var exists, catalogTable, nodesTable, clock string
	insert, conflict := "INSERT INTO ", " ON CONFLICT DO NOTHING"
	switch dialect {
	case "sqlite":
		exists = "SELECT COUNT(*) FROM sqlite_master WHERE type = 'table' AND name IN ('dtde_catalog', 'dtde_nodes')"
		catalogTable = createCatalog("varchar(64)", "varchar(16)", "varchar(190)", "text", "")
		nodesTable = createNodes("varchar(64)", "")
		// To the millisecond without the newer unixepoch('subsec').
		clock = "CAST(ROUND((julianday('now') - 2440587.5) * 86400000) AS INTEGER)"
	case "postgres":
		exists = "SELECT (to_regclass('dtde_catalog') IS NOT NULL)::int + (to_regclass('dtde_nodes') IS NOT NULL)::int"
		catalogTable = createCatalog(`varchar(64) COLLATE "C"`, `varchar(16) COLLATE "C"`, `varchar(190) COLLATE "C"`, `text COLLATE "C"`, "")
		nodesTable = createNodes(`varchar(64) COLLATE "C"`, "")
		clock = "CAST(EXTRACT(EPOCH FROM clock_timestamp()) * 1000 AS bigint)"
	case "mysql":
		exists = "SELECT COUNT(*) FROM information_schema.tables WHERE table_schema = DATABASE() AND table_name IN ('dtde_catalog', 'dtde_nodes')"
		// Every collation that MariaDB and MySQL share pads with spaces; bytes don't.
		catalogTable = createCatalog("varbinary(256)", "varbinary(64)", "varbinary(760)", "longblob", " ENGINE=InnoDB")
		nodesTable = createNodes("varbinary(64)", " ENGINE=InnoDB")
		// UTC, since local time runs twice through an hour in autumn.
		clock = "TIMESTAMPDIFF(MICROSECOND, '1970-01-01 00:00:00', UTC_TIMESTAMP(3)) DIV 1000"
		insert, conflict = "INSERT IGNORE INTO ", ""
	case "sqlserver":
		exists = "SELECT COUNT(*) FROM (VALUES (OBJECT_ID(N'dtde_catalog', N'U')), (OBJECT_ID(N'dtde_nodes', N'U'))) AS t (id) WHERE id IS NOT NULL"
		bin := " COLLATE Latin1_General_100_BIN2"
		catalogTable = "IF OBJECT_ID(N'dtde_catalog', N'U') IS NULL " + strings.Replace(
			createCatalog("nvarchar(64)"+bin, "nvarchar(16)"+bin, "nvarchar(190)"+bin, "nvarchar(max)"+bin, ""), "IF NOT EXISTS ", "", 1)
		nodesTable = "IF OBJECT_ID(N'dtde_nodes', N'U') IS NULL " + strings.Replace(createNodes("nvarchar(64)"+bin, ""), "IF NOT EXISTS ", "", 1)
		clock = "DATEDIFF_BIG(MILLISECOND, '1970-01-01', SYSUTCDATETIME())"
	default:
		return texts{}, false
	}

	add := func(table, columns, values, key string) string {
		if dialect == "sqlserver" {
			// The range lock makes two that insert the same key wait for each other.
			return "INSERT INTO " + table + " " + columns + " SELECT " + values +
				" WHERE NOT EXISTS (SELECT 1 FROM " + table + " WITH (UPDLOCK, HOLDLOCK) WHERE " + key + ")"
		}
		return insert + table + " " + columns + " VALUES (" + values + ")" + conflict
	}
	const epochRow = "entity = '' AND kind = 'epoch' AND item = ''"
	t := texts{
		Exists: exists, CreateCatalog: catalogTable, CreateNodes: nodesTable,
		SeedEpoch: add("dtde_catalog", catalogColumns, "'', 'epoch', '', '', 1", epochRow),
		Epoch:     "SELECT number FROM dtde_catalog WHERE " + epochRow,
		BumpEpoch: "UPDATE dtde_catalog SET number = number + 1 WHERE " + epochRow,
		Load:      "SELECT entity, kind, item, value, number FROM dtde_catalog WHERE kind IN ('epoch', 'shard', 'placement', 'seal')",
		Placement: "SELECT item, value FROM dtde_catalog WHERE entity = ?1 AND kind = 'placement'",
		Shards:    "SELECT item FROM dtde_catalog WHERE entity = ?1 AND kind = 'shard'",
		SealOf:    "SELECT value FROM dtde_catalog WHERE entity = ?1 AND kind = 'seal' AND item = ?2",
		AddFact: add("dtde_catalog", catalogColumns, "?1, ?2, ?3, ?4, ?5",
			"entity = ?1 AND kind = ?2 AND item = ?3"),
		Forget:     "DELETE FROM dtde_catalog WHERE entity = ?1",
		ForgetFact: "DELETE FROM dtde_catalog WHERE entity = ?1 AND kind = ?2 AND item = ?3",
		Active:     "SELECT value FROM dtde_catalog WHERE entity = ?1 AND kind = 'rows' AND item = ''",
		SetActive:  "UPDATE dtde_catalog SET value = ?1 WHERE entity = ?2 AND kind = 'rows' AND item = ''",
		Rows:       "SELECT number FROM dtde_catalog WHERE entity = ?1 AND kind = 'rows' AND item = ?2",
		TakeRows:   "UPDATE dtde_catalog SET number = number + ?1 WHERE entity = ?2 AND kind = 'rows' AND item = ?3 AND number + ?4 <= ?5",
		Nodes:      "SELECT node, expires_at, ids_until, " + clock + " FROM dtde_nodes ORDER BY node",
		LeaseNode: "UPDATE dtde_nodes SET holder = ?1, expires_at = " + clock + " + ?2, ids_until = ?3" +
			" WHERE node = ?4 AND expires_at < " + clock + " AND ids_until < ?5",
		AddNode: add("dtde_nodes", "(node, holder, expires_at, ids_until)", "?1, ?2, "+clock+" + ?3, ?4", "node = ?1"),
		RenewNode: "UPDATE dtde_nodes SET expires_at = " + clock + " + ?1, ids_until = ?2" +
			" WHERE node = ?3 AND holder = ?4",
		ReleaseNode:  "UPDATE dtde_nodes SET holder = '', expires_at = 0, ids_until = ?1 WHERE node = ?2 AND holder = ?3",
		Holder:       "SELECT holder, ids_until FROM dtde_nodes WHERE node = ?1",
		StepSequence: "UPDATE dtde_catalog SET number = number + ?1 WHERE entity = '' AND kind = 'sequence' AND item = ?2",
	}
	switch dialect {
	case "sqlite":
		t.StepSequence += " RETURNING number"
	case "mysql":
		t.StepSequence = strings.Replace(t.StepSequence, "number + ?1", "LAST_INSERT_ID(number + ?1)", 1)
	}
	for _, text := range []*string{
		&t.Shards, &t.Placement, &t.SealOf, &t.AddFact, &t.Forget, &t.ForgetFact, &t.Active, &t.SetActive, &t.Rows, &t.TakeRows, &t.LeaseNode, &t.AddNode,
		&t.RenewNode, &t.ReleaseNode, &t.Holder, &t.StepSequence,
	} {
		*text = bind(dialect, *text)
	}
	return t, true
}

// bind turns ?1, ?2, … into the dialect's placeholders. Where those have no numbers,
// each must stand once and in order.
func bind(dialect, text string) string {
	mark := map[string]string{"sqlite": "?", "postgres": "$", "sqlserver": "@p"}[dialect]
	for n := 9; n > 0; n-- {
		to := mark + strconv.Itoa(n)
		if mark == "" {
			to = "?"
		}
		text = strings.ReplaceAll(text, "?"+strconv.Itoa(n), to)
	}
	return text
}

func createCatalog(entity, kind, item, value, suffix string) string {
	return "CREATE TABLE IF NOT EXISTS dtde_catalog (entity " + entity + " NOT NULL, kind " + kind +
		" NOT NULL, item " + item + " NOT NULL, value " + value + " NOT NULL, number bigint NOT NULL," +
		" PRIMARY KEY (entity, kind, item))" + suffix
}

func createNodes(holder, suffix string) string {
	return "CREATE TABLE IF NOT EXISTS dtde_nodes (node int NOT NULL PRIMARY KEY, holder " + holder +
		" NOT NULL, expires_at bigint NOT NULL, ids_until bigint NOT NULL)" + suffix
}
