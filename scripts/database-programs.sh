#!/usr/bin/env bash
# Where the database servers' programs are on this machine, and where servers that
# are started for tests keep their data. Sourced by with-databases.sh; run as a
# program it prints them for the tests that start servers of their own
# (internal/testenv/servers), one NAME=path per line, and leaves out what isn't
# installed.

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

# In memory where there is plenty and nobody chose otherwise: tests make and drop
# thousands of tables, each a file or several. (Seen on ext4 without a journal: two
# thirds of the kernel's time in PostgreSQL, looking for an inode that was not
# deleted lately.) A run's own servers were seen to hold 250 MB, and
# PostgreSQL's log is bounded by max_wal_size.
servers_folder() {
  if [ -n "${TMPDIR:-}" ]; then
    echo "$TMPDIR"
  elif [ -w /dev/shm ] && [ "$(free_kilobytes)" -ge $((4 * 1024 * 1024)) ]; then
    echo /dev/shm
  else
    echo /tmp
  fi
}

# What /dev/shm can still take: of its size, and of the machine's memory half.
free_kilobytes() {
  local size memory
  size=$(df --output=avail -k /dev/shm 2>/dev/null | tail -n 1)
  memory=$(awk '/^MemAvailable:/ { print int($2 / 2) }' /proc/meminfo 2>/dev/null)
  size=${size:-0} memory=${memory:-0}
  echo $((size < memory ? size : memory))
}

if [ "${BASH_SOURCE[0]}" = "$0" ]; then
  if folder=$(postgres_bin); then echo "POSTGRES_BIN=$folder"; fi
  if program=$(mariadb_server); then echo "MARIADBD=$program"; fi
  if program=$(mariadb_install); then echo "MARIADB_INSTALL_DB=$program"; fi
  echo "SERVERS_FOLDER=$(servers_folder)"
fi
