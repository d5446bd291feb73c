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
has "new ledger, again: a head of no record anchors nothing" "$out" "OK (unanchored): 0 records"
try vantioctl ledger verify --ledger "$new" --vkey "$old/epochs/00000000"
is "another key: status" "$rc" 3
try vantioctl ledger verify --ledger "$new" --vkey "no+key"
is "no key: status" "$rc" 2
try vantioctl ledger list --ledger "$new"
is "empty list: status" "$rc" 0
try vantioctl ledger list --ledger "$new" --json
is "empty list --json" "$(jq -c . <<<"$out")" '{"size":"0","next_after":null,"records":[],"next_before":null}'
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
leaves() { vantioctl ledger list --ledger "$old" --json "$@" | jq -r '[.records[].leaf] | join(" ")'; }
is "list --filter of a private field" "$(leaves --filter 'resource.host=api.example.org')" "5"
is "list --filter, forward" "$(leaves --filter 'op=read' --after 0 -n 2)" "$(vantioctl ledger list --ledger "$old" --json |
	jq -r '[.records[] | select(.op == "read" and .leaf != "0") | .leaf][:2] | join(" ")')"
is "list --filter, the newest" "$(leaves --filter 'decision!=permit' -n 3)" "$(vantioctl ledger list --ledger "$old" --json |
	jq -r '[.records[] | select(.decision != "permit") | .leaf][-3:] | join(" ")')"
is "list --before" "$(leaves --before 4 -n 2)" "2 3"
is "list --filter --before" "$(leaves --filter 'decision!=permit' --before 7 -n 2)" "$(vantioctl ledger list --ledger "$old" --json |
	jq -r '[.records[] | select(.decision != "permit" and (.leaf | tonumber) < 7) | .leaf][-2:] | join(" ")')"
is "list --before the first" "$(leaves --before 0)" ""
is "list: the page before" "$(vantioctl ledger list --ledger "$old" -n 5 --json | jq -r .next_before)" 7
is "list --reverse" "$(leaves -r -n 3)" "11 10 9"
is "list --sort" "$(leaves --sort pid)" "$(vantioctl ledger list --ledger "$old" --json |
	jq -r '[.records | sort_by(.pid, (.leaf | tonumber))[].leaf] | join(" ")')"
is "list --sort, pages" "$(leaves --sort decision -n 7) $(leaves --sort decision --offset 7)" "$(leaves --sort decision)"
try vantioctl ledger list --ledger "$old" --filter nonsense=1
is "list --filter of no field: status" "$rc" 2
try vantioctl ledger list --ledger "$old" --offset 1
is "list --offset without --sort: status" "$rc" 2
try vantioctl ledger stats --ledger "$old" --json
is "stats: everything is counted" "$(jq -c '[.records, ([.series[].spans[].decisions | tonumber] | add | tostring) == .decisions]' <<<"$out")" '["12",true]'
try vantioctl ledger stats --ledger "$old" --by decision --json
is "stats --by decision" "$(jq -r '.series[] | select(.key == "block").decisions' <<<"$out")" \
	"$(vantioctl ledger list --ledger "$old" --decision block --json | jq '[.records[].count] | add')"
try vantioctl ledger stats --ledger "$old" --by agent -n 1 --json
is "stats -n: the others together" "$(jq -c '[(.series | length), .series[1].key | tostring | test("^2$|others")]' <<<"$out")" "[true,true]"
try vantioctl ledger stats --ledger "$old"
is "stats in a pipe: status" "$rc" 0
has "stats in a pipe: plain" "$out" "TIME"
hasnt "stats in a pipe: no control bytes" "$out" $'\e'
try vantioctl ledger stats --ledger "$old" --agent nobody --json
is "stats of nothing" "$(jq -c '[.records, .series]' <<<"$out")" '["0",[]]'
try vantioctl ledger stats --ledger "$old" --by colour
is "stats by what is no field: status" "$rc" 2
if command -v script >/dev/null; then
	out=$(script -qec "stty cols 60; $(printf %q "$VANTIOCTL") ledger stats --ledger $(printf %q "$old") --by op --no-color" /dev/null)
	has "stats on a terminal: a chart" "$out" "OVER TIME"
	is "stats on a terminal: no row is wider" "$(tail -n +2 <<<"$out" | tr -d '\r' | awk 'length > 60' | wc -l)" 0
else
	skip "stats on a terminal: a chart" "script is not installed"
fi
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
try vantioctl ledger export --ledger "$old" -o "$TMP/out" --json
holds "export: a document of what was written" jq -e --arg file "$TMP/out" '.file == $file and .records == "12"' <<<"$out"
is "export, --json: stderr stays empty" "$err" ""
try vantioctl ledger export --ledger "$old" -o "$TMP/no/such/folder"
is "export: nowhere to write" "$rc" 1

