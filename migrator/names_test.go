package migrator

import (
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/assert"
	"pgregory.net/rapid"
)

// TestPhysicalName: within the engine's limit, the same every time, and different
// for different shards and names.
func TestPhysicalName(t *testing.T) {
	t.Parallel()
	assert.Equal(t, "idx_foo_eu", physicalName("idx_foo", "eu", "postgres"))
	// Stable for ever: another name would be another index.
	assert.Equal(t, strings.Repeat("n", 52)+"_e723282993", physicalName(strings.Repeat("n", 60), "2024_05", "postgres"))
	rapid.Check(t, func(t *rapid.T) {
		dialect := rapid.SampledFrom([]string{"sqlite", "postgres", "mysql", "sqlserver"}).Draw(t, "dialect")
		names := rapid.SliceOfNDistinct(rapid.StringMatching(`[a-zé]{50,61}`), 2, 2, rapid.ID).Draw(t, "names")
		shards := rapid.SliceOfNDistinct(rapid.StringMatching(`[0-9ü]{1,40}`), 2, 2, rapid.ID).Draw(t, "suffixes")
		seen := map[string]bool{}
		for _, name := range names {
			for _, shard := range shards {
				p := physicalName(name, shard, dialect)
				assert.Equal(t, p, physicalName(name, shard, dialect))
				assert.True(t, utf8.ValidString(p))
				assert.False(t, seen[p], "clash")
				seen[p] = true
				assert.LessOrEqual(t, utf8.RuneCountInString(p), nameLimit(dialect))
				if dialect == "postgres" {
					assert.LessOrEqual(t, len(p), 63)
				}
				assert.Regexp(t, `^[\w-]+$`, asciiName(p))
			}
		}
	})
}

func TestTextType(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		dialect, version, declared string
		order                      bool
		want                       string
	}{
		{"mysql", "10.11.6-MariaDB-0+deb12u1", "varchar(20)", false, "varchar(20) CHARACTER SET utf8mb4 COLLATE utf8mb4_nopad_bin"},
		{"mysql", "8.0.36", "longtext", true, "longtext CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin"},
		{"mysql", "5.7.44-log", "longtext", true, "longtext CHARACTER SET utf8mb4 COLLATE utf8mb4_bin"},
		{"mysql", "8.0.11-TiDB-v7.5.0", "varchar(9)", true, "varchar(9) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin"},
		{"mysql", "8.0.36", "varchar(20) CHARACTER SET latin1 COLLATE latin1_swedish_ci NOT NULL", false, "varchar(20) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin NOT NULL"},
		{"mysql", "8.0.36", "enum('a','b')", false, "enum('a','b') CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin"},
		{"mysql", "8.0.36", "varbinary(20)", false, "varbinary(20)"},
		{"postgres", "", "varchar(20)", false, "varchar(20)"},
		{"postgres", "", "varchar(20)", true, `varchar(20) COLLATE "C"`},
		{"postgres", "", "character varying(20)", true, `character varying(20) COLLATE "C"`},
		{"postgres", "", `text COLLATE "de-x-icu" DEFAULT 'a'`, true, `text COLLATE "C" DEFAULT 'a'`},
		{"postgres", "", `text COLLATE "de-x-icu"`, false, `text COLLATE "de-x-icu"`},
		{"postgres", "", "uuid", true, "uuid"},
		{"sqlite", "", "text", true, "text"},
		{"sqlite", "", "text COLLATE NOCASE", false, "text"},
		{"sqlite", "", "text COLLATE BINARY", false, "text COLLATE BINARY"},
		{"sqlserver", "", "nvarchar(20)", false, "nvarchar(20) COLLATE Latin1_General_100_BIN2"},
		{"sqlserver", "", "uniqueidentifier", false, "uniqueidentifier"},
	} {
		t.Run(c.dialect+" "+c.version+" "+c.declared, func(t *testing.T) {
			t.Parallel()
			got := textType(c.dialect, func() string { return collationFor(c.version) }, c.declared, c.order)
			assert.Equal(t, c.want, got)
			assert.Equal(t, got, textType(c.dialect, func() string { return collationFor(c.version) }, got, c.order), "twice is the same")
		})
	}
}

func TestSQLiteCollation(t *testing.T) {
	t.Parallel()
	for create, want := range map[string]string{
		"CREATE TABLE t (`k` text, x text COLLATE NOCASE)":                                           "",
		"CREATE TABLE t (k text NOT NULL collate nocase, x)":                                         "NOCASE",
		"CREATE TABLE \"a (b\" (x CHECK (x <> 'k collate'), \"k\" text COLLATE \"rtrim\")":           "RTRIM",
		"CREATE TABLE t (x text, -- k text COLLATE NOCASE\n [k] varchar(3))":                         "",
		"CREATE TABLE t (x text /* , */, K text DEFAULT (lower('A') COLLATE NOCASE) COLLATE BINARY)": "BINARY",
		"CREATE TABLE t (k text, CONSTRAINT u UNIQUE (k COLLATE NOCASE))":                            "",
		"CREATE TABLE t (x text)": "?",
		"nonsense":                "?",
	} {
		assert.Equal(t, want, sqliteCollation(create, "k"), create)
	}
}

// TestColumnFacts covers what the test servers cannot be.
func TestColumnFacts(t *testing.T) {
	t.Parallel()
	text := func(s string) *string { return &s }
	assert.Equal(t, column{equal: true, order: true}, mysqlColumn("varchar", text("utf8mb4_0900_bin"), nil, nil))
	assert.Equal(t, column{equal: true, padded: true}, mysqlColumn("varchar", text("utf8mb4_bin"), nil, nil))
	assert.Equal(t, column{equal: true, padded: true}, mysqlColumn("char", text("utf8mb4_nopad_bin"), nil, nil))
	assert.Equal(t, column{}, mysqlColumn("varchar", text("utf8mb4_general_ci"), nil, nil))
	assert.Equal(t, column{}, postgresColumn("text", -1, "default", false, true))
	assert.Equal(t, column{}, postgresColumn("citext", -1, "default", true, false))
	assert.Equal(t, column{equal: true}, postgresColumn("varchar", 24, "en_US.utf8", true, false))
	assert.Equal(t, column{equal: true, padded: true}, postgresColumn("bpchar", 24, "C", true, true))
	assert.Equal(t, column{}, sqliteColumn("STRING", "", "UTF-8"))
	assert.Equal(t, column{equal: true}, sqliteColumn("TEXT", "BINARY", "UTF-16le"))
	assert.Equal(t, column{equal: true, padded: true}, sqlserverColumn("nvarchar", text("Latin1_General_100_BIN2"), nil, nil))
	assert.Equal(t, column{}, sqlserverColumn("nvarchar", text("SQL_Latin1_General_CP1_CI_AS"), nil, nil))
}
