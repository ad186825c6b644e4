#!/usr/bin/env bash
#
# The image's health check: whether the operations port answers with 200. A few milliseconds, no Node.
#
# usage: healthcheck.sh [PATH]
#
# /health unless given: whether the container is alive, also while it waits or migrates. /ready is for an orchestrator
# that has one check for everything, and takes a replica for ready once it passes.

set -Eeuo pipefail

_main() {
	local path="${1:-/health}" port="${OPERATIONS_PORT:-8081}" connection status
	exec {connection}<> "/dev/tcp/127.0.0.1/$port"
	printf 'GET %s HTTP/1.0\r\nHost: localhost\r\n\r\n' "$path" >&"$connection"
	read -r _ status _ <&"$connection"
	if [ "$status" != 200 ]; then
		printf '%s on port %s answers %s\n' "$path" "$port" "$status" >&2
		return 1
	fi
}

_main "$@"
