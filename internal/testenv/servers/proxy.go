package servers

import (
	"fmt"
	"net"
	"slices"
	"sync"
	"time"
)

// EventKind says what a proxy saw.
type EventKind string

// What a proxy sees.
const (
	Connected EventKind = "connected" // a program connected, to do its work or to cancel
	Cancelled EventKind = "cancelled" // PostgreSQL's request to cancel a statement
	Closed    EventKind = "closed"    // the program closed a connection
	Broken    EventKind = "broken"    // the proxy broke connections, as it was told to
)

// Event is one thing that a proxy saw, and when.
type Event struct {
	Kind EventKind
	At   time.Time
}

// Proxy stands between programs and one server. What is set holds for connections
// that are open and for later ones. It is safe for concurrent use.
type Proxy struct {
	target  string
	address string

	mu        sync.Mutex
	listener  net.Listener // nil while it refuses
	closed    bool
	links     map[*link]struct{}
	events    []Event
	delay     time.Duration
	cutAfter  int64 // bytes from the server, -1 for never
	swallow   bool
	swallowed chan struct{} // closed when it forwards again
	accepted  int
	trips     int64
	running   sync.WaitGroup
}

func newProxy(target string) (*Proxy, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	p := &Proxy{target: target, address: listener.Addr().String(), links: map[*link]struct{}{}, cutAfter: -1}
	p.listen(listener)
	return p, nil
}

// Address is where the proxy listens, host and port.
func (p *Proxy) Address() string { return p.address }

// Connections is the number of connections that were ever accepted.
func (p *Proxy) Connections() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.accepted
}

// Open is the number of connections that are open now.
func (p *Proxy) Open() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.links)
}

// RoundTrips is how often a program sent something after the server had answered, or
// as the first: what each of its connections waited for, added up.
func (p *Proxy) RoundTrips() int64 {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.trips
}

// Events are what the proxy saw since the last Forget, in order.
func (p *Proxy) Events() []Event {
	p.mu.Lock()
	defer p.mu.Unlock()
	return append([]Event(nil), p.events...)
}

// First gives the time of the first event of one of these kinds since the last Forget.
func (p *Proxy) First(kinds ...EventKind) (time.Time, bool) {
	for _, e := range p.Events() {
		if slices.Contains(kinds, e.Kind) {
			return e.At, true
		}
	}
	return time.Time{}, false
}

// Forget forgets the events.
func (p *Proxy) Forget() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.events = nil
}

func (p *Proxy) note(kind EventKind) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.events = append(p.events, Event{Kind: kind, At: time.Now()})
}

// Delay has every byte arrive later by d, in each direction. How much can be under
// way is not bounded by it.
func (p *Proxy) Delay(d time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.delay = d
}

func (p *Proxy) delayNow() time.Duration {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.delay
}

// CutAfter has connections break (a reset) once n more bytes came from the server,
// counted per connection from this call or its beginning; negative for never.
func (p *Proxy) CutAfter(n int64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.cutAfter = n
	for l := range p.links {
		l.fromServer = 0
	}
}

// Cut breaks every open connection.
func (p *Proxy) Cut() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.events = append(p.events, Event{Kind: Broken, At: time.Now()})
	for l := range p.links {
		l.reset()
	}
}

// Swallow has the proxy, while on, accept connections and bytes and pass nothing on, as a
// machine does that has vanished from the network.
func (p *Proxy) Swallow(on bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if on == p.swallow {
		return
	}
	p.swallow = on
	if on {
		p.swallowed = make(chan struct{})
	} else {
		close(p.swallowed)
	}
}

// waitForwarding returns once the proxy doesn't swallow.
func (p *Proxy) waitForwarding(stop <-chan struct{}) {
	p.mu.Lock()
	on, ch := p.swallow, p.swallowed
	p.mu.Unlock()
	if on {
		select {
		case <-ch:
		case <-stop:
		}
	}
}

// Refuse has, while on, nobody listen on the address; open connections stay.
func (p *Proxy) Refuse(on bool) error {
	p.mu.Lock()
	listener := p.listener
	if on {
		p.listener = nil
	}
	p.mu.Unlock()
	if on && listener != nil {
		return listener.Close()
	}
	if !on && listener == nil {
		again, err := net.Listen("tcp", p.address)
		if err != nil {
			return fmt.Errorf("servers: listen again: %w", err)
		}
		p.listen(again)
	}
	return nil
}

func (p *Proxy) listen(listener net.Listener) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.listener = listener
	p.running.Go(func() {
		notTheTests()
		for {
			client, err := listener.Accept()
			if err != nil {
				return
			}
			p.accept(client.(*net.TCPConn))
		}
	})
}

// close ends the proxy and waits for it.
func (p *Proxy) close() {
	p.mu.Lock()
	p.closed = true
	if p.listener != nil {
		_ = p.listener.Close()
	}
	for l := range p.links {
		l.reset()
	}
	p.mu.Unlock()
	p.running.Wait()
}
