# SPDX-License-Identifier: Apache-2.0
# Options, verbs and mistakes in them; what happens when the output has nowhere to go.
. "$(dirname "$0")/lib.sh"

try vantioctl
is "nothing given: status" "$rc" 2
is "nothing given: stdout stays empty" "$out" ""
has "nothing given: the commands are listed" "$err" "completion"
try vantioctl --json
is "nothing given, --json: status" "$rc" 2
error_document "nothing given, --json: document" 2

try vantioctl --version
is "version: status" "$rc" 0
has "version: text" "$out" "vantioctl "
try vantioctl -V -j
holds "version --json: a document" jq -e '.version | test("^[0-9]+\\.[0-9]+\\.[0-9]+")' <<<"$out"

try vantioctl help
is "help: status" "$rc" 0
has "help: on stdout" "$out" "usage: vantioctl [GLOBAL OPTIONS] NOUN [VERB] [ARGS]"
is "help: stderr stays empty" "$err" ""
try vantioctl help nonsense
is "help of nothing: status" "$rc" 2

try vantioctl complecion
is "wrong noun: status" "$rc" 2
has "wrong noun: the nearest is offered" "$err" "did you mean 'completion'?"
try vantioctl compl
is "a noun cut short is no noun" "$rc" 2
try vantioctl $'x\e[31m\nx'
hasnt "hostile noun: no escape on the terminal" "$err" $'\e'
try vantioctl --json $'x\xff\e[31m'
error_document "hostile noun, --json: document" 2

try vantioctl completion --hepl
is "wrong option: status" "$rc" 2
has "wrong option: the nearest is offered" "$err" "did you mean '--help'?"
has "wrong option: usage" "$err" "usage: vantioctl completion"
try vantioctl completion --vers
is "an option cut short is no option" "$rc" 2
try vantioctl completion --quiet=1 bash
is "a flag takes no value" "$rc" 2
try vantioctl completion bash --ledger
is "a value is missing: status" "$rc" 2
has "a value is missing: which" "$err" "--ledger DIR"
try vantioctl completion --ledger --quiet bash
is "an option is no value" "$rc" 2
try vantioctl completion --ledger a --ledger b bash
is "an option given twice" "$rc" 2
try vantioctl completion tcsh
is "wrong choice: status" "$rc" 2
has "wrong choice: the choices" "$err" "bash, zsh, fish"
try vantioctl completion zhs
has "wrong choice: the nearest is offered" "$err" "did you mean 'zsh'?"
try vantioctl completion bash more
is "an argument too many: status" "$rc" 2
try vantioctl completion
is "an argument is missing: status" "$rc" 2
try vantioctl completion --json tcsh
error_document "wrong choice, --json: document" 2
try vantioctl completion -qz
has "wrong letter: which" "$err" "'-z'"

for words in "--quiet completion bash" "completion --quiet bash" "completion bash --quiet" "-q completion bash" \
	"--ledger=/x -q completion bash" "--ledger /x completion -q -- bash"; do
	# shellcheck disable=SC2086
	try vantioctl $words
	is "options anywhere: $words" "$rc" 0
done

# Output that is lost is an error, and said.
vantioctl help >/dev/full 2>"$TMP/err"
is "full disk: status" "$?" 1
has "full disk: said" "$(<"$TMP/err")" "No space left"
vantioctl help >&- 2>"$TMP/err"
is "closed stdout: status" "$?" 1
has "closed stdout: said" "$(<"$TMP/err")" "cannot write to standard output"
vantioctl --version >&- 2>&- <&-
is "everything closed: status" "$?" 1
vantioctl help --json >/dev/full 2>"$TMP/err"
is "full disk, --json: status" "$?" 1
# The reader is gone before anything is written.
mkfifo "$TMP/fifo"
exec 4<>"$TMP/fifo" 5>"$TMP/fifo" 4<&-
vantioctl help >&5 2>"$TMP/err"
is "reader gone: status" "$?" 1
has "reader gone: said" "$(<"$TMP/err")" "Broken pipe"
exec 5>&-

