package strategies

import "sync"

// combinations remembers how joined ids fall apart into those of a composite's parts,
// which are numbered for the purpose. It only ever learns: the same id always falls
// apart in the same way.
type combinations struct {
	mu    sync.RWMutex
	known map[string]combination
	parts []numbering
}

// combination is a joined id and the number of each part's id.
type combination struct {
	id   string
	part []int
}

// numbering numbers the ids of one part; those that exist from the start come first.
type numbering struct {
	ids   []string
	index map[string]int
}

func (n *numbering) number(id string) int {
	i, ok := n.index[id]
	if !ok {
		i = len(n.ids)
		n.index[id] = i
		n.ids = append(n.ids, id)
	}
	return i
}

func (c *combinations) init(parts []part) {
	c.known = map[string]combination{}
	c.parts = make([]numbering, len(parts))
	for i, p := range parts {
		c.parts[i].index = map[string]int{}
		for _, id := range p.fixed {
			c.parts[i].number(id)
		}
	}
}

// learn is called with the lock held, or before anything is shared.
func (c *combinations) learn(id string, ids []string) combination {
	out := combination{id: id, part: make([]int, len(ids))}
	for i, p := range ids {
		out.part[i] = c.parts[i].number(p)
	}
	// What is placed beyond the bound is taken apart anew each time.
	if len(c.known) < maxCombinations {
		c.known[id] = out
	}
	return out
}

// ids gives the parts' ids.
func (c combination) ids(names *combinations) []string {
	out := make([]string, len(c.part))
	for i, n := range c.part {
		out[i] = names.parts[i].ids[n]
	}
	return out
}

// intern gives the string of a joined id without allocating it again.
func (c *combinations) intern(s *composite, id []byte) string {
	c.mu.RLock()
	found, ok := c.known[string(id)]
	c.mu.RUnlock()
	if ok {
		return found.id
	}
	text := string(id)
	if ids := s.split(text); ids != nil {
		c.mu.Lock()
		c.learn(text, ids)
		c.mu.Unlock()
	}
	return text
}

// resolve takes known shards apart. Ids that are no combination get no part. parts are
// the ids that the numbers stand for; they only ever grow at the end, so the copies
// stay valid.
func (c *combinations) resolve(s *composite, known []string) (found []combination, parts [][]string) {
	found = make([]combination, len(known))
	c.mu.RLock()
	complete := true
	for k, id := range known {
		var ok bool
		found[k], ok = c.known[id]
		complete = complete && ok
	}
	parts = c.snapshot()
	c.mu.RUnlock()
	if complete {
		return found, parts
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	for k, id := range known {
		if found[k].part == nil && s.dynamic {
			if ids := s.split(id); ids != nil {
				found[k] = c.learn(id, ids)
			}
		}
	}
	return found, c.snapshot()
}

func (c *combinations) snapshot() [][]string {
	parts := make([][]string, len(c.parts))
	for i := range c.parts {
		n := len(c.parts[i].ids)
		parts[i] = c.parts[i].ids[:n:n]
	}
	return parts
}
