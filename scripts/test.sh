#!/usr/bin/env bash
# The tests, on the databases that are in the environment: run it through
# scripts/with-databases.sh, or by make test.
#
#   scripts/test.sh [coverage profile to write]
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

# tests/without_race_test.go checks that these are the tests that skip under it.
without='Allocations|NoObserverCostsNothing|RepositoryHistory|Oracle|PlainAgainstPlain|Mutants'

flags=()
if [ -n "${1:-}" ]; then
  library=$(scripts/library.sh | paste -sd, -)
  flags+=(-covermode=atomic -coverpkg="$library" -coverprofile="$1")
fi

# The longest package first, so that the others run beside it and not before it. go vet
# is scripts/lint.sh's.
status=0
CGO_ENABLED=1 go test -race -vet=off -timeout 45m "${flags[@]}" ./tests/ ./... || status=$?
(cd pgxcopy && CGO_ENABLED=1 go test -race -vet=off -timeout 45m ./...) || status=$?

# What the race detector would distort, for it allocates, and what it would only slow
# down: the whole oracle suite, of which it has seen a part above.
# A garbage collection fewer saves an eighth of it; under the race detector nothing.
echo "without the race detector:"
export GOGC=400
go test -vet=off -timeout 45m -run "^Test($without)" ./tests/oracle/ ./tests/ || status=$?
exit "$status"
