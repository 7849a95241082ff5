package tests

import "github.com/go-dtde/dtde"

// model is a history in memory, instant by instant: each day has the version that is
// valid, or none. The last day stands for all that come after it.
type model [modelDays]struct{ version, premium int }

const modelDays = 90

// next numbers versions.
type next int

func (n *next) version() int { *n++; return int(*n) }

// end is the first day from d on that has another version.
func (m *model) end(d int) int {
	e := d
	for e < modelDays && m[e].version == m[d].version {
		e++
	}
	return e
}

func (m *model) save(n *next, d, premium int, supersede bool) {
	if m[d].version != 0 && m[d].premium == premium && !supersede {
		return
	}
	end := m.end(d)
	if supersede {
		end = modelDays
	}
	if m[d].version != 0 && m[d].premium == premium { // it only grows
		for i := d; i < end; i++ {
			m[i] = m[d]
		}
		return
	}
	v := n.version()
	for i := d; i < end; i++ {
		m[i].version, m[i].premium = v, premium
	}
}

// update changes what lies in [a, b) of the versions that are named, version by version;
// what is left right of it is a version of its own.
func (m *model) update(n *next, a, b int, change func(premium int) int, named func(premium int) bool) {
	for i := a; i < b; {
		end := m.end(i)
		inside := min(end, b)
		if was := m[i].premium; m[i].version != 0 && named(was) && change(was) != was {
			rest, v := n.version(), n.version()
			for k := inside; k < end; k++ {
				m[k].version = rest
			}
			for k := i; k < inside; k++ {
				m[k].version, m[k].premium = v, change(was)
			}
		}
		i = inside
	}
}

func every(int) bool { return true }

func even(premium int) bool { return premium%2 == 0 }

// remove takes [a, b) out of the versions that are named.
func (m *model) remove(n *next, a, b int, named func(premium int) bool) {
	for i := a; i < b; {
		end := min(m.end(i), b)
		if m[i].version != 0 && named(m[i].premium) {
			m.clear(n, i, end)
		}
		i = end
	}
}

func (m *model) put(n *next, a, b, premium int) {
	m.clear(n, a, b)
	for i, v := a, n.version(); i < b; i++ {
		m[i].version, m[i].premium = v, premium
	}
}

// starts tells whether a version starts on a day, and is the day of the open one's start.
func (m *model) starts(d int) bool {
	return m[d].version != 0 && (d == 0 || m[d-1].version != m[d].version)
}

func (m *model) openSince() int {
	d := modelDays - 1
	for d > 0 && m[d-1].version == m[d].version {
		d--
	}
	return d
}

// coalesce makes neighbours that are equal one version.
func (m *model) coalesce() {
	for i := 1; i < modelDays; i++ {
		if was := m[i].version; was != 0 && was != m[i-1].version && m[i-1].version != 0 && m[i].premium == m[i-1].premium {
			for k := i; k < modelDays && m[k].version == was; k++ {
				m[k].version = m[i-1].version
			}
		}
	}
}

// purge forgets the versions that ended on day d or before.
func (m *model) purge(d int) {
	for i := 0; i < d; {
		end := m.end(i)
		if end <= d {
			for k := i; k < end; k++ {
				m[k] = struct{ version, premium int }{}
			}
		}
		i = end
	}
}

func (m *model) clear(n *next, a, b int) {
	if a >= b {
		return
	}
	if b < modelDays && m[b].version != 0 && m[b].version == m[b-1].version {
		rest := n.version()
		for k, end := b, m.end(b); k < end; k++ {
			m[k].version = rest
		}
	}
	for i := a; i < b; i++ {
		m[i] = struct{ version, premium int }{}
	}
}

// breaks tells whether a version of a sealed shard ends after the shard's bound.
func (m *model) breaks(seals []dtde.Seal) bool {
	for d := 0; d < modelDays; d = m.end(d) {
		end := m.end(d)
		for _, s := range seals {
			if m[d].version != 0 && s.Shard == day(d).Format("2006_01") && (end == modelDays || day(end).After(s.Bound)) {
				return true
			}
		}
	}
	return false
}
