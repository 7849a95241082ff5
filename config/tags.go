package config

import "gorm.io/gorm/schema"

// HasTags tells whether a model carries dtde tags.
func HasTags(s *schema.Schema) bool {
	for _, f := range s.Fields {
		if f.Tag.Get(tagName) != "" {
			return true
		}
	}
	return false
}

const tagName = "dtde"

func (k *compiler) tags() {}
