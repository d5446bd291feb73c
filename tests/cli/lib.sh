# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash disable=SC2034
# For tests/cli/test_*.sh: source it, then `try CMD...` and say what is expected of $rc, $out and $err.
set -u
VANTIOCTL=${VANTIOCTL:-$(dirname "$0")/../../build/vantioctl}
SOURCE=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
TMP=$(mktemp -d) || exit 1
trap 'rm -rf "$TMP"' EXIT
unset VANTIO_LEDGER VANTIO_POLICY_PATH VANTIO_AUDIT_MODE NO_COLOR
export VANTIO_STATE=$TMP/state HOME=$TMP/home XDG_DATA_HOME=$TMP/data XDG_STATE_HOME=$TMP/state XDG_CONFIG_HOME=$TMP/config
mkdir -p "$HOME"
vantioctl() { "$VANTIOCTL" "$@"; }

N=0 FAILED=0
pass() { echo "ok $((++N)) - $1"; }
fail() { echo "not ok $((++N)) - $1"; shift; [[ $# -eq 0 ]] || printf '%s\n' "$@" | sed 's/^/#   /'; FAILED=1; }
skip() { echo "ok $((++N)) - $1 # SKIP $2"; }
# The last line of every test: without it, and its plan, the file counts as failed.
finish() { echo "1..$N"; exit "$FAILED"; }

# Runs a command; $rc, $out (stdout) and $err (stderr) hold what came of it.
try() { out=$("$@" 2>"$TMP/err"); rc=$?; err=$(<"$TMP/err"); }
# is NAME GOT WANT
is() { if [[ $2 == "$3" ]]; then pass "$1"; else fail "$1" "got:  $2" "want: $3" "stderr: ${err-}"; fi; }
# has NAME TEXT PART
has() { if [[ $2 == *"$3"* ]]; then pass "$1"; else fail "$1" "no '$3' in:" "$2"; fi; }
# hasnt NAME TEXT PART
hasnt() { if [[ $2 != *"$3"* ]]; then pass "$1"; else fail "$1" "'$3' is in:" "$2"; fi; }
# holds NAME CMD...: the command succeeds
holds() { local name=$1 text; shift; if text=$("$@" 2>&1); then pass "$name"; else fail "$name" "failed: $*" "$text"; fi; }
# error_document NAME CODE: $out is one line, an error document of that code, and stderr is silent
error_document() {
	if [[ $(wc -l <<<"$out") == 1 && -z $err ]] &&
		jq -e --argjson code "$2" '.error.code == $code and (.error.message | type == "string" and length > 0)' <<<"$out" >/dev/null; then
		pass "$1"
	else
		fail "$1" "stdout: $out" "stderr: $err"
	fi
}
