package callbacks

import (
	"github.com/go-dtde/dtde/config"
	"gorm.io/gorm/schema"
)

// plainValue turns a field's value, as the program or the driver has it, into one
// that prints the same for the same key.
func plainValue(f *schema.Field, v any) any {
	k := config.KeyColumn{Field: f, Kind: config.KindOf(f)}
	if value, ok := k.Convert(v); ok {
		return value.String()
	}
	return v
}