printf '%s\n' 0123456789abcdef >"$TMP/hmac"
try vantioctl ledger export --ledger "$old" --hmac-key "$TMP/hmac"
is "export --hmac-key: status" "$rc" 0
is "export --hmac-key: a member more" "$(head -n 1 <<<"$out" | jq -r '.x_vantio_signature | length')" 64
is "export --hmac-key: the stored line beside it" "$(sed 's/,"x_vantio_signature":"[0-9a-f]*"}$/}/' <<<"$out")" "$(<"$old/log/00000000.ndjson")"
printf short >"$TMP/short"
try vantioctl ledger export --ledger "$old" --hmac-key "$TMP/short"
is "export --hmac-key, too short: status" "$rc" 1
is "export --hmac-key, too short: nothing is written" "$out" ""
is "export --format csv: a heading and 12 rows" "$(vantioctl ledger export --ledger "$old" --format csv | wc -l)" 13
is "export --format csv: hostile bytes stay escaped" "$(vantioctl ledger export --ledger "$old" --format csv | LC_ALL=C grep -c '[[:cntrl:]]')" 0
try vantioctl ledger export --ledger "$old" --format spanner -o "$TMP/spanner" --location gs://b/f
is "export --format spanner: status" "$rc" 0
is "export --format spanner: rows" "$(jq '.mutations[0].insert.values | length' "$TMP/spanner/commits/00000000.json")" 12
is "export --format spanner: the manifest's columns are the part's" "$(jq '.tables[0].columns | length' "$TMP/spanner/manifest.json")" \
	"$(jq '.mutations[0].insert.columns | length - 1' "$TMP/spanner/commits/00000000.json")"
try vantioctl ledger export --ledger "$old" --format tlog-tiles -o "$TMP/tiles"
is "export --format tlog-tiles: status" "$rc" 0
is "export --format tlog-tiles: the files" "$(cd "$TMP/tiles" && find . -type f | sort | tr '\n' ' ')" "./checkpoint ./tile/0/000.p/12 ./tile/entries/000.p/12 "
holds "export --format tlog-tiles: the ledger's tiles" cmp "$TMP/tiles/tile/0/000.p/12" "$old/tile/0/000.p/12"
try vantioctl ledger export --ledger "$new" --format tlog-tiles -o "$TMP/tiles"
is "export into another's folder: status" "$rc" 1
try vantioctl ledger export --ledger "$old" --format tlog-tiles
is "export of a folder to standard output: status" "$rc" 2
try vantioctl ledger export --ledger "$old" --retain 3
is "export: --retain without spanner: status" "$rc" 2

try vantioctl ledger checkpoint --ledger "$old"
is "checkpoint: status" "$rc" 0
is "checkpoint: the note as it is stored" "$out" "$(<"$old/checkpoint")"
is "checkpoint --json" "$(vantioctl ledger checkpoint --ledger "$old" --json | jq -c '[.size, (.root | length), .note]')" \
	"$(jq -Rsc '["12", 64, .]' "$old/checkpoint")"
