package config

import (
	"time"

	"go.yaml.in/yaml/v3"
)

// openWords are the forms of an open end that a file can ask for.
var openWords = openNames[OpenNull:]

func (l *loader) temporalKeys(t *Temporal) fileKeys {
	return fileKeys{
		"from":                   l.text("from", &t.From),
		"to":                     l.text("to", &t.To),
		"entityKey":              l.texts("entityKey", &t.EntityKey),
		"systemFrom":             l.text("systemFrom", &t.SystemFrom),
		"systemTo":               l.text("systemTo", &t.SystemTo),
		"openAs":                 l.choice("openAs", openWords, func(i int) { t.Open = OpenNull + OpenEnd(i) }),
		"versionedOnly":          l.flag("versionedOnly", &t.VersionedOnly),
		"versionOnSave":          l.flag("versionOnSave", &t.VersionOnSave),
		"currentByDefault":       l.flag("currentByDefault", &t.CurrentByDefault),
		"splitAtShardBoundaries": l.flag("splitAtShardBoundaries", &t.SplitAtShardBoundaries),
		"clockTolerance": func(n *yaml.Node) {
			d, err := parseTolerance(n.Value)
			if n.Kind != yaml.ScalarNode || err {
				l.fault(n, "clockTolerance", "must be a duration that is not negative, such as 5s or 0s")
				return
			}
			t.ClockTolerance = d
		},
	}
}

// containmentWords are the modes of a containment.
var containmentWords = []string{"childWithinParent", "exactMatch"}

func (l *loader) containmentKeys(r *ContainmentRule) fileKeys {
	return fileKeys{
		"parent":     l.text("parent", &r.ParentName),
		"child":      l.text("child", &r.ChildName),
		"foreignKey": l.text("foreignKey", &r.ForeignKey),
		"mode":       l.choice("mode", containmentWords, func(i int) { r.Mode = ChildWithinParent + Containment(i) }),
		"cascade":    l.flag("cascade", &r.Cascade),
	}
}

// parseTolerance reads a duration as a file and a tag have it; 0s means no tolerance,
// which the settings hold as a negative one.
func parseTolerance(text string) (d time.Duration, bad bool) {
	d, err := time.ParseDuration(text)
	if err != nil || d < 0 {
		return 0, true
	}
	if d == 0 {
		d = -1
	}
	return d, false
}
