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
start redis-server redis.conf --port "$redis_port" --dir "$data"
until redis-cli -p "$redis_port" ping > /dev/null 2>&1; do sleep 0.1; done

for port in ${PORTS:-7447 7448}; do
  start node ../../dist/adapters/cli/main.js serve \
    --config gateway.yaml --store "redis://127.0.0.1:$redis_port" --listen "127.0.0.1:$port"
done
wait
