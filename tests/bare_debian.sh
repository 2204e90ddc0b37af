#!/bin/sh
# The README's commands on a bare Debian, as an ordinary user with an empty environment.
#
#   tests/bare_debian.sh SUITE [COMMAND...]     e.g.  tests/bare_debian.sh bookworm 'make test' 'make demo ARGS=--once'
#   tests/bare_debian.sh here [COMMAND...]      the same on this machine as it is, where nothing can be mounted
#
# Needs root; for a SUITE also debootstrap and the right to mount. A minimal Debian is unpacked into a folder of its own
# (BARE_FOLDER, by default below /var/tmp; it stays, and the next run uses it again), the last commit of this checkout is
# cloned into the home of a new user, and each COMMAND runs there under `env -i` with PATH and HOME alone. Without COMMAND:
# `make demo` for one session, then `make test`. The machine's certificates and its pip and npm settings are copied: a user
# behind a proxy has them, too. Exit: that of the first COMMAND that fails; 3 when the Debian cannot be had.
set -eu

suite=${1:?usage: tests/bare_debian.sh SUITE|here [COMMAND...]}
shift
[ $# -gt 0 ] || set -- 'make demo ARGS="--once"' 'make test'
here=$(cd "$(dirname "$0")/.." && pwd)
user=gleaner-stranger

if [ "$(id -u)" != 0 ]; then
    echo "tests/bare_debian.sh needs root: it makes a user, and unpacks and mounts a Debian." >&2
    exit 3
fi

. "$here/tests/bare_root.sh"

# Inside the namespaces: what programs expect of a running system.
mount_system() {
    mount --make-rprivate /
    mount -t proc proc "$root/proc"
    mount -t sysfs -o ro sysfs "$root/sys"
    mount -t tmpfs -o mode=755 tmpfs "$root/dev"
    mkdir "$root/dev/shm" "$root/dev/pts"
    for name in null zero full random urandom tty; do
        touch "$root/dev/$name" && mount --bind "/dev/$name" "$root/dev/$name"
    done
    ln -s /proc/self/fd "$root/dev/fd"
    mount -t tmpfs -o mode=1777 tmpfs "$root/dev/shm"
    mount -t devpts -o newinstance,ptmxmode=0666 devpts "$root/dev/pts"
    ln -s pts/ptmx "$root/dev/ptmx"
    mount -t tmpfs -o mode=1777 tmpfs "$root/tmp"
}

as_user() {
    chroot "$root" setpriv --reuid "$user" --regid "$user" --init-groups \
        env -i PATH=/usr/local/bin:/usr/bin:/bin HOME="/home/$user" sh -c "cd && $1"
}

try() {
    chroot "$root" sh -c "id $user >/dev/null 2>&1 || useradd --create-home --shell /bin/sh $user"
    home="${root%/}/home/$user"
    rm -rf "$home/gleaner" "$home/source.bundle"
    git -c safe.directory="*" -C "$here" bundle create -q "$home/source.bundle" HEAD
    cat /usr/etc/npmrc "$HOME/.npmrc" 2>/dev/null | grep '^cafile' >"$home/.npmrc" || true
    chroot "$root" chown -R "$user:$user" "/home/$user"
    as_user "git clone -q source.bundle gleaner"
    echo "Debian $suite, as root: make system" >&2
    chroot "$root" env -i PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin HOME=/root \
        make -C "/home/$user/gleaner" system
    for command in "$@"; do
        echo "Debian $suite, as an ordinary user: $command" >&2
        as_user "cd gleaner && $command"
    done
}

if [ "$suite" = here ]; then
    root=/
    try "$@"
elif [ "${INSIDE_NAMESPACES:-}" = 1 ]; then
    root=$BARE_FOLDER
    mount_system
    try "$@"
else
    root=${BARE_FOLDER:-/var/tmp/gleaner-bare-$suite}
    unpack
    copy_settings
    # Mounts and every process end with their namespaces.
    export INSIDE_NAMESPACES=1 BARE_FOLDER="$root"
    exec unshare --mount --pid --fork --kill-child "$here/tests/bare_debian.sh" "$suite" "$@"
fi
