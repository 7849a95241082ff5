package callbacks

import (
	"database/sql"
	"runtime"

	"gorm.io/gorm"
)

// scan hands rows to GORM once, and closes them: also when what they are scanned into
// panics, so that a program that recovers keeps its connections.
func scan(db *gorm.DB, rows *sql.Rows, mode gorm.ScanMode) {
	done := false
	defer func() {
		if !done && !insideScan() {
			_ = rows.Close()
		}
	}()
	gorm.Scan(rows, db, mode)
	done = true
	if err := rows.Close(); err != nil {
		fail(db, err)
	}
	if result := db.Statement.Result; result != nil {
		result.RowsAffected = db.RowsAffected
	}
}

// insideScan tells, while a panic unwinds, whether a sql.Scanner threw it. Rows.Scan leaves
// its lock then, on which Close would wait for ever, as it does with GORM alone.
func insideScan() bool {
	var stack [64]uintptr
	frames := runtime.CallersFrames(stack[:runtime.Callers(1, stack[:])])
	for {
		frame, more := frames.Next()
		switch {
		case frame.Function == "database/sql.(*Rows).Scan":
			return true
		case !more || frame.Function == "gorm.io/gorm.Scan":
			return false
		}
	}
}
