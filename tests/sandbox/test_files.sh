# SPDX-License-Identifier: Apache-2.0
# The user tier: files and programs, each operation where it is allowed and where it is not, with what it leaves behind.
. "$(dirname "$0")/lib.sh"
P=files
cat >"$TMP/$P.toml" <<END
schema = 1
name = "files"
[file]
default = "deny"
read  = ["/usr/**", "/etc/**", "/proc/**", "/dev/null", "$B/**", "$W/in/**", "$W/ro/**"]
write = ["$W/in/**", "/dev/null"]
deny  = ["$W/in/no/**", "**/.env"]
[exec]
default = "deny"
allow = ["/usr/**", "$B/**", "$W/in/bin/**"]
deny  = ["$W/in/bin/denied"]
[network]
default = "deny"
END
prepare mkdir -p "$W/in/no" "$W/in/bin" "$W/in/d" "$W/ro/d" "$W/out"
for d in in ro out in/no; do prepare sh -c "echo text >$W/$d/f; echo text >$W/$d/g"; done
prepare sh -c "echo SECRET >$W/in/.env; cp /usr/bin/true $W/in/bin/allowed; cp /usr/bin/true $W/in/bin/denied; cp /usr/bin/true $W/in/d/x;
	ln -s $W/out/f $W/in/to_out; ln -s $W/in/f $W/in/to_in; ln -s $W/in/new_by_link $W/in/dangling; mkfifo $W/in/fifo"

allows "read" read "$W/in/f"
refuses "read elsewhere" read "$W/out/f"
refuses "read what is denied below" read "$W/in/no/f"
refuses "read of a name denied anywhere" read "$W/in/.env"
refuses "read through a link" read "$W/in/to_out"
allows "read through a link within" read "$W/in/to_in"
refuses "read through .." read "$W/in/../out/f"
refuses "read through /proc/self/root" read "/proc/self/root$W/out/f"
allows "read through /proc/self/root within" read "/proc/self/root$W/in/f"
allows "read of /proc/self/status" read /proc/self/status
allows "read of /proc/self/maps" read /proc/self/maps
allows "read of a stranger's status" read /proc/1/status
allows "a place, which opens nothing" path "$W/out/f"
allows "list a folder" readdir "$W/in/d"
refuses "list a folder elsewhere" readdir "$W/out"
allows "openat2" openat2 "$W/in/f"
refuses "openat2 elsewhere" openat2 "$W/out/f"
run "$P" cat "/proc/$$/environ"
is "a stranger's environment: refused" "$rc" 1

# A grant of Landlock is one of a folder, not of its name: the policy's word holds for what takes its place, and for what comes later.
prepare mkdir -p "$W/again/d"
cat >"$TMP/again.toml" <<END
schema = 1
name = "again"
[file]
default = "deny"
read  = ["/usr/**", "/etc/**", "/dev/null", "$W/again/d/**", "$W/again/later/**"]
write = ["$W/again/d/**", "$W/again/later/**", "/dev/null"]
[exec]
default = "deny"
allow = ["/usr/**"]
[network]
default = "deny"
END
run again sh -c "rm -r $W/again/d && mkdir $W/again/d && echo new >$W/again/d/f && cat $W/again/d/f"
is "a folder that was replaced can be read" "$out" new
run again sh -c "mkdir $W/again/later && echo new >$W/again/later/f && cd $W/again/later && cat ./f"
is "a folder that was not there can be read" "$out" new

