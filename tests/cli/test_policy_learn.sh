# SPDX-License-Identifier: Apache-2.0
# policy learn over ledger-v1, whose 12 records hold paths, two names, addresses with and without a host, a unix name and bytes that
# are escaped, some refused and some permitted; and over what a command does under the tier observe.
. "$(dirname "$0")/lib.sh"
cp -r "$(dirname "$0")/ledger-v1" "$TMP/led"
mkdir "$TMP/w"
cd "$TMP/w" || exit 1
export VANTIO_LEDGER=$TMP/led
learn() { try vantioctl policy learn "$@" </dev/null; }

learn
is "learn: status" "$rc" 0
printf '%s\n' "$out" >"$TMP/p.toml"
holds "learn: what it writes is a policy" vantioctl policy check "$TMP/p.toml"
has "learn: what was permitted is a rule" "$out" "	'/work/secret'"
has "learn: what was refused is a comment, with the reason" "$out" "	# '/work/secret',"
has "learn: and is said" "$err" "left out: file.write /work/secret: was refused by file.deny[2]"
has "learn: the count" "$err" "permits 8 of 12 recorded operations; 4 left out"
has "learn: what was refused and permitted is told" "$err" "allowed, though it was refused at other times: exec.allow /work/secret"
has "learn: bytes are escaped as a glob has them" "$out" "# '/work/\\x1b\\]0;x\\x07\\xff\"\\\\n',"
hasnt "learn: nothing raw gets out" "$out$err" $'\x1b'
first=$out
learn
is "learn: the same records give the same text" "$out" "$first"
learn --json
holds "learn --json: one document, and silence" jq -es 'length == 1' <<<"$out"
is "learn --json: nothing on stderr" "$err" ""
holds "learn --json: the counts add up" jq -e '[.decisions, .permitted, .left_out, .unsettled, .refused] | map(tonumber) |
	.[0] == .[1] + .[2] + .[3] + .[4] and .[0] == 12' <<<"$out"
jq -j .policy <<<"$out" >"$TMP/json.toml"
is "learn --json: its policy is the one" "$(<"$TMP/json.toml")" "$first"
is "learn --json: its hash is that of the text" "$(jq -r .policy_hash <<<"$out")" "$(vantioctl policy hash "$TMP/json.toml")"
holds "learn --json: what was asked about" jq -e 'any(.asked[]; .list == "file.write" and .target == "/work/secret" and (.opened | not))' <<<"$out"

learn --allow-sensitive /work/secret --allow-sensitive 'unix:@bus' --allow-sensitive /nowhere -o "$TMP/open.toml"
is "learn --allow-sensitive: status" "$rc" 0
has "learn --allow-sensitive: what matches nothing is said" "$err" "'/nowhere': nothing of that name"
is "learn --output: nothing on stdout" "$out" ""
is "learn --allow-sensitive: opens" "$(vantioctl policy explain "$TMP/open.toml" write /work/secret --json | jq -r .verdict)" allow
is "learn --allow-sensitive: opens a socket" "$(vantioctl policy explain "$TMP/open.toml" connect unix:@bus --json | jq -r .verdict)" allow
is "learn --allow-sensitive: opens no other" "$(vantioctl policy explain "$TMP/open.toml" exec /work/other --json | jq -r .verdict)" deny
learn -o "$TMP/open.toml"
is "learn --output: does not replace" "$rc" 1
has "learn --output: says what would" "$err" "--force"
learn -o "$TMP/open.toml" -f -q
is "learn --force: replaces, quietly" "$rc $err" "0 "
is "learn --output: what goes to stdout otherwise" "$(<"$TMP/open.toml")" "$first"
is "learn --output: leaves nothing beside it" "$(find "$TMP" -maxdepth 1 -name '.*' -type f)" ""
ln -s "$TMP/elsewhere" "$TMP/link"
learn -o "$TMP/link"
is "learn --output: a link to nowhere is there" "$rc" 1

# With a base, the base and what it lacks.
cat >"$TMP/base.toml" <<'END'
schema = 1
name = "base"
record = "all"
[file]
default = "deny"
read = ["/work/**"]
deny = ["/work/no/**"]
[exec]
default = "deny"
[network]
default = "deny"
[limits]
fork = { max = 5, per = "1s", action = "block" }
END
learn --base "$TMP/base.toml" -o "$TMP/both.toml"
is "learn --base: status" "$rc" 0
try vantioctl policy diff "$TMP/base.toml" "$TMP/both.toml" --json
holds "learn --base: nothing of it goes or changes" jq -e 'all(.changes[]; .change == "added")' <<<"$out"
is "learn --base: and its name stays" "$(vantioctl policy show "$TMP/both.toml" --json | jq -r .name)" base
try vantioctl policy replay "$TMP/both.toml" --json
holds "learn --base: nothing that was permitted is denied" jq -e '.newly_denied == "0"' <<<"$out"
learn --agent coder --json
holds "learn --agent: its records alone" jq -e '.records == "5"' <<<"$out"
learn --filter op=read --json
holds "learn --filter: those that match" jq -e '(.records | tonumber) < 12 and all(.rules[]; .list == "file.read")' <<<"$out"
learn --since 2250-01-01T00:00:00Z -o never.toml
is "learn: of nothing, status" "$rc" 1
has "learn: of nothing, said" "$err" "there is nothing to learn from"
is "learn: of nothing, no policy" "$(ls never.toml 2>&1 | grep -c 'No such')" 1

