# SPDX-License-Identifier: Apache-2.0
# The man pages say what the table says: every noun has its page, every verb, option and choice is in it, and no page names an
# option that does not exist. Every page is rendered without a warning.
. "$(dirname "$0")/lib.sh"
man=$SOURCE/docs/man
vantioctl help --json >"$TMP/table" || fail "the table is printed"

# No hyphenation and lines without an end, so that no word is broken.
text_of() { groff -mandoc -Tascii -P-c -P-b -P-u -P-o -rLL=2000n -rHY=0 "$1" 2>/dev/null; }
# word_in WORD FILE: as a whole word
word_in() { grep -qE -- "(^|[^A-Za-z0-9_-])$1($|[^A-Za-z0-9_-])" "$2"; }

missing_from() { # PAGE WORD...
	local page=$1 word missing=
	shift
	for word; do word_in "$word" "$page" || missing+=" $word"; done
	echo "$missing"
}
table() { jq -r "$1" "$TMP/table"; }

pages=("$man"/*.[1-9])
[[ -e ${pages[0]} ]] || fail "there are man pages"
for page in "${pages[@]}"; do
	name=${page##*/}
	head -3 "$page" | grep -q 'SPDX-License-Identifier: Apache-2.0' && pass "$name: licence" || fail "$name: no SPDX line at the top"
	warnings=$(groff -mandoc -Tutf8 -Kutf8 -ww -z "$page" 2>&1)
	is "$name: groff has no warning" "$warnings" ""
	if command -v mandoc >/dev/null; then
		warnings=$(mandoc -T lint -W warning "$page" 2>&1 | grep -v 'missing date\|cannot parse date\|referenced manual not found\|cross reference to self')
		is "$name: mandoc has no warning" "$warnings" ""
	else
		skip "$name: mandoc has no warning" "mandoc is not installed"
	fi
	text_of "$page" >"$TMP/$name.txt"
	unknown=
	for option in $(grep -oE -- '(^|[^A-Za-z0-9_-])--[a-z][a-z0-9-]*' "$TMP/$name.txt" | grep -oE -- '--[a-z][a-z0-9-]*' | sort -u); do
		jq -e --arg o "${option#--}" '[.global_options[].name, .nouns[].commands[].options[].name] | index($o)' "$TMP/table" \
			>/dev/null || unknown+=" $option"
	done
	is "$name: names no option that does not exist" "$unknown" ""
done

overview=$TMP/vantioctl.8.txt
# shellcheck disable=SC2046
is "vantioctl(8): names every noun and global option" \
	"$(missing_from "$overview" $(table '.nouns[].name, (.global_options[] | "--" + .name)'))" ""
is "vantioctl(8): names every exit code" "$(missing_from "$overview" 0 1 2 3 4 5)" ""

for noun in $(table '.nouns[].name'); do
	[[ $noun == help ]] && continue
	page=$TMP/vantioctl-$noun.8.txt
	if [[ ! -s $page ]]; then
		fail "$noun has a page: docs/man/vantioctl-$noun.8"
		continue
	fi
	words=$(jq -r --arg n "$noun" '.nouns[] | select(.name == $n).commands[] |
		.verb // empty, (.options[] | "--" + .name, (.letter // empty | "-" + .), (.choices // [] | .[]), .metavar // empty),
		(.args[] | .metavar, (.choices // [] | .[]))' "$TMP/table")
	# shellcheck disable=SC2086
	is "vantioctl-$noun(8): names every verb, option, choice and argument" "$(missing_from "$page" $words)" ""
	has "$noun is in SEE ALSO of vantioctl(8)" "$(<"$overview")" "vantioctl-$noun(8)"
done

# The check itself sees what it should.
printf '.TH X 8\n.SH NAME\nx \\- y\n.SH OPTIONS\n\\-\\-no\\-such\\-option\n' >"$TMP/x.8"
text_of "$TMP/x.8" >"$TMP/x.txt"
has "an option in a page is found" "$(grep -oE -- '--[a-z-]*' "$TMP/x.txt")" "--no-such-option"
is "a word that is missing is found" "$(missing_from "$TMP/x.txt" y --such absent)" " --such absent"
finish