allows "write" write "$W/in/f"
refuses "write where only reading is" write "$W/ro/f"
refuses "read and write where only reading is" rdwr "$W/ro/f"
allows "create" create "$W/in/made"
is "create: there" "$(stat -c %F "$W/in/made")" "regular empty file"
refuses "create elsewhere" create "$W/ro/made"
is "create elsewhere: not there" "$(ls "$W/ro/made" 2>/dev/null)" ""
refuses "create of a denied name" create "$W/in/d/.env"
try as_user "$B/vantioctl" run --tier user --policy "$TMP/$P.toml" -- sh -c "umask 027; echo x >$W/in/masked; echo y >$W/in/dangling"
is "umask is the command's" "$(stat -c %a "$W/in/masked")" 640
is "create through a link to nothing" "$(cat "$W/in/new_by_link")" y
allows "unnamed file" tmpfile "$W/in"
refuses "unnamed file elsewhere" tmpfile "$W/ro"
refuses "open and cut where only reading is" readtrunc "$W/ro/f"
is "it is whole" "$(cat "$W/ro/f")" text
allows "open and cut" opentrunc "$W/in/made"
try as_user sh -c "ulimit -n 256; exec $B/vantioctl run -q --tier user --policy $TMP/$P.toml -- python3 -c '
import os, threading
refused = threading.Event()
def wait():
	try: os.open(\"$W/in/fifo\", os.O_RDONLY)
	except OSError: refused.set()
for i in range(300):
	if refused.is_set(): break
	threading.Thread(target=wait, daemon=True).start()
refused.wait(20)
os.open(\"$W/in/f\", os.O_RDWR | os.O_CREAT)
os.write(1, b\"opened\")
os._exit(0)'"
is "calls that wait leave descriptors for the others" "$out" opened
for op in truncate chmod chown utimes fchmod futimens ftruncate; do
	allows "$op" "$op" "$W/in/g"
	refuses "$op where only reading is" "$op" "$W/ro/g"
done
is "nothing happened to it" "$(stat -c '%a %s' "$W/ro/g")" "$(stat -c '%a %s' "$W/ro/f")"
ops setversion "$W/in/g"; supported=$rc
refuses "setversion where only reading is" setversion "$W/ro/g"
[[ $supported != 13 ]] && pass "setversion where writing is: not refused" || fail "setversion where writing is: not refused"
for op in setxattr fsetxattr removexattr setflags; do
	ops $op "$W/in/g"; supported=$rc
	if [[ $supported == 0 ]]; then pass "$op: allowed"; else skip "$op: allowed" "the file system says $supported"; fi
	[[ $op == setflags && $supported != 0 ]] || refuses "$op where only reading is" $op "$W/ro/g"
done

allows "mkdir" mkdir "$W/in/d/sub"
refuses "mkdir elsewhere" mkdir "$W/ro/sub"
allows "rmdir" rmdir "$W/in/d/sub"
refuses "rmdir elsewhere" rmdir "$W/ro/d"
allows "fifo" fifo "$W/in/d/fifo"
refuses "fifo elsewhere" fifo "$W/ro/fifo"
allows "symlink" symlink /etc/passwd "$W/in/d/link"
refuses "symlink elsewhere" symlink /etc/passwd "$W/ro/link"
is "the link is one" "$(readlink "$W/in/d/link")" /etc/passwd
allows "unlink" unlink "$W/in/d/link"
refuses "unlink elsewhere" unlink "$W/ro/f"
refuses "unlink of what is denied" unlink "$W/in/.env"
is "it is still there" "$(cat "$W/in/.env")" SECRET
allows "link" link "$W/in/f" "$W/in/d/hard"
is "the link has the same inode" "$(stat -c %i "$W/in/d/hard")" "$(stat -c %i "$W/in/f")"
refuses "link of what may only be read" link "$W/ro/f" "$W/in/hard"
refuses "link of what is denied" link "$W/in/.env" "$W/in/env"
refuses "link out" link "$W/in/f" "$W/ro/hard"
allows "rename" rename "$W/in/d/hard" "$W/in/renamed"
is "renamed" "$(cat "$W/in/renamed")" text
refuses "rename out" rename "$W/in/f" "$W/ro/moved"
refuses "rename of what is denied" rename "$W/in/.env" "$W/in/env"
refuses "rename of what may only be read" rename "$W/ro/f" "$W/in/moved"
refuses "rename to where it could be executed" rename "$W/in/d/x" "$W/in/bin/x"
refuses "exchange with what is denied" exchange "$W/in/g" "$W/in/.env"
allows "rename of a folder" rename "$W/in/d" "$W/in/e"

allows "exec" exec "$W/in/bin/allowed"
refuses "exec of what is denied" exec "$W/in/bin/denied"
refuses "exec elsewhere" exec "$W/in/e/x"
refuses "map what may be executed not" mmapx "$W/in/e/x"
allows "map what may be executed" mmapx "$W/in/bin/allowed"
prepare sh -c "printf '#!$W/in/e/x\n' >$W/in/bin/script; printf '#!/bin/sh\nexit 5\n' >$W/in/bin/good; chmod 755 $W/in/bin/script $W/in/bin/good"
refuses "a script whose interpreter is not allowed" exec "$W/in/bin/script"
run "$P" "$W/in/bin/good"
is "a script" "$rc" 5
run "$P" /usr/bin/python3 -c "import os; f=os.memfd_create('x'); os.write(f,open('$W/in/bin/allowed','rb').read()); os.execve(f,['x'],{})"
has "a program in memory is refused" "$err" "Permission denied"
run "$P" "$W/out/none"
is "not there" "$rc" 127
run "$P" sh -c "exec 3<>$W/in/fifo; echo through >&3; read -r a <&3; echo \$a"
is "a FIFO open at both ends" "$out" through
run "$P" sh -c "(cat $W/in/fifo >$W/in/got) & echo late >$W/in/fifo; wait; cat $W/in/got"
is "a FIFO of two processes" "$out" late
finish
