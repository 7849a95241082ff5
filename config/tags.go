package config

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"gorm.io/gorm/schema"
)

// tagName is the struct tag that holds an entity's settings.
const tagName = "dtde"

// HasTags tells whether a model carries dtde tags.
func HasTags(s *schema.Schema) bool {
	for _, f := range s.Fields {
		if _, tagged := f.Tag.Lookup(tagName); tagged {
			return true
		}
	}
	return false
}

// tagSettings lists what a tag may say. Flags take no value.
var tagSettings = map[string]struct{ flag bool }{
	"shardKey": {true}, "foldCase": {true}, "localUnique": {true}, "carrySlot": {true}, "noMigrations": {true}, "reference": {true},
	"entityKey": {true}, "validFrom": {true}, "validTo": {true}, "systemFrom": {true}, "systemTo": {true},
	"versionedOnly": {true}, "versionOnSave": {true}, "currentByDefault": {true}, "splitAtShardBoundaries": {true},
	"openAs": {}, "clockTolerance": {}, "within": {}, "exactly": {}, "cascade": {true},
	"strategy": {}, "order": {}, "values": {}, "default": {}, "unit": {}, "from": {}, "to": {}, "zone": {},
	"shards": {}, "nodes": {}, "virtualNodes": {}, "ranges": {}, "maxRows": {}, "keys": {}, "sequence": {}, "coLocatedWith": {},
}

// tagStrategies lists the settings of each strategy that a tag can describe.
var tagStrategies = map[string][]string{
	"value":    {"values", "default", "foldCase"},
	"date":     {"unit", "from", "to", "zone"},
	"hash":     {"shards"},
	"ring":     {"nodes", "virtualNodes"},
	"alphabet": {"ranges", "default"},
	"range":    {"ranges", "zone"},
	"maxrows":  {"maxRows"},
}

// fieldTag is one field's tag, taken apart.
type fieldTag struct {
	field    *schema.Field
	settings map[string]string
}

// tags reads the model's tags into the entity. What the program or a file says wins
// over the tags, setting by setting.
func (k *compiler) tags() {
	var parts, rotating []fieldTag
	for _, f := range k.schema.Fields {
		raw, tagged := f.Tag.Lookup(tagName)
		if !tagged {
			continue
		}
		tag := fieldTag{f, k.takeApart(f, raw)}
		if f.DBName == "" {
			k.fault(f.Name, "a dtde tag stands on a field without a column")
			continue
		}
		k.entityTags(tag)
		k.temporalTags(tag)
		k.containmentTags(tag)
		_, isKey := tag.settings["shardKey"]
		kind := strings.ToLower(tag.settings["strategy"])
		switch {
		case kind == "maxrows":
			rotating = append(rotating, tag)
			if isKey {
				k.fault(f.Name, "a maxrows strategy has no shard key; drop shardKey from the tag")
			}
		case isKey:
			parts = append(parts, tag)
		default:
			for name := range tag.settings {
				if name == "strategy" || name == "order" || isStrategySetting(name) {
					k.fault(f.Name, "the tag says %s but not shardKey", name)
				}
			}
		}
	}
	k.mergeTemporal()
	if k.entity.Strategy.Kind != "" || k.entity.Storage == Manual {
		return
	}
	spec, found := k.tagSpec(parts, rotating)
	if !found {
		return
	}
	if own := k.entity.Strategy; own.Location != nil {
		spec.Location = own.Location
	}
	if own := k.entity.Strategy; own.Default != "" {
		spec.Default = own.Default
	}
	k.entity.Strategy = spec
}

