#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The first part of `make demo` claims what is so, within its columns.
# shellcheck source=tests/sandbox/lib.sh
. "$(dirname "$0")/lib.sh"

try env DEMO_PACE= DEMO_COLOR= "$SOURCE/docs/demo/host" "$VANTIOCTL"
[[ $rc != 77 ]] || skip "the whole of it" "$(grep -A3 'cannot' <<<"$out")"
[[ $rc == 77 ]] || is "everything was as claimed" "$rc$(grep 'NOT AS CLAIMED' <<<"$out")" 0
is "no line is over 80 columns" "$(awk 'length($0) > 80' <<<"$out")" ""
is "nothing is said beside it" "$err" ""
finish
