package migrator

import (
	"fmt"
	"reflect"
	"strconv"
	"strings"

	"gorm.io/gorm"
	"gorm.io/gorm/schema"

	"github.com/go-dtde/dtde/config"
)

// The names that start those of what AutoMigrate adds to a temporal entity's tables;
// the table's own name follows.
const (
	periodCheck  = "chk_version_period" // a version's period is not empty
	startUnique  = "uni_version_start"  // no two versions of a key start together
	openUnique   = "uni_version_open"   // no two are open
	overlapRule  = "exc_version_overlap"
	systemOfSame = "chk_version_system" // nor is the period of system time
	endIndex     = "idx_version_end"    // finds what is still valid in a shard of old starts

	// With system time the rules are about what is known now only, and have names of their
	// own: those of before are how a table is told that has to be migrated.
	knownStartUnique = "uni_version_known_start"
	knownOpenUnique  = "uni_version_known_open"
	knownOverlapRule = "exc_version_known_overlap"
)

// versions puts into a shard's schema what the engine can enforce of the rules for
// versions, as if the model's tags had it. GORM then makes it with the table, and adds
// it to one that is there.
func (w *workspace) versions(s *schema.Schema, t *config.Table, shard *config.Shard) {
	v := t.Validity
	if v == nil || len(v.Key) == 0 {
		return
	}
	w.periodCheck(s, shard, periodCheck, v.Valid)
	if v.System != nil {
		w.periodCheck(s, shard, systemOfSame, *v.System)
	}
	if v.ByStart && !v.Together && v.Valid.To != nil {
		w.index(s, shard, "index", endIndex, []string{v.Valid.To.DBName, v.Valid.From.DBName}, nil)
	}
	dialect := w.driver.Name()
	conditions, exact := w.counting(s)
	switch {
	case !exact:
		w.leaveOut("every unique index on versions", shard, "gorm filters the rows in a way that dtde does not know")
		return
	case dialect == "mysql" && len(conditions) > 0:
		w.leaveOut("unique index "+startUnique, shard, "the engine has no partial index, and rows that are softly deleted would count")
		return
	}
	columns := make([]string, 0, len(v.Key)+2)
	for i := range v.Key {
		columns = append(columns, v.Key[i].Column)
	}
	started := append(columns[:len(columns):len(columns)], v.Valid.From.DBName)
	if dialect == "sqlite" { // it reads by this index, in its order, and the latest versions are asked for most
		started[len(columns)] += descending
	}
	if v.System != nil {
		if dialect == "mysql" { // no partial index: where ends are NULL it holds nothing
			started = append(started, v.System.To.DBName)
		} else {
			conditions = append(conditions, w.open(*v.System))
		}
	}
	startName, openName := startUnique, openUnique
	if v.System != nil {
		startName, openName = knownStartUnique, knownOpenUnique
	}
	w.uniqueIndex(s, shard, startName, started, conditions)
	if (dialect == "sqlite" || dialect == "sqlserver") && !v.StartOnly() {
		w.uniqueIndex(s, shard, openName, columns, append(conditions, w.open(v.Valid)))
	}
}

// unenforced is a rule for versions that no constraint holds.
type unenforced struct{ rule, table, reason string }

func (w *workspace) leaveOut(rule string, shard *config.Shard, reason string) {
	w.unenforced = append(w.unenforced, unenforced{rule, shard.Table, reason})
}

// warnUnenforced names those, through GORM's logger.
func (w *workspace) warnUnenforced() {
	for _, u := range w.unenforced {
		w.db.Logger.Warn(w.db.Statement.Context, "dtde: left out %s of %s: %s", u.rule, u.table, u.reason)
	}
	w.unenforced = nil
}

// periodCheck refuses rows whose period is empty or ends before it starts. An end that
// is NULL passes, as SQL has it.
func (w *workspace) periodCheck(s *schema.Schema, shard *config.Shard, name string, p config.PeriodColumns) {
	if p.To == nil {
		return
	}
	// GORM knows one check per field: the first field without one carries it.
	free := s.FieldsByDBName[p.To.DBName]
	for _, f := range s.Fields {
		if free == nil || free.TagSettings["CHECK"] == "" {
			break
		}
		if f.DBName != "" && f.TagSettings["CHECK"] == "" {
			free = f
		}
	}
	if free == nil || free.TagSettings["CHECK"] != "" {
		w.leaveOut("check "+name, shard, "every field has a check already")
		return
	}
	free.TagSettings["CHECK"] = fmt.Sprintf("%s,%s < %s", w.nameOn(shard, name), w.quote(p.From.DBName), w.quote(p.To.DBName))
}

// descending, behind a column's name, has an index run from its greatest value down.
const descending = " desc"

// uniqueIndex adds a unique index over the columns of the rows that meet all conditions.
func (w *workspace) uniqueIndex(s *schema.Schema, shard *config.Shard, name string, columns, conditions []string) {
	w.index(s, shard, "uniqueIndex", name, columns, conditions)
}

