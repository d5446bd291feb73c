# SPDX-License-Identifier: Apache-2.0
# HTTP over loopback, Python and Node, client and server: within one run, and a client in a run with a server outside.
. "$(dirname "$0")/lib.sh"
need /usr/bin/python3
set_up() {
	echo page >page.txt
	cat >both.py <<'P'
import http.server, threading, urllib.request, urllib.error
class H(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *a): pass
    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(200); self.end_headers(); self.wfile.write(body[::-1])
for family, host in (("4", "127.0.0.1"), ("6", "::1")):
    cls = http.server.ThreadingHTTPServer
    cls.address_family = __import__("socket").AF_INET6 if family == "6" else __import__("socket").AF_INET
    try:
        s = cls((host, 0), H)
    except OSError as e:
        print(family, "no server", e.errno); continue
    threading.Thread(target=s.serve_forever, daemon=True).start()
    base = "http://%s:%d" % ("[::1]" if family == "6" else host, s.server_address[1])
    print(family, urllib.request.urlopen(base + "/page.txt").read())
    print(family, urllib.request.urlopen(base + "/x", data=b"abc" * 100000).read()[:6])
    try: urllib.request.urlopen(base + "/none")
    except urllib.error.HTTPError as e: print(family, e.code)
    s.shutdown()
print(sorted(i[4][0] for i in __import__("socket").getaddrinfo("localhost", 80, type=1)))
P
	cat >both.js <<'P'
const http = require('http');
const s = http.createServer((q, r) => { let n = 0; q.on('data', d => n += d.length).on('end', () => r.end(q.method + ' ' + q.url + ' ' + n)); });
s.listen(0, '127.0.0.1', async () => {
  const u = 'http://127.0.0.1:' + s.address().port;
  const get = p => new Promise((ok, no) => http.get(u + p, r => { let t = ''; r.on('data', d => t += d).on('end', () => ok(t)); }).on('error', no));
  console.log(await get('/a'), await Promise.all(['/b', '/c', '/d'].map(get)));
  if (typeof fetch == 'function') console.log(await (await fetch(u + '/f', { method: 'POST', body: 'x'.repeat(100000) })).text());
  s.close();
});
P
}
same "Python: server and client" "python loopback" /usr/bin/python3 both.py
if command -v node >/dev/null; then
	same "Node: server and client" "node loopback" node both.js
else
	skip "Node: server and client" "node is not installed"
fi
same "a port that nobody listens on" "python loopback" /usr/bin/python3 -c 'import urllib.request
try: urllib.request.urlopen("http://127.0.0.1:9/")
except OSError as e: print(e.reason.errno)'

# A server outside of the run, on a port that it chose, until its standard input ends.
fresh
mkfifo "$TMP/port" "$TMP/end" && chmod 666 "$TMP/port"
in_dir as_user /usr/bin/python3 -uc 'import http.server, sys, threading
class H(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *a): pass
s = http.server.ThreadingHTTPServer(("127.0.0.1", 0), H)
threading.Thread(target=s.serve_forever, daemon=True).start()
print(s.server_address[1]); sys.stdout.close()
sys.stdin.read()' <"$TMP/end" >"$TMP/port" &
exec 7>"$TMP/end"
read -r port <"$TMP/port"
client="import urllib.request; print(urllib.request.urlopen('http://127.0.0.1:$port/page.txt').read())"
under "python loopback" /usr/bin/python3 -c "$client"
is "Python: a client of a server outside" "$rc $out" "0 b'page\n'"
under python /usr/bin/python3 -c "$client"
is "Python: without preset:loopback there is no loopback" "$rc" 1
if command -v node >/dev/null; then
	client="require('http').get('http://127.0.0.1:$port/page.txt', r => r.pipe(process.stdout)).on('error', e => { console.log(e.code); process.exit(1) })"
	under "node loopback" node -e "$client"
	is "Node: a client of a server outside" "$rc $out" "0 page"
	under node node -e "$client"
	is "Node: without preset:loopback there is no loopback" "$rc $out" "1 EACCES"
fi
exec 7>&-
wait
finish
