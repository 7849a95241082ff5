package oracle

import (
	"fmt"
	"strings"
)

// fragment is SQL that a simple parser may not know.
func (g *generator) fragment() condition {
	region, _ := g.value(columnNamed("region")).(string)
	level, _ := g.value(columnNamed("level")).(int)
	code, _ := g.value(columnNamed("code")).(string)
	when := g.value(columnNamed("ordered_at"))
	all := []condition{
		{"lower(region) = lower(?)", []any{region}},
		{"upper(region) = ?", []any{strings.ToUpper(region)}},
		{"coalesce(parent, 0) > ?", []any{level - 1}},
		{"coalesce(region, 'x') = ?", []any{region}},
		{"abs(level) = ?", []any{level}},
		{"level + 0 = ?", []any{level}},
		{"level % 2 = ?", []any{g.r.IntN(2)}},
		{"-level < ?", []any{-level}},
		{"1 = 1", nil},
		{"1 = 0", nil},
		{"(1 = 1)", nil},
		{"level = level", nil},
		{"region = code OR region = ?", []any{region}},
		{"length(code) > ?", []any{len(code) - 1}},
		{"CASE WHEN level > ? THEN region ELSE code END = ?", []any{level, region}},
		{"region = ? /* OR 1 = 1 */", []any{region}},
		{"(region = ?) IS NOT NULL", []any{region}},
		{"region = ? AND level = ? OR code = ?", []any{region, level, code}},
		{"region IN ('" + strings.ReplaceAll(region, "'", "''") + "') AND level IN (1, 2, 3)", nil},
		{"trim(region) = ?", []any{region}},
		{"replace(code, 'x', 'y') = ?", []any{code}},
		{"nullif(level, ?) IS NULL", []any{level}},
		{"region >= ? AND region <= ?", []any{region, region}},
		{"ordered_at = ? OR level BETWEEN ? AND ?", []any{when, level - 1, level}},
		{"EXISTS (SELECT 1) AND region = ?", []any{region}},
		{"level = (SELECT ? + 0)", []any{level}}, // bare, it is text to PostgreSQL, and a fault wherever it is sent
		{"NOT EXISTS (SELECT 1 WHERE 1 = 0) AND level >= ?", []any{level}},
		{"(level) = (?)", []any{level}},
		{"level = ? + 0", []any{level}},
		{"((region) = ? AND (level) <= ?)", []any{region, level}},
		{"level = 1e1 OR level = 2.0 OR level = ?", []any{level}},
	}
	switch g.engine {
	case "postgres":
		all = append(all,
			condition{"region::text = ?", []any{region}},
			condition{"CAST(level AS text) = ?", []any{fmt.Sprint(level)}},
			condition{"region || '' = ?", []any{region}},
			condition{"region ILIKE ?", []any{strings.ToLower(region)}},
			condition{"level = ANY(ARRAY[1,2])", nil},
			condition{"region IS NOT DISTINCT FROM ?", []any{region}},
			condition{"extract(year from ordered_at) = ?", []any{2023}},
			condition{"date_trunc('month', ordered_at) <= ?", []any{when}},
			condition{"region ~ ?", []any{"^[A-M]"}},
			condition{"region COLLATE \"C\" < ?", []any{region}},
			condition{"region BETWEEN SYMMETRIC ? AND ?", []any{"Z", region}},
			condition{"region = E'EU'", nil},
			condition{"region = $$EU$$", nil},
		)
	case "mariadb":
		all = append(all,
			condition{"BINARY region = ?", []any{region}},
			condition{"CAST(level AS CHAR) = ?", []any{fmt.Sprint(level)}},
			condition{"concat(region, '') = ?", []any{region}},
			condition{"region <=> ?", []any{region}},
			condition{"region = ? COLLATE utf8mb4_general_ci", []any{strings.ToLower(region)}},
			condition{"year(ordered_at) = ?", []any{2023}},
			condition{"level = ? XOR level = ?", []any{level, level + 1}},
			condition{"region = ? && level = ?", []any{region, level}},
			condition{"region = ? || level = ?", []any{region, level}},
			condition{"! (level = ?)", []any{level}},
			condition{"level DIV 2 = ?", []any{level / 2}},
			condition{"region RLIKE ?", []any{"^[A-M]"}},
			condition{"level = '1'", nil},
			condition{`region = "EU"`, nil},
		)
	default:
		all = append(all,
			condition{"CAST(level AS text) = ?", []any{fmt.Sprint(level)}},
			condition{"region || '' = ?", []any{region}},
			condition{"region IS ?", []any{region}},
			condition{"region = ? COLLATE NOCASE", []any{strings.ToLower(region)}},
			condition{"region COLLATE NOCASE = ?", []any{strings.ToLower(region)}},
			condition{"strftime('%Y', ordered_at) = ?", []any{"2023"}},
			condition{"region GLOB ?", []any{"[A-M]*"}},
			condition{"region == ?", []any{region}},
			condition{"level = '1'", nil},
			condition{"+level = ?", []any{level}},
			condition{"level IS NOT ?", []any{level}},
			condition{"iif(level > 2, region, code) = ?", []any{region}},
		)
	}
	return pick(g, all)
}
