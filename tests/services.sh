#!/usr/bin/env bash
# The database servers that the test suite needs, as private instances in a folder of their own.
#
#   tests/services.sh up [--install]   start what is not running
#   eval "$(tests/services.sh env)"    set KYSERA_POSTGRES_URL, KYSERA_POSTGRES_REPLICA_URL and KYSERA_MYSQL_URL
#   eval "$(tests/services.sh roundcube)"  fetch Roundcube's migrations, which a test applies, and set KYSERA_ROUNDCUBE_SQL
#   tests/services.sh down             stop what `up` started and remove the folder
#   tests/services.sh stop|start NAME  stop `postgres` or `mysql` for a while; what is stored in it stays
#
# Needs Debian's `postgresql` and `mariadb-server`; `--install` fetches them with apt-get. Servers named by
# KYSERA_POSTGRES_URL or KYSERA_MYSQL_URL in the environment are used as they are and never stopped.
# Our own PostgreSQL has a streaming replica (KYSERA_POSTGRES_REPLICA_URL); one of yours may be named as well, or is left out.
# PgBouncer is started beside PostgreSQL where it is installed (KYSERA_PGBOUNCER_URL).
# KYSERA_SERVICES_DIR moves the folder. Nothing in it is meant to last: fsync is off.
set -euo pipefail

umask 022
export LC_ALL=C
dir=$(realpath -m "${KYSERA_SERVICES_DIR:-${XDG_RUNTIME_DIR:-/tmp}/kysera-services-$UID}")
# Debian keeps servers out of the PATH of ordinary users.
PATH=$PATH:/usr/sbin:/sbin

say() { printf 'services: %s\n' "$*" >&2; }
fail() {
    say "$*"
    exit 1
}

# --- common ----------------------------------------------------------------------------------------------------

# Servers refuse to run as root, so root lends them an account.
server_user() {
    if [ "$(id -u)" -ne 0 ]; then
        id -un
    elif id "$1" >/dev/null 2>&1; then
        printf '%s\n' "$1"
    else
        printf 'nobody\n'
    fi
}

# as USER COMMAND..: runs a command under an account, without asking for a password.
as() {
    local user=$1
    shift
    if [ "$(id -un)" = "$user" ]; then
        "$@"
    else
        setpriv --reuid="$user" --regid="$(id -g "$user")" --clear-groups -- "$@"
    fi
}

