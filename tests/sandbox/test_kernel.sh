# SPDX-License-Identifier: Apache-2.0
# The user tier: sockets, surfaces of the kernel, other processes, and what a run is as a process.
. "$(dirname "$0")/lib.sh"
P=net
cat >"$TMP/$P.toml" <<END
schema = 1
name = "net"
[file]
default = "allow"
deny = ["/none"]
[exec]
default = "allow"
[network]
default = "deny"
connect = ["127.0.0.1:9901", "udp:127.0.0.1:9902", "unix:$W/good.sock", "unix:@good"]
listen  = ["127.0.0.1:9903-9904", "unix:$W/in/**"]
END
cat >"$TMP/open.toml" <<END
schema = 1
name = "open"
[file]
default = "allow"
deny = ["/none"]
[exec]
default = "allow"
[network]
default = "allow"
deny = ["127.0.0.1:9905"]
END
prepare mkdir -p "$W/in"
become_user python3 - "$W" <<'END' &
import socket, sys, signal
w = sys.argv[1]
keep = []
for host, port, kind in (("127.0.0.1", 9901, socket.SOCK_STREAM), ("127.0.0.1", 9905, socket.SOCK_STREAM), ("127.0.0.1", 9902, socket.SOCK_DGRAM)):
    s = socket.socket(socket.AF_INET, kind); s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1); s.bind((host, port)); keep.append(s)
    if kind == socket.SOCK_STREAM: s.listen(64)
for name in (w + "/good.sock", w + "/bad.sock", "\0good", "\0bad"):
    s = socket.socket(socket.AF_UNIX); s.bind(name); s.listen(64); keep.append(s)
open(w + "/ready", "w").close()
signal.pause()
END
server=$!
trap 'kill $server; rm -rf "$TMP"' EXIT
until [[ -e $W/ready ]]; do kill -0 $server || break; read -rt 0.05 <> <(:) || :; done

allows "connect" connect 127.0.0.1 9901
refuses "connect to another port" connect 127.0.0.1 9905
refuses "connect to another address" connect 192.0.2.1 9901
allows "connect to 0.0.0.0, which is loopback" connect 0.0.0.0 9901
allows "connect by IPv4 in IPv6" connect ::ffff:127.0.0.1 9901
refuses "connect by IPv4 in IPv6 elsewhere" connect ::ffff:192.0.2.1 9901
refuses "fast open elsewhere" fastopen 127.0.0.1 9905
allows "UDP connect" udp-connect 127.0.0.1 9902
refuses "UDP connect elsewhere" udp-connect 127.0.0.1 9905
for op in sendto sendmsg sendmmsg; do
	allows "$op" $op 127.0.0.1 9902
	refuses "$op elsewhere" $op 127.0.0.1 9905
done
allows "unix" connect "$W/good.sock"
refuses "unix elsewhere" connect "$W/bad.sock"
prepare ln -s "$W/bad.sock" "$W/in/link"
refuses "unix through a link" connect "$W/in/link"
allows "abstract" connect @good
refuses "abstract elsewhere" connect @bad
allows "bind" bind 127.0.0.1 9903
refuses "bind elsewhere" bind 127.0.0.1 9906
refuses "bind to any address" bind 0.0.0.0 9903
refuses "bind to port 0" bind 127.0.0.1 0
allows "bind a socket file" bind "$W/in/made.sock"
is "it is there" "$(stat -c %F "$W/in/made.sock")" socket
refuses "bind a socket file elsewhere" bind "$W/made.sock"
is "it is not there" "$(ls "$W/made.sock" 2>/dev/null)" ""
try as_user sh -c "cd $W && exec $B/vantioctl run --tier user --policy $TMP/$P.toml -- sh -c 'cd $W/in && exec $B/ops bind /proc/self/cwd/own.sock'"
is "bind through /proc/self: in the command's folder, not in ours" "$rc $(cd "$W" && echo own.sock* in/own.sock*)" "0 own.sock* in/own.sock"
refuses "abstract bind" bind @mine
refuses "netlink" socket 16 3 0
refuses "multipath TCP" socket 2 1 262
forbids "raw" socket 2 3 1
forbids "packet" socket 17 3 0
forbids "packet by its old name" socket 2 10 768
run $P python3 -c "
import socket,array
a,b=socket.socketpair()
a.sendmsg([b'hi'],[(socket.SOL_SOCKET,socket.SCM_RIGHTS,array.array('i',[0]))])
d,anc,_,_=b.recvmsg(10,100)
assert d==b'hi' and len(anc)==1
a.sendall(b'x'*3000000) if False else None
print('passed')"
is "descriptors over a socket" "$out" passed
P=open
allows "connect under default allow" connect 127.0.0.1 9901
refuses "what is denied there" connect 127.0.0.1 9905

