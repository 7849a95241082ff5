package servers

import (
	"bytes"
	"net"
	"sync"
	"time"
)

// link is one connection through a proxy: two sockets, and per direction a reader
// and a writer with a queue between, so that delay doesn't bound the rate.
type link struct {
	proxy  *Proxy
	client *net.TCPConn
	server *net.TCPConn // nil while it dials
	broken chan struct{}
	once   sync.Once

	// Both are under the proxy's lock.
	fromServer int64 // bytes passed on
	asked      bool  // the last bytes came from the program
}

// chunk is what was read at once, and when it may be written.
type chunk struct {
	bytes []byte
	due   time.Time
}

// queueLength times the size of a chunk is what can be under way in one direction.
const (
	queueLength = 4096
	chunkBytes  = 32 << 10
)

// cancelRequest is how PostgreSQL's request to cancel begins.
var cancelRequest = []byte{0, 0, 0, 16, 4, 210, 22, 46}

func (p *Proxy) accept(client *net.TCPConn) {
	p.mu.Lock()
	defer p.mu.Unlock()
	l := &link{proxy: p, client: client, broken: make(chan struct{})}
	if p.closed {
		l.reset()
		return
	}
	p.accepted++
	p.events = append(p.events, Event{Kind: Connected, At: time.Now()})
	p.links[l] = struct{}{}
	p.running.Go(l.run)
}

// reset breaks both sides without the courtesy of a close; any lock may be held.
func (l *link) reset() {
	l.once.Do(func() { close(l.broken) })
	for _, c := range []*net.TCPConn{l.client, l.server} {
		if c != nil {
			_ = c.SetLinger(0)
			_ = c.Close()
		}
	}
}

func (l *link) run() {
	p := l.proxy
	defer func() {
		p.mu.Lock()
		delete(p.links, l)
		p.mu.Unlock()
	}()
	p.waitForwarding(l.broken)
	server, err := net.Dial("tcp", p.target)
	if err != nil {
		l.reset()
		return
	}
	p.mu.Lock()
	l.server = server.(*net.TCPConn)
	p.mu.Unlock()
	select {
	case <-l.broken: // while it dialled
		l.reset()
		return
	default:
	}
	var both sync.WaitGroup
	both.Go(func() { l.pass(l.client, l.server, l.sawClient, func() { p.note(Closed) }) })
	both.Go(func() { l.pass(l.server, l.client, l.sawServer, func() {}) })
	both.Wait()
	_ = l.client.Close()
	_ = l.server.Close()
}

// sawClient counts a round trip where the program's turn begins.
func (l *link) sawClient(b []byte) (pass int, whole bool) {
	p := l.proxy
	p.mu.Lock()
	defer p.mu.Unlock()
	if bytes.HasPrefix(b, cancelRequest) {
		p.events = append(p.events, Event{Kind: Cancelled, At: time.Now()})
	}
	if !l.asked {
		l.asked = true
		p.trips++
	}
	return len(b), true
}

// sawServer says how many of these bytes may pass before the connection breaks.
func (l *link) sawServer(b []byte) (pass int, whole bool) {
	p := l.proxy
	p.mu.Lock()
	defer p.mu.Unlock()
	l.asked = false
	before := l.fromServer
	l.fromServer += int64(len(b))
	if p.cutAfter < 0 || l.fromServer <= p.cutAfter {
		return len(b), true
	}
	return int(max(p.cutAfter-before, 0)), false
}

// pass copies one direction until it ends, and then half closes the other side.
func (l *link) pass(from, to *net.TCPConn, saw func([]byte) (int, bool), ended func()) {
	queue := make(chan chunk, queueLength)
	var writer sync.WaitGroup
	writer.Go(func() { l.write(to, queue) })
	buffer := make([]byte, chunkBytes)
	whole := true
	for whole {
		n, err := from.Read(buffer)
		if n > 0 {
			n, whole = saw(buffer[:n])
			select {
			case queue <- chunk{bytes: bytes.Clone(buffer[:n]), due: time.Now().Add(l.proxy.delayNow())}:
			case <-l.broken: // the next read fails
			}
		}
		if err != nil {
			ended()
			break
		}
	}
	close(queue)
	writer.Wait()
	if !whole { // after what may pass has passed
		l.proxy.note(Broken)
		l.reset()
		return
	}
	_ = to.CloseWrite()
}

func (l *link) write(to *net.TCPConn, queue <-chan chunk) {
	for c := range queue {
		if wait := time.Until(c.due); wait > 0 {
			select {
			case <-time.After(wait):
			case <-l.broken:
			}
		}
		l.proxy.waitForwarding(l.broken)
		if _, err := to.Write(c.bytes); err != nil {
			l.reset()
			break
		}
	}
	for range queue { // the reader must not wait for a writer that is gone
	}
}
