# SPDX-License-Identifier: Apache-2.0
# policy presets, policies that extend them, and `preset:NAME` in place of a file: what is printed, and where each rule says that it is from.
. "$(dirname "$0")/lib.sh"
cd "$TMP" || exit 1
texts=$SOURCE/dist/presets

try vantioctl policy presets
is "presets: status" "$rc" 0
is "presets: each text of dist/presets is listed, by its name" "$(awk 'NR > 1 { print $1 }' <<<"$out")" "$(cd "$texts" && ls -- *.toml | sed 's/\.toml$//')"
has "presets: what one is for" "$out" "pip from PyPI"
try vantioctl policy presets --json
holds "presets --json: members" jq -e '.presets | length > 10 and all((.name | type == "string") and (.summary | length > 10) and (.extends | type == "array"))' <<<"$out"
holds "presets --json: what is extended, at any depth" jq -e '.presets[] | select(.name == "claude-code") | .extends | index("base") and index("git")' <<<"$out"
try vantioctl policy presets python
is "presets NAME: its text" "$out" "$(<"$texts/python.toml")"
try vantioctl policy presets preset:python --json
holds "presets NAME --json: text and summary" jq -e '.name == "python" and (.text | startswith("# SPDX")) and .extends == ["base"]' <<<"$out"
try vantioctl policy presets pyton
is "presets: no such preset, status" "$rc" 1
has "presets: the nearest is offered" "$err" "did you mean 'python'?"

# Each is a good policy, as a preset and as a file.
for p in "$texts"/*.toml; do
	name=$(basename "$p" .toml)
	try vantioctl policy check --json "$p" "preset:$name"
	holds "check: $name, as a file and as a preset" jq -e '.ok and (.files | length == 2) and all(.files[]; .diagnostics == [])' <<<"$out"
done

cat >p.toml <<'EOF'
schema  = 1
name    = "p"
extends = ["preset:python", "preset:git"]
[file]
read = ["/srv/data/**", "~/.ssh/**"]
EOF
try vantioctl policy check p.toml
is "extends: check" "$rc" 0
has "extends: an allow that a preset denies is remarked on" "$err" 'p.toml:5:25: warning: "~/.ssh/**" has no effect: file.deny holds it too (preset:base '
try vantioctl policy explain p.toml read /srv/data/x
has "extends: a rule of its own" "$out" "(p.toml:5): /srv/data/**"
try vantioctl policy explain p.toml read "$HOME/.ssh/id"
has "extends: a preset's deny holds, and says whose it is" "$out" "deny by file.deny["
has "extends: with the line of the preset" "$out" "(preset:base:$(grep -n '"~/.ssh/\*\*"' "$texts/base.toml" | cut -d: -f1)): ~/.ssh/**"
try vantioctl policy explain --json p.toml write "$HOME/.bashrc"
holds "extends: --json names the preset" jq -e '.verdict == "deny" and .preset == "preset:base" and .line > 1 and (.rule | startswith("file.deny_write["))' <<<"$out"
try vantioctl policy explain preset:base read "$HOME/.bashrc"
has "deny_write says nothing of reading" "$out" "allow by file.read["
try vantioctl policy show p.toml
has "show: what is extended" "$out" "extends  preset:base, preset:python, preset:git"
has "show: a place in a preset" "$out" "preset:git:"
has "show: a place of its own" "$out" "line 5"
try vantioctl policy show p.toml --json
holds "show --json: what is extended" jq -e '.extends == ["preset:base", "preset:python", "preset:git"] and .sections.file.preset == "preset:base"' <<<"$out"
try vantioctl policy diff preset:base p.toml
has "diff: places of both sides" "$out" "p.toml:5"
has "diff: places in presets" "$out" "preset:python:"
try vantioctl policy hash preset:python
hash=$out
try vantioctl policy hash "$texts/python.toml"
is "hash: a preset alone is what its text is" "$out" "$hash"

try vantioctl policy check preset:pyton
is "preset:NAME: unknown, status" "$rc" 1
has "preset:NAME: unknown, the nearest" "$err" 'did you mean "preset:python"?'
try vantioctl policy check "preset:x'y"
is "preset:NAME: not a name" "$rc" 1

try vantioctl run --preset pyton -- true
is "run --preset: unknown, status" "$rc" 2
has "run --preset: the nearest" "$err" "did you mean 'python'?"
try vantioctl run --preset python --policy p.toml -- true
is "run --preset and --policy: status" "$rc" 2
has "run --preset and --policy: what to write" "$err" 'extends = ["preset:python"]'
try vantioctl run --preset git --preset preset:git -- true
is "run --preset twice the same: status" "$rc" 2
if vantioctl doctor --tier user >/dev/null 2>&1; then
	try vantioctl run --tier user --preset base --preset loopback -- sh -c "cat ~/.ssh/id; echo there"
	is "run --preset: the command runs" "$rc $out" "0 there"
	mkdir -p "$HOME/.ssh" && echo key >"$HOME/.ssh/id"
	try vantioctl run --tier user --preset base -- cat "$HOME/.ssh/id"
	is "run --preset: what is denied stays denied" "$rc $out" "1 "
	has "run --preset: whose rule it was" "$err" "(preset:base:"
	has "run --preset: that it holds whatever a policy says" "$err" "the preset denies it whatever a policy says"
	try vantioctl --json run --tier user --preset base -- cat "$HOME/.ssh/id"
	holds "run --preset --json: whose rule it was" jq -e '.refusals[0] | .preset == "preset:base" and .allow_with == null' <<<"$(tail -n 1 <<<"$err")"
fi
finish
