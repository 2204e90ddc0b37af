# Sourced by bare_debian.sh and systemd.sh: a minimal Debian $suite in the folder $root, made once and used again.

unpack() {
    [ ! -e "$root/.complete" ] || return 0
    command -v debootstrap >/dev/null || { echo "debootstrap is missing: apt-get install debootstrap." >&2; return 3; }
    rm -rf "$root"
    echo "Unpacking a minimal Debian $suite into $root …" >&2
    # What the README names: git, make, Python with venv. `make system` names the rest.
    debootstrap --variant=minbase --include=ca-certificates,git,make,python3,python3-venv "$suite" "$root" \
        http://deb.debian.org/debian >"$root.log" 2>&1 || { tail -20 "$root.log" >&2; return 3; }
    touch "$root/.complete"
}

# The machine's certificates and its settings of pip: a user behind a proxy has them, too.
copy_settings() {
    for file in /etc/resolv.conf /etc/hosts /etc/ssl/certs/ca-certificates.crt /etc/pip.conf; do
        [ ! -e "$file" ] || { mkdir -p "$root$(dirname "$file")" && cp -L "$file" "$root$file"; }
    done
}
