# SPDX-License-Identifier: Apache-2.0
# The noun tail, over ledger-v1 and over a ledger that grows meanwhile ($MAKE_LEDGER DIR N appends N records and commits them).
. "$(dirname "$0")/lib.sh"
old=$TMP/old new=$TMP/new
cp -r "$(dirname "$0")/ledger-v1" "$old"

try vantioctl tail --ledger "$TMP/none"
is "no ledger: status" "$rc" 1
has "no ledger: the mend" "$err" "--ledger"
try vantioctl tail --ledger "$TMP/none" --follow --json
is "no ledger, --follow: status" "$rc" 1
error_document "no ledger, --follow --json: document" 1

try vantioctl tail --ledger "$old"
is "tail: status" "$rc" 0
is "tail: ten records, and what was lost" "$(grep -c '^2026-' <<<"$out") $(wc -l <<<"$out")" "10 11"
hasnt "tail: no control bytes" "$out" $'\e'
has "tail: hostile path, escaped once" "$out" '/work/\x1b]0;x\x07\xff"\\n'
has "tail: IPv6 and its name" "$out" 'tcp [2001:db8::1]:443 (api.example.org)'
has "tail: both names of a rename" "$out" '/work/secret -> /tmp/y'
has "tail: not enforced" "$out" 'block (audit)'
has "tail: what was lost" "$out" '5 events were lost here'
has "tail: rule, hook, program" "$out" 'file.deny[2]  file_open  sh[109]'
is "tail -n 3: the newest, in order" "$(vantioctl tail --ledger "$old" -n 3 --json | jq -c .leaf | paste -sd,)" '"9","10","11"'
is "tail -n 0: nothing" "$(vantioctl tail --ledger "$old" -n 0)" ""
is "tail -n 1000: all" "$(vantioctl tail --ledger "$old" -n 1000 --json | wc -l)" 12
try vantioctl tail --ledger "$old" -n 100001
is "tail: too many lines" "$rc" 2
is "--json: as ledger show has it" "$(vantioctl tail --ledger "$old" -n 1 --json | jq -S .)" \
	"$(vantioctl ledger show --ledger "$old" 11 --json | jq -S .)"
colours() { TERM=xterm script -qec "'$VANTIOCTL' tail --ledger '$old' --filter decision=$1 -n 1" /dev/null; }
has "a block is red on a terminal" "$(colours block,enforced=true)" $'\e[31mblock'
has "a permit is green on a terminal" "$(colours permit)" $'\e[32mpermit'
hasnt "hostile bytes stay out of a terminal" "$(colours killswitch,agent~evil*)" $'\e]0;x'

leaves() { vantioctl tail --ledger "$old" --json --filter "$1" "${@:2}" | jq -r .leaf | paste -sd,; }
is "filter: decision" "$(leaves decision=block)" 1,5,9
is "filter: two terms" "$(leaves decision=block,op=connect)" 5
is "filter: not" "$(leaves 'decision!=block&&agent=coder')" 7,11
is "filter: a glob on a private field" "$(leaves 'path~/work/*' -n 100)" "$(vantioctl ledger list --ledger "$old" --json |
	jq -r '.records[] | select(.private.resource.path // "" | startswith("/work/")) | .leaf' | paste -sd,)"
is "filter: the newest that match" "$(leaves decision=block -n 2)" 5,9
is "filter: a list of rules" "$(leaves rule=file.deny -n 100 | tr , '\n' | wc -l)" 9
is "filter: a program of hostile name" "$(leaves 'comm~\\x1b*')" 3
is "filter: a program that is not there" "$(leaves 'comm=bash')" ""
is "filter: a host name" "$(leaves resource.host=api.example.org)" 5
is "filter: by trace" "$(leaves trace_id=0x1122334455667788 -n 100 | tr , '\n' | wc -l)" 4
try vantioctl tail --ledger "$old" --filter agnet=x
is "filter: an unknown key: status" "$rc" 2
has "filter: an unknown key: the nearest" "$err" "did you mean 'agent'?"
try vantioctl tail --ledger "$old" --filter decision --json
is "filter: no term: status" "$rc" 2
error_document "filter: no term: document" 2
try vantioctl tail --ledger "$old" --filter op==read
is "filter: '==': status" "$rc" 2
has "filter: '==': said" "$err" "they are =, !=, ~ and !~"
try vantioctl tail --ledger "$TMP"
is "no ledger: status" "$rc" 1
has "no ledger: said" "$err" "this folder is no ledger"

if [[ -z ${MAKE_LEDGER:-} ]]; then
	skip "follow" "MAKE_LEDGER is not set: run make check-cli"
	finish
fi
"$MAKE_LEDGER" "$new" 3
mkfifo "$TMP/pipe"
"$VANTIOCTL" tail --ledger "$new" --follow -n 1 --json >"$TMP/pipe" 2>"$TMP/follow.err" &
follower=$!
exec 3<"$TMP/pipe"
next() { local line; read -r -t 60 line <&3 && jq -r .leaf <<<"$line"; }
is "follow: begins with the newest" "$(next)" 2
"$MAKE_LEDGER" "$new" 2
is "follow: a commit" "$(next)" 3
is "follow: all of a commit" "$(next)" 4
"$MAKE_LEDGER" "$new" 1
is "follow: the next commit" "$(next)" 5
kill -INT "$follower"
wait "$follower"
is "follow: ends with SIGINT" "$?" 0
is "follow: nothing more, and no error" "$(cat <&3; cat "$TMP/follow.err")" ""
exec 3<&-

"$VANTIOCTL" tail --ledger "$new" --follow -n 1 --filter 'leaf!=6,leaf!=7' >"$TMP/pipe" 2>&1 &
follower=$!
exec 3<"$TMP/pipe"
read -r -t 60 line <&3
"$MAKE_LEDGER" "$new" 4
read -r -t 60 line <&3
has "follow --filter: waits for what matches" "$line" "sh[108]"
exec 3<&-
wait "$follower"
is "follow: ends when nobody reads any more" "$?" 0

"$VANTIOCTL" tail --ledger "$new" --follow -n 1 >"$TMP/pipe" 2>"$TMP/follow.err" &
follower=$!
exec 3<"$TMP/pipe"
read -r -t 60 line <&3
mv "$new" "$TMP/moved"
wait "$follower"
is "follow: the folder goes away: status" "$?" 1
has "follow: the folder goes away: said" "$(<"$TMP/follow.err")" "taken away"
exec 3<&-
finish
