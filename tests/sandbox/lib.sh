# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# For tests/sandbox/test_*.sh: everything runs as an ordinary user, in a folder of its own.
# shellcheck source=tests/cli/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/../cli/lib.sh"
chmod 755 "$TMP"
B=$TMP/bin
mkdir "$B"
cp "$VANTIOCTL" "$B/vantioctl" && { [[ -z ${OPS-} ]] || cp "$OPS" "$B/ops"; }
W=$TMP/w
mkdir "$W"
if [[ $(id -u) == 0 ]]; then
	become_user() { exec setpriv --reuid 65534 --regid 65534 --clear-groups env -u XDG_RUNTIME_DIR "$@"; }
	chown -R 65534:65534 "$W" "$TMP"/home
	mkdir -p "$XDG_DATA_HOME" "$XDG_STATE_HOME" && chown 65534:65534 "$XDG_DATA_HOME" "$XDG_STATE_HOME"
else
	become_user() { exec env -u XDG_RUNTIME_DIR "$@"; }
fi
as_user() { (become_user "$@"); }
if ! as_user "$B/vantioctl" doctor --tier user >/dev/null 2>&1; then
	skip "the user tier" "$(as_user "$B/vantioctl" doctor --tier user 2>&1 | tail -n1)"
	finish
fi
# run POLICY CMD...: under the user tier; $rc, $out, $err
run() { local p=$1; shift; try as_user "$B/vantioctl" run --tier user --policy "$TMP/$p.toml" -- "$@"; }
ops() { run "$P" "$B/ops" "$@"; }
# allows NAME OP ARGS..., refuses NAME OP ARGS... (EACCES), forbids NAME OP ARGS... (EPERM)
allows() { local n=$1; shift; ops "$@"; is "$n: allowed" "$rc" 0; }
refuses() { local n=$1; shift; ops "$@"; is "$n: refused" "$rc" 13; }
forbids() { local n=$1; shift; ops "$@"; is "$n: refused" "$rc" 1; }
# make CMD...: as the user, outside of any policy
prepare() { as_user "$@"; }
