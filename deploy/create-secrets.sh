#!/usr/bin/env bash
#
# Makes the passwords of docker-compose.migrate-service.yml and deploy/swarm/stack.yml: one random file each. What is
# there already is kept.
#
# usage: create-secrets.sh [FOLDER]      .secrets beside the compose file unless given (then set SECRETS_DIR for Compose)
#
# Compose mounts such a file into the container with the owner and mode it has here, and the container's user is
# another one. So the files are readable, and the folder is what keeps other users of this machine out.

set -Eeuo pipefail

_main() {
	local home folder name
	home="$(dirname "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")")"
	folder="${1:-$home/.secrets}"
	mkdir -p "$folder"
	chmod 0700 "$folder"
	for name in postgres_password migrator_password app_password; do
		if [ -d "$folder/$name" ]; then
			# docker-compose 1.29 makes a folder where a secret's file is missing.
			rmdir "$folder/$name"
		fi
		if [ ! -s "$folder/$name" ]; then
			od -An -N24 -tx1 /dev/urandom | tr -d ' \n' > "$folder/$name"
			printf 'made %s\n' "$folder/$name" >&2
		fi
		chmod 0444 "$folder/$name"
	done
}

_main "$@"
