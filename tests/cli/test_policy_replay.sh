# SPDX-License-Identifier: Apache-2.0
# policy replay over ledger-v1, whose 12 records hold paths, two names, addresses with and without a host, a unix name and bytes that
# are escaped.
. "$(dirname "$0")/lib.sh"
cp -r "$(dirname "$0")/ledger-v1" "$TMP/led"
cd "$TMP" || exit 1
export VANTIO_LEDGER=$TMP/led

cat >d.toml <<'END'
schema = 1
name = "draft"
[file]
default = "deny"
read = ["/usr/**", '/work/\x1b]0;x\x07\xff"\\n']
write = ["/work/**", "/tmp/*"]
[exec]
default = "allow"
[network]
default = "deny"
connect = ["api.example.org:443", "unix:@bus"]
END
replay() { try vantioctl policy replay "$@"; }

replay d.toml
is "replay: status 0 though verdicts differ" "$rc" 0
is "replay: groups by rule, new refusals first, and what is left out" "$out" 'newly denied, 1 decision: deny by file.default (d.toml:4): no rule matches
         1  read /work/secret  (leaf 0)
newly allowed, 2 decisions: allow by exec.default (d.toml:8): no rule matches
         2  exec /work/secret  (leaf 1, by file.deny[2])
newly allowed, 1 decision: allow by file.read[1] (d.toml:5): /work/\x1b]0;x\x07\xff"\\n
         1  read /work/\x1b]0;x\x07\xff"\\n  (leaf 3, by file.deny[2])
newly allowed, 1 decision: allow by file.write[1] (d.toml:6): /work/**, and the new name by file.write[0] (d.toml:6): /tmp/*
         1  rename /work/secret -> /tmp/y  (leaf 6, by file.deny[2])
newly allowed, 1 decision: allow by network.connect[0] (d.toml:11): api.example.org:443
         1  connect tcp:[2001:db8::1]:443  (leaf 5, by file.deny[2])
newly allowed, 1 decision: allow by network.connect[1] (d.toml:11): unix:@bus
         1  connect unix:@bus  (leaf 7, by file.deny[2])
12 records: 1 decision newly denied, 6 newly allowed, 2 as recorded; not replayed:
         3  to an address that a host name of this policy may stand for'
replay d.toml --fail-on-change
is "replay --fail-on-change: status" "$rc" 1
replay d.toml --json
holds "replay --json: one document" jq -es 'length == 1' <<<"$out"
holds "replay --json: the counts" jq -e '[.records, .newly_denied, .newly_allowed, .same, .unsettled, .erased, .not_by_rules] ==
	["12", "1", "6", "2", "3", "0", "0"] and .permits == "3"' <<<"$out"
holds "replay --json: they add up" jq -e '([.newly_denied, .newly_allowed, .same, .erased, .damaged, .not_by_rules, .unsettled, .unaskable |
	tonumber] | add) == 12' <<<"$out"
holds "replay --json: a group" jq -e '.changes[1] | .verdict == "allow" and .rule == "exec.default" and .line == 8 and .decisions == "2" and
	.more == "0" and .examples == [{"op": "exec", "target": "/work/secret", "decisions": "2", "leaf": "1", "recorded_rule": "file.deny[2]"}]' <<<"$out"
# The verdicts are those of explain.
while read -r verdict op target target2; do
	is "replay: explain says the same of $op $target" "$(vantioctl policy explain d.toml "$op" "$target" ${target2:+"$target2"} --json | jq -r .verdict)" "$verdict"
done < <(jq -r '.changes[] | .verdict as $v | .examples[] | select(.target | contains("\\") or contains("2001") | not) |
	"\($v) \(.op) \(.target) \(.target2 // "")"' <<<"$out")

# Without names, an address is settled; with a narrower question fewer records are asked.
sed 's/"api.example.org:443"/"192.0.2.0\/24"/' d.toml >addr.toml
replay addr.toml --json
holds "replay: addresses are judged by addresses" jq -e '.unsettled == "0" and
	([.changes[] | select(.rule == "network.connect[0]")][0].decisions == "2")' <<<"$out"
replay d.toml --agent coder --json
holds "replay --agent: its records alone" jq -e '.records == "5" and .newly_denied == "0"' <<<"$out"
replay d.toml --since 2250-01-01T00:00:00Z
is "replay: no record, status" "$rc" 0
has "replay: no record, said" "$err" "no record matches"
replay d.toml --since 2250-01-01T00:00:00Z --fail-on-change
is "replay: no record is no change" "$rc" 0
replay d.toml -n 1 --json
holds "replay --limit: examples" jq -e 'all(.changes[]; .examples | length == 1)' <<<"$out"

# A policy that agrees with all that was recorded.
cat >none.toml <<'END'
schema = 1
name = "none"
[file]
default = "deny"
[exec]
default = "deny"
[network]
default = "deny"
END
replay none.toml
has "replay: only permits differ" "$out" "12 records: 3 decisions newly denied, 0 newly allowed, 9 as recorded"
hasnt "replay: nothing is left out" "$out" "not replayed"

# Private fields that are not the record's, then none at all: counted, and not believed.
sed -i '1{h;d};2{G}' led/private/00000000.ndjson
replay none.toml --json
holds "replay --json: damaged" jq -e '.damaged == "2" and .newly_denied == "2" and .same == "8"' <<<"$out"
: >led/private/00000000.ndjson
replay none.toml
is "replay: erased, status" "$rc" 0
has "replay: erased, counted" "$out" "        12  erased: what was asked for is no longer in the ledger"
replay none.toml --json
holds "replay --json: erased" jq -e '.erased == "12" and .changes == []' <<<"$out"

# A policy agrees with what a run under it recorded, whatever was asked for.
cat >own.toml <<'END'
schema = 1
name = "own"
record = "all"
[file]
default = "deny"
read = ["/**"]
write = ["/dev/null", "$WORKDIR/**"]
deny = ["**/*.key"]
[exec]
default = "allow"
[network]
default = "deny"
END
mkdir -p w
vantioctl key generate --ledger own >key.txt
cd w || exit 1
try vantioctl run -q --tier user --ledger "$TMP/own" --policy ../own.toml -- sh -c 'echo a >a; mv a b; ln b c.key; cat x.key; mkdir ../no; rm b; exit 7'
cd ..
if [[ $rc == 5 ]]; then
	skip "replay: a policy over its own run" "run needs what this machine lacks"
else
	is "replay: its own run, status" "$rc" 7
	replay own.toml -w "$TMP/w" --ledger own --json
	holds "replay: its own run is as recorded" jq -e '.newly_denied == "0" and .newly_allowed == "0" and (.same | tonumber) > 10' <<<"$out"
	sed 's/, "$WORKDIR.*\*"//' own.toml >less.toml
	replay less.toml -w "$TMP/w" --ledger own --json
	holds "replay: a draft without its folder refuses the rename" jq -e '.newly_allowed == "0" and
		([.changes[] | .examples[] | .op] | index("rename")) and all(.changes[]; .verdict == "deny")' <<<"$out"
fi

replay absent.toml
is "replay: no such policy" "$rc" 1
printf 'schema = 1\n' >bad.toml
replay bad.toml --json
error_document "replay --json: a bad policy" 1
VANTIO_LEDGER=$TMP/nowhere replay d.toml
is "replay: no ledger, status" "$rc" 1
has "replay: no ledger, the mend" "$err" "--ledger"
replay d.toml -n 0
is "replay: --limit 0 is a usage error" "$rc" 2
replay d.toml --since yesterday
is "replay: a bad time is a usage error" "$rc" 2

finish
