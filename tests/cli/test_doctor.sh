# SPDX-License-Identifier: Apache-2.0
# doctor judges this host and says how to mend it; what it says agrees with its exit status.
. "$(dirname "$0")/lib.sh"

try vantioctl doctor
is "it could judge: status" "$rc" 0
has "the tiers are named" "$out" "observe"
try vantioctl doctor --json
is "--json: status" "$rc" 0
doc=$out
holds "--json: every check has a state" jq -e '[.checks[].state | IN("yes", "no", "unknown")] | length > 10 and all' <<<"$doc"
holds "--json: what a tier misses is a check" jq -e '[.checks[].check] as $c | [.tiers[].missing[]] | all(IN($c[]))' <<<"$doc"
holds "--json: what is required and missing can be mended" \
	jq -e '[.checks[] | select(.state == "no" and (.required_by | length > 0)) | .mend != ""] | all' <<<"$doc"
for tier in kernel user observe; do
	want=5
	jq -e --arg t $tier '.tiers[] | select(.tier == $t) | .host_can and .built' <<<"$doc" >/dev/null && want=0
	try vantioctl doctor --tier $tier
	is "--tier $tier: status" "$rc" $want
	((rc == 0)) || has "--tier $tier: said" "$err" "the $tier tier cannot run here"
	try vantioctl doctor --json -t $tier
	is "--tier $tier --json: status" "$rc" $want
	is "--tier $tier --json: one document" "$(jq -s length <<<"$out")" 1
done
if [[ $EUID == 0 ]] && command -v setpriv >/dev/null; then
	try setpriv --reuid 65534 --regid 65534 --clear-groups "$VANTIOCTL" doctor --tier kernel
	is "an ordinary user: status" "$rc" 5
	has "an ordinary user: told to be root" "$out" "run it as root"
else
	try vantioctl doctor --tier kernel
	is "an ordinary user: status" "$rc" 5
fi
if [[ $EUID == 0 ]] && jq -e '.checks[] | select(.check == "lsm-program") | .state == "no" and (.found | test("not permitted"; "i"))' <<<"$doc" >/dev/null; then
	try vantioctl load
	is "load where LSM programs are forbidden: status" "$rc" 5
	has "load where LSM programs are forbidden: said" "$err" "refuses LSM programs of root too"
fi
is "the kernel's version is right" "$(jq -r '.checks[] | select(.check == "kernel").found' <<<"$doc")" "Linux $(uname -r) $(uname -m)"
finish
