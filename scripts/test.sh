#!/usr/bin/env bash
# The tests, on the databases that are in the environment: run it through
# scripts/with-databases.sh, or by make test.
#
#   scripts/test.sh [coverage profile to write]
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

flags=()
if [ -n "${1:-}" ]; then
  library=$(scripts/library.sh | paste -sd, -)
  flags+=(-covermode=atomic -coverpkg="$library" -coverprofile="$1")
fi

status=0
CGO_ENABLED=1 go test -race -timeout 45m "${flags[@]}" ./... || status=$?
(cd pgxcopy && CGO_ENABLED=1 go test -race -timeout 45m ./...) || status=$?

# What the race detector would distort: it allocates, and slows the SQLite
# without C down fourteen times.
echo "without the race detector:"
go test -run '^Test(Allocations|Modernc)' ./tests/ || status=$?
exit "$status"
