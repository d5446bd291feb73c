# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# For tests/real/test_*.sh: a command bare and under its preset, each in a fresh folder of the same name, and what came of both.
# shellcheck source=tests/sandbox/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/../sandbox/lib.sh"
unset TMPDIR OPS CC CFLAGS CCACHE_DIR MAKEFLAGS MFLAGS MAKELEVEL
export LC_ALL=C TZ=UTC
D=$W/dir
H=$TMP/home

# need PROGRAM...: the test is skipped without it
need() { local p; for p; do command -v "$p" >/dev/null || { skip "$(basename "$0")" "$p is not installed"; finish; }; done; }

# fresh: an empty $D, and a HOME with nothing in it but what a developer has there and an agent is not to see
fresh() {
	rm -rf "$D" "$H" && mkdir -p "$D" "$H/.ssh"
	echo secret | tee "$H/.ssh/id_ed25519" "$H/.netrc" "$H/.npmrc" "$H/.pypirc" >/dev/null
	[[ $(id -u) != 0 ]] || chown -R 65534:65534 "$D" "$H"
	if declare -F set_up >/dev/null; then (cd "$D" && as_user bash -euc "$(declare -f set_up); set_up") || exit 1; fi
}
# bare CMD..., under PRESETS CMD... (or under /POLICY CMD...): in $D; $rc, $out, $err
bare() { try in_dir as_user "$@"; }
under() {
	local p args=()
	for p in $1; do
		if [[ $p == /* ]]; then args+=(--policy "$p"); else args+=(--preset "$p"); fi
	done
	shift
	try in_dir as_user "$B/vantioctl" --quiet run --tier user "${args[@]}" -- "$@"
}
in_dir() { (cd "$D" && "$@"); }
# what is below $D, with modes and contents
left() { (cd "$D" && find . ! -path '*/__pycache__*' -printf '%y %m %p %l\n' -type f -exec sha256sum {} + | grep -v "${NOT_SAME:-^$}" | sort | sha256sum; ); }
# same NAME PRESETS CMD...: exit status (bare it is $EXPECT), standard output and the files that are left
EXPECT=0
same() {
	local name=$1 presets=$2 want_rc want_out want_err want_left
	shift 2
	fresh; bare "$@"; want_rc=$rc want_out=$(normal <<<"$out") want_err=$err want_left=$(left)
	fresh; under "$presets" "$@"
	if [[ $want_rc == "$EXPECT" && $want_rc == "$rc" && $want_out == "$(normal <<<"$out")" && $want_left == "$(left)" ]]; then
		pass "$name"
	else
		fail "$name" "bare: status $want_rc, under $presets: status $rc; files the same: $([[ $want_left == "$(left)" ]] && echo yes || echo no)" \
			"$(diff <(normal <<<"$want_out") <(normal <<<"$out") | head -n 30)" "stderr bare: ${want_err:0:1500}" "stderr under: ${err:0:3000}"
	fi
}
# what may differ from run to run: a test says it with its own
normal() { cat; }
