#!/usr/bin/env bash
# Prints the library's coverage by package from a profile, and fails where the
# whole is below a bar in percent.
#
#   scripts/coverage.sh coverage.out [85]
set -euo pipefail

# A profile over several test binaries has every block once per binary.
awk -v bar="${2:-0}" '
  /^mode:/ { next }
  {
    statements[$1] = $2
    if ($3 > 0) hit[$1] = 1
  }
  END {
    for (block in statements) {
      name = block
      sub(/\/[^\/]*$/, "", name)
      all[name] += statements[block]
      total += statements[block]
      if (block in hit) { covered[name] += statements[block]; totalCovered += statements[block] }
    }
    if (total == 0) { print "coverage: the profile is empty"; exit 1 }
    sorted = "sort"
    for (name in all) printf "  %5.1f %%  %s\n", 100 * covered[name] / all[name], name | sorted
    close(sorted)
    percent = 100 * totalCovered / total
    printf "coverage of the library: %.1f %% of %d statements (bar: %d %%)\n", percent, total, bar
    exit percent < bar
  }
' "$1"