: >led-none
for bad in "--many 0" "--name A/b" "--filter nokey=1" "--since yesterday" "--allow-sensitive /a[" "--agent x -o /x/y -- true" "-- true" "word"; do
	# shellcheck disable=SC2086
	learn $bad
	is "learn $bad: a usage error" "$rc" 2
done
learn --base absent.toml
is "learn --base: no such file" "$rc" 1
VANTIO_LEDGER=$TMP/nowhere learn
is "learn: no ledger, status" "$rc" 1
has "learn: no ledger, the mend" "$err" "--ledger"

# A terminal is asked, one by one; who says nothing opens nothing.
if command -v script >/dev/null; then
	printf 'n\ny\nq\n' | VANTIO_LEDGER=$TMP/led script -qec "$VANTIOCTL policy learn -o $TMP/asked.toml" /dev/null >"$TMP/tty" 2>&1
	has "learn: a terminal is asked" "$(<"$TMP/tty")" "open it? [y/N, q: no to all]"
	is "learn: one was opened" "$(vantioctl policy check "$TMP/asked.toml" --json | jq '.files[0].rules')" \
		$(($(vantioctl policy check "$TMP/p.toml" --json | jq '.files[0].rules') + 1))
fi

# What a command does.
vantioctl key generate --ledger "$TMP/own" >"$TMP/key.txt"
export VANTIO_LEDGER=$TMP/own
mkdir -p "$HOME/.ssh" && echo key >"$HOME/.ssh/id_x"
learn -o "$TMP/cmd.toml" -- sh -c 'echo a >a; mv a b; cat b; cat ~/.ssh/id_x; mkdir -p d; for i in 1 2 3 4 5 6 7 8 9; do echo $i >d/$i; done; exit 7'
if [[ $rc == 5 ]]; then
	skip "learn from a command" "run needs what this machine lacks"
	finish
fi
is "learn COMMAND: its status" "$rc" 7
is "learn COMMAND: its output" "$out" "a
key"
has "learn COMMAND: one thing is left out" "$err" "left out: file.read $HOME/.ssh/id_x: "
holds "learn COMMAND: a policy" vantioctl policy check "$TMP/cmd.toml"
has "learn COMMAND: limits are proposed" "$(<"$TMP/cmd.toml")" '# rename = { max = 2, per = "60s", action = "block" }'
sed 's/^# \(\[limits\]\|[a-z]* = { max\)/\1/' "$TMP/cmd.toml" >"$TMP/limits.toml"
holds "learn COMMAND: and are a policy's" vantioctl policy check "$TMP/limits.toml"
is "learn COMMAND: the key is out" "$(vantioctl policy explain "$TMP/cmd.toml" read "$HOME/.ssh/id_x" --json | jq -r .verdict)" deny
is "learn COMMAND: its folder is \$WORKDIR" "$(grep -c "'\$WORKDIR/\(d/\*\|\*\*\)'" "$TMP/cmd.toml")" 2
if command -v script >/dev/null; then
	{ printf 'y\ny\ny\n'; sleep 3; } | script -qec "$VANTIOCTL policy learn -o $TMP/ahead.toml -- sh -c 'cat ~/.ssh/id_x; sleep 1'" /dev/null >"$TMP/tty" 2>&1
	has "learn COMMAND: a terminal is asked" "$(<"$TMP/tty")" "open it? [y/N, q: no to all]"
	is "learn COMMAND: what was typed before is no answer" "$(vantioctl policy explain "$TMP/ahead.toml" read "$HOME/.ssh/id_x" --json | jq -r .verdict)" deny
fi
learn --absolute -f -o "$TMP/full.toml"
is "learn --absolute: no \$WORKDIR and no ~" "$(grep -c "^	'[\$~]" "$TMP/full.toml")" 0
learn -o "$TMP/cmd2.toml" --json -- echo hello
is "learn COMMAND --json: the output is the command's" "$out" hello
holds "learn COMMAND --json: the document is on stderr" jq -e '.file and (.permitted | tonumber) > 3' <<<"$(tail -n1 <<<"$err")"
learn -o "$TMP/cmd3.toml" -- /nowhere/at/all
is "learn COMMAND: one that is not there" "$rc" 127

finish
