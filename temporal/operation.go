package temporal

import "time"

// operationKind is what an [Operation] does.
type operationKind uint8

const (
	opSave operationKind = iota + 1
	opPatch
	opUpdatePortion
	opDeletePortion
	opPut
	opTerminate
	opRevert
	opCoalesce
	opPurge
)

var operationNames = [...]string{"", "save", "patch", "update portion", "delete portion", "put", "terminate", "revert", "coalesce", "purge"}

// Operation is one write to the history of one key, made by the functions below. It
// is a value: methods return a changed copy.
type Operation[R any] struct {
	kind      operationKind
	at        time.Time // the effective instant; zero means now
	supersede bool
	period    Period
	row       R
	change    func(R) (R, error)
	among     func(Version[R]) bool
}

// Name is the operation's name, as errors have it.
func (o Operation[R]) Name() string { return operationNames[o.kind] }

// Effective gives the instant from which a Save, Patch or Revert holds, in the past
// or future; without it, or zero, that is now.
func (o Operation[R]) Effective(t time.Time) Operation[R] { o.at = t; return o }

// Supersede lets a Save, Patch or Revert hold for ever: whatever began later, and an
// end that was set, is wiped.
func (o Operation[R]) Supersede() Operation[R] { o.supersede = true; return o }

// Among restricts an UpdatePortion or DeletePortion to the versions that it names, as a
// WHERE does in SQL; nil names all. A version that is cut at boundaries is asked for by
// its first part.
func (o Operation[R]) Among(names func(Version[R]) bool) Operation[R] { o.among = names; return o }

// Check tells what is wrong with the operation whatever it is applied to: a period that
// ends before it starts is a [ValidityError] of ErrPeriod.
func (o Operation[R]) Check() error {
	if o.period.IsInverted() {
		return &ValidityError{Operation: o.Name(), At: o.period.From, Hint: "the period ends before it starts", Cause: ErrPeriod}
	}
	return nil
}

// touches tells whether a portion is about a version.
func (o *Operation[R]) touches(v Version[R]) bool {
	return !o.period.IsEmpty() && v.Valid.Overlaps(o.period) && (o.among == nil || o.among(v))
}

// Save makes row what is true from the effective instant on. The version valid then
// is closed there and the new one takes over its end, so that a later version, and an
// end that was set, stay. In a gap it starts there and ends where the next version
// begins, if one does. If the version valid then holds the same data, nothing is
// written.
func Save[R any](row R) Operation[R] { return Operation[R]{kind: opSave, row: row} }

// Patch is Save of the version valid at the effective instant with changes: change
// gets its row and returns a new one. In a gap it is ErrNoVersion.
func Patch[R any](change func(R) (R, error)) Operation[R] {
	return Operation[R]{kind: opPatch, change: change}
}

// UpdatePortion changes every version within a period, as SQL's FOR PORTION OF: a row
// that overlaps it keeps its id and shrinks to what lies inside, what is left outside
// becomes new rows with the old data. change is called once per overlapping version
// with its own row, so that it can add to what is there, and returns a new row; a
// version that it leaves equal is not split. An empty period touches nothing.
func UpdatePortion[R any](period Period, change func(R) (R, error)) Operation[R] {
	return Operation[R]{kind: opUpdatePortion, period: period, change: change}
}

// DeletePortion takes a period out of the history, as SQL's FOR PORTION OF: rows
// shrink to what lies outside; one that surrounds the period keeps its id on the left
// and gets a new row on the right. An empty period touches nothing.
func DeletePortion[R any](period Period) Operation[R] {
	return Operation[R]{kind: opDeletePortion, period: period}
}

// Put makes row what is true in a whole period, whatever was there, gaps included.
func Put[R any](period Period, row R) Operation[R] {
	return Operation[R]{kind: opPut, period: period, row: row}
}

// Terminate ends the history at an instant: nothing is true from then on, and
// versions that were to begin later are gone. The zero time means now.
func Terminate[R any](at time.Time) Operation[R] { return Operation[R]{kind: opTerminate, at: at} }

// Revert makes what was true at an instant true again from the effective instant on,
// as Save of that row does.
func Revert[R any](to time.Time) Operation[R] {
	return Operation[R]{kind: opRevert, period: Since(to)}
}

// Coalesce joins versions that meet and are equal: the first of them keeps its id and
// grows, the others are removed.
func Coalesce[R any]() Operation[R] { return Operation[R]{kind: opCoalesce} }

// Purge removes for good the versions that ended at or before an instant, and with
// system time also those that were superseded by then: every answer about instants
// from then on, as known from then on, stays.
func Purge[R any](olderThan time.Time) Operation[R] {
	return Operation[R]{kind: opPurge, period: Since(olderThan)}
}
