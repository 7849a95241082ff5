package oracle

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
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

// testedReasons are those of the codes that some test of the folder above names.
func testedReasons(codes map[string]bool) (map[string]bool, error) {
	files, err := filepath.Glob("../*_test.go")
	if err != nil || len(files) == 0 {
		return nil, errors.Join(errors.New("the tests of the folder above are not found"), err)
	}
	tested := map[string]bool{}
	for _, name := range files {
		text, err := os.ReadFile(name)
		if err != nil {
			return nil, err
		}
		for code := range codes {
			if strings.Contains(string(text), `"`+code+`"`) || strings.Contains(string(text), "dtde."+code) {
				tested[code] = true
			}
		}
	}
	return tested, nil
}
