package migrator

import (
	"crypto/sha256"
	"encoding/hex"
	"reflect"
	"regexp"
	"strconv"
	"strings"
	"unicode/utf8"

	"gorm.io/gorm"
	"gorm.io/gorm/schema"

	"github.com/go-dtde/dtde/config"
)

// nameSuffix tells a shard's names from its siblings': what its table has behind the
// logical name, or the table's whole name.
func nameSuffix(t *config.Table, s *config.Shard) string {
	if t.Unsharded {
		return "" // the model's names stand as they are
	}
	name := s.Name()
	if rest, ok := strings.CutPrefix(name, t.LogicalName+"_"); ok && rest != "" {
		return rest
	}
	return name
}

// nameLimit is the engine's limit for names, in bytes for PostgreSQL (which cuts
// silently) and in characters otherwise; 64 where there is none, as GORM has it.
func nameLimit(dialect string) int {
	switch dialect {
	case "postgres":
		return 63
	case "sqlserver":
		return 128
	}
	return 64
}

// physicalName is the name that an index or constraint with an explicit name has on
// one shard: name_suffix, and with a hash of both where that is too long. It depends
// on nothing else, so that it is the same in every run and process.
func physicalName(name, suffix, dialect string) string {
	if suffix == "" {
		return name
	}
	full := name + "_" + suffix
	limit := nameLimit(dialect)
	if len(full) <= limit || dialect != "postgres" && utf8.RuneCountInString(full) <= limit {
		return full
	}
	sum := sha256.Sum256([]byte(name + "\x00" + suffix))
	tail := "_" + hex.EncodeToString(sum[:5])
	// Cut in bytes, at a character: that keeps within either unit of the limit.
	cut := limit - len(tail)
	for cut > 0 && !utf8.RuneStart(full[cut]) {
		cut--
	}
	return full[:cut] + tail
}

// IndexName gives the name that the model's index has on a shard, for index hints
// and the like. name is as the model has it: explicit, or derived by GORM from the
// logical table. A name that the model does not have comes back unchanged.
func IndexName(db *gorm.DB, t *config.Table, s *config.Shard, name string) string {
	return shardIndexName(t.Schema, db.NamingStrategy, db.Name(), nameSuffix(t, s), s, name)
}

func shardIndexName(model *schema.Schema, namer schema.Namer, dialect, suffix string, s *config.Shard, name string) string {
	for _, index := range model.ParseIndexes() {
		if index.Name != name {
			continue
		}
		if part, derived := derivedFrom(index, namer, model.Table); derived {
			return namer.IndexName(s.Name(), part)
		}
		return physicalName(name, suffix, dialect)
	}
	return name
}

// derivedFrom tells whether GORM derived an index's name from the table, and the
// part of the name that is not the table.
func derivedFrom(index *schema.Index, namer schema.Namer, table string) (part string, ok bool) {
	for _, f := range index.Fields {
		for _, tag := range indexTags(f.Tag.Get("gorm")) {
			if tag.name != "" {
				continue
			}
			part := f.Name
			if c := schema.ParseTagSetting(tag.settings, ",")["COMPOSITE"]; c != "" {
				part = c
			}
			if namer.IndexName(table, part) == index.Name {
				return part, true
			}
		}
	}
	return "", false
}

// indexTag is one `index:name,settings` or `uniqueIndex:…` of a gorm tag.
type indexTag struct{ name, settings string }

func indexTags(tag string) (tags []indexTag) {
	for _, value := range strings.Split(tag, ";") {
		key, rest, _ := strings.Cut(value, ":")
		if k := strings.ToUpper(strings.TrimSpace(key)); k == "INDEX" || k == "UNIQUEINDEX" {
			name, settings, _ := strings.Cut(rest, ",")
			tags = append(tags, indexTag{name, settings})
		}
	}
	return tags
}

// suffixIndexTag gives every explicitly named index of a field's tag its name on the
// shard. GORM reads index names from the tag's text at every use.
func suffixIndexTag(f *schema.Field, suffix, dialect string) {
	tag := f.Tag.Get("gorm")
	values := strings.Split(tag, ";")
	changed := false
	for i, value := range values {
		key, rest, found := strings.Cut(value, ":")
		if k := strings.ToUpper(strings.TrimSpace(key)); !found || k != "INDEX" && k != "UNIQUEINDEX" {
			continue
		}
		if name, settings, more := strings.Cut(rest, ","); name != "" {
			values[i], changed = key+":"+physicalName(name, suffix, dialect), true
			if more {
				values[i] += "," + settings
			}
		}
	}
	if changed {
		// The first of two equal keys counts: the rest of the tag stays as it is.
		f.Tag = reflect.StructTag("gorm:"+strconv.Quote(strings.Join(values, ";"))+" ") + f.Tag
	}
}

var checkName = regexp.MustCompile(`^[\w-]+$`)

// suffixCheck gives an explicitly named check constraint its name on the shard.
func suffixCheck(f *schema.Field, suffix, dialect string) {
	check := f.TagSettings["CHECK"]
	name, rest, named := strings.Cut(check, ",")
	if named && checkName.MatchString(name) {
		f.TagSettings["CHECK"] = asciiName(physicalName(name, suffix, dialect)) + "," + rest
	}
}

// asciiName makes a name that GORM recognises in a tag; a table's name may hold
// other letters.
func asciiName(name string) string {
	if checkName.MatchString(name) {
		return name
	}
	sum := sha256.Sum256([]byte(name))
	ascii := strings.Map(func(r rune) rune {
		if r < 128 && checkName.MatchString(string(r)) {
			return r
		}
		return -1
	}, name)
	if len(ascii) > 40 {
		ascii = ascii[:40]
	}
	return ascii + "_" + hex.EncodeToString(sum[:5])
}
