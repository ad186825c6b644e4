#!/usr/bin/env bash
#
# The image's health check: whether the operations port answers /health with 200. A few milliseconds, no Node.
#
# usage: healthcheck.sh

set -Eeuo pipefail

_main() {
	local port="${OPERATIONS_PORT:-8081}" connection status
	exec {connection}<> "/dev/tcp/127.0.0.1/$port"
	printf 'GET /health HTTP/1.0\r\nHost: localhost\r\n\r\n' >&"$connection"
	read -r _ status _ <&"$connection"
	if [ "$status" != 200 ]; then
		printf '/health on port %s answers %s\n' "$port" "$status" >&2
		return 1
	fi
}

_main "$@"
