# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# The attempts of tests/vm/t_escape*.c that make sense without root, against the user tier: as an ordinary user of this machine, and of a user
# namespace as containers have it. Root alone can make the two users that they take.
. "$(dirname "$0")/lib.sh"
cd / || exit 1
# as_is CMD..., in_userns CMD...
as_is() { "$@"; }
in_userns() {
	local p
	rm -f "$TMP/go" && mkfifo "$TMP/go"
	unshare -U sh -c 'read -r _ <"$0"; exec "$@"' "$TMP/go" "$@" &
	p=$!
	until [[ $(readlink /proc/$p/ns/user) != "$(readlink /proc/self/ns/user)" ]]; do kill -0 $p || return 1; read -rt 0.02 <> <(:) || :; done
	echo 0 0 65536 >/proc/$p/uid_map && echo 0 0 65536 >/proc/$p/gid_map
	echo >"$TMP/go"
	wait $p
}
attempts() {
	local where=$1 how=$2 t n=0 out got
	for t in path exec identity net; do
		out=$(VANTIO_NATIVE=1 $how timeout -s KILL 120 unshare --kill-child -pfmn --mount-proc sh -c "mount -t tmpfs t /tmp/vantio-escape; ip link set lo up; exec $B/t_user_$t" 2>&1)
		is "$where: $t" "$(grep -c '^ok' <<<"$out") of $(sed -n 's/^1\.\.//p' <<<"$out") $(grep -v '^ok\|^# run\|^# told' <<<"$out" | tail -n +2)" \
			"$(sed -n 's/^1\.\.//p' <<<"$out") of $(sed -n 's/^1\.\.//p' <<<"$out") "
		got=$(sed -n 's/^# told .*refused by the tier user: //p' <<<"$out")
		n=$((n + ${got:-0}))
	done
	echo "# told $where: $n attempts, all refused"
}
if [[ $(id -u) != 0 ]] || ! unshare -mn true 2>/dev/null; then
	skip "the matrix of escapes" "it takes root to make its users; make check-vm runs it in guests"
	finish
fi
cp "$ESCAPES"/t_user_{path,exec,identity,net} "$B"
mkdir -p /tmp/vantio-escape # each of those who test at the same time has a tmpfs of its own there
attempts "as an ordinary user" as_is
if unshare -U true 2>/dev/null; then
	attempts "as an ordinary user of a user namespace" in_userns
else
	skip "in a user namespace" "this kernel makes none"
fi
finish