try vantioctl policy list
hasnt "wrong verb: nothing far is offered" "$err" "did you mean"
has "wrong verb: all are listed" "$err" "it has check, show, "

# No policy is named.
VANTIO_POLICY_PATH=$TMP/none try vantioctl run -- true
is "no policy: status" "$rc" 1
has "no policy: what to give" "$err" "there is none at '$TMP/none': give --policy FILE, or --preset NAME"
VANTIO_POLICY_PATH=$TMP/none try vantioctl enforce --json
error_document "no policy, enforce: document" 1
hasnt "no policy, enforce: it has no --preset" "$out" preset
if [[ $EUID == 0 ]] && command -v setpriv >/dev/null && ! getent passwd 54321 >/dev/null; then
	nobody=(setpriv --reuid 54321 --regid 54321 --clear-groups env -u HOME -u XDG_CONFIG_HOME -u XDG_RUNTIME_DIR)
	for words in "run -- true" enforce; do
		read -ra command <<<"$words"
		try "${nobody[@]}" "$VANTIOCTL" "${command[@]}"
		is "no policy and no HOME, $words: status" "$rc" 1
		has "no policy and no HOME, $words: said" "$err" "there is no HOME to find one in"
	done
	try "${nobody[@]}" "$VANTIOCTL" run --preset base -- true
	is "a preset and no HOME: one line" "$rc $(wc -l <<<"$err")" "1 1"
	try "${nobody[@]}" HOME=/nonexistent "$VANTIOCTL" agent release nosuch
	has "release: no run has the name" "$err" "no run of this user is called 'nosuch'"
else
	skip "no policy and no HOME" "it takes root, setpriv(1) and a user id without an account"
fi

# What is quoted cannot write lines of its own.
for words in "ledger show" "ledger prove" "policy presets" "phantom collapse" "agent enroll --name a" "policy learn --name" help "help ledger"; do
	read -ra command <<<"$words"
	try vantioctl "${command[@]}" $'a\e[1m\nb'
	has "quoted, $words" "$err" 'a\x1b[1m\x0ab'
done
try vantioctl run --preset $'a\e[1m\nb' -- true
has "quoted, run --preset" "$err" 'a\x1b[1m\x0ab'
try vantioctl run --name $'a\e[1m\nb' -- true
has "quoted, run --name" "$err" 'a\x1b[1m\x0ab'
if vantioctl doctor --tier user >/dev/null 2>&1; then
	policy=$TMP/$'a\e[1m\nb.toml'
	printf 'schema = 1\nname = "p"\n[file]\ndefault = "allow"\n[exec]\ndefault = "deny"\n[network]\ndefault = "deny"\n' >"$policy"
	try vantioctl run --tier user --policy "$policy" -- /bin/true
	has "quoted, the policy of a refusal" "$err" 'a\x1b[1m\x0ab.toml:6)'
else
	skip "quoted, the policy of a refusal" "the user tier does not work here"
fi

# Colours only where a person looks.
try vantioctl doctor
hasnt "a pipe gets no colours" "$out$err" $'\e'
if command -v script >/dev/null; then
	on_terminal() { TERM=xterm "$@" script -qec "$VANTIOCTL doctor" /dev/null </dev/null; }
	has "a terminal gets colours" "$(on_terminal env)" $'\e['
	hasnt "NO_COLOR is heard" "$(on_terminal env NO_COLOR=1)" $'\e['
	hasnt "TERM=dumb is heard" "$(on_terminal env TERM=dumb)" $'\e['
	hasnt "--no-color is heard" "$(TERM=xterm script -qec "$VANTIOCTL doctor --no-color" /dev/null </dev/null)" $'\e['
else
	skip "a terminal gets colours" "script(1) is not installed"
fi
finish
