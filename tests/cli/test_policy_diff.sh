# SPDX-License-Identifier: Apache-2.0
# policy diff: what goes and what comes, with its line, as text and as a document, and with which status.
. "$(dirname "$0")/lib.sh"
cd "$TMP" || exit 1

cat >a.toml <<'END'
schema = 1
name = "coder"
[file]
default = "deny"
read = ["/usr/**", "/work/**"]
write = ["/work/**", '/odd\*/**']
deny = ["**/.env"]
[exec]
default = "allow"
[network]
default = "deny"
connect = ["10.0.0.0/8:443"]
[limits]
unlink = { max = 100, per = "60s", action = "block" }
END
cat >b.toml <<'END'
schema = 1
name = "coder-2"
mode = "audit"
[file]
default = "deny"
read = ["/opt/**", "/usr/**", "/work/**"]
write = ["/work/**"]
deny = ["**/.env"]
[exec]
default = "deny"
[network]
default = "deny"
connect = ["10.0.0.0/8:443"]
[limits]
unlink = { max = 50, per = "60s", action = "quarantine" }
[kernel]
ptrace = "allow"
END

try vantioctl policy diff a.toml b.toml
is "diff: status 0 whatever differs" "$rc" 0
is "diff: a line for what goes and for what comes" "$out" '--- a.toml (policy coder)
+++ b.toml (policy coder-2)
- mode           a.toml     enforce
+ mode           b.toml     audit
+ file.read[0]   b.toml:6   /opt/**
- file.write[0]  a.toml:6   /odd\*/**
- exec.default   a.toml:9   allow
+ exec.default   b.toml:10  deny
- limits.unlink  a.toml:14  100 in 1m: block
+ limits.unlink  b.toml:15  50 in 1m: quarantine
- kernel.ptrace  a.toml     deny (not said)
+ kernel.ptrace  b.toml:17  allow
1 rule added, 1 removed; 4 settings changed'

{ echo '# the same'; sed 's/"coder"/"another"/; s/"60s"/"1m"/' a.toml; printf '[kernel]\nmount = "deny"\n'; } >same.toml
try vantioctl policy diff a.toml same.toml
is "diff: name, comments and layout are no difference" "$rc $out" "0 a.toml and same.toml are the same policy: policy_hash $(vantioctl policy hash a.toml)"
try vantioctl policy diff - b.toml <a.toml
has "diff: standard input" "$out" "--- <stdin> (policy coder)"
try vantioctl policy diff - - <a.toml
is "diff: standard input twice is a usage error" "$rc" 2

try vantioctl policy diff a.toml b.toml --json
holds "diff --json: one document" jq -es 'length == 1' <<<"$out"
holds "diff --json: both policies" jq -e --arg hash "$(vantioctl policy hash b.toml)" \
	'.old.file == "a.toml" and .old.name == "coder" and .new.policy_hash == $hash and .equal == false' <<<"$out"
holds "diff --json: the changes" jq -e '[.changes[] | [.key, .change, .old.line, .new.line]] == [
	["mode", "changed", null, null], ["file.read", "added", null, 6], ["file.write", "removed", 6, null],
	["exec.default", "changed", 9, 10], ["limits.unlink", "changed", 14, 15], ["kernel.ptrace", "changed", null, 17]]' <<<"$out"
holds "diff --json: a rule" jq -e '.changes[2].old == {"rule": "file.write[0]", "text": "/odd\\*/**", "line": 6} and .changes[2].new == null' <<<"$out"
try vantioctl policy diff a.toml same.toml --json
holds "diff --json: equal" jq -e '.equal and .changes == [] and .old.policy_hash == .new.policy_hash' <<<"$out"

printf 'schema = 1\n' >bad.toml
try vantioctl policy diff bad.toml absent.toml
is "diff: a bad policy, status" "$rc" 1
has "diff: what is wrong with the first" "$err" "bad.toml:1:1: error: \"name\" is missing"
has "diff: and with the second" "$err" "cannot open 'absent.toml'"
is "diff: a bad policy, nothing on stdout" "$out" ""
try vantioctl policy diff bad.toml absent.toml --json
error_document "diff --json: a bad policy" 1
cp b.toml $'b\e[31m.toml'
try vantioctl policy diff a.toml $'b\e[31m.toml'
hasnt "diff: no escape on the terminal" "$out" $'\e'

finish
