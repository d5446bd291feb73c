# SPDX-License-Identifier: Apache-2.0
# A C project: make -j with many objects, libraries, a generated header and its tests; configure-like probes; cmake and ninja; ccache.
. "$(dirname "$0")/lib.sh"
need cc make ar
normal() { sort; }
set_up() {
	mkdir -p src include tests
	for i in $(seq 40); do
		printf '#include <stdio.h>\n#include <math.h>\n#include "gen.h"\nint f%d(int x) { return x * %d + GEN; }\n' "$i" "$i" >"src/f$i.c"
	done
	{ for i in $(seq 40); do echo "int f$i(int);"; done
	  echo '#include <stdio.h>'
	  echo 'int main(void) { int s = 0;'
	  for i in $(seq 40); do echo "s += f$i($i);"; done
	  echo 'printf("%d\n", s); return 0; }'; } >src/main.c
	printf '#!/bin/sh\n[ "$(./prog)" = 22180 ] && echo PASS\n' >tests/run && chmod +x tests/run
	cat >Makefile <<'M'
OBJ := $(patsubst src/%.c,build/%.o,$(filter-out src/main.c,$(wildcard src/*.c)))
all: prog libf.so
build/gen.h:
	mkdir -p build && echo '#define GEN 1' >$@
build/%.o: src/%.c build/gen.h
	$(CC) -O2 -fPIC -Ibuild -MMD -c -o $@ $<
build/libf.a: $(OBJ)
	rm -f $@ && ar rcD $@ $^
libf.so: $(OBJ)
	$(CC) -shared -o $@ $^ -lm
prog: src/main.c build/libf.a
	$(CC) -O2 -o $@ $^ -lm
check: prog libf.so
	tests/run && LD_PRELOAD=./libf.so ./prog
install: prog
	install -D -m 755 prog $(CURDIR)/out/bin/prog && ln -sf prog out/bin/prog2 && strip out/bin/prog
clean:
	rm -rf build prog libf.so
M
	cat >CMakeLists.txt <<'M'
cmake_minimum_required(VERSION 3.10)
project(x C)
find_package(Threads REQUIRED)
file(GLOB S src/f*.c)
add_library(f SHARED ${S})
target_include_directories(f PRIVATE ${CMAKE_SOURCE_DIR}/build)
add_executable(progc src/main.c)
target_link_libraries(progc f Threads::Threads)
M
}
same "make -j: objects, archive, shared library, program" build make -j4 all
same "make check runs what was built" build sh -c 'make -j4 -s check && make -s install && out/bin/prog2 && make -s clean && ls'
EXPECT=3
same "a build that fails fails alike" build sh -c 'echo "#error no" >>src/f3.c; make -j2 -k all 2>&1 | grep -v ^make; exit 3'
EXPECT=42
same "configure-like probes in /tmp" build sh -c 'd=$(mktemp -d) && cd "$d" && echo "int main(void){return 42;}" >conftest.c && cc conftest.c && ./a.out; r=$?; rm -rf "$d"; exit $r'
EXPECT=0
same "pkg-config" build sh -c 'pkg-config --version; pkg-config --list-all | sort | head -n 20'
if command -v cmake >/dev/null && command -v ninja >/dev/null; then
	NOT_SAME='cm\|\.ninja\|CMake\|\.log'
	same "cmake and ninja" build sh -c 'mkdir -p build && echo "#define GEN 1" >build/gen.h && cmake -G Ninja -S . -B cm >/dev/null && ninja -C cm >/dev/null && cm/progc'
	NOT_SAME=
else
	skip "cmake and ninja" "they are not installed"
fi
under build sh -c 'echo >~/.bashrc'
is "the start-up file stays closed" "$rc" 2
finish
