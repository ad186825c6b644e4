#!/usr/bin/env bash
#
# Runs each program once, so that Node keeps what V8 compiled of it (NODE_COMPILE_CACHE) and no start of a container has
# to compile it again. Needs no database: what the programs do without one is most of what they load.
#
# usage: warm-compile-cache.sh FOLDER [PORT]
#        as the user who will run the programs: Node keeps a cache for each user. PORT and the one after it are listened on.

set -Eeuo pipefail

# usage: _wait_until_listening PORT
_wait_until_listening() {
	local attempt
	for attempt in {1..100}; do
		if (exec {connection}<> "/dev/tcp/127.0.0.1/$1") 2> /dev/null; then return; fi
		sleep 0.1
	done
	printf 'nothing listens on port %s after %s attempts\n' "$1" "$attempt" >&2
	return 1
}

# usage: _get PORT PATH
# asks and drops the answer
_get() {
	local connection
	exec {connection}<> "/dev/tcp/127.0.0.1/$1"
	printf 'GET %s HTTP/1.0\r\nHost: localhost\r\n\r\n' "$2" >&"$connection"
	cat <&"$connection" > /dev/null || true # a reset is an end, too
}

_main() {
	local home programs server status=0 port="${2:-18080}"
	home="$(dirname "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")")"
	programs="$home/dist/programs"
	export NODE_COMPILE_CACHE="$1" LOG_LEVEL=silent WAIT_TIMEOUT=1s
	export DATABASE_URL="postgres://nobody@127.0.0.1:1/none" # nobody listens there

	node "$programs/entrypoint.cjs" <<< up > /dev/null || status=$?
	[ "$status" = 4 ]
	status=0
	node "$programs/migrate.cjs" up --yes > /dev/null || status=$?
	[ "$status" = 4 ]
	node "$programs/registry.cjs" --help > /dev/null
	PORT="$port" OPERATIONS_PORT="$((port + 1))" node "$programs/gate.cjs" '{"status":"migrating"}' < /dev/null

	PORT="$port" OPERATIONS_PORT="$((port + 1))" node "$programs/server.cjs" &
	server=$!
	_wait_until_listening "$port"
	_wait_until_listening "$((port + 1))"
	_get "$port" /health
	_get "$port" /ready
	_get "$port" '/v0.1/servers?limit=1'
	_get "$((port + 1))" /ready
	kill "$server"
	wait "$server"
}

_main "$@"
