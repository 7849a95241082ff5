#!/usr/bin/env bash
# gofmt, go vet and staticcheck; all three report before it fails. Exceptions
# from staticcheck stand in staticcheck.conf or as //lint:ignore beside the
# code, each with its reason.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

status=0
mapfile -t files < <(git ls-files -co --exclude-standard '*.go')
unformatted=$(gofmt -l "${files[@]}")
if [ -n "$unformatted" ]; then
  echo "not formatted (make fmt):"
  echo "$unformatted"
  status=1
fi
for module in . pgxcopy; do
  (cd "$module" && go vet ./...) || status=1
  # Pinned here and not in go.mod: a linter is none of the library's business.
  (cd "$module" && go run honnef.co/go/tools/cmd/staticcheck@v0.8.2 ./...) || status=1
done

# Beside every exception its reason.
if grep -nE '//lint:(file-)?ignore [A-Z0-9,]+ *$' "${files[@]}"; then
  echo "the lint exceptions above give no reason"
  status=1
fi
exit "$status"