vantioctl ledger checkpoint --ledger "$old" >"$TMP/kept"
holds "checkpoint: verify takes it" vantioctl ledger verify --ledger "$old" --against "$TMP/kept"
try vantioctl ledger checkpoint --ledger "$TMP/none"
is "checkpoint, no ledger: status" "$rc" 1
cp -r "$old" "$TMP/unsigned" && sed -i '2s/12/13/' "$TMP/unsigned/checkpoint"
try vantioctl ledger checkpoint --ledger "$TMP/unsigned"
is "checkpoint, changed: status" "$rc" 3
is "checkpoint, changed: not printed" "$out" ""
echo "no database" >"$old/index.sqlite3"
try vantioctl ledger verify --ledger "$old"
is "damaged index: status" "$rc" 3
has "damaged index: the mend" "$out" "vantioctl ledger reindex"
try vantioctl ledger reindex --ledger "$old"
is "reindex: status" "$rc" 0
has "reindex: said" "$out" "12 records"
holds "reindex: the old index is set aside" grep -q "no database" "$old"/quarantine/*-index.sqlite3
try vantioctl ledger verify --ledger "$old" --json
is "reindex: verify" "$(jq -c '[.verdict, .index_checked]' <<<"$out")" '["ok",true]'
is "reindex --json" "$(vantioctl ledger reindex --ledger "$old" --json | jq -r .records)" 12
mkdir "$TMP/folder"
try vantioctl ledger reindex --ledger "$TMP/folder"
is "reindex, no ledger: status" "$rc" 1
is "reindex, no ledger: nothing is made" "$(ls -A "$TMP/folder")" ""

vkey=$(<"$old/epochs/00000000")
try vantioctl ledger prove 3 --ledger "$old"
is "prove: status" "$rc" 0
is "prove: the record, byte for byte" "$(sed -n 2p <<<"$out")" "$(sed -n 4p "$old/log/00000000.ndjson")"
is "prove: discloses nothing unasked" "$(sed -n 3p <<<"$out")" "[]"
printf '%s\n' "$out" >"$TMP/3.receipt"
try vantioctl receipt verify "$TMP/3.receipt" --vkey "$vkey"
is "receipt: status" "$rc" 0
has "receipt: verdict" "$out" "OK: leaf 3 of the 12"
has "receipt: nothing disclosed" "$out" "no private field is disclosed"
hasnt "receipt: no control bytes" "$out" $'\e'
is "prove by record id: the same" "$(vantioctl ledger prove "$id" --ledger "$old")" "$(<"$TMP/3.receipt")"
try vantioctl ledger prove 5 --disclose resource,comm --ledger "$old" -o "$TMP/5.receipt"
is "prove --disclose: status" "$rc" 0
is "prove: the file is the owner's alone" "$(stat -c %a "$TMP/5.receipt")" 600
try vantioctl receipt verify "$TMP/5.receipt" --vkey "$old/epochs/00000000" --json
is "receipt --json" "$(jq -c '[.verdict, .epoch, .size, .record.leaf, .record.private.resource.host, (.record.private | keys)]' <<<"$out")" \
	'["ok","0","12","5","api.example.org",["comm","resource"]]'
mkdir "$TMP/receipts"
try vantioctl ledger prove 0 11 --ledger "$old" -o "$TMP/receipts"
is "prove several: status" "$rc" 0
is "prove several: a file each" "$(cd "$TMP/receipts" && echo *)" "0.receipt 11.receipt"
holds "prove several: they hold" vantioctl receipt verify "$TMP/receipts/11.receipt" --vkey "$vkey"
try vantioctl ledger prove 0 1 --ledger "$old" --json
is "prove --json" "$(jq -c '[.receipts[].leaf]' <<<"$out")" '["0","1"]'
jq -j '.receipts[1].receipt' <<<"$out" >"$TMP/1.receipt"
holds "prove --json: the receipt itself" vantioctl receipt verify "$TMP/1.receipt" --vkey "$vkey"
try vantioctl ledger prove 0 1 --ledger "$old"
is "prove several, nowhere to put them: status" "$rc" 2
try vantioctl ledger prove 0 --ledger "$old" --disclose nonesuch
is "prove: no such field: status" "$rc" 1
has "prove: no such field: said" "$err" "no private field 'nonesuch'"
try vantioctl ledger prove 12 --ledger "$old"
is "prove: a leaf that is not there" "$rc" 1
try vantioctl ledger prove x --ledger "$old"
is "prove: neither leaf nor id" "$rc" 2
try vantioctl ledger prove --ledger "$old"
is "prove: no record named" "$rc" 2
try vantioctl receipt verify "$TMP/3.receipt"
is "receipt without a key: status" "$rc" 2
try vantioctl receipt verify "$TMP/3.receipt" --vkey "$new/epochs/00000000"
is "receipt, another's key: status" "$rc" 3
has "receipt, another's key: said" "$out" "FAIL: its checkpoint: not signed by"
sed '2s/"uid":1000/"uid":1001/' "$TMP/3.receipt" >"$TMP/forged.receipt"
try vantioctl receipt verify "$TMP/forged.receipt" --vkey "$vkey" --json
is "receipt, changed: status" "$rc" 3
is "receipt, changed: verdict" "$(jq -r .verdict <<<"$out")" fail
sed '1s/v1/v2/' "$TMP/3.receipt" >"$TMP/later.receipt"
try vantioctl receipt verify "$TMP/later.receipt" --vkey "$vkey"
is "receipt of another version: status" "$rc" 4
try vantioctl receipt verify /bin/sh --vkey "$vkey"
is "not a receipt: status" "$rc" 3
try vantioctl receipt verify "$TMP/none" --vkey "$vkey"
is "receipt that is not there: status" "$rc" 1

vantioctl key generate -o "$TMP/w1" --name witness.example/1 >"$TMP/w1.plain"
vantioctl key generate -o "$TMP/w2" --name witness.example/2 >/dev/null
vantioctl key show "$TMP/w1" --as-witness >"$TMP/w1.vkey"
vantioctl key show "$TMP/w2" --as-witness >"$TMP/w2.vkey"
try vantioctl key show --as-witness --ledger "$old"
is "a ledger's key as a witness: status" "$rc" 2
try vantioctl ledger cosign --ledger "$old" --key "$TMP/w1" --vkey "$vkey" -o "$TMP/note1"
is "cosign: status" "$rc" 0
is "cosign: the checkpoint, and a line" "$(head -n -1 "$TMP/note1")" "$(<"$old/checkpoint")"
try vantioctl ledger cosign --ledger "$old" --key "$TMP/w2" --vkey "$vkey" "$TMP/note1" --json
is "cosign what another cosigned" "$(jq -r .note <<<"$out" | grep -c '^— witness.example/[12] ')" 2
jq -j .note <<<"$out" >"$TMP/note2"
both=(--witness "$TMP/w1.vkey" --witness "$(<"$TMP/w2.vkey")")
try vantioctl ledger verify --ledger "$old" --vkey "$vkey" --against "$TMP/note2" "${both[@]}" --json
is "quorum: both" "$rc$(jq -c '[.verdict, .witnesses, .witnessed]' <<<"$out")" '0["ok","2","12"]'
try vantioctl ledger verify --ledger "$old" --vkey "$vkey" --against "$TMP/note1" "${both[@]}"
is "quorum: one of two: status" "$rc" 3
has "quorum: one of two: said" "$out" "only 1 of the 2 witnesses"
try vantioctl ledger verify --ledger "$old" --vkey "$vkey" --against "$TMP/note1" "${both[@]}" --quorum 1
is "quorum: one is enough: status" "$rc" 0
has "quorum: one is enough: said" "$out" "1 cosigned the first 12 records"
try vantioctl ledger verify --ledger "$old" --vkey "$vkey" "${both[@]}"
is "quorum: nobody cosigned the newest: status" "$rc" 3
cosigned=$(tail -n 1 "$TMP/note2")
{ cat "$TMP/note1"; echo "${cosigned:0:30}AAAAAAAA${cosigned:38}"; } >"$TMP/note3"
try vantioctl ledger verify --ledger "$old" --vkey "$vkey" --against "$TMP/note3" "${both[@]}" --quorum 1
is "quorum: a bad cosignature beside a good one: status" "$rc" 3
has "quorum: a bad cosignature beside a good one: said" "$out" "the cosignature of 'witness.example/2'"
try vantioctl ledger verify --ledger "$old" --vkey "$vkey" --against "$TMP/note2" --witness "$TMP/w1.vkey" --witness "$(<"$TMP/w1.vkey")"
is "quorum: a witness twice: status" "$rc" 2
try vantioctl ledger verify --ledger "$old" --witness "$TMP/w1.plain"
is "quorum: no key of a witness: status" "$rc" 1
has "quorum: no key of a witness: the mend" "$err" "key show --as-witness"
try vantioctl ledger verify --ledger "$old" --quorum 1
is "quorum of nobody: status" "$rc" 2
try vantioctl ledger prove 3 --ledger "$old" --checkpoint "$TMP/note2" -o "$TMP/cosigned.receipt"
is "prove by a cosigned checkpoint: status" "$rc" 0
holds "receipt: quorum" vantioctl receipt verify "$TMP/cosigned.receipt" --vkey "$vkey" "${both[@]}"
try vantioctl receipt verify "$TMP/3.receipt" --vkey "$vkey" "${both[@]}"
is "receipt: no quorum: status" "$rc" 3
try vantioctl ledger prove 3 --ledger "$old" --checkpoint "$new/checkpoint"
is "prove by another ledger's checkpoint: status" "$rc" 3
try vantioctl ledger cosign --ledger "$old" --key "$TMP/w1" "$new/checkpoint"
is "cosign another ledger's checkpoint: status" "$rc" 3
is "cosign another ledger's checkpoint: nothing is written" "$out" ""
"$MAKE_LEDGER" "$TMP/grown" 3 && vantioctl ledger cosign --ledger "$TMP/grown" --key "$TMP/w1" -o "$TMP/g3" -q
"$MAKE_LEDGER" "$TMP/grown" 2 && vantioctl ledger cosign --ledger "$TMP/grown" --key "$TMP/w1" -o "$TMP/g5" -q
try vantioctl ledger cosign --ledger "$TMP/grown" --key "$TMP/w1" "$TMP/g3"
is "cosign an older checkpoint: status" "$rc" 3
has "cosign an older checkpoint: said" "$err" "cosigned this log at 5 records before"
try vantioctl ledger cosign --ledger "$TMP/grown" --key "$TMP/grown/keys/00000000"
is "cosign with the ledger's own key: status" "$rc" 1
try vantioctl ledger verify --ledger "$TMP/grown" --against "$TMP/g3" --witness "$TMP/w1.vkey"
has "quorum: what was appended since" "$out" "leaf 3 and those behind it were appended since"

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
try vantioctl ledger prove 7 --ledger "$old"
is "changed, prove: status" "$rc" 3
is "changed, prove: no receipt" "$out" ""
rm -r "$old/epochs"
try vantioctl ledger verify --ledger "$old"
is "no key to judge by: status" "$rc" 4
finish
