#!/bin/sh
# The life of the Debian package in a Debian of its own: install, run the main job, upgrade, go back, remove, purge.
#
#   sh scripts/deploy/drill-deb.sh OLD.deb NEW.deb     as root; needs debootstrap, takes two minutes and 1.5 GB
#
# Node comes from this machine. systemd does not run in there, so daemons are started by hand (`aitbc up`); the units are
# checked by `systemd-analyze` in the tests. AITBC_DRILL_ROOT uses a folder made by debootstrap before.
set -eu

old="$(readlink -f "$1")"
new="$(readlink -f "$2")"
root="${AITBC_DRILL_ROOT:-$(mktemp -d)}"
# Never deletes through a mount: the proc of the new Debian is that of this machine.
leave() {
  umount "$root/proc" 2>/dev/null || true
  if [ -z "${AITBC_DRILL_ROOT:-}" ]; then rm -rf --one-file-system "$root"; fi
}
trap leave EXIT

step() { echo "== $1"; }
inside() { chroot "$root" /usr/bin/env -i PATH=/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin HOME=/root "$@"; }
is() { [ "$2" = "$3" ] || { echo "FAILED: $1 is '$2', not '$3'"; exit 1; }; echo "ok  $1: $2"; }
version() { basename "$(readlink "$root/opt/aitbc/$1")"; }
release_of() { dpkg-deb -f "$1" Version; }

if [ ! -x "$root/bin/sh" ]; then
  step 'a fresh Debian'
  debootstrap --variant=minbase --include=libstdc++6 bookworm "$root" >/dev/null
fi
mount -t proc proc "$root/proc"
cp "$(readlink -f "$(command -v node)")" "$root/usr/local/bin/node"
cp "$old" "$root/old.deb"
cp "$new" "$root/new.deb"

step 'install'
inside dpkg -i /old.deb
is 'release in use' "$(version current)" "$(release_of "$old")"
is 'aitbc --version' "$(inside aitbc --version)" "$(inside node -p 'require("/opt/aitbc/current/package.json").version')"
is 'units' "$(ls "$root/lib/systemd/system" | grep -c '^aitbc')" 6

step 'the main job, from the installed files'
inside aitbc --home /root/drill up --once --ports free --engine embedded | tail -n 12
rm -rf "$root/root/drill"

step 'upgrade'
inside dpkg -i /new.deb
is 'release in use' "$(version current)" "$(release_of "$new")"
is 'release before' "$(version previous)" "$(release_of "$old")"
inside aitbc --version >/dev/null

step 'back'
inside aitbc-release rollback
is 'release in use' "$(version current)" "$(release_of "$old")"
inside aitbc --version >/dev/null
inside aitbc-release rollback
is 'release in use' "$(version current)" "$(release_of "$new")"

step 'remove'
mkdir -p "$root/etc/aitbc" && echo '# mine' > "$root/etc/aitbc/node.toml"
inside dpkg -r aitbc
is 'programs left' "$(find "$root/opt" "$root/usr/bin" "$root/lib/systemd/system" -name '*aitbc*' 2>/dev/null | wc -l)" 0
is 'settings left' "$(cat "$root/etc/aitbc/node.toml")" '# mine'

step 'purge'
inside dpkg -P aitbc
is 'settings left' "$(find "$root/etc" -name '*aitbc*' | wc -l)" 0
echo 'The package installs, runs, upgrades, goes back and leaves.'
