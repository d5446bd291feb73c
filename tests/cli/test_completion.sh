# SPDX-License-Identifier: Apache-2.0
# The scripts in completions/ are what the program writes, parse, and offer what they should.
. "$(dirname "$0")/lib.sh"

declare -A file=([bash]=vantioctl.bash [zsh]=_vantioctl [fish]=vantioctl.fish)
for shell in bash zsh fish; do
	vantioctl completion "$shell" >"$TMP/${file[$shell]}"
	holds "completions/${file[$shell]} is what the program writes (else: make completions)" \
		cmp "$TMP/${file[$shell]}" "$SOURCE/completions/${file[$shell]}"
	if command -v "$shell" >/dev/null; then
		holds "$shell parses it" "$shell" -n "$TMP/${file[$shell]}"
	else
		skip "$shell parses it" "$shell is not installed"
	fi
done

mkdir -p "$TMP/bin" "$TMP/files/sub" "$TMP/ledger/log"
ln -s "$(realpath "$VANTIOCTL")" "$TMP/bin/vantioctl"
PATH=$TMP/bin:$PATH
touch "$TMP/files/p.toml" "$TMP/files/other.txt"
id1=018f0000-0000-7000-8000-000000000001 id2=018f0000-0000-7000-8000-000000000002
printf '{"record_id":"%s","agent":"coder","trace_id":"0x00000000000000aa"}\n' $id1 $id2 >"$TMP/ledger/log/00000000.ndjson"
echo '{"record_id":"unfinished' >>"$TMP/ledger/log/00000000.ndjson"
cd "$TMP/files" || exit 1

try vantioctl --ledger "$TMP/ledger" completion --values record
is "values: the newest record first" "$out" "$id2"$'\n'"$id1"
try vantioctl --ledger "$TMP/ledger" completion --values agent
is "values: an agent once" "$out" "coder"
try vantioctl --ledger "$TMP/none" completion --values trace
is "values: no ledger, no words, no error" "$rc$out$err" 0

# What bash would offer after these words; "=" is a word of its own, as readline has it.
offers_bash() {
	bash -c '
		compopt() { :; }
		. "$0"
		COMP_WORDS=("$@") COMP_CWORD=$(($# - 1)) COMP_WORDBREAKS=$'"' \\t\\n\"\\'><=;|&(:'"'
		_vantioctl
		((${#COMPREPLY[@]})) && printf "%s\n" "${COMPREPLY[@]}" | LC_ALL=C sort | paste -sd" "
		true' "$TMP/vantioctl.bash" vantioctl "$@"
}
bash_is() { local name=$1 want=$2; shift 2; is "bash: $name" "$(offers_bash "$@")" "$want"; }
bash_is "nouns" "completion" comp
bash_is "global options before the noun" "--json" --js
bash_is "choices of an argument" "bash fish zsh" completion ""
bash_is "choices of an argument, begun" "zsh" completion z
bash_is "nothing after the last argument" "" completion bash ""
bash_is "options of the command and global ones" "--values --version" completion --v
bash_is "a value" "agent record trace" completion --values ""
bash_is "a value behind the sign" "record" completion --values = r
bash_is "a value behind the sign, empty" "agent record trace" completion --values =
bash_is "the value of a global option is no noun" "completion" --ledger "$TMP/ledger" comp
bash_is "folders" "sub" --ledger s
bash_is "a wrong noun offers nothing" "" nonsense ""

# The dynamic words come through the whole chain, with the ledger that stands on the line.
has_command() { vantioctl help "$@" >/dev/null 2>&1; }
if has_command ledger show; then
	bash_is "record ids" "$id1 $id2" --ledger "$TMP/ledger" ledger show 0
else
	skip "bash: record ids" "ledger show is not built"
fi
bash_is "policy files" "p.toml sub" policy check ""
bash_is "a policy file for each argument that repeats" "p.toml sub" policy check p.toml ""
if has_command policy explain; then
	bash_is "policy files of a fixed argument" "p.toml sub" policy explain ""
	bash_is "operations" "raw_socket read removexattr rename rmdir" policy explain p.toml r
	bash_is "verbs" "explain" policy ex
fi
if has_command run; then
	has "bash: a program after --" " $(offers_bash run -- bas) " " bash "
fi

if command -v fish >/dev/null; then
	offers_fish() { fish -c "source $TMP/vantioctl.fish; complete -C \"\$argv\"" -- "$@" 2>&1 | cut -f1 | LC_ALL=C sort | paste -sd' '; }
	is "fish: nouns" "$(offers_fish 'vantioctl comp')" "completion"
	is "fish: choices" "$(offers_fish 'vantioctl completion ')" "bash fish zsh"
	is "fish: a value" "$(offers_fish 'vantioctl completion --values=r')" "--values=record"
	is "fish: verbs" "$(offers_fish 'vantioctl policy sh')" "show"
	has "fish: policy files" " $(offers_fish 'vantioctl policy check ') " " p.toml "
	is "fish: options of the command" "$(offers_fish 'vantioctl doctor --ti')" "--tier"
	is "fish: not the options of another" "$(offers_fish 'vantioctl policy check --ti')" ""
	is "fish: the value of a global option is no noun" "$(offers_fish "vantioctl --ledger x comp")" "completion"
else
	skip "fish: nouns" "fish is not installed"
fi

if command -v zsh >/dev/null; then
	# compadd is where every word of zsh's completion passes.
	offers_zsh() {
		zsh -f "$SOURCE/tests/cli/complete.zsh" "$TMP" "$1" 2>&1 | LC_ALL=C sort -u | paste -sd' '
	}
	is "zsh: nouns" "$(offers_zsh 'vantioctl comp')" "completion"
	is "zsh: choices" "$(offers_zsh 'vantioctl completion ')" "bash fish zsh"
	is "zsh: verbs" "$(offers_zsh 'vantioctl policy sh')" "show"
	is "zsh: policy files" "$(offers_zsh "vantioctl policy check $TMP/files/p")" "p.toml"
	is "zsh: options of the command" "$(offers_zsh 'vantioctl doctor --ti')" "--tier"
	is "zsh: not the options of another" "$(offers_zsh 'vantioctl policy check --ti')" ""
	is "zsh: a value" "$(offers_zsh 'vantioctl completion --values r')" "record"
else
	skip "zsh: nouns" "zsh is not installed"
fi
finish
