# SPDX-License-Identifier: Apache-2.0
# The table itself, and that dispatch and help follow it.
. "$(dirname "$0")/lib.sh"

vantioctl help --json >"$TMP/table" || fail "the table is printed"
query() { jq -r "$1" "$TMP/table"; }
is "nouns are unique" "$(query '[.nouns[].name] | length - (unique | length)')" 0
is "verbs of a noun are unique" "$(query '[.nouns[] | [.commands[].verb] | length - (unique | length)] | add')" 0
is "no option hides a global one" "$(query '
	[.global_options[].name] as $g | [.nouns[].commands[].options[].name | select(. as $n | $g | index($n))] | unique | join(" ")')" ""
is "no letter hides a global one" "$(query '
	[.global_options[].letter // empty] as $g | [.nouns[].commands[].options[] | .letter // empty | select(. as $n | $g | index($n))] | join(" ")')" ""
is "options of a command are unique" "$(query '
	[.nouns[].commands[] | [.options[].name], [.options[].letter // empty] | length - (unique | length)] | add')" 0
is "an option takes a value in every command or in none" "$(query '
	[.nouns[].commands[].options[] | {name, flag: (.kind == "flag")}] | unique | group_by(.name) | map(select(length > 1)[0].name) | join(" ")')" ""
is "every value has a name, no flag has one" "$(query '
	[.global_options[], .nouns[].commands[].options[] | select((.kind == "flag") == has("metavar")) | .name] | join(" ")')" ""
is "a choice has its choices" "$(query '
	[.nouns[].commands[] | .options[], .args[] | select((.kind == "choice") != has("choices")) | .name // .metavar] | join(" ")')" ""
is "help is one line without a full stop" "$(query '
	[.nouns[], .nouns[].commands[], .nouns[].commands[].options[], .global_options[] | .help | select(test("\\.$|\n") or length == 0 or length > 100)] | join("; ")')" ""
is "an argument that repeats is the last" "$(query '
	[.nouns[].commands[] | .args[:-1][] | select(.repeat)] | length')" 0

# Every command answers --help with its options, and refuses what it does not know, before it does anything.
query '.nouns[] as $n | $n.commands[] | $n.name + " " + (.verb // "")' >"$TMP/commands"
while read -r noun verb <&3; do
	try vantioctl "$noun" ${verb:+"$verb"} --help
	is "$noun $verb --help: status" "$rc" 0
	missing=
	for option in $(jq -r --arg n "$noun" --arg v "$verb" '
		.nouns[] | select(.name == $n).commands[] | select((.verb // "") == $v).options[].name' "$TMP/table"); do
		[[ $out == *"--$option"* ]] || missing+=" --$option"
	done
	is "$noun $verb --help: names its options" "$missing" ""
	try vantioctl "$noun" ${verb:+"$verb"} --no-such-option
	is "$noun $verb: an unknown option is a usage error" "$rc" 2
	try vantioctl --json "$noun" ${verb:+"$verb"} --no-such-option
	error_document "$noun $verb: an unknown option, --json" 2
done 3<"$TMP/commands"
for noun in $(query '.nouns[].name'); do
	try vantioctl "$noun" --help
	is "$noun --help: status" "$rc" 0
	has "$noun --help: names the manual" "$out" "vantioctl"
	try vantioctl "$noun" no-such-verb another third fourth
	is "$noun: a wrong word is refused" "$rc" 2
done
finish
