package callbacks

import (
	"reflect"
	"runtime"
	"strings"

	"gorm.io/gorm"
)

// A program may register callbacks of its own, also after dtde's: they may want to change
// statements, or to know of them. GORM does not say which there are. Its list of them is
// not exported, but can be counted; if it is not found where it was, that counts as "there
// are others".

// statementsAlone tells that nobody but GORM and dtde has callbacks for reads, creates and updates.
func (r *Runtime) statementsAlone(db *gorm.DB) bool {
	return r.callbacksOwn > 0 && countCallbacks(db) == r.callbacksOwn
}

// ownCallbacks counts the callbacks of reads, creates and updates once dtde's are registered; 0 if
// there are others already.
func (r *Runtime) ownCallbacks(db *gorm.DB) int {
	for _, f := range [...]func(*gorm.DB){r.inner.query, r.inner.create, r.inner.update} {
		if f := runtime.FuncForPC(reflect.ValueOf(f).Pointer()); f == nil || !strings.HasPrefix(f.Name(), "gorm.io/gorm/callbacks.") {
			return 0
		}
	}
	for _, list := range callbackLists(db) {
		for i := range list.Len() {
			name := reflect.Indirect(list.Index(i)).FieldByName("name").String()
			if !strings.HasPrefix(name, "gorm:") && !strings.HasPrefix(name, "dtde:") {
				return 0
			}
		}
	}
	return countCallbacks(db)
}

func countCallbacks(db *gorm.DB) (n int) {
	for _, list := range callbackLists(db) {
		n += list.Len()
	}
	return n
}

// callbackLists are GORM's lists of callbacks of reads, creates and updates; none if they are not
// found.
func callbackLists(db *gorm.DB) (lists []reflect.Value) {
	for _, processor := range [...]any{db.Callback().Query(), db.Callback().Create(), db.Callback().Update()} {
		list := reflect.Indirect(reflect.ValueOf(processor)).FieldByName("callbacks")
		if list.Kind() != reflect.Slice {
			return nil
		}
		lists = append(lists, list)
	}
	return lists
}
