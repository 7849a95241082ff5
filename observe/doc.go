// Package observe holds observers of dtde's events. An observer implements
// config.Observer; [NewSlog] writes the events to a structured logger.
//
//	cfg.Observer = observe.NewSlog(observe.SlogOptions{Logger: slog.Default(), Slow: 200 * time.Millisecond})
package observe