// takeApart splits a tag at its semicolons; \; stands for one in a value.
func (k *compiler) takeApart(f *schema.Field, raw string) map[string]string {
	settings := map[string]string{}
	for _, piece := range strings.Split(strings.ReplaceAll(raw, `\;`, "\x00"), ";") {
		name, value, valued := strings.Cut(strings.ReplaceAll(piece, "\x00", ";"), ":")
		name, value = strings.TrimSpace(name), strings.TrimSpace(value)
		if name == "" && !valued {
			continue
		}
		canonical := ""
		for known := range tagSettings {
			if strings.EqualFold(known, name) {
				canonical = known
			}
		}
		if canonical == "" {
			k.fault(f.Name, "the tag has an unknown setting %q", name)
			continue
		}
		if _, twice := settings[canonical]; twice {
			k.fault(f.Name, "the tag says %s twice", canonical)
			continue
		}
		switch flag := tagSettings[canonical].flag; {
		case flag && valued:
			k.fault(f.Name, "the tag's %s takes no value", canonical)
		case !flag && value == "":
			k.fault(f.Name, "the tag's %s needs a value", canonical)
			continue
		}
		settings[canonical] = value
	}
	return settings
}

// entityTags reads the settings that do not belong to a strategy.
func (k *compiler) entityTags(tag fieldTag) {
	if _, set := tag.settings["noMigrations"]; set {
		k.entity.NoMigrations = true
		k.table.Migrations = false
	}
	k.togetherTags(tag)
	if _, set := tag.settings["localUnique"]; set {
		names := k.uniqueNames(tag.field)
		if len(names) == 0 {
			k.fault(tag.field.Name, "the tag says localUnique but the field has no unique index")
		}
		for _, name := range names {
			if !slices.Contains(k.entity.LocalUnique, name) {
				k.entity = k.entity.WithLocalUnique(name)
			}
		}
	}
	source, hasSource := tag.settings["keys"]
	sequence, hasSequence := tag.settings["sequence"]
	_, carry := tag.settings["carrySlot"]
	if !hasSource && !hasSequence && !carry {
		return
	}
	if !tag.field.PrimaryKey {
		k.fault(tag.field.Name, "keys, sequence and carrySlot belong into the primary key's tag")
		return
	}
	own := k.entity.Keys
	if own.Source != KeyAuto || own.Func != nil || own.Sequence != "" || own.CarrySlot {
		return
	}
	parsed, known := ParseKeySource(source)
	if hasSource && (!known || parsed == KeyCustom) {
		k.fault(tag.field.Name, "the tag's keys must be timeOrdered, uuidv7, sequence or none")
		return
	}
	k.entity.Keys = KeySpec{Source: parsed, Sequence: sequence, CarrySlot: carry}
}

// uniqueNames lists the unique indexes and constraints that a field is in.
func (k *compiler) uniqueNames(f *schema.Field) []string {
	var names []string
	for _, index := range k.schema.ParseIndexes() {
		for _, option := range index.Fields {
			if index.Class == "UNIQUE" && option.Field == f {
				names = append(names, index.Name)
			}
		}
	}
	if name, found := k.constraints()[f.DBName]; found {
		names = append(names, name)
	}
	if f.PrimaryKey {
		names = append(names, LocalPrimary)
	}
	return names
}

// tagSpec makes the strategy that the tags describe.
func (k *compiler) tagSpec(parts, rotating []fieldTag) (StrategySpec, bool) {
	switch {
	case len(rotating) > 1 || len(rotating) == 1 && len(parts) > 0:
		k.fault(rotating[0].field.Name, "a maxrows strategy stands alone: no other field may have a strategy")
		return StrategySpec{}, false
	case len(rotating) == 1:
		return k.fieldSpec(rotating[0]), true
	case len(parts) == 0:
		return StrategySpec{}, false
	case len(parts) == 1:
		if _, ordered := parts[0].settings["order"]; ordered {
			k.fault(parts[0].field.Name, "order needs a second shardKey field")
		}
		return k.fieldSpec(parts[0]), true
	}
	position := map[*schema.Field]int{}
	taken := map[int]bool{}
	for _, tag := range parts {
		n, err := strconv.Atoi(tag.settings["order"])
		if err != nil || n < 1 || n > len(parts) || taken[n] {
			k.fault(tag.field.Name, "several shardKey fields need order:1 to order:%d, each once", len(parts))
			return StrategySpec{}, false
		}
		taken[n], position[tag.field] = true, n
	}
	slices.SortFunc(parts, func(a, b fieldTag) int { return position[a.field] - position[b.field] })
	spec := StrategySpec{Kind: "composite"}
	for _, tag := range parts {
		spec.Parts = append(spec.Parts, k.fieldSpec(tag))
	}
	return spec, true
}