// index adds an index, kind being GORM's tag for it.
func (w *workspace) index(s *schema.Schema, shard *config.Shard, kind, name string, columns, conditions []string) {
	fields := make([]*schema.Field, len(columns))
	for i, column := range columns {
		column = strings.TrimSuffix(column, descending)
		if fields[i] = s.FieldsByDBName[column]; fields[i] == nil {
			return // another model on the entity's table, without its versions
		}
		if fields[i].TagSettings["INDEX"] == "" {
			fields[i].TagSettings["INDEX"] = "INDEX" // drivers bound an indexed text's length by it
		}
		if typ := w.dataTypeOf(fields[i]); unindexable(w.driver.Name(), typ) {
			w.leaveOut("index "+name, shard, "the engine keeps no index on "+column+", which is "+typ+"; give it a size")
			return
		}
	}
	for i, f := range fields {
		index := kind + ":" + w.nameOn(shard, name) + ",priority:" + strconv.Itoa(i+1)
		if strings.HasSuffix(columns[i], descending) {
			index += ",sort:desc"
		}
		if len(conditions) > 0 {
			index += ",where:" + strings.Join(conditions, " AND ")
		}
		// The first of two equal keys counts: the rest of the tag stays as it is.
		f.Tag = reflect.StructTag("gorm:"+strconv.Quote(index+";"+f.Tag.Get("gorm"))+" ") + f.Tag
	}
}

// unindexable tells whether the engine makes no index on a whole column of a type.
func unindexable(dialect, typ string) bool {
	typ = strings.ToLower(typ)
	switch dialect {
	case "mysql":
		return strings.Contains(typ, "text") || strings.Contains(typ, "blob") || strings.HasPrefix(typ, "json")
	case "sqlserver":
		return strings.Contains(typ, "(max)") || strings.Contains(typ, "text")
	}
	return false
}

// open is the condition that a period has no end: NULL or the sentinel, both if the
// engine has OR in an index's condition, else the one that is written.
func (w *workspace) open(p config.PeriodColumns) string {
	column, sentinel := w.quote(p.To.DBName), ""
	switch w.driver.Name() {
	case "postgres":
		sentinel = column + " >= '9999-12-31 00:00:00+00'"
	case "sqlserver":
		if p.Open == config.OpenNull {
			return column + " IS NULL"
		}
		return column + " >= '99991231'" // read alike under every language setting
	default:
		sentinel = column + " >= '9999-12-31'" // text, whichever way it goes on
	}
	if !p.Nullable {
		return sentinel
	}
	return "(" + column + " IS NULL OR " + sentinel + ")"
}

// counting gives the conditions under which a row counts as a version: not if it is
// softly deleted. exact is false if rows are filtered in a way that is not known.
func (w *workspace) counting(s *schema.Schema) (conditions []string, exact bool) {
	for _, f := range s.Fields {
		if f.DBName == "" {
			continue
		}
		if f.IndirectFieldType == reflect.TypeFor[gorm.DeletedAt]() {
			conditions = append(conditions, w.quote(f.DBName)+" IS NULL")
		} else if _, filters := reflect.New(f.IndirectFieldType).Interface().(schema.QueryClausesInterface); filters {
			return nil, false
		}
	}
	return conditions, true
}

// exclude adds PostgreSQL's constraint that no two versions of a key overlap, unless
// the table has it. tx is a session on the shard's database.
func (w *workspace) exclude(tx *gorm.DB, t *config.Table, shard *config.Shard) error {
	v := t.Validity
	if v == nil || len(v.Key) == 0 || v.StartOnly() || w.driver.Name() != "postgres" {
		return nil
	}
	conditions, exact := w.counting(t.Schema)
	if !exact {
		return nil
	}
	overlap := overlapRule
	if v.System != nil {
		overlap = knownOverlapRule
	}
	name, table := w.nameOn(shard, overlap), w.quote(shard.Table)
	read := plain(tx)
	read.DryRun = false
	var there, gist bool
	const known = `SELECT EXISTS (SELECT 1 FROM pg_constraint WHERE conname = ? AND conrelid = to_regclass(?)),
		EXISTS (SELECT 1 FROM pg_opclass WHERE opcname = 'gist_text_ops' AND pg_opclass_is_visible(oid))`
	if err := read.Raw(known, name, table).Row().Scan(&there, &gist); err != nil || there {
		return err
	}
	if !gist {
		w.db.Logger.Warn(w.db.Statement.Context, "dtde: left out exclusion constraint %s of %s: the database lacks the extension; CREATE EXTENSION btree_gist, then AutoMigrate again",
			name, shard.Table)
		return nil
	}
	var rule []string
	for i := range v.Key {
		rule = append(rule, w.quote(v.Key[i].Column)+" WITH =")
	}
	rule = append(rule, w.ranges(v.Valid)+" WITH &&")
	if v.System != nil {
		rule = append(rule, w.ranges(*v.System)+" WITH &&")
	}
	sql := fmt.Sprintf("ALTER TABLE %s ADD CONSTRAINT %s EXCLUDE USING gist (%s)", table, w.quote(name), strings.Join(rule, ", "))
	if len(conditions) > 0 {
		sql += " WHERE (" + strings.Join(conditions, " AND ") + ")"
	}
	return plain(tx).Exec(sql).Error
}

// ranges is a period as PostgreSQL's range: [from, to), and NULL has no end.
func (w *workspace) ranges(p config.PeriodColumns) string {
	kind := "tstzrange"
	switch typ := strings.ToLower(w.dataTypeOf(p.From)); {
	case strings.HasPrefix(typ, "date"):
		kind = "daterange"
	case strings.HasPrefix(typ, "timestamp") && !strings.Contains(typ, "tz") && !strings.Contains(typ, "with time zone"):
		kind = "tsrange"
	}
	return kind + "(" + w.quote(p.From.DBName) + ", " + w.quote(p.To.DBName) + ")"
}

// nameOn is a constraint's name on a shard.
func (w *workspace) nameOn(shard *config.Shard, name string) string {
	return asciiName(physicalName(name, shard.Name(), w.driver.Name()))
}

func (w *workspace) quote(name string) string { return w.db.Statement.Quote(name) }
