#!/usr/bin/env bash
#
# Brings the database's schema to head, then becomes the program.
#
# usage: docker-entrypoint.sh [serve] [FLAG…]     wait for PostgreSQL, migrate, serve
#        docker-entrypoint.sh [serve] [FLAG…] -- COMMAND …     the same, and then COMMAND is what serves
#        docker-entrypoint.sh migrate … | registry …
#        docker-entrypoint.sh COMMAND …           anything else, as it is
#
# HEADGATE_RUN says what runs: "dist" (compiled, the default), "source" (TypeScript, Node ≥ 24) or "watch" (the same,
# and the server restarts when a file changes). Under the name "migrate" or "registry" this file is that command.

set -Eeuo pipefail

# usage: _log LEVEL MESSAGE
# one line on stderr, in the form of the programs' own log
_log() {
	local level="$1" message="$2" format="${log_format:-${LOG_FORMAT:-}}"
	case "${LOG_LEVEL:-info}:$level" in silent:* | error:info | error:warn | warn:info) return ;; esac
	if [ -z "$format" ]; then if [ -t 2 ]; then format=pretty; else format=json; fi; fi
	if [ "$format" = pretty ]; then
		printf '%s.000 %-5s %s\n' "$(date -u +%H:%M:%S)" "$level" "$message" >&2
	else
		message="${message//\\/\\\\}"
		message="${message//\"/\\\"}"
		printf '{"level":"%s","time":"%s.000Z","message":"%s"}\n' "$level" "$(date -u +%Y-%m-%dT%H:%M:%S)" "$message" >&2
	fi
}

# usage: _find_program PATH
# sets the array "program" to the words that run PATH (app/server, scripts/migrate, …)
_find_program() {
	local home="${BASH_SOURCE[0]}"
	if [ -L "$home" ]; then home="$(readlink -f "$home")"; fi
	case "$home" in */*) home="${home%/*}" ;; *) home=. ;; esac
	case "${HEADGATE_RUN:-dist}:$1" in
		dist:*) program=(node "$home/dist/programs/${1##*/}.cjs") ;;
		watch:app/server) program=(node --watch "$home/$1.ts") ;;
		source:* | watch:*) program=(node "$home/$1.ts") ;;
		*)
			_log error "HEADGATE_RUN must be dist, source or watch, not \"$HEADGATE_RUN\"."
			exit 2
			;;
	esac
}

# usage: _run COMMAND …
# runs a phase and returns its status; in the background, because bash runs a trap only between foreground commands
_run() {
	"$@" &
	child=$!
	wait "$child"
}

# usage: _start_phases [FLAG…]
# starts the program that knows the settings and does what "migrate" does: the settings are read from the file descriptor
# $told, and what is written to $orders is run
_start_phases() {
	_find_program scripts/entrypoint
	# It begins when we have taken its file descriptors over, which bash forgets as soon as a coprocess ends.
	coproc PHASES {
		trap - TERM INT
		read -r
		# Under the entrypoint there is one log and no answer; and the gate wants to know what happens.
		export HEADGATE_STATUS_FD="$gate" HEADGATE_ANSWER=log
		exec "${program[@]}" "$@"
	}
	local from="${PHASES[0]}" to="${PHASES[1]}"
	phases=$PHASES_PID child=$PHASES_PID
	exec {told}<&"$from" {orders}>&"$to"
	exec {from}<&- {to}>&-
	echo >&"$orders"
}

