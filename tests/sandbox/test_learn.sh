# SPDX-License-Identifier: Apache-2.0
# A policy that was learned from a build and a commit lets them be done again under the tier user, refuses nothing of it, and refuses
# a key that was not there to be seen.
. "$(dirname "$0")/lib.sh"
for tool in make cc git; do
	command -v "$tool" >/dev/null || { skip "learn from a build" "$tool is not installed"; finish; }
done
vc() { as_user "$B/vantioctl" "$@"; }
cat >"$W/Makefile" <<'END'
all: prog
prog: a.o b.o
	cc -o $@ $^
%.o: %.c
	cc -c -o $@ $<
END
echo 'int f(void); int main(void) { return f(); }' >"$W/a.c"
echo 'int f(void) { return 0; }' >"$W/b.c"
printf '*.o\nprog\n' >"$W/.gitignore"
prepare mkdir -p "$HOME/.ssh"
prepare sh -c 'echo key >~/.ssh/id_x'
fresh() { rm -rf "$W/.git" "$W"/*.o "$W/prog"; prepare sh -c "cd $W && git init -q --template= . && git config user.email a@example.org && git config user.name n"; }
JOB='make -s -j2 && ./prog && git add . && git commit -qm one && git log --format=%s && git ls-files'
cd "$W" || exit 1
fresh
try vc policy learn -o "$W/../home/l.toml" -- sh -c "$JOB"
is "learn: the job's status" "$rc" 0
want=$out
has "learn: the job's output" "$out" "Makefile"
hasnt "learn: nothing is left out" "$err" "left out"
has "learn: everything is permitted" "$err" "permits"
holds "learn: the policy is good" vc policy check "$HOME/l.toml"
is "learn: writing is for this folder and temporary files" "$(sed -n '/^write/,/^]/s/^	'\''\([^'\'']*\).*/\1/p' "$HOME/l.toml" | grep -v '^\$WORKDIR\|^/tmp/\|^/dev/null$')" ""
for _ in 1 2 3; do # names that are drawn are others each time
	fresh
	try vc run -q --tier user --policy "$HOME/l.toml" -- sh -c "$JOB"
	is "under what was learned: status" "$rc" 0
	is "under what was learned: the same result" "$out" "$want"
done
fresh
try vc --json run --tier user --policy "$HOME/l.toml" -- sh -c "$JOB"
is "under what was learned: nothing is refused" "$(tail -n1 <<<"$err" | jq -r .refused)" 0
try vc run --tier user --policy "$HOME/l.toml" -- sh -c "read x <$HOME/.ssh/id_x; echo got=\$x"
is "under what was learned: the key is refused" "$out" "got="
has "under what was learned: and told" "$err" "read $HOME/.ssh/id_x: file.deny["

# What a second run needs is added to the first.
fresh
try vc policy learn --base "$HOME/l.toml" -o "$HOME/l2.toml" -- sh -c 'make -s && /usr/bin/sort Makefile >sorted && cat ~/.ssh/id_x'
is "learn --base: status" "$rc" 0
has "learn --base: the key is left out" "$err" "left out: file.read $HOME/.ssh/id_x: keys and hosts of SSH"
try vc policy diff "$HOME/l.toml" "$HOME/l2.toml" --json
is "learn --base: adds what was new" "$(jq -r '.changes[] | select(.key == "exec.allow") | .new.text' <<<"$out" | tr '\n' ' ')" "/usr/bin/cat /usr/bin/sort "
holds "learn --base: takes nothing away" jq -e 'all(.changes[]; .change == "added")' <<<"$out"
fresh
try vc run -q --tier user --policy "$HOME/l2.toml" -- sh -c 'make -s && /usr/bin/sort Makefile >sorted && cat ~/.ssh/id_x'
is "under both: all but the key" "$rc $(wc -l <"$W/sorted")" "1 5"
finish
