# SPDX-License-Identifier: Apache-2.0
# policy explain and policy test: verdicts, rules and lines, as text and as documents, and with which status.
. "$(dirname "$0")/lib.sh"
example=$SOURCE/docs/examples/coding-agent.toml
cases=$SOURCE/docs/examples/coding-agent.cases.toml
cd "$TMP" || exit 1

cat >p.toml <<'END'
schema = 1
name = "small"
[file]
default = "deny"
read = ["/usr/**", "/work/**"]
write = ["/work/**", '/odd\*/**']
deny = ["**/.env"]
[exec]
default = "allow"
[network]
default = "deny"
connect = ["10.0.0.0/8:443", "*.example.org"]
[kernel]
ptrace = "allow"
END
explain() { try vantioctl policy explain p.toml "$@"; }

# ---- explain
explain read /usr/lib
is "explain: allowed" "$rc $out" "0 allow by file.read[0] (p.toml:5): /usr/**"
explain write /usr/lib
is "explain: denied, status 0 too" "$rc $out" "0 deny by file.default (p.toml:4): no rule matches"
explain unlink //work/./a/.env/
is "explain: a path is put straight" "$out" "deny by file.deny[0] (p.toml:7): **/.env"
explain write '/odd*/x'
is "explain: a rule is shown as it was written" "$out" 'allow by file.write[0] (p.toml:6): /odd\*/**'
explain exec /bin/x
is "explain: default allow" "$out" "allow by exec.default (p.toml:9): no rule matches"
explain connect a.example.org:1
is "explain: a name" "$out" "allow by network.connect[0] (p.toml:12): *.example.org"
explain connect udp:10.1.1.1:80
is "explain: a port" "$out" "deny by network.default (p.toml:11): no rule matches"
explain mount
is "explain: a surface that the policy does not name" "$out" "deny by kernel.mount: denied unless the policy allows it"
explain ptrace
is "explain: a surface that it allows" "$out" "allow by kernel.ptrace (p.toml:14)"
explain rename /work/a /work/.env
is "explain: which name is refused" "$out" "deny by file.deny[0] (p.toml:7): **/.env, for the new name"
explain rename '/odd*/a' /work/b
has "explain: what the object would gain" "$out" "deny: under its new name it would gain read, by file.read[1]"

explain raed /x
is "explain: unknown operation, status" "$rc" 2
has "explain: unknown operation, the nearest" "$err" "did you mean 'read'?"
explain read /work/../x
is "explain: '..' is a usage error" "$rc" 2
has "explain: '..', the whole target is shown" "$err" "'/work/../x'"
explain rename /work/a
is "explain: one name of two is a usage error" "$rc" 2
explain read $'x\e[31m'
hasnt "explain: no escape on the terminal" "$err" $'\e'
explain --json nonsense /x
error_document "explain --json: an error is a document" 2
explain --json rename /work/a /work/.env
holds "explain --json: one document" jq -es 'length == 1' <<<"$out"
holds "explain --json: its members" jq -e '.verdict == "deny" and .reason == "deny" and .file == "p.toml" and .rule == "file.write[1]" and
	.new_name == {"rule": "file.deny[0]", "line": 7, "text": "**/.env"}' <<<"$out"
try vantioctl policy explain absent.toml read /x
is "explain: no such policy" "$rc" 1

# ---- test
try vantioctl policy test "$example" --cases "$cases"
is "test: the example's cases hold" "$rc" 0
has "test: they are counted" "$out" "cases, "
count=$(grep -c '^\[\[case\]\]' "$cases")
is "test: all of them" "$out" "$count cases, $count as expected, 0 otherwise"

cat >c.toml <<'END'
[[case]]
op = "read"
target = "/usr/x"
verdict = "allow"
[[case]]
op = "read"
target = "/work/\u001b[31m/.env"
verdict = "allow"
[[case]]
op = "mount"
verdict = "allow"
END
try vantioctl policy test p.toml --cases c.toml
is "test: a mismatch, status" "$rc" 1
is "test: every mismatch is a line" "$(wc -l <<<"$out")" 3
has "test: what was expected and what came" "$out" "expected allow, got deny by file.deny[0] (p.toml:7): **/.env"
has "test: the case's line" "$out" "c.toml:9: mount"
hasnt "test: no escape on the terminal" "$out" $'\e'
try vantioctl policy test p.toml --cases c.toml --json
is "test --json: status" "$rc" 1
holds "test --json: members" jq -e '.ok == false and .cases == 3 and .as_expected == 1 and [.mismatches[].case_line] == [5, 9]' <<<"$out"

printf '[[case]]\nop = "read"\ntarget = "/work/../x"\nverdict = "deny"\n' >dots.toml
try vantioctl policy test p.toml -c dots.toml
is "test: what cannot be asked, status" "$rc" 2
has "test: what cannot be asked, place" "$err" "dots.toml:1:1: error: '/work/../x'"
printf '[[case]]\nop = 1\ntargte = "/x"\nverdict = "maybe"\n' >bad.toml
try vantioctl policy test p.toml -c bad.toml
is "test: bad cases, status" "$rc" 1
is "test: bad cases, every error is a line" "$(cut -d: -f1-2 <<<"$err" | tr '\n' ' ')" "bad.toml:2 bad.toml:3 bad.toml:4 "
: >empty.toml
try vantioctl policy test p.toml -c empty.toml
is "test: no case at all is an error" "$rc" 1
try vantioctl policy test p.toml
is "test: --cases is needed" "$rc" 2
try vantioctl policy test p.toml -c absent.toml --json
error_document "test --json: absent cases" 1

# ---- check compiles
{
	printf 'schema = 1\nname = "big"\n[file]\ndefault = "allow"\nread = []\nwrite = []\ndeny = ['
	for c in a b c d; do printf '"**/%s/*/*/*/*/*/*/*/*/*/*/*/*/*/*/*/*/*/*/*/*/*/*/*/x",\n' $c; done
	printf ']\n[exec]\ndefault = "allow"\n[network]\ndefault = "allow"\n'
} >big.toml
try vantioctl policy check big.toml
is "check: a policy that is too big to compile" "$rc" 1
has "check: the rules to blame" "$err" "file.deny["

finish
