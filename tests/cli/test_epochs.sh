# SPDX-License-Identifier: Apache-2.0
# Forward security: key rotate, and what follows from it for verify and receipts.
. "$(dirname "$0")/lib.sh"
MAKE_LEDGER=${MAKE_LEDGER:-$(dirname "$0")/../../build/tests/install/make_ledger}
l=$TMP/ledger
"$MAKE_LEDGER" "$l" 12
vkey=$(vantioctl key show --ledger "$l")
vantioctl ledger checkpoint --ledger "$l" >"$TMP/kept"

try vantioctl key rotate --ledger "$TMP/none"
is "no ledger: status" "$rc" 1
[[ -e $TMP/none ]] && fail "no ledger: none is made" || pass "no ledger: none is made"
mkdir "$TMP/empty"
try vantioctl key rotate --ledger "$TMP/empty"
is "an empty folder: status" "$rc" 1
has "an empty folder: the mend" "$err" "key generate"
is "an empty folder: stays so" "$(ls -A "$TMP/empty")" ""
try vantioctl key rotate --ledger "$l"
is "rotate: status" "$rc" 0
is "rotate: said" "$out" "epoch 0 is sealed at 12 records; epoch 1 signs with a new key, and the old one is erased"
is "rotate --json" "$(vantioctl key rotate --ledger "$l" --json | jq -c .)" '{"epoch":"2","sealed":"12"}'
is "rotate: one private key is left" "$(ls -A "$l/keys")" 00000002
is "rotate: it is the owner's alone" "$(stat -c %a "$l/keys/00000002")" 600
is "rotate: the genesis key stays" "$(vantioctl key show --ledger "$l")" "$vkey"
try vantioctl ledger verify --ledger "$l" --vkey "$vkey"
is "verified with the genesis key alone" "$rc" 0
try vantioctl ledger verify --ledger "$l" --against "$TMP/kept"
is "a checkpoint of the old key's still holds" "$rc" 0
vantioctl ledger prove 3 --ledger "$l" -o "$TMP/3.receipt" 2>/dev/null
try vantioctl receipt verify "$TMP/3.receipt" --vkey "$vkey" --json
is "a receipt is under the key of its record's epoch" "$rc $(jq -r .epoch <<<"$out")" "0 0"
try vantioctl key rotate --ledger "$l" now
is "an argument: status" "$rc" 2
try vantioctl enforce --rotate 5
is "enforce --rotate: no unit" "$rc" 2
try vantioctl enforce --rotate 10ms
has "enforce --rotate: too often" "$err" "at least 1s"

is "keys: the chain" "$(vantioctl ledger keys --ledger "$l" --json | jq -c '[.epochs[] | [.epoch, .begin, .end, .sealed]]')" \
	'[["0","0","12",true],["1","12","12",true],["2","12","12",false]]'
is "keys: the first is the genesis key" "$(vantioctl ledger keys --ledger "$l" --json | jq -r '.epochs[0].vkey')" "$vkey"
is "keys: a row each" "$(vantioctl ledger keys --ledger "$l" | wc -l)" 4
try vantioctl ledger keys --ledger "$TMP/none"
is "keys, no ledger: status" "$rc" 1
try vantioctl ledger verify --ledger "$l" --since 5 --json
is "verify --since a leaf: the segment that holds it" "$rc $(jq -c '[.verdict, .first, .end, .epochs]' <<<"$out")" '0 ["ok","0","12","3"]'
try vantioctl ledger verify --ledger "$l" --since 2020-01-01T00:00:00Z
is "verify --since a time: status" "$rc" 0
has "verify: seals are named" "$out" "the seals of 2 epochs"
try vantioctl ledger verify --ledger "$l" --since yesterday
is "verify --since neither: status" "$rc" 2
try vantioctl ledger verify --ledger "$l" --since 3 --segment 0
is "verify --since and --segment: status" "$rc" 2
try vantioctl ledger verify --ledger "$l" --segment 0
is "verify --segment: status" "$rc" 0
try vantioctl ledger verify --ledger "$l" --segment 1
is "verify --segment that is not there: status" "$rc" 4
has "verify --segment that is not there: said" "$out" "there is no segment 1: the ledger has 1"
is "verify: no progress but on a terminal" "$err" ""
cp -r "$l" "$TMP/gap" && rm "$TMP/gap/epochs/00000001"
try vantioctl ledger verify --ledger "$TMP/gap" --vkey "$vkey"
is "a seal is missing: status" "$rc" 3
has "a seal is missing: said" "$out" "epoch 1 is missing"
rm "$TMP/gap/epochs/00000002"
try vantioctl ledger verify --ledger "$TMP/gap" --vkey "$vkey"
is "all seals are missing: status" "$rc" 3
try vantioctl ledger keys --ledger "$TMP/gap"
is "keys without seals: status" "$rc" 3
try vantioctl key rotate --ledger "$TMP/gap"
is "rotate without seals: status" "$rc" 1
is "rotate without seals: no key is touched" "$(ls -A "$TMP/gap/keys")" 00000002

