# SPDX-License-Identifier: Apache-2.0
# policy check, show and hash: what is printed where, as text and as documents, and with which status.
. "$(dirname "$0")/lib.sh"
example=$SOURCE/docs/examples/coding-agent.toml
cd "$TMP" || exit 1

cat >good.toml <<'EOF'
schema = 1
name = "small"
[file]
default = "deny"
read = ["/usr/**", "~/x", "$WORKDIR/**"]
[exec]
default = "allow"
[network]
default = "deny"
connect = ["localhost:80", "*.example.org:443", "unix:/run/x"]
EOF
printf 'schema = 1\nname = "x"\nmode = "audti"\n[file]\ndefault = "deny"\nraed = []\n\tread = ["/usr/", "/a\\u001b[31m/.."]\n' >bad.toml

# ---- check
try vantioctl policy check "$example"
is "check: the example is good" "$rc" 0
has "check: the example is called good" "$out" "coding-agent.toml: ok: policy coding-agent"
is "check: nothing is wrong with the example on this machine" "$err" ""

try vantioctl policy check good.toml
is "check: good, status" "$rc" 0
has "check: \$WORKDIR is remarked on" "$err" "line 5 uses \$WORKDIR, which 'vantioctl run' gives"

try vantioctl policy check bad.toml
is "check: bad, status" "$rc" 1
is "check: bad, stdout stays empty" "$out" ""
is "check: every error is a line" "$(wc -l <<<"$err")" 6
has "check: place and nearest word" "$err" 'bad.toml:6:1: error: unknown key "raed" in [file]: did you mean "read"?'
has "check: place of a rule" "$err" 'bad.toml:7:10: error: "/usr/": '
has "check: what is missing is at line 1" "$err" 'bad.toml:1:1: error: [network] is missing'
hasnt "check: no escape on the terminal" "$err" $'\e'
is "check: errors are sorted" "$(cut -d: -f2,3 <<<"$err" | sort -t: -k1,1n -k2,2n)" "$(cut -d: -f2,3 <<<"$err")"

try vantioctl policy check good.toml bad.toml
is "check: one bad of two, status" "$rc" 1
has "check: the good one is said" "$out" "good.toml: ok"
try vantioctl policy check - <good.toml
is "check: standard input" "$rc" 0
has "check: standard input has a name" "$out" "<stdin>: ok"
try vantioctl policy check - <bad.toml
has "check: standard input has a name in errors" "$err" "<stdin>:6:1: error"
try vantioctl policy check absent.toml
is "check: absent, status" "$rc" 1
has "check: absent, said" "$err" "absent.toml"
try vantioctl policy check "$TMP"
is "check: a folder, status" "$rc" 1
try vantioctl policy check
is "check: no file is a usage error" "$rc" 2
touch $'h\e[31m.toml'
try vantioctl policy check $'h\e[31m.toml'
hasnt "check: no escape from the file's name" "$err" $'\e'
head -c $((16 * 1024 * 1024 + 1)) /dev/zero >large.toml
for input in file stdin; do
	if [[ $input == file ]]; then try vantioctl policy check large.toml; else try vantioctl policy check - <large.toml; fi
	is "check: more than 16 MiB from a $input, status" "$rc" 1
	is "check: more than 16 MiB from a $input, one line" "$(wc -l <<<"$err")" 1
done

try vantioctl policy check --json good.toml bad.toml
is "check --json: status" "$rc" 1
is "check --json: stderr stays empty" "$err" ""
holds "check --json: one document" jq -es 'length == 1' <<<"$out"
holds "check --json: verdicts" jq -e '.ok == false and [.files[].ok] == [true, false]' <<<"$out"
holds "check --json: diagnostics" jq -e '.files[1].diagnostics | length == 6 and all(.severity == "error" and .line >= 1 and .col >= 1)' <<<"$out"
holds "check --json: what a good file has" jq -e '.files[0] | .name == "small" and (.policy_hash | test("^[0-9a-f]{64}$")) and .rules == 6 and .needs_workdir' <<<"$out"

if command -v script >/dev/null; then
	shown=$(script -qec "$VANTIOCTL policy check bad.toml" /dev/null </dev/null | tr -d '\r')
	has "check: a terminal sees the line" "$shown" $'    6 | raed = []\n      | ^'
	has "check: the caret stands under the column" "$shown" $'    7 |  read = ["/usr/", "/a\\u001b[31m/.."]\n      |          ^'
else
	skip "check: a terminal sees the line" "script(1) is not installed"
fi

# ---- show
try vantioctl policy show -w /w good.toml
is "show: status" "$rc" 0
for part in "[file] default deny (line 4)" 'file.read[0]         line 5     $WORKDIR/**  = /w/**' "~/x  = $HOME/x" \
	"every other protocol and family" "stands for nothing yet" "of the resolvers in /etc/resolv.conf" "--resolve shows them" \
	"keyring              default    deny" "[limits] none"; do
	has "show: $part" "$out" "$part"
done
try vantioctl policy show --json -w /w good.toml
holds "show --json: rules" jq -e '.sections.file.rules[0] == {rule: "file.read[0]", text: "$WORKDIR/**", glob: "/w/**", line: 5, col: 27}' <<<"$out"
holds "show --json: defaults" jq -e '.sections.exec.default == "allow" and .kernel.bpf == "deny" and .limits == {}' <<<"$out"
printf 'schema=1\nname="n"\nfile.default="deny"\nexec.default="deny"\n[network]\ndefault="deny"\nconnect=["127.0.0.1:80"]\ndeny=["*.example.org"]\n' >suffix.toml
try vantioctl policy show --resolve suffix.toml
is "show --resolve: a deny that cannot be honoured, status" "$rc" 1
has "show --resolve: and said" "$err" 'suffix.toml:8:7: error: "*.example.org"'
try vantioctl policy show bad.toml
is "show: bad, status" "$rc" 1
has "show: bad, said" "$err" "bad.toml:6:1"
try vantioctl policy show --json bad.toml
error_document "show --json: bad, a document" 1
holds "show --json: bad, all errors" jq -e '.error.diagnostics | length == 6' <<<"$out"

# ---- hash
try vantioctl policy hash good.toml
hash=$out
is "hash: is the digest of the canonical form" "$hash" "$(vantioctl policy hash --canonical good.toml | sha256sum | cut -d' ' -f1)"
is "hash: check and show have the same" "$(vantioctl policy check --json good.toml | jq -r '.files[0].policy_hash')" "$hash"
sed -e 's/small/other/' -e 's/^default/# &\n  &/' good.toml >same.toml
is "hash: name, comments and layout are not in it" "$(vantioctl policy hash same.toml)" "$hash"
sed 's/localhost:80/localhost:81/' good.toml >differs.toml
if [[ $(vantioctl policy hash differs.toml) != "$hash" ]]; then pass "hash: a port is in it"; else fail "hash: a port is in it"; fi
try vantioctl policy hash bad.toml
is "hash: bad, status" "$rc" 1
is "hash: bad, stdout stays empty" "$out" ""
try vantioctl policy hash --json good.toml
is "hash --json: document" "$out" "{\"name\":\"small\",\"policy_hash\":\"$hash\"}"
finish
