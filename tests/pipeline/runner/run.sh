#!/bin/bash
# Instead of GitHub's runner: prints what a job sees and can do, then ends.
cd "$(dirname "$0")" || exit 1
can() { if "${@:2}" > /dev/null 2>&1; then echo "can $1"; else echo "can't $1"; fi; }
echo "arguments: $*"
echo "user: $(id -u):$(id -g)"
echo "environment: $(env | cut -d= -f1 | sort | tr '\n' ' ')"
can "see the files of an earlier job" test -e "$HOME/file"
can "write at home" touch "$HOME/file"
can "run a program in /tmp" bash -c 'cp /bin/true /tmp/program && /tmp/program'
can "write to the system" touch /usr/local/file
can "write to the runner's image" touch /opt/actions-runner/file
can "write to the registrar's folder" touch /run/registrar/file
can "read the first process" cat /proc/1/environ
can "take over the first process" ls /proc/1/fd
can "find a key" grep -rlE 'PRIVATE[ ]KEY' /run /home /opt/actions-runner /tmp
can "find the Docker socket" test -e /var/run/docker.sock
can "gain capabilities" grep -vqE '^CapEff:\s0+$' <(grep CapEff /proc/self/status)
kill -9 1
python3 - <<'P'
import socket
connection = socket.socket(socket.AF_UNIX)
connection.settimeout(3)
try:
    connection.connect("/run/registrar/socket")
    print("second configuration:", connection.recv(4096))
except OSError as error:
    print("second configuration: none", type(error).__name__)
P
mkdir left && (sleep 300 &)
echo "job done"
exit 3