leaves() { vantioctl ledger list --ledger "$l" --json "$@" | jq -c '[.records[].leaf | tonumber]'; }
is "list --filter by a private field" "$(leaves --filter 'addr=192.0.2.1')" '[2,5,8,11]'
is "list --filter by both kinds" "$(leaves --filter 'path~/work/*,op=exec,decision=block')" '[1]'
is "list --filter: the newest" "$(leaves --filter 'addr=192.0.2.1' -n 2)" '[8,11]'
is "list --filter: a page" "$(leaves --filter 'addr=192.0.2.1' --after 2 -n 2)" '[5,8]'
is "list --filter beside an option" "$(leaves --filter 'addr=192.0.2.1' --agent coder)" '[5,11]'
is "list --filter that contradicts an option" "$(leaves --filter 'agent=tester' --agent coder)" '[]'
is "list --filter: none" "$(leaves --filter 'comm=none')" '[]'
try vantioctl ledger list --ledger "$l" --filter 'cmm=sh'
is "list --filter, no such field: status" "$rc" 2
has "list --filter, no such field: the nearest" "$err" "did you mean 'comm'"

e=$TMP/erased
cp -r "$l" "$e"
try vantioctl ledger erase --ledger "$e"
is "erase, nothing named: status" "$rc" 2
try vantioctl ledger erase --ledger "$e" --field uid --before 2100-01-01T00:00:00Z
is "erase, no private field: status" "$rc" 2
try vantioctl ledger erase --ledger "$TMP/none" --field comm --before 2100-01-01T00:00:00Z
is "erase, no ledger: status" "$rc" 1
try vantioctl ledger erase --ledger "$e" --field comm --before 2100-01-01T00:00:00Z --dry-run
is "erase --dry-run: said" "$rc $out" "0 would erase 12 values of 12 records"
try vantioctl ledger erase --ledger "$e" --field comm --field exe --before 2100-01-01T00:00:00Z
is "erase: said" "$rc $out" "0 erased 24 values of 12 records; leaf 12 records it"
try vantioctl ledger verify --ledger "$e" --vkey "$vkey"
is "erase: the log still verifies" "$rc" 0
has "erase: verify says so" "$out" "private fields of 12 records are missing"
has "erase: list says so" "$(vantioctl ledger list --ledger "$e")" "(erased)"
has "erase: the record of it" "$(vantioctl ledger list --ledger "$e" -n 1)" "comm,exe of 12 records before 2100-01-01T00:00:00.000000000Z"
has "erase: show says which" "$(vantioctl ledger show 3 --ledger "$e")" "exe           (erased)"
is "erase: show --json" "$(vantioctl ledger show 3 --ledger "$e" --json | jq -c '[.erased, (.private | has("comm")), (.private | has("cgroup"))]')" \
	'[["comm","exe"],false,true]'
try vantioctl ledger prove 3 --disclose comm --ledger "$e"
is "erase: it cannot be disclosed any more" "$rc" 1
try vantioctl ledger prove 3 --disclose cgroup --ledger "$e" -o "$TMP/4.receipt"
holds "erase: what was not erased can" vantioctl receipt verify "$TMP/4.receipt" --vkey "$vkey"
is "erase again: nothing to do" "$(vantioctl ledger erase --ledger "$e" --field comm --before 2100-01-01T00:00:00Z --json | jq -c .)" \
	'{"records":"0","values":"0","leaf":null,"linked":"0"}'
hasnt "erase: the values are gone from the folder" "$(grep -rl "$(sed -n 4p "$l/private/00000000.ndjson" | jq -r '.[3]')" "$e")" "$e"
sed -i '5s/^\[/{/' "$e/private/00000000.ndjson"
try vantioctl ledger erase --ledger "$e" --field cgroup --before 2100-01-01T00:00:00Z
is "erase, a damaged sidecar: status" "$rc" 3
has "erase, a damaged sidecar: the leaf" "$err" "leaf 4"
finish
