// Package faults names the points of a protocol at which tests let a process die or a
// server stop. Without a test it does nothing.
package faults

import "sync/atomic"

var hook atomic.Pointer[func(point string)]

// At marks a point; the hook is called with its name, if there is one.
func At(point string) {
	if f := hook.Load(); f != nil {
		(*f)(point)
	}
}

// Set sets the hook, nil for none. It is for tests: one process has one hook.
func Set(f func(point string)) {
	if f == nil {
		hook.Store(nil)
		return
	}
	hook.Store(&f)
}
