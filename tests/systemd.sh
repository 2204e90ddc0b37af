#!/bin/sh
# The unit of `gleaner collector install-service` under a real systemd: installed as the command says, with a master key
# that systemd encrypts, a session of a device and an export, killed, frozen, stopped.
#
#   tests/systemd.sh SUITE      e.g.  tests/systemd.sh bookworm
#
# Needs root, debootstrap and systemd-nspawn (package systemd-container). The minimal Debian of bare_debian.sh is copied,
# given systemd and started; the last commit of this checkout is what is installed in it. Exit: 3 when none can be started.
set -eu

suite=${1:?usage: tests/systemd.sh SUITE}
here=$(cd "$(dirname "$0")/.." && pwd)
[ "$(id -u)" = 0 ] || { echo "tests/systemd.sh needs root: it starts a Debian with systemd." >&2; exit 3; }
command -v systemd-nspawn >/dev/null || { echo "systemd-nspawn is missing: apt-get install systemd-container." >&2; exit 3; }
. "$here/tests/bare_root.sh"

root=${BARE_FOLDER:-/var/tmp/gleaner-bare-$suite}
unpack
copy_settings
machine=/var/tmp/gleaner-systemd-$suite
logs=$machine.logs # of the run that was the last
rm -rf "$machine" "$logs"
mkdir "$machine" "$logs"
tar -C "$root" --exclude='./home/*' -cf - . | tar -C "$machine" -xf -
chroot "$machine" apt-get install -y -qq --no-install-recommends systemd systemd-sysv dbus >"$logs/log" 2>&1 ||
    { tail -20 "$logs/log" >&2; exit 3; }
git -c safe.directory="*" -C "$here" bundle create -q "$machine/root/source.bundle" HEAD
chroot "$machine" git -c advice.detachedHead=false clone -q /root/source.bundle /opt/gleaner
echo "systemd in Debian $suite: make venv, and the models of the session" >&2
chroot "$machine" env -i HOME=/root PATH=/usr/local/bin:/usr/bin:/bin sh -euc "cd /opt/gleaner && make venv &&
    .venv/bin/gleaner prelabel pull centerface silero-vad" >"$logs/venv" 2>&1 || { tail -20 "$logs/venv" >&2; exit 1; }
cat >"$machine/root/ready" <<'END'
#!/opt/gleaner/.venv/bin/python
import json
import urllib.request

with urllib.request.urlopen("http://127.0.0.1:8700/api/ready", timeout=10) as answer:
    assert json.load(answer)["status"] == "ready"
END
chmod +x "$machine/root/ready"

# Its own network has a loopback and nothing else: no port of this machine is in its way.
systemd-nspawn --quiet --directory="$machine" --private-network --register=no --keep-unit --boot </dev/null >"$logs/console" 2>&1 &
nspawn=$!
finish() {
    kill -TERM "$nspawn" 2>/dev/null || true # nspawn has its systemd power off
    wait "$nspawn" 2>/dev/null || true
    rm -rf "$machine" "$logs/code"
}
trap finish EXIT

# A command of root inside, with nothing of this environment.
inside() {
    nsenter --target "$(pgrep -P "$nspawn" | head -1)" --mount --uts --ipc --net --pid --cgroup env -i HOME=/root \
        PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin sh -euc "cd /opt/gleaner && $1"
}
until_true() { # a command inside, within two minutes
    for _ in $(seq 120); do
        if inside "$1" >/dev/null 2>&1; then return 0; fi
        sleep 1
    done
    echo "Not true within two minutes: $1" >&2
    inside "systemctl status --no-pager gleaner-collector; journalctl --no-pager -u gleaner-collector | tail -40" >&2 || true
    return 1
}
until_true "systemctl is-system-running | grep -E 'running|degraded'" || { tail -20 "$logs/console" >&2; exit 3; }

unit=gleaner-collector.service
data=/var/lib/gleaner
key=GLEANER_COLLECTOR_MASTER_KEY=/run/credentials/$unit/gleaner-master-key
gleaner=".venv/bin/gleaner"
as_service="runuser -u gleaner -- env $key $gleaner collector"
ready=/root/ready

echo "… the steps that install-service prints" >&2
inside "$gleaner collector install-service --data $data --credential /etc/gleaner/master.cred" >"$logs/steps"
sed -n 's/^  //p' "$logs/steps" | while read -r step; do
    case $step in export*) ;; *) inside "$step" >&2 ;; esac
done
until_true "$ready"
inside "grep -q '^Max core file size *[01] ' /proc/\$(systemctl show -p MainPID --value $unit)/limits"

echo "… a session of a device, and an export by the service" >&2
inside "$as_service user add lea --role lead --data $data && $as_service join-code --data $data --json" >"$logs/code"
code=$(sed -n 's/.*"code": "\([A-Z0-9-]*\)".*"url": "\([^"]*\)".*/\2 \1/p' "$logs/code")
inside "$gleaner agent join $code --state /root/device && $gleaner agent run kitchen-greeting --state /root/device \
    --participant simulated --camera simulated --microphone simulated --page-port 0" >"$logs/session" 2>&1 ||
    { tail -20 "$logs/session" >&2; exit 1; }
inside "$as_service exports start --format jsonl --with-prelabels --wait --data $data && $as_service verify --data $data" >&2

echo "… killed, frozen, stopped" >&2
main="systemctl show -p MainPID --value $unit"
inside "kill -KILL \$($main)"
until_true "test \$(systemctl show -p NRestarts --value $unit) = 1 && $ready"
inside "mkdir -p /etc/systemd/system/$unit.d && printf '[Service]\nWatchdogSec=6\n' >/etc/systemd/system/$unit.d/soon.conf \
    && systemctl daemon-reload && systemctl restart $unit"
until_true "$ready"
frozen=$(inside "$main")
inside "kill -STOP $frozen"
until_true "test \$($main) != $frozen && test \$($main) != 0 && $ready"
inside "journalctl --no-pager -u $unit | grep -q 'Watchdog timeout' && systemctl stop $unit"
inside "systemctl show -p Result --value $unit | grep -qx success"
inside "systemd-analyze security --no-pager --threshold=20 $unit" >"$logs/security" ||
    { tail -3 "$logs/security" >&2; exit 1; }
tail -1 "$logs/security" >&2
