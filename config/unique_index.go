package config

// LocalPrimary is the name under which a program consents to primary keys that are unique
// per shard only.
const LocalPrimary = "primary"

// unique refuses unique indexes that cannot hold across shards because they lack a
// shard key column, unless the program consents to their holding per shard. The
// primary key needs no consent: its generator keeps it unique, and keys that the program
// gives are looked for on the other shards, unless it consents by LocalPrimary.
func (k *compiler) unique() {
	consent := map[string]bool{}
	for _, name := range k.entity.LocalUnique {
		consent[name] = false
	}
	check := func(name, field string, columns []string) {
		_, agreed := consent[name]
		if agreed {
			consent[name] = true
			k.table.LocalUnique[name] = true
		}
		if k.table.Strategy != nil && !k.table.Unsharded && !agreed && (len(k.table.Keys) == 0 || !k.covers(columns)) {
			k.fault(field, "the unique index %q cannot hold across shards: it lacks a shard key column; "+
				"add the column, or consent to one index per shard with localUnique (WithLocalUnique(%q))", name, name)
		}
	}
	for _, index := range k.schema.ParseIndexes() {
		if index.Class != "UNIQUE" {
			continue
		}
		var columns []string
		for _, f := range index.Fields {
			if f.Expression == "" && f.Field != nil && f.Length == 0 {
				columns = append(columns, f.DBName)
			}
		}
		check(index.Name, index.Fields[0].Name, columns)
	}
	for _, f := range k.schema.Fields {
		if constraint, found := k.constraints()[f.DBName]; found && f.DBName != "" {
			check(constraint, f.Name, []string{f.DBName})
		}
	}
	if _, agreed := consent[LocalPrimary]; agreed && len(k.schema.PrimaryFields) > 0 {
		consent[LocalPrimary] = true
		k.table.LocalUnique[LocalPrimary] = true
	}
	for _, name := range k.entity.LocalUnique {
		if used, listed := consent[name]; listed && !used {
			k.fault(name, "the model has no unique index of this name to be held per shard")
			delete(consent, name)
		}
	}
}

// constraints gives the names of `unique` constraints by column.
func (k *compiler) constraints() map[string]string {
	names := map[string]string{}
	for name, c := range k.schema.ParseUniqueConstraints() {
		names[c.Field.DBName] = name
	}
	return names
}
