#!/bin/sh
# Runs a program and never lets it outlive its owner. The owner (Node) holds the other end of file descriptor 3:
# the first line it reads is the program's process id; every line it writes is the name of a signal for the program
# (KILL takes all that the program started, and this shell, with it);
# and when it closes the pipe, or is gone even by kill -9, the program is stopped. Ends with the program's status.
#
# usage: guard.sh OWNER STOP_SIGNAL HARD_SIGNAL GRACE_SECONDS FOLDER_TO_REMOVE PROGRAM [ARGUMENT...]
#   OWNER             its process id, for those who look at the process list
#   HARD_SIGNAL       sent when the program is still there after the grace
#   FOLDER_TO_REMOVE  removed after the program was stopped; empty: nothing. Kept when the program ends by itself.
stop=$2 hard=$3 grace=$4 folder=$5
shift 5

"$@" </dev/null 3>&- &
program=$!
echo "$program" >&3

stopping=
trap 'stopping=yes' USR1
# Caught, not ignored: the program would inherit an ignored signal.
trap 'kill -s "$stop" "$program"' HUP INT TERM

(
	trap - HUP INT TERM USR1
	while read -r signal; do
		if [ "$signal" = KILL ]; then kill -s KILL 0; else kill -s "$signal" "$program"; fi
	done
	kill -s USR1 "$$"
	kill -s "$stop" "$program"
	while [ "$grace" -gt 0 ]; do
		sleep 1 3>&-
		grace=$((grace - 1))
	done
	if [ "$hard" = KILL ]; then kill -s KILL 0; else kill -s "$hard" "$program"; fi
) <&3 >/dev/null 2>&1 &
watcher=$!
exec 3>&-

# A signal ends `wait` early; the program is gone only when there is nobody left to wait for.
while :; do
	wait "$program"
	status=$?
	kill -0 "$program" 2>/dev/null || break
done
kill "$watcher" 2>/dev/null
if [ -n "$stopping" ] && [ -n "$folder" ]; then rm -rf -- "$folder"; fi
exit "$status"
