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

status=0
CGO_ENABLED=1 go test -race -timeout 45m "${flags[@]}" ./... || status=$?
(cd pgxcopy && CGO_ENABLED=1 go test -race -timeout 45m ./...) || status=$?

# What the race detector would distort, for it allocates, and what it would only slow
# down: the whole oracle suite, of which it has seen a part above.
echo "without the race detector:"
go test -timeout 45m -run "^Test($without)" ./tests/ ./tests/oracle/ || status=$?
exit "$status"
