package config

// temporalTags reads what a tag says of versions. What the program or a file says
// wins, setting by setting.
func (k *compiler) temporalTags(tag fieldTag) {
	t := &k.tagged
	for name, to := range map[string]*string{
		"validFrom": &t.From, "validTo": &t.To, "systemFrom": &t.SystemFrom, "systemTo": &t.SystemTo,
	} {
		if _, set := tag.settings[name]; !set {
			continue
		}
		if *to != "" {
			k.fault(tag.field.Name, "another field's tag says %s already", name)
			continue
		}
		*to = tag.field.Name
	}
	if _, set := tag.settings["entityKey"]; set {
		t.EntityKey = append(t.EntityKey, tag.field.Name)
	}
	for name, to := range map[string]*bool{
		"versionedOnly": &t.VersionedOnly, "versionOnSave": &t.VersionOnSave,
		"currentByDefault": &t.CurrentByDefault, "splitAtShardBoundaries": &t.SplitAtShardBoundaries,
	} {
		if _, set := tag.settings[name]; set {
			*to = true
		}
	}
	if word, set := tag.settings["openAs"]; set {
		switch word {
		case OpenNull.String():
			t.Open = OpenNull
		case OpenSentinel.String():
			t.Open = OpenSentinel
		default:
			k.fault(tag.field.Name, "the tag's openAs must be null or sentinel")
		}
	}
	if text, set := tag.settings["clockTolerance"]; set {
		d, bad := parseTolerance(text)
		if t.ClockTolerance = d; bad {
			k.fault(tag.field.Name, "the tag's clockTolerance must be a duration that is not negative, such as 5s or 0s")
		}
	}
}

// mergeTemporal puts what the tags say below what the program or a file says. A start
// given there brings its end, or that there is none, with it; so does system time.
func (k *compiler) mergeTemporal() {
	own, tags := &k.entity.Temporal, &k.tagged
	if own.From == "" {
		own.From, own.To = tags.From, tags.To
	}
	if own.SystemFrom == "" && own.SystemTo == "" {
		own.SystemFrom, own.SystemTo = tags.SystemFrom, tags.SystemTo
	}
	if len(own.EntityKey) == 0 {
		own.EntityKey = tags.EntityKey
	}
	if own.Open == OpenAuto {
		own.Open = tags.Open
	}
	if own.ClockTolerance == 0 {
		own.ClockTolerance = tags.ClockTolerance
	}
	own.VersionedOnly = own.VersionedOnly || tags.VersionedOnly
	own.VersionOnSave = own.VersionOnSave || tags.VersionOnSave
	own.CurrentByDefault = own.CurrentByDefault || tags.CurrentByDefault
	own.SplitAtShardBoundaries = own.SplitAtShardBoundaries || tags.SplitAtShardBoundaries
}
