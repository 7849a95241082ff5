package bars

import (
	"errors"
	"fmt"
	"io"
)

// Report collects bars and prints each as it is measured. It is not safe for
// concurrent use: measurements side by side would disturb each other.
type Report struct {
	out         io.Writer
	met, missed int
	faults      []error
	// Rounds is the number of rounds of a comparison; New sets 200.
	Rounds int
}

// NoBar is the bar of a figure that is only printed.
const NoBar = -1

// New makes a report that prints to out.
func New(out io.Writer) *Report { return &Report{out: out, Rounds: 200} }

// Section prints a heading.
func (r *Report) Section(format string, args ...any) {
	fmt.Fprintf(r.out, "\n%s\n", fmt.Sprintf(format, args...))
}

// Finish prints the sum, and returns what could not be measured.
func (r *Report) Finish() error {
	fmt.Fprintf(r.out, "\nbars: %d met, %d missed\n", r.met, r.missed)
	return errors.Join(r.faults...)
}

// Figure prints a value that was measured elsewhere against the most it may be;
// NoBar only prints it. format prints the figure and the bar alike, as in "%.2f ×".
func (r *Report) Figure(name, format string, figure, most float64) {
	r.line(name, fmt.Sprintf(format, figure), fmt.Sprintf(format, most), most != NoBar, figure <= most)
}

// Line prints a figure of any form, without a bar.
func (r *Report) Line(name, figure string) { r.line(name, figure, "", false, false) }

// Fault notes a bar that could not be measured.
func (r *Report) Fault(name string, err error) {
	fmt.Fprintf(r.out, "  %-54s could not be measured: %v\n", name, err)
	r.faults = append(r.faults, fmt.Errorf("%s: %w", name, err))
}

func (r *Report) line(name, figure, most string, barred, met bool) {
	verdict := "met"
	switch {
	case !barred:
		fmt.Fprintf(r.out, "  %-54s %14s\n", name, figure)
		return
	case met:
		r.met++
	default:
		r.missed++
		verdict = "MISSED"
	}
	fmt.Fprintf(r.out, "  %-54s %14s  bar %12s  %s\n", name, figure, most, verdict)
}
