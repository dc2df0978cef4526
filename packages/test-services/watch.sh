#!/bin/sh
# Runs a server for no longer than its own input stays open: `watch.sh DIRECTORY SIGNAL COMMAND ARGUMENT…`.
#
# It prints `started PID`, and `ended STATUS` when the server is gone; the line `start` then runs the command again. When the input
# closes, however the process at the other end came to its end, the server gets SIGNAL (five seconds later SIGKILL) and DIRECTORY is
# removed.
directory=$1 signal=$2
shift 2
trap : PIPE
trap 'kill -s KILL "$server"; rm -rf "$directory"; exit 1' TERM INT HUP

exec 3<&0
turn=start
while [ "$turn" = start ]; do
  "$@" </dev/null >>"$directory/server.log" 2>&1 3<&- &
  server=$!
  echo "started $server"
  (
    while read -r _; do :; done <&3
    kill -s "$signal" "$server"
    kill -s CONT "$server"
    sleep 5
    kill -s KILL "$server"
  ) >/dev/null 2>&1 &
  watcher=$!
  wait "$server"
  status=$?
  # Nothing milder: a shell that has only just been forked can miss it.
  kill -s KILL "$watcher"
  wait "$watcher"
  echo "ended $status"
  read -r turn <&3 || turn=
done
rm -rf "$directory"
