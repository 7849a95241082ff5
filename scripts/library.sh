#!/usr/bin/env bash
# Prints the packages that are the library, one per line: all but tests,
# examples and what is internal to them.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
go list ./... | grep -vE '/(tests|examples|internal)(/|$)'
