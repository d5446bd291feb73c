# SPDX-License-Identifier: Apache-2.0
# Python: a virtual environment, pip from local packages without an index, programs with processes, threads, sockets of their own and sqlite.
. "$(dirname "$0")/lib.sh"
need /usr/bin/python3
NOT_SAME='\.whl\|\.pyc\|RECORD\|direct_url\|INSTALLER\|REQUESTED\|/build/\|egg-info'
normal() { sed -e "s/pip-build-env-[a-z0-9_]*/X/g"; }
set_up() {
	mkdir -p wheel/hello hello-1.0
	printf 'def main():\n    print("hello from a wheel")\n' >wheel/hello/__init__.py
	mkdir wheel/hello-1.0.dist-info
	printf 'Metadata-Version: 2.1\nName: hello\nVersion: 1.0\n' >wheel/hello-1.0.dist-info/METADATA
	printf 'Wheel-Version: 1.0\nGenerator: x\nRoot-Is-Purelib: true\nTag: py3-none-any\n' >wheel/hello-1.0.dist-info/WHEEL
	printf '[console_scripts]\nhello = hello:main\n' >wheel/hello-1.0.dist-info/entry_points.txt
	printf 'hello/__init__.py,,\nhello-1.0.dist-info/METADATA,,\nhello-1.0.dist-info/WHEEL,,\nhello-1.0.dist-info/RECORD,,\n' >wheel/hello-1.0.dist-info/RECORD
	mkdir dist && (cd wheel && /usr/bin/python3 -m zipfile -c ../dist/hello-1.0-py3-none-any.whl hello hello-1.0.dist-info)
	mkdir -p src/fromsource
	printf 'X = 7\n' >src/fromsource/__init__.py
	printf 'from setuptools import setup, Extension\nsetup(name="fromsource", version="2.0", packages=["fromsource"], ext_modules=EXT)\n' >src/setup.py
	if [ -e /usr/include/python3.11/Python.h ] && command -v cc >/dev/null; then
		sed -i 's/EXT/[Extension("fromsource.c", ["c.c"])]/' src/setup.py
	else
		sed -i 's/EXT/[]/' src/setup.py
	fi
	printf '#include <Python.h>\nstatic struct PyModuleDef m = { PyModuleDef_HEAD_INIT, "c" };\nPyMODINIT_FUNC PyInit_c(void) { return PyModule_Create(&m); }\n' >src/c.c
	cat >many.py <<'P'
import concurrent.futures, hashlib, multiprocessing, os, pathlib, signal, socket, sqlite3, subprocess, sys, tempfile, threading
def square(x): return x * x
if __name__ == "__main__":
    with multiprocessing.Pool(3) as p: print(p.map(square, range(8)))
    with concurrent.futures.ThreadPoolExecutor(8) as e: print(sum(e.map(square, range(500))))
    print(subprocess.run(["sh", "-c", "echo out; echo err >&2; exit 4"], capture_output=True))
    print(subprocess.run("cat | tr a b", shell=True, input=b"aaa", stdout=-1).stdout)
    c = sqlite3.connect("x.db"); c.execute("create table t(a)"); c.executemany("insert into t values(?)", [(i,) for i in range(1000)]); c.commit()
    print(c.execute("select sum(a) from t").fetchone()); c.close(); os.unlink("x.db")
    a, b = socket.socketpair(); a.send(b"x"); print(b.recv(9))
    with tempfile.TemporaryDirectory() as d:
        p = pathlib.Path(d) / "a" / "b"; p.mkdir(parents=True); (p / "f").write_text("t"); (p / "f").rename(p / "g"); os.chmod(p / "g", 0o600)
        print(sorted(x.name for x in pathlib.Path(d).rglob("*")), oct((p / "g").stat().st_mode))
    pid = os.fork()
    if pid == 0: signal.pause()
    os.kill(pid, signal.SIGTERM); print(os.waitpid(pid, 0)[1])
    lock = multiprocessing.Lock(); q = multiprocessing.Queue(); q.put(1); print(q.get())
    print(os.listdir("/proc/self/fd") != [], os.cpu_count() > 0, os.path.exists("/etc/hostname"))
P
}
same "processes, threads, sqlite, files" python /usr/bin/python3 many.py
if /usr/bin/python3 -c 'import ensurepip, venv' 2>/dev/null; then
	EXPECT=127
	same "venv, pip install of a wheel and of a source tree, without an index" "python build" sh -c '/usr/bin/python3 -m venv v && pip="v/bin/pip -q --disable-pip-version-check" &&
		$pip install --no-index --find-links dist hello && v/bin/hello && $pip install --no-index --no-build-isolation --no-use-pep517 ./src 2>/dev/null &&
		v/bin/python -c "import fromsource; print(fromsource.X); import os, sys
if os.path.exists(\"/usr/include/python3.11/Python.h\"): import fromsource.c; print(\"compiled\")" && $pip freeze && $pip uninstall -y hello; v/bin/hello; r=$?; rm -rf v; exit $r'
else
	skip "venv and pip" "python3-venv is not installed"
fi
under python /usr/bin/python3 -c 'import os; print(open(os.path.expanduser("~/.netrc")).read())'
is "keys and tokens stay closed" "$rc $out" "1 "
finish
