#!/bin/sh
# Two servers for key packages on one Redis, until Ctrl-C or SIGTERM.
set -eu
cd "$(dirname "$0")"

redis_port=${REDIS_PORT:-6390}
data=${DATA:-$PWD/data}
pids=

start() {
  "$@" &
  pids="$pids $!"
}

trap 'kill $pids; wait' EXIT
trap 'exit 0' INT TERM

mkdir -p "$data"
# A new password each time, which no command line and no log shows.
password=$(head -c 32 /dev/urandom | od -An -v -tx1 | tr -d ' \n')
(umask 077 && sed "s/PASSWORD/$password/" users.acl > "$data/users.acl")

start redis-server redis.conf --port "$redis_port" --dir "$data" --aclfile "$data/users.acl"
export REDISCLI_AUTH="$password"
until [ "$(redis-cli -p "$redis_port" --user gateway ping 2> /dev/null)" = PONG ]; do sleep 0.1; done
unset REDISCLI_AUTH

export KPG_STORE="redis://gateway:$password@127.0.0.1:$redis_port"
for port in ${PORTS:-7447 7448}; do
  start node ../../dist/adapters/cli/main.js serve --config gateway.yaml --listen "127.0.0.1:$port"
done
wait
