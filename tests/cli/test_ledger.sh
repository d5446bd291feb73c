# SPDX-License-Identifier: Apache-2.0
# The nouns ledger and key, over a new ledger and over ledger-v1: 12 records written by the first version, which every later one
# must still verify and show.
. "$(dirname "$0")/lib.sh"
old=$TMP/old
cp -r "$(dirname "$0")/ledger-v1" "$old"
new=$TMP/new

try vantioctl ledger verify --ledger "$TMP/none"
is "no ledger: status" "$rc" 1
has "no ledger: the mend" "$err" "key generate"
try vantioctl ledger list --ledger "$TMP/none" --json
is "no ledger, list: status" "$rc" 1
error_document "no ledger, list --json: document" 1
try vantioctl key show --ledger "$TMP/none"
is "no ledger, key show: status" "$rc" 1

try vantioctl key generate --ledger "$new"
is "key generate: status" "$rc" 0
vkey=$out
holds "key generate: a verifier key" grep -qE '^[A-Za-z0-9.-]+/vantio/[0-9a-f]{8}\+[0-9a-f]{8}\+[A-Za-z0-9+/]{44}$' <<<"$out"
is "the private key is the owner's alone" "$(stat -c %a "$new/keys/00000000")" 600
is "the ledger is the owner's alone" "$(stat -c %a "$new")" 700
try vantioctl key generate --ledger "$new"
is "key generate again: status" "$rc" 1
try vantioctl key show --ledger "$new"
is "key show: the same key" "$out" "$vkey"
try vantioctl key show --ledger "$new" --json
is "key show --json: the same key" "$(jq -r .vkey <<<"$out")" "$vkey"
try vantioctl key generate -o "$TMP/k" --name example.org/cosigner
is "key in a file: status" "$rc" 0
is "key in a file: mode" "$(stat -c %a "$TMP/k")" 600
is "key in a file: shown" "$(vantioctl key show "$TMP/k")" "$out"
try vantioctl key generate -o "$TMP/k"
is "key in a file: never overwritten" "$rc" 1
try vantioctl key generate -o "$TMP/k2" --name 'a b'
is "key of a bad name: status" "$rc" 2
[[ -e $TMP/k2 ]] && fail "key of a bad name: no file" || pass "key of a bad name: no file"
printf 'PRIVATE+KEY+half' >"$TMP/half"; chmod 600 "$TMP/half"
try vantioctl key show "$TMP/half"
is "half-written key: status" "$rc" 1
has "half-written key: said" "$err" "half-written"
chmod 644 "$TMP/k"
try vantioctl key show "$TMP/k"
has "key for all to read: the mend" "$err" "chmod 600"

try vantioctl ledger verify --ledger "$new"
is "new ledger: status" "$rc" 0
has "new ledger: nothing to compare with" "$out" "OK (unanchored): 0 records"
try vantioctl ledger verify --ledger "$new" --vkey "$vkey"
has "new ledger, again: remembered" "$out" "OK: 0 records"
try vantioctl ledger verify --ledger "$new" --vkey "$old/epochs/00000000"
is "another key: status" "$rc" 3
try vantioctl ledger verify --ledger "$new" --vkey "no+key"
is "no key: status" "$rc" 2
try vantioctl ledger list --ledger "$new"
is "empty list: status" "$rc" 0
try vantioctl ledger list --ledger "$new" --json
is "empty list --json" "$(jq -c . <<<"$out")" '{"size":"0","next_after":null,"records":[]}'
try vantioctl ledger export --ledger "$new"
is "empty export" "$rc$out" "0"

