package planner

import "reflect"

// mixed tells whether values are of different sorts: integers, text and others. MySQL
// and MariaDB compare a column with all values of such a list in one common type, so
// that one value decides how another one compares: beside '1', the integers 2^53 and
// 2^53+1 are equal. NULL is of no sort.
func mixed(n int, value func(i int) any) bool {
	const unset, integer, text, other = 0, 1, 2, 3
	seen := unset
	for i := range n {
		v, ok := value(i), true
		sort := other
		switch v.(type) { // most values, told quickly
		case int64, int:
			sort = integer
		case string:
			sort = text
		default:
			if v, ok = bare(v); !ok {
				return true
			}
			if v == nil {
				continue
			}
			switch k := reflect.TypeOf(v).Kind(); {
			case k >= reflect.Int && k <= reflect.Uintptr:
				sort = integer
			case k == reflect.String:
				sort = text
			}
		}
		if seen != unset && seen != sort {
			return true
		}
		seen = sort
	}
	return false
}