// fieldSpec makes the strategy of one tag.
func (k *compiler) fieldSpec(tag fieldTag) StrategySpec {
	fault := func(format string, args ...any) { k.fault(tag.field.Name, format, args...) }
	kind := strings.ToLower(tag.settings["strategy"])
	spec := StrategySpec{Kind: kind, Fields: []string{tag.field.Name}}
	allowed, known := tagStrategies[kind]
	if !known {
		if kind == "" {
			fault("the tag says shardKey but no strategy")
		} else {
			fault("the tag's strategy must be value, date, hash, ring, alphabet, range or maxrows")
		}
		return spec
	}
	if kind == "maxrows" {
		spec.Fields = nil
		if !tag.field.PrimaryKey {
			fault("a maxrows strategy belongs into the primary key's tag")
		}
	}
	for name := range tag.settings {
		if isStrategySetting(name) && !slices.Contains(allowed, name) {
			fault("the tag's %s has no effect on a %s strategy", name, kind)
		}
	}
	number := func(name string) int64 {
		text, set := tag.settings[name]
		n, err := strconv.ParseInt(text, 10, 64)
		if set && err != nil {
			fault("the tag's %s must be a number", name)
		}
		return n
	}
	_, spec.FoldCase = tag.settings["foldCase"]
	spec.Default = tag.settings["default"]
	spec.Slots, spec.MaxRows = int(number("shards")), number("maxRows")
	spec.VirtualNodes = int(number("virtualNodes"))
	if zone, set := tag.settings["zone"]; set {
		spec.Location = k.zone(tag.field.Name, zone)
	}
	if unit, set := tag.settings["unit"]; set {
		if spec.Unit, known = ParseDateUnit(strings.ToLower(unit)); !known {
			fault("the tag's unit must be day, week, month, quarter or year")
		}
	}
	if from, set := tag.settings["from"]; set {
		spec.From = from
	}
	if to, set := tag.settings["to"]; set {
		spec.To = to
	}
	spec.Values = k.items(tag, "values")
	ranges := k.items(tag, "ranges")
	if kind == "alphabet" {
		spec.Letters, ranges = ranges, nil
	}
	for _, text := range ranges {
		id, bounds, named := strings.Cut(text, "=")
		from, to, parted := strings.Cut(bounds, "..")
		if !named || !parted {
			fault("each of the tag's ranges must be id=from..to, where from or to may be left out")
			continue
		}
		spec.Ranges = append(spec.Ranges, Range{ID: id, From: openEnd(from), To: openEnd(to)})
	}
	for _, text := range k.items(tag, "nodes") {
		id, weight, weighted := strings.Cut(text, "=")
		node := RingNode{ID: id}
		if weighted {
			n, err := strconv.Atoi(weight)
			if node.Weight = n; err != nil || n < 1 {
				fault("each of the tag's nodes must be id or id=weight")
				continue
			}
		}
		spec.Nodes = append(spec.Nodes, node)
	}
	return spec
}

func isStrategySetting(name string) bool {
	for _, settings := range tagStrategies {
		if slices.Contains(settings, name) {
			return true
		}
	}
	return false
}

func openEnd(text string) any {
	if text == "" {
		return nil
	}
	return text
}

// items splits a tag's setting at its commas.
func (k *compiler) items(tag fieldTag, name string) []string {
	text, set := tag.settings[name]
	if !set {
		return nil
	}
	items := strings.Split(text, ",")
	for i := range items {
		if items[i] = strings.TrimSpace(items[i]); items[i] == "" {
			k.fault(tag.field.Name, "the tag's %s has an empty item", name)
		}
	}
	return items
}

// zone loads a time zone by its name in the IANA database.
func (k *compiler) zone(field, name string) *time.Location {
	loc, err := loadZone(name)
	if err != nil {
		k.fault(field, "there is no time zone %q", name)
	}
	return loc
}
