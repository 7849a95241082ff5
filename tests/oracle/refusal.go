package oracle

import (
	"fmt"
	"os"
	"strings"
)

// unsupportedDocs is the page that lists every refusal.
const unsupportedDocs = "../../docs/unsupported.md"

// documentedReasons reads the codes of a page's table rows:
//
//	| `code` | what is refused | what to do instead |
func documentedReasons(path string) (map[string]bool, error) {
	page, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("the table of refusals: %w", err)
	}
	reasons := map[string]bool{}
	for line := range strings.Lines(string(page)) {
		columns := strings.Split(strings.TrimSpace(line), "|")
		if len(columns) < 5 || columns[0] != "" {
			continue
		}
		code := strings.TrimSpace(columns[1])
		name := strings.Trim(code, "`")
		if name != code && name != "" {
			reasons[name] = true
		}
	}
	if len(reasons) == 0 {
		return nil, fmt.Errorf("%s has no table of refusals", path)
	}
	return reasons, nil
}