try vantioctl ledger verify --ledger "$old" --json
is "version 1: status" "$rc" 0
is "version 1: the report" "$(jq -c '[.verdict, .records, .leaf, .reason]' <<<"$out")" '["unanchored","12",null,""]'
try vantioctl ledger verify --ledger "$old" --against "$old/checkpoint"
has "version 1, with a kept checkpoint" "$out" "OK: 12 records"
try vantioctl ledger verify --ledger "$old" --against "$new/checkpoint"
is "version 1, with another's checkpoint: status" "$rc" 3
try vantioctl ledger list --ledger "$old"
is "list: status" "$rc" 0
is "list: a heading and 12 records" "$(wc -l <<<"$out")" 13
hasnt "list: no control bytes" "$out" $'\e'
has "list: hostile path, escaped once" "$out" '/work/\x1b]0;x\x07\xff"\\n'
has "list: IPv6 and its name" "$out" 'tcp [2001:db8::1]:443 (api.example.org)'
has "list: both names of a rename" "$out" '/work/secret -> /tmp/y'
has "list: not enforced" "$out" 'block (audit)'
try vantioctl ledger list --ledger "$old" --decision block --json
is "list --decision" "$(jq -c '[.records[].leaf]' <<<"$out")" '["1","5","9"]'
try vantioctl ledger list --ledger "$old" --agent coder --after 5 -n 2 --json
is "list: a page" "$(jq -c '[.next_after, [.records[].leaf]]' <<<"$out")" '["9",["7","9"]]'
try vantioctl ledger list --ledger "$old" --agent "$(vantioctl ledger list --ledger "$old" --json | jq -r '.records[3].agent')" --json
is "list: an agent by its escaped name" "$(jq -c '[.records[].leaf]' <<<"$out")" '["3"]'
is "list --rule of a list" "$(vantioctl ledger list --ledger "$old" --rule file.deny --json | jq '.records | length')" 9
is "list --hook" "$(vantioctl ledger list --ledger "$old" --hook path_rename --json | jq -r '.records[].leaf')" 6
is "list --trace-id" "$(vantioctl ledger list --ledger "$old" --trace-id 0x1122334455667788 --json | jq '.records | length')" 4
is "list --until" "$(vantioctl ledger list --ledger "$old" --until 2020-01-01T00:00:00Z --json | jq '.records | length')" 0
try vantioctl ledger list --ledger "$old" --decision maybe
is "list: a decision that is none" "$rc" 2
try vantioctl ledger list --ledger "$old" --since yesterday
is "list: a time that is none" "$rc" 2
try vantioctl ledger list --ledger "$old" -n 0
is "list: no limit" "$rc" 2
try vantioctl ledger show --ledger "$old" 3
is "show: status" "$rc" 0
hasnt "show: no control bytes" "$out" $'\e'
has "show: private fields" "$out" 'resource      path /work/\x1b]0;x\x07\xff"\\n'
id=$(vantioctl ledger show --ledger "$old" 3 --json | jq -r .record_id)
is "show: by record id" "$(vantioctl ledger show --ledger "$old" "$id" --json | jq -r .leaf)" 3
is "show --json: private fields" "$(vantioctl ledger show --ledger "$old" 5 --json | jq -r .private.resource.host)" api.example.org
try vantioctl ledger show --ledger "$old" 12
is "show: a leaf that is not there" "$rc" 1
try vantioctl ledger show --ledger "$old" 12x
is "show: neither leaf nor id" "$rc" 2
try vantioctl ledger export --ledger "$old" -o "$TMP/out"
is "export: status" "$rc" 0
holds "export: byte for byte" cmp "$TMP/out" "$old/log/00000000.ndjson"
holds "export: to a pipe" cmp <(vantioctl ledger export --ledger "$old") "$old/log/00000000.ndjson"
holds "export: JSON lines" jq -es 'length == 12 and all(.[]; .v == 1)' "$TMP/out"
try vantioctl ledger export --ledger "$old" -o "$TMP/no/such/folder"
is "export: nowhere to write" "$rc" 1

sed -i '8s/"uid":1000/"uid":1001/' "$old/log/00000000.ndjson"
try vantioctl ledger verify --ledger "$old"
is "changed: status" "$rc" 3
has "changed: the leaf" "$out" "FAIL: leaf 7: its line is not the one that was signed"
try vantioctl ledger verify --ledger "$old" --json
is "changed --json: status" "$rc" 3
is "changed --json: the leaf" "$(jq -c '[.verdict, .leaf]' <<<"$out")" '["fail","7"]'
try vantioctl ledger export --ledger "$old" -o "$TMP/out2"
is "changed, export: status" "$rc" 3
[[ -e $TMP/out2 ]] && fail "changed, export: no file" || pass "changed, export: no file"
rm -r "$old/epochs"
try vantioctl ledger verify --ledger "$old"
is "no key to judge by: status" "$rc" 4
finish