P=net
forbids "mount" mount
forbids "chroot" chroot
forbids "user namespace" userns
forbids "user namespace by clone" userns-clone
allows "a process" thread
forbids "io_uring" io_uring
forbids "bpf" bpf
forbids "perf" perf
forbids "keyring" keyctl
forbids "faults of the kernel's own, at which the supervisor would wait" userfaultfd
ops landlock
is "a Landlock domain that would not hold: not there" "$rc" 95
cgroups=$(findmnt -rnt cgroup2 -o TARGET | head -n1)
if [[ $(id -u) == 0 && $cgroups == /sys/* ]] && mkdir "$cgroups/vantio-test-$$" 2>/dev/null; then
	chown 65534 "$cgroups/vantio-test-$$" "$cgroups/vantio-test-$$/cgroup.procs"
	prepare test -w "$cgroups/vantio-test-$$/cgroup.procs" && refuses "a cgroup of the user's own" write "$cgroups/vantio-test-$$/cgroup.procs"
	P=open refuses "a cgroup, whatever is allowed" write "$cgroups/vantio-test-$$/cgroup.procs"
	rmdir "$cgroups/vantio-test-$$"
else
	skip "a cgroup of the user's own" "it takes root and cgroup2 to make one"
fi
forbids "ptrace of a stranger" ptrace $server
forbids "memory of a stranger" vm_write $server
forbids "signal to a stranger" kill $server
forbids "signal to a stranger, rubbish in the high half" kill-high $server
forbids "limits of a stranger" limit $server
VANTIO_LANDLOCK_ABI=5 forbids "a descriptor's signals to a stranger, without Landlock's help" owner $server
run $P sh -c 'ulimit -n 64; ulimit -n'
is "one's own limits" "$out" 64
ops lease "$W/lease"
is "a lease, for which the supervisor would wait: refused" "$rc" 11
ops control
is "a message whose parts are longer than it: refused" "$rc" 22
# what waits, waits in a thread of its own: another process goes on, and so does the kill switch
try as_user timeout -s KILL 15 "$B/vantioctl" run -q --tier user --policy "$TMP/$P.toml" -- python3 -c "
import ctypes, os, socket, time
a, b = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
try:
	while True: a.send(b'x', socket.MSG_DONTWAIT)
except BlockingIOError: pass
libc = ctypes.CDLL(None, use_errno=True)
class Iov(ctypes.Structure): _fields_ = [('base', ctypes.c_char_p), ('len', ctypes.c_size_t)]
class Mm(ctypes.Structure): _fields_ = [('name', ctypes.c_void_p), ('namelen', ctypes.c_uint), ('iov', ctypes.c_void_p), ('iovlen', ctypes.c_size_t),
	('control', ctypes.c_void_p), ('controllen', ctypes.c_size_t), ('flags', ctypes.c_int), ('gap', ctypes.c_int), ('len', ctypes.c_uint), ('end', ctypes.c_int)]
iov = Iov(b'y', 1)
m = Mm(iov=ctypes.addressof(iov), iovlen=1)
child = os.fork()
if not child:
	n = libc.sendmmsg(a.fileno(), ctypes.byref(m), 1, 0)
	os._exit(0 if n == 1 and m.len == 1 else 1)
while not open('/proc/%d/syscall' % child).read().startswith('307 '): time.sleep(0.01)
socket.socket().close()
while True:
	d = b.recv(10)
	if d == b'y': break
print('sent', os.waitpid(child, 0)[1])"
is "sendmmsg that waits holds nobody up" "$out" "sent 0"
ops int80
is "a 32-bit call: not there" "$rc" 38
ops x32
is "an x32 call: not there" "$rc" 38
holds "the stranger lives" kill -0 $server
run $P sh -c 'kill -0 $PPID; kill -9 $PPID; echo still'
is "the supervisor cannot be killed" "$out" still
run $P python3 -c "
import os, time
p = os.fork()
if not p: os._exit(0)
os.waitpid(p, 0)
try: os.kill(p, 15)
except ProcessLookupError: print('gone')"
is "a process that is gone is not there" "$out" gone
run $P sh -c 'sleep 100 & kill $!; wait $!; echo $?'
is "one's own child can" "$out" 143
run $P sh -c 'cat /proc/$PPID/environ'
is "the supervisor's environment: refused" "$rc" 1

# what a run is as a process
run $P sh -c 'exit 7'
is "status" "$rc" 7
run $P sh -c 'kill -TERM $$'
is "status of a signal" "$rc" 143
out=$(echo in | as_user "$B/vantioctl" run -q --tier user --policy "$TMP/$P.toml" -- cat)
is "standard input" "$out" in
run $P sh -c '(sleep 0.3; echo late) & echo early'
is "until the last has ended" "$out" $'early\nlate'
run $P sh -c 'setsid sh -c "sleep 0.3; echo orphan" & exit 3'
is "orphans too" "$rc $out" "3 orphan"
become_user "$B/vantioctl" run -q --tier user --policy "$TMP/$P.toml" -- sh -c 'trap "exit 9" TERM; echo up; while :; do sleep 0.05; done' >"$TMP/up" &
p=$!
until [[ -s $TMP/up ]]; do kill -0 $p || break; read -rt 0.05 <> <(:) || :; done
kill -TERM $p
wait $p
is "signals are passed on" "$?" 9
become_user "$B/vantioctl" run -q --tier user --policy "$TMP/$P.toml" -- python3 -c "
import os, errno, time
out = os.open('$W/codes', os.O_CREAT | os.O_WRONLY)
parent = os.getppid()
os.write(out, b'up\n')
while os.getppid() == parent: time.sleep(0.02)
try:
	os.open('/etc/passwd', 0)
	os.write(out, b'opened\n')
except OSError as e:
	os.write(out, errno.errorcode[e.errno].encode() + b'\n')" &
p=$!
until [[ -s $W/codes ]]; do kill -0 $p || break; read -rt 0.05 <> <(:) || :; done
kill -9 $p
wait $p 2>/dev/null
for _ in {1..100}; do [[ $(wc -l <"$W/codes") == 2 ]] && break; read -rt 0.05 <> <(:) || :; done
is "without the supervisor nothing is permitted" "$(tail -n1 "$W/codes")" ENOSYS
cp "$(dirname "${BASH_SOURCE[0]}")/terminal.py" "$B"
is "a terminal, bare" "$(as_user timeout 60 python3 "$B/terminal.py" env 2>&1)" fine
is "a terminal: job control, keys and statuses as bare" "$(as_user timeout 60 python3 "$B/terminal.py" "$B/vantioctl" run -q --tier user --policy "$TMP/$P.toml" -- 2>&1)" fine
finish