# A free port below the range from which the kernel hands out ports for outgoing connections.
free_port() {
    local port
    for _ in $(seq 100); do
        port=$((20000 + RANDOM % 10000))
        if ! (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null; then
            printf '%s\n' "$port"
            return
        fi
    done
    fail "found no free port between 20000 and 30000"
}

# wait_for NAME LOG COMMAND..: until the command succeeds, for a minute at most.
wait_for() {
    local name=$1 log=$2 end=$((SECONDS + 60))
    shift 2
    until "$@" >/dev/null 2>&1; do
        if [ "$SECONDS" -ge "$end" ]; then
            tail -n 20 "$log" >&2 || true
            fail "$name does not answer; the end of $log is above"
        fi
        sleep 0.1
    done
}

# answers URL PORT: whether something listens where the URL points; PORT is meant where it names none. Whether the
# server can be used is for the suite to say.
answers() {
    local host=${1#*://} port=$2
    host=${host%%[/?]*}
    host=${host##*@}
    case $host in
        *:*) port=${host##*:} host=${host%:*} ;;
    esac
    (exec 3<>"/dev/tcp/$host/$port") 2>/dev/null
}

# Whether the process of a pid file lives and belongs to this folder: pids are used again.
is_ours() {
    local pid
    [ -s "$1" ] || return 1
    pid=$(head -n 1 "$1")
    [ -r "/proc/$pid/cmdline" ] && tr '\0' ' ' <"/proc/$pid/cmdline" | grep -qF -- "$dir/"
}

# stop PIDFILE SIGNAL
stop() {
    local pid end=$((SECONDS + 30))
    is_ours "$1" || return 0
    pid=$(head -n 1 "$1")
    kill -s "$2" "$pid" 2>/dev/null || true
    while kill -0 "$pid" 2>/dev/null; do
        if [ "$SECONDS" -ge "$end" ]; then
            kill -s KILL "$pid" 2>/dev/null || true
            return
        fi
        sleep 0.1
    done
}

install_packages() {
    local sudo=()
    [ "$(id -u)" -eq 0 ] || sudo=(sudo -n)
    say "installing $*"
    "${sudo[@]}" apt-get update -q >&2
    "${sudo[@]}" env DEBIAN_FRONTEND=noninteractive \
        apt-get install -q -y --no-install-recommends "$@" >&2 </dev/null
}

# --- PostgreSQL ------------------------------------------------------------------------------------------------

# The programs of PostgreSQL lie outside the PATH on Debian, one folder per version; the newest wins.
pg_bin() {
    local found
    found=$(ls -d /usr/lib/postgresql/*/bin 2>/dev/null | sort -t/ -k5 -n | tail -n 1)
    if [ -n "$found" ] && [ -x "$found/initdb" ]; then
        printf '%s\n' "$found"
    elif command -v initdb >/dev/null && command -v pg_ctl >/dev/null; then
        dirname "$(command -v initdb)"
    else
        return 1
    fi
}

# postgres_start BIN USER HOME
postgres_start() {
    (cd "$3" && as "$2" "$1/pg_ctl" -D "$3/data" -l "$3/log" -w -t 60 start) >/dev/null </dev/null ||
        { tail -n 20 "$3/log" >&2 || true; fail "PostgreSQL did not start"; }
}

postgres_up() {
    local bin user port home=$dir/postgres
    if [ -n "${KYSERA_POSTGRES_URL:-}" ]; then
        if answers "$KYSERA_POSTGRES_URL" 5432; then
            say "PostgreSQL: using KYSERA_POSTGRES_URL"
            printf '%s\n' "$KYSERA_POSTGRES_URL" >"$dir/postgres.url"
            return
        fi
        fail "no PostgreSQL answers at KYSERA_POSTGRES_URL; unset it to have one started"
    fi
    if is_ours "$home/data/postmaster.pid"; then
        say "PostgreSQL: already running"
        return
    fi
    bin=$(pg_bin) || fail "PostgreSQL is not installed: apt-get install postgresql, or run this with --install"
    # They would point at the port of a server that is gone.
    stop "$dir/pgbouncer/pid" TERM
    stop "$dir/postgres_replica/data/postmaster.pid" INT
    user=$(server_user postgres)
    port=$(free_port)
    rm -rf "$home"
    mkdir "$home"
    [ "$(id -u)" -ne 0 ] || chown "$user" "$home"
    as "$user" "$bin/initdb" -D "$home/data" -U postgres -A trust -E UTF8 --locale=C --no-sync \
        >"$dir/postgres.initdb.log" 2>&1 || fail "initdb failed, see $dir/postgres.initdb.log"
    cat >>"$home/data/postgresql.conf" <<CONF
listen_addresses = '127.0.0.1'
port = $port
unix_socket_directories = '$home'
fsync = off
synchronous_commit = off
full_page_writes = off
max_connections = 200
max_prepared_transactions = 10
wal_writer_delay = 10ms
CONF
    postgres_start "$bin" "$user" "$home"
    printf 'postgres://postgres@127.0.0.1:%s/postgres\n' "$port" >"$dir/postgres.url"
    say "PostgreSQL: started on port $port"
}

# A streaming replica of it.
replica_up() {
    local bin user port primary home=$dir/postgres_replica
    if [ -n "${KYSERA_POSTGRES_REPLICA_URL:-}" ]; then
        answers "$KYSERA_POSTGRES_REPLICA_URL" 5432 ||
            fail "no PostgreSQL answers at KYSERA_POSTGRES_REPLICA_URL; unset it if there is none"
        say "PostgreSQL replica: using KYSERA_POSTGRES_REPLICA_URL"
        printf '%s\n' "$KYSERA_POSTGRES_REPLICA_URL" >"$dir/postgres_replica.url"
        return
    fi
    # Of a server of somebody else's there is none.
    [ -d "$dir/postgres" ] || return 0
    if is_ours "$home/data/postmaster.pid"; then
        say "PostgreSQL replica: already running"
        return
    fi
    bin=$(pg_bin) || fail "PostgreSQL is not installed"
    user=$(server_user postgres)
    primary=$(sed -e 's,.*:,,' -e 's,/.*,,' "$dir/postgres.url")
    port=$(free_port)
    rm -rf "$home"
    mkdir "$home"
    [ "$(id -u)" -ne 0 ] || chown "$user" "$home"
    # The slot keeps what the replica has not had yet, however long it stands still.
    as "$user" "$bin/pg_basebackup" -D "$home/data" -h 127.0.0.1 -p "$primary" -U postgres -w -R -C -S "replica_$port" \
        -X stream -c fast --no-sync --no-manifest >"$dir/postgres_replica.log" 2>&1 </dev/null ||
        fail "pg_basebackup failed, see $dir/postgres_replica.log"
    # The last one of a name counts.
    cat >>"$home/data/postgresql.conf" <<CONF
port = $port
unix_socket_directories = '$home'
max_standby_streaming_delay = 200ms
CONF
    postgres_start "$bin" "$user" "$home"
    printf 'postgres://postgres@127.0.0.1:%s/postgres\n' "$port" >"$dir/postgres_replica.url"
    say "PostgreSQL replica: started on port $port"
}

# --- PgBouncer, in front of our PostgreSQL ---------------------------------------------------------------------

pgbouncer_up() {
    local user port server home=$dir/pgbouncer
    command -v pgbouncer >/dev/null && [ -d "$dir/postgres" ] || return 0
    if is_ours "$home/pid"; then
        say "PgBouncer: already running"
        return
    fi
    user=$(server_user postgres)
    port=$(free_port)
    server=$(sed -e 's,.*:,,' -e 's,/.*,,' "$dir/postgres.url")
    rm -rf "$home"
    mkdir "$home"
    [ "$(id -u)" -ne 0 ] || chown "$user" "$home"
    cat >"$home/pgbouncer.ini" <<CONF
[databases]
kysera_narrow = host=127.0.0.1 port=$server user=postgres dbname=postgres pool_size=3
* = host=127.0.0.1 port=$server user=postgres
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = $port
unix_socket_dir =
auth_type = any
pool_mode = transaction
pidfile = $home/pid
logfile = $home/log
CONF
    # From 1.21 on it follows prepared statements; those before do not know the setting.
    if pgbouncer --version | awk '/^PgBouncer/ { split($2, v, "."); exit !(v[1] > 1 || v[2] >= 21) }'; then
        printf 'max_prepared_statements = 200\n' >>"$home/pgbouncer.ini"
    fi
    as "$user" pgbouncer -q -d "$home/pgbouncer.ini" </dev/null || fail "PgBouncer did not start, see $home/log"
    wait_for PgBouncer "$home/log" is_ours "$home/pid"
    printf 'postgres://postgres@127.0.0.1:%s/postgres\n' "$port" >"$dir/pgbouncer.url"
    say "PgBouncer: started on port $port"
}

# --- MariaDB, standing in for MySQL 8 ----------------------------------------------------------------------------

mysql_start() {
    (cd "$2" && as "$1" setsid mariadbd --defaults-file="$2/my.cnf") >/dev/null 2>&1 </dev/null &
    wait_for MariaDB "$2/log" mariadb-admin --no-defaults --socket="$2/socket" --user=root ping
}

mysql_up() {
    local user port home=$dir/mysql
    if [ -n "${KYSERA_MYSQL_URL:-}" ]; then
        if answers "$KYSERA_MYSQL_URL" 3306; then
            say "MySQL: using KYSERA_MYSQL_URL"
            printf '%s\n' "$KYSERA_MYSQL_URL" >"$dir/mysql.url"
            return
        fi
        fail "no server answers at KYSERA_MYSQL_URL; unset it to have one started"
    fi
    if is_ours "$home/pid"; then
        say "MariaDB: already running"
        return
    fi
    command -v mariadbd >/dev/null && command -v mariadb-install-db >/dev/null ||
        fail "MariaDB is not installed: apt-get install mariadb-server, or run this with --install"
    user=$(server_user mysql)
    port=$(free_port)
    rm -rf "$home"
    mkdir "$home"
    [ "$(id -u)" -ne 0 ] || chown "$user" "$home"
    # What differs from MySQL 8 by default, as far as settings reach.
    cat >"$home/my.cnf" <<CONF
[mariadbd]
datadir = $home/data
socket = $home/socket
pid-file = $home/pid
log-error = $home/log
bind-address = 127.0.0.1
port = $port
skip-name-resolve
skip-log-bin
max_connections = 300
innodb_flush_log_at_trx_commit = 0
innodb_flush_method = nosync
innodb_fast_shutdown = 2
innodb_autoinc_lock_mode = 2
character_set_server = utf8mb4
collation_server = utf8mb4_unicode_ci
sql_mode = ONLY_FULL_GROUP_BY,STRICT_TRANS_TABLES,NO_ZERO_IN_DATE,NO_ZERO_DATE,ERROR_FOR_DIVISION_BY_ZERO,NO_ENGINE_SUBSTITUTION
explicit_defaults_for_timestamp = ON
transaction_isolation = REPEATABLE-READ
CONF
    as "$user" mariadb-install-db --no-defaults --datadir="$home/data" --auth-root-authentication-method=normal \
        --skip-test-db >"$dir/mysql.install.log" 2>&1 ||
        fail "mariadb-install-db failed, see $dir/mysql.install.log"
    mysql_start "$user" "$home"
    mariadb --no-defaults --socket="$home/socket" --user=root -e 'CREATE DATABASE IF NOT EXISTS kysera'
    printf 'mysql://root@127.0.0.1:%s/kysera\n' "$port" >"$dir/mysql.url"
    say "MariaDB: started on port $port"
}

# --- commands --------------------------------------------------------------------------------------------------

up() {
    local missing=()
    if [ "${1:-}" = --install ]; then
        [ -n "${KYSERA_POSTGRES_URL:-}" ] || pg_bin >/dev/null || missing+=(postgresql)
        [ -n "${KYSERA_MYSQL_URL:-}" ] || command -v mariadbd >/dev/null || missing+=(mariadb-server)
        [ -n "${KYSERA_POSTGRES_URL:-}" ] || command -v pgbouncer >/dev/null || missing+=(pgbouncer)
        [ ${#missing[@]} -eq 0 ] || install_packages "${missing[@]}"
    fi
    mkdir -p "$dir"
    [ -O "$dir" ] || fail "$dir belongs to someone else; name another folder in KYSERA_SERVICES_DIR"
    # The mark that lets `down` remove the folder.
    : >"$dir/.kysera-services"
    postgres_up
    replica_up
    pgbouncer_up
    mysql_up
}

env_lines() {
    local name file
    for name in POSTGRES POSTGRES_REPLICA MYSQL PGBOUNCER; do
        file=$dir/${name,,}.url
        [ ! -s "$file" ] || printf "export KYSERA_%s_URL='%s'\n" "$name" "$(cat "$file")"
    done
    [ -s "$dir/postgres.url" ] && [ -s "$dir/mysql.url" ] || fail "not running: tests/services.sh up"
}

# The files of a package that nobody needs to install, for tests that are asked for by name.
roundcube() {
    local home=$dir/roundcube
    [ -e "$dir/.kysera-services" ] || fail "usage: $0 roundcube, after $0 up"
    if [ ! -d "$home/usr/share/roundcube/SQL" ]; then
        rm -rf "$home" && mkdir "$home"
        (cd "$home" && apt-get -q download roundcube-core) >&2 </dev/null || fail "apt-get cannot download roundcube-core"
        dpkg-deb -x "$home"/roundcube-core_*.deb "$home"
    fi
    printf "export KYSERA_ROUNDCUBE_SQL='%s'\n" "$home/usr/share/roundcube/SQL"
}

down() {
    if [ ! -e "$dir/.kysera-services" ]; then
        say "nothing to stop"
        return
    fi
    stop "$dir/pgbouncer/pid" TERM
    # INT is PostgreSQL's fast shutdown. The replica first: a primary sends it what is left before it ends.
    stop "$dir/postgres_replica/data/postmaster.pid" INT
    stop "$dir/postgres/data/postmaster.pid" INT
    stop "$dir/mysql/pid" TERM
    rm -rf "$dir"
    say "stopped"
}

# one_stop NAME, one_start NAME: for tests of what happens meanwhile. Never of a server that is not ours.
one_stop() {
    case $1 in
        postgres) stop "$dir/postgres/data/postmaster.pid" INT ;;
        mysql) stop "$dir/mysql/pid" TERM ;;
        *) fail "there is no $1: postgres or mysql" ;;
    esac
}

one_start() {
    case $1 in
        postgres) postgres_start "$(pg_bin)" "$(server_user postgres)" "$dir/postgres" ;;
        mysql) mysql_start "$(server_user mysql)" "$dir/mysql" ;;
        *) fail "there is no $1: postgres or mysql" ;;
    esac
}

case ${1:-} in
    up)
        [ $# -eq 1 ] || [ "$*" = "up --install" ] || fail "usage: $0 up [--install]"
        up "${2:-}"
        ;;
    env) env_lines ;;
    roundcube) roundcube ;;
    down) down ;;
    stop | start)
        [ $# -eq 2 ] && [ -e "$dir/.kysera-services" ] || fail "usage: $0 $1 NAME, after $0 up"
        "one_$1" "$2"
        ;;
    *) fail "usage: $0 up [--install] | env | roundcube | down | stop NAME | start NAME" ;;
esac
