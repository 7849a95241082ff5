#!/usr/bin/env bash
# Where the database servers' programs are on this machine. Sourced by
# with-databases.sh; run as a program it prints them for the tests that start
# servers of their own (internal/testenv/servers), one NAME=path per line, and
# leaves out what isn't installed.

# Debian keeps the servers of PostgreSQL off PATH, one folder per version.
postgres_bin() {
  local folder newest=
  if command -v initdb >/dev/null && command -v pg_ctl >/dev/null; then
    dirname "$(command -v pg_ctl)"
    return
  fi
  for folder in /usr/lib/postgresql/*/bin; do
    if [ -x "$folder/initdb" ] && [ -x "$folder/pg_ctl" ]; then
      if [ -z "$newest" ] || [ "$(version_of "$folder")" -gt "$(version_of "$newest")" ]; then
        newest=$folder
      fi
    fi
  done
  [ -n "$newest" ] && echo "$newest"
}

version_of() { basename "$(dirname "$1")" | tr -cd '0-9'; }

mariadb_server() {
  PATH="$PATH:/usr/sbin:/usr/local/sbin" command -v mariadbd
}

mariadb_install() {
  command -v mariadb-install-db
}

have_mariadb() { mariadb_server >/dev/null && mariadb_install >/dev/null; }

if [ "${BASH_SOURCE[0]}" = "$0" ]; then
  if folder=$(postgres_bin); then echo "POSTGRES_BIN=$folder"; fi
  if program=$(mariadb_server); then echo "MARIADBD=$program"; fi
  if program=$(mariadb_install); then echo "MARIADB_INSTALL_DB=$program"; fi
fi
