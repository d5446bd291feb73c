# SPDX-License-Identifier: Apache-2.0
# Python's own tests of subprocess, socket and pathlib (Debian: libpython3-testsuite): each test has the outcome that it has bare.
. "$(dirname "$0")/lib.sh"
need /usr/bin/python3
/usr/bin/python3 -c 'import test.test_subprocess' 2>/dev/null || { skip "Python's own tests" "libpython3-testsuite is not installed"; finish; }
# Those of sockets bind to 0.0.0.0 and ::, which no preset gives, and use protocols that no rule can name (UDP-Lite, netlink and others).
cat >"$TMP/suites.toml" <<'END'
schema = 1
name = "suites"
extends = ["preset:python", "preset:build", "preset:loopback"]
[network]
default = "allow"
END
outcomes() { grep -aE '^test[A-Za-z0-9_]+ \(' <<<"$out$err" | sed -E 's/^(test[A-Za-z0-9_]+ \([^)]*\)).*\.\.\. *(ok|skipped|FAIL|ERROR).*/\1 \2/; s/^(test[A-Za-z0-9_]+ \([^)]*\)).*/\1/' | sort; }
for t in test_pathlib test_subprocess test_socket; do
	fresh; bare /usr/bin/python3 -m test -v "$t"
	want_rc=$rc want=$(outcomes)
	fresh; under "$TMP/suites.toml" /usr/bin/python3 -m test -v "$t"
	got=$(outcomes)
	if [[ $want_rc == "$rc" && $want == "$got" && $(wc -l <<<"$want") -gt 100 ]]; then
		pass "$t: $(wc -l <<<"$want") tests as bare"
	else
		fail "$t: bare status $want_rc, under presets $rc" "$(diff <(echo "$want") <(echo "$got") | head -n 40)" "$(grep -aE -A12 '^(FAIL|ERROR):' <<<"$err$out" | head -n 60)"
	fi
done
finish
