#!/usr/bin/env bash
#
# Migrations from the host, without a container.
#
# usage: migrate.sh [--build] COMMAND …      --build compiles the sources first; otherwise dist/ is taken as it is

set -Eeuo pipefail

# usage: _build FOLDER
# installs what is missing and compiles what changed
_build() {
	node "$1/scripts/prepare.mjs" >&2
}

_main() {
	local home word words=()
	home="$(dirname "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")")"
	[ -e "$home/dist/programs/migrate.cjs" ] || _build "$home"
	for word; do
		if [ "$word" = --build ]; then _build "$home"; else words+=("$word"); fi
	done
	exec node "$home/dist/programs/migrate.cjs" ${words[@]+"${words[@]}"}
}

_is_sourced() {
	[ "${#FUNCNAME[@]}" -ge 2 ] && [ "${FUNCNAME[0]}" = _is_sourced ] && [ "${FUNCNAME[1]}" = source ]
}

_is_sourced || _main "$@"
