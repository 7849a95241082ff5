#!/usr/bin/env bash
# Runs a command with a C compiler, a PostgreSQL and a MariaDB at hand, and
# passes on its exit status.
#
#   scripts/with-databases.sh go test -race ./...
#
# Servers come from DTDE_POSTGRES_DSN and DTDE_MYSQL_DSN if those are set, else
# from the programs on this machine, else from apt-get. What is started here is
# private: its own folder, its own ports on 127.0.0.1, no durability. It is
# stopped and deleted when the command ends, however it ends. A database that
# can't be had is left out, loudly; with CI=true that is a failure.
set -euo pipefail

if [ $# -eq 0 ]; then
  echo "usage: $0 command [argument...]" >&2
  exit 2
fi

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
work=
command_pid=
watchdog_pid=
left_out=()
user=dtde
password=dtde
shopt -s nullglob

say() { echo "with-databases: $*" >&2; }

# --- finding programs --------------------------------------------------------

. "$here/database-programs.sh"

have_compiler() { command -v "${CC:-gcc}" >/dev/null || command -v cc >/dev/null; }

# With CI=true the programs must be here even if servers are configured: tests
# start and kill servers of their own.
install_missing() {
  local packages=()
  have_compiler || packages+=(gcc libc6-dev)
  postgres_bin >/dev/null || { [ -n "${DTDE_POSTGRES_DSN:-}" ] && [ "${CI:-}" != true ]; } || packages+=(postgresql)
  have_mariadb || { [ -n "${DTDE_MYSQL_DSN:-}" ] && [ "${CI:-}" != true ]; } || packages+=(mariadb-server)
  [ ${#packages[@]} -eq 0 ] && return
  "$here/apt-install.sh" "${packages[@]}" || say "could not install: ${packages[*]}"
}

# --- servers -----------------------------------------------------------------

# Below the range that the kernel hands out for outgoing connections. Somebody
# else can take the port before we do: then the start fails and another is tried.
random_port() {
  local port
  while :; do
    port=$((20000 + RANDOM % 12000))
    if ! (: <"/dev/tcp/127.0.0.1/$port") 2>/dev/null; then
      echo "$port"
      return
    fi
  done
}

# PostgreSQL refuses to run as root.
as_postgres() {
  if [ "$(id -u)" -ne 0 ]; then
    "$@"
  elif command -v runuser >/dev/null; then
    runuser -u postgres -- "$@"
  else
    setpriv --reuid=postgres --regid=postgres --init-groups "$@"
  fi
}

start_postgres() {
  local bin port folder="$work/postgres"
  bin=$(postgres_bin) || return 1
  mkdir "$folder"
  echo "$password" >"$folder/password"
  if [ "$(id -u)" -eq 0 ]; then
    id postgres >/dev/null 2>&1 || return 1
    chown -R postgres "$folder"
  fi
  # A collation that is not byte order, where the version has ICU: Debian's and
  # the cloud's defaults aren't either, and "C" hides faults in ordering text.
  # Passwords aren't checked: each connection would cost both sides 4,096 rounds
  # of a hash, and everybody can read it above.
  local make=("$bin/initdb" -D "$folder/data" --no-sync --encoding=UTF8
    --username="$user" --pwfile="$folder/password" --auth=trust --locale=C)
  (cd "$folder" && as_postgres "${make[@]}" --locale-provider=icu --icu-locale=en-US) >"$work/postgres-init.log" 2>&1 ||
    { rm -rf "$folder/data" && (cd "$folder" && as_postgres "${make[@]}") >"$work/postgres-init.log" 2>&1; } ||
    { cat "$work/postgres-init.log" >&2; return 1; }
  # No wrapper script between us and the postmaster: postmaster.pid is what
  # stopping goes by.
  for _ in 1 2 3 4 5; do
    port=$(random_port)
    if (cd "$folder" && as_postgres "$bin/pg_ctl" start -w -t 60 -D "$folder/data" -l "$folder/log" -o "\
      -p $port -k '$folder' -c listen_addresses=127.0.0.1 \
      -c fsync=off -c full_page_writes=off -c synchronous_commit=off \
      -c max_connections=300 -c max_prepared_transactions=64 \
      -c shared_buffers=512MB -c max_wal_size=512MB -c autovacuum_naptime=10s \
      -c dynamic_shared_memory_type=mmap \
      -c timezone=UTC -c log_timezone=UTC") </dev/null >/dev/null 2>&1; then
      export DTDE_POSTGRES_DSN="postgres://$user:$password@127.0.0.1:$port/postgres?sslmode=disable"
      return
    fi
  done
  cat "$folder/log" >&2
  return 1
}

start_mariadb() {
  local server port pid folder="$work/mariadb"
  server=$(mariadb_server) || return 1
  mkdir "$folder"
  mkdir "$folder/tmp" # servers side by side must not meet in /tmp
  local common=(--no-defaults --datadir="$folder/data" --tmpdir="$folder/tmp")
  [ "$(id -u)" -eq 0 ] && common+=(--user=root)
  "$(mariadb_install)" "${common[@]}" --auth-root-authentication-method=normal --skip-test-db \
    </dev/null >"$work/mariadb-init.log" 2>&1 || { cat "$work/mariadb-init.log" >&2; return 1; }
  local host
  for host in localhost %; do
    echo "CREATE OR REPLACE USER '$user'@'$host' IDENTIFIED BY '$password';"
    echo "GRANT ALL ON *.* TO '$user'@'$host' WITH GRANT OPTION;"
  done >"$folder/init.sql"
  echo "CREATE DATABASE IF NOT EXISTS dtde;" >>"$folder/init.sql"
  for _ in 1 2 3 4 5; do
    port=$(random_port)
    # A session of its own, so that ctrl-C in a terminal ends the tests first.
    setsid "$server" "${common[@]}" --port="$port" --bind-address=127.0.0.1 --skip-name-resolve \
      --socket="$folder/socket" --pid-file="$folder/pid" --init-file="$folder/init.sql" \
      --innodb-flush-log-at-trx-commit=0 --skip-innodb-doublewrite --innodb-flush-method=nosync \
      --max-connections=400 --character-set-server=utf8mb4 --default-time-zone=+00:00 \
      </dev/null >"$folder/log" 2>&1 &
    pid=$!
    disown # or bash reports its end as if it were news
    echo "$pid" >"$folder/started"
    # Asked through the socket in our folder: on the port somebody else's
    # server could answer.
    for _ in $(seq 300); do
      kill -0 "$pid" 2>/dev/null || break
      if mariadb-admin --no-defaults --socket="$folder/socket" -u"$user" -p"$password" ping >/dev/null 2>&1; then
        export DTDE_MYSQL_DSN="$user:$password@tcp(127.0.0.1:$port)/dtde?charset=utf8mb4&parseTime=true&loc=UTC"
        return
      fi
      sleep 0.2
    done
    kill -KILL "$pid" 2>/dev/null || true
  done
  tail -n 30 "$folder/log" >&2
  return 1
}

# --- ending ------------------------------------------------------------------

# Stops by what lies in the folder, so that it can run in any process. Nothing
# in it is worth a clean shutdown.
stop_servers() {
  local file pid
  for file in "$work/postgres/data/postmaster.pid" "$work/mariadb/started"; do
    [ -f "$file" ] || continue
    pid=$(head -n 1 "$file")
    # The number may belong to a stranger by now; ours names our folder. (A
    # fresh Debian has no ps.)
    { tr '\0' ' ' <"/proc/$pid/cmdline" || ps -o args= -p "$pid"; } 2>/dev/null | grep -qF "$work" || continue
    case $file in
      *postmaster.pid) kill -QUIT "$pid" 2>/dev/null || true ;; # "immediate"
      *) kill -KILL "$pid" 2>/dev/null || true ;;
    esac
    for _ in $(seq 100); do
      kill -0 "$pid" 2>/dev/null || break
      sleep 0.05
    done
    kill -KILL "$pid" 2>/dev/null || true
  done
  rm -rf "$work"
}

finish() {
  local status=$?
  trap '' INT TERM HUP
  trap - EXIT
  if [ -n "$command_pid" ] && kill -0 "$command_pid" 2>/dev/null; then
    kill -TERM -- "-$command_pid" 2>/dev/null || true
    for _ in $(seq 50); do
      kill -0 -- "-$command_pid" 2>/dev/null || break
      sleep 0.1
    done
    kill -KILL -- "-$command_pid" 2>/dev/null || true
  fi
  if [ -n "$work" ]; then
    stop_servers
  fi
  if [ -n "$watchdog_pid" ]; then
    kill -KILL "$watchdog_pid" 2>/dev/null || true
  fi
  exit "$status"
}
trap finish EXIT
trap 'exit 129' HUP
trap 'exit 130' INT
trap 'exit 143' TERM

# A shell that is killed outright runs no trap: somebody else has to see it and
# end the command and the servers.
start_watchdog() {
  local parent=$$
  setsid bash -c '
    work=$1 parent=$2
    eval "$3"
    while kill -0 "$parent" 2>/dev/null; do sleep 1; done
    if [ -f "$work/command" ]; then
      kill -KILL -- "-$(cat "$work/command")" 2>/dev/null || true
    fi
    # More than once: an initdb that was running goes on making files.
    for _ in $(seq 10); do
      stop_servers
      sleep 1
      [ -e "$work" ] || break
    done
  ' watchdog "$work" "$parent" "$(declare -f stop_servers)" </dev/null >/dev/null 2>&1 &
  watchdog_pid=$!
  disown
}

# --- main --------------------------------------------------------------------

install_missing
if ! have_compiler; then
  left_out+=("C compiler (SQLite's C driver and the race detector need it)")
fi

if [ -z "${DTDE_POSTGRES_DSN:-}" ] || [ -z "${DTDE_MYSQL_DSN:-}" ]; then
  work=$(mktemp -d "$(servers_folder)/dtde-databases.XXXXXX")
  chmod 0711 "$work" # the postgres user must reach its folder below
  start_watchdog
  began=$SECONDS
  if [ -z "${DTDE_POSTGRES_DSN:-}" ]; then
    start_postgres || left_out+=(PostgreSQL)
  fi
  if [ -z "${DTDE_MYSQL_DSN:-}" ]; then
    start_mariadb || left_out+=(MariaDB)
  fi
  say "private servers are in $work after $((SECONDS - began)) s"
fi

if [ ${#left_out[@]} -gt 0 ]; then
  say "**********************************************************************"
  for name in "${left_out[@]}"; do
    say "LEFT OUT: $name: neither in the environment, nor to be started or installed here (why: see above)"
  done
  say "**********************************************************************"
  if [ "${CI:-}" = true ]; then
    say "CI=true: that is a failure"
    exit 1
  fi
fi

# In a process group of its own and waited for, so that a signal to us is
# handled at once and ends all of it.
set -m
"$@" </dev/null &
command_pid=$!
set +m
if [ -n "$work" ]; then
  echo "$command_pid" >"$work/command"
fi
status=0
wait "$command_pid" || status=$?
exit "$status"