# usage: _finish_phases [ORDER…]
# has these "migrate" commands run, and returns the status of the first that does not return 0
_finish_phases() {
	child=$phases
	if (($# > 0)); then printf '%s\n' "$@" >&"$orders"; fi
	exec {orders}>&-
	wait "$phases"
}

# usage: _open_gate [FLAG…]
# answers probes while the phases last, so that nobody takes a long migration for a hung container; what is written to
# the file descriptor $gate as JSON is what /ready says
_open_gate() {
	_find_program scripts/gate
	exec {gate}> >(
		trap - TERM INT
		# Most starts are over before anybody asks; only a longer one is worth a process. End of file: it is over.
		deadline=$((${EPOCHREALTIME/[^0-9]/} + 700000)) line="" next=""
		while ((left = deadline - ${EPOCHREALTIME/[^0-9]/}, left > 0)); do
			status=0
			IFS= read -r -t "0.$(printf '%06d' "$left")" next || status=$?
			if ((status > 128)); then break; elif ((status > 0)); then exit 0; fi
			line="$next"
		done
		exec "${program[@]}" "$line" "$@" > /dev/null
	)
	gate_pid=$!
}

# usage: _close_gate
# frees the ports; returns when they are free
_close_gate() {
	[ -n "$gate" ] || return 0
	exec {gate}>&-
	gate=""
	wait "$gate_pid" || true
}

# usage: _stop STATUS
# ends the running phase and exits
_stop() {
	local status="$1"
	trap '' TERM INT
	if [ -n "$gate" ]; then exec {gate}>&-; fi
	if [ -n "$child" ] && kill -0 "$child" 2> /dev/null; then
		# A second signal makes a program drop everything at once, and Ctrl-C at a terminal has reached it already.
		if [ "$status:$stop_signal" != 130:TERM ] || ! [ -t 0 ]; then kill -s "$stop_signal" "$child" || true; fi
		# Again each second: a program that was only just being started may have missed the first one.
		while sleep 1 && kill -s "$stop_signal" "$child"; do :; done &> /dev/null &
		wait "$child" || true
		kill "$!" || true
	fi
	exit "$status"
}

# usage: _wait_for_postgres HOST PORT SECONDS
# returns when PostgreSQL accepts connections; exits with 4 when it does not in time
_wait_for_postgres() {
	local host="$1" port="$2" limit="$3" status says next_line=0 stop_signal=KILL # nothing to tidy up
	# An empty environment: no PG… variable bends the question and no secret is handed on. The name server gets 2 s, too.
	local question=(env -i "PATH=$PATH" "RES_OPTIONS=timeout:1 attempts:2"
		pg_isready --quiet --host="$host" --port="$port" --timeout=3 --username=headgate --dbname=postgres)
	SECONDS=0
	while true; do
		status=0
		_run "${question[@]}" || status=$?
		case $status in
			0) break ;;
			1) says="rejecting connections" ;;
			2) says="no response" ;;
			*)
				_log warn "pg_isready cannot ask PostgreSQL at $host:$port (status $status); the program tries by itself"
				return
				;;
		esac
		if ((SECONDS >= limit)); then
			if [ "$status" = 2 ] && command -v getent > /dev/null && ! getent ahosts "$host" > /dev/null; then
				says="no response, and no host is known by the name $host"
			fi
			_log error "PostgreSQL at $host:$port did not accept connections within $limit s (WAIT_TIMEOUT): $says. Check the address and that the server runs."
			exit 4
		fi
		if [ -n "$gate" ] && ((next_line == 0)); then echo '{"status":"waiting-for-database"}' >&"$gate"; fi
		if ((SECONDS >= next_line)); then
			_log info "waiting for PostgreSQL at $host:$port ($SECONDS s of $limit s): $says"
			next_line=$((SECONDS + 5))
		fi
		_run sleep 0.25
	done
	if ((next_line > 0)); then _log info "PostgreSQL at $host:$port accepts connections after $SECONDS s"; fi
}

# usage: _serve [FLAG…] [-- COMMAND …]
# the phases before the service, then the service in place of this shell: ours, or COMMAND
_serve() {
	local flags=() service=()
	while [ $# -gt 0 ] && [ "$1" != -- ]; do
		flags+=("$1")
		shift
	done
	service=("${@:2}")
	set -- "${flags[@]}"

	# Always TERM for the programs: what runs in the background ignores INT.
	local key value host="" port="" seconds="" on_start="" log_format=""
	local stop_signal=TERM child="" gate="" gate_pid="" phases="" told="" orders="" waits=()
	trap '_stop 143' TERM
	trap '_stop 130' INT

	_open_gate "$@"
	_start_phases "$@"
	while IFS='=' read -r -u "$told" key value && [ -n "$key" ]; do
		case "$key" in
			WAIT_HOST) host="$value" ;;
			WAIT_PORT) port="$value" ;;
			WAIT_SECONDS) seconds="${value%%.*}" ;;
			MIGRATE_ON_START) on_start="$value" ;;
			LOG_FORMAT) log_format="$value" ;;
		esac
	done
	if [ -z "$on_start" ]; then _finish_phases || exit; fi

	if command -v pg_isready > /dev/null; then
		_wait_for_postgres "$host" "$port" "$seconds"
	elif [ "$on_start" != up ]; then
		waits=(wait)
	fi
	case "$on_start" in
		off) _finish_phases ${waits[@]+"${waits[@]}"} || exit ;;
		*) _finish_phases ${waits[@]+"${waits[@]}"} "$on_start" || exit ;;
	esac

	exec {told}<&-
	_close_gate

	unset MIGRATE_DATABASE_URL MIGRATE_DATABASE_URL_FILE MIGRATE_DB_USER MIGRATE_DB_USER_FILE
	unset MIGRATE_DB_PASSWORD MIGRATE_DB_PASSWORD_FILE MIGRATE_SCRATCH_URL MIGRATE_SCRATCH_URL_FILE
	if [ ${#service[@]} -gt 0 ]; then exec "${service[@]}"; fi
	_find_program app/server
	exec "${program[@]}" "$@"
}

_main() {
	local program=()
	case "${0##*/}" in migrate | registry) set -- "${0##*/}" "$@" ;; esac
	case "${1:-serve}" in
		-*) _serve "$@" ;;
		serve)
			_serve "${@:2}"
			;;
		migrate | registry)
			_find_program "scripts/$1"
			# A container whose command is "migrate up" was started for just that: without a terminal nobody is asked.
			case "${0##*/}:$1:${2:-}" in
				docker-entrypoint.sh:migrate:up | docker-entrypoint.sh:migrate:upgrade) if ! [ -t 0 ]; then set -- "$@" --yes; fi ;;
			esac
			exec "${program[@]}" "${@:2}"
			;;
		*) exec "$@" ;;
	esac
}

# usage: _is_sourced
# whether another script reads this file for its functions
_is_sourced() {
	[ "${#FUNCNAME[@]}" -ge 2 ] && [ "${FUNCNAME[0]}" = _is_sourced ] && [ "${FUNCNAME[1]}" = source ]
}

_is_sourced || _main "$@"
