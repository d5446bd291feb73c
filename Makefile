# SPDX-License-Identifier: Apache-2.0
#
#   make            build/vantioctl            make check       unit, cli, install, fault and vm tests
#   make demo       the main job, here and in a guest   make check-unit  the quick ones
#   make deps       installs what is missing   make install     PREFIX=/usr/local DESTDIR= (and uninstall)
#   make check-flood  a million refusals while nobody reads, in guests
#   make bench      what a decision costs, natively; as root          make bench-ledger   the ledger beside others
#   make bench-run  what the user tier costs beside bubblewrap and firejail
#   make bench-vm   what governing costs beside Landlock and AppArmor, in a guest
#   make check-vm KERNELS=6.12 VM_TESTS="t_harness"             some tests on one kernel
#   O=DIR builds elsewhere, V=1 shows commands, WERROR=1 makes warnings errors, SAN=1 adds ASan and UBSan.

O       ?= build
ifeq ($(origin CC),default)
CC  := gcc
endif
ifeq ($(origin CXX),default)
CXX := g++
endif
CLANG   ?= clang
BPFTOOL ?= $(firstword $(wildcard /usr/sbin/bpftool) bpftool)
PKGS    := libbpf libelf libsodium nettle sqlite3 libcjson libseccomp

# Goals that compile need what compiling needs; those that do not must work on a bare machine.
NO_BUILD := deps check check-san check-clang check-werror demo clean uninstall
ifneq ($(filter-out $(NO_BUILD),$(or $(MAKECMDGOALS),all)),)
BUILDING := 1
ifeq ($(wildcard $(O)/.deps),)
ifneq ($(shell scripts/deps --check build >&2 && mkdir -p $(O) && touch $(O)/.deps && echo ok),ok)
$(error something that the build needs is not there)
endif
endif
endif

ifeq ($(V),1)
Q :=
else
Q := @
endif
say = $(if $(Q),@printf '  %-7s %s\n' $(1) $(patsubst $(O)/%,%,$(2)))

WARN     := -Wall -Wextra -Wshadow -Wvla -Wformat=2
CWARN     = $(WARN) -Wmissing-prototypes -Wstrict-prototypes
HARDEN   := -fstack-protector-strong -fPIE -ffile-prefix-map=$(CURDIR)=. -ffile-prefix-map=$(O)/=build/
CPPFLAGS += -D_GNU_SOURCE -Ilib -Ibpf -I$(O)/gen
CFLAGS   ?= -O2 -g
ifeq ($(SAN),1)
CFLAGS   := -O1 -g -fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer
LDFLAGS  += -fsanitize=address,undefined
else
CPPFLAGS += -D_FORTIFY_SOURCE=2
endif
ifeq ($(WERROR),1)
WARN  += -Werror
endif
ALL_CFLAGS   = -std=gnu11 $(CWARN) $(HARDEN) $(CFLAGS) $(PKG_CFLAGS)
ALL_CXXFLAGS = -std=c++17 $(WARN) $(HARDEN) $(CFLAGS)
LDFLAGS += -pie -Wl,-z,relro,-z,now
ifdef BUILDING
PKG_CFLAGS := $(shell pkg-config --cflags $(PKGS))
PKG_LIBS   := $(shell pkg-config --libs $(PKGS))
# Other flags make other objects: this file changes with them, and everything depends on it.
FLAGS_NOW  := $(CC) $(CXX) $(CPPFLAGS) $(ALL_CFLAGS) $(LDFLAGS)
ifneq ($(FLAGS_NOW),$(shell cat $(O)/.flags 2>/dev/null))
$(shell mkdir -p $(O) && echo '$(FLAGS_NOW)' >$(O)/.flags)
endif
endif
LDLIBS := $(PKG_LIBS) -lstdc++ -lm -lpthread
# The program's own: archives where they are there, as Debian's -dev packages have them. Loading nine shared libraries was a quarter of the
# time that `run` takes to start a command (make bench-run).
ifdef BUILDING
archive    = $(or $(filter /%,$(shell $(CC) -print-file-name=lib$(1:-l%=%).a)),$(1))
ARCHIVED  := $(filter-out -lm,$(filter -l%,$(if $(filter 1,$(SAN)),,$(shell pkg-config --static --libs $(PKGS) 2>/dev/null))))
GROUPED    = -Wl,--start-group $(foreach l,$(sort $(ARCHIVED) -lstdc++),$(call archive,$(l))) -Wl,--end-group
CLI_LIBS  := $(if $(ARCHIVED),$(GROUPED) -static-libgcc -lm -lpthread,$(LDLIBS))
endif

LIB_C    := $(sort $(wildcard lib/*/*.c))
LIB_CC   := $(sort $(wildcard lib/*/*.cc))
CLI_C    := $(sort $(wildcard cli/*.c))
BPF_C    := $(sort $(wildcard bpf/*.bpf.c))
UNIT_C   := $(sort $(wildcard tests/unit/test_*.c))
LIB_OBJ  := $(LIB_C:%.c=$(O)/%.o) $(LIB_CC:%.cc=$(O)/%.o)
CLI_OBJ  := $(CLI_C:%.c=$(O)/%.o)
BPF_OBJ  := $(BPF_C:%.c=$(O)/%.o)
UNIT_BIN := $(UNIT_C:%.c=$(O)/%)
PRESETS  := $(sort $(wildcard dist/presets/*.toml))
SKEL     := $(if $(BPF_C),$(O)/gen/vantio.skel.h)

.PHONY: all
all: $(O)/vantioctl

$(O)/vantioctl: $(CLI_OBJ) $(O)/libvantio.a
	$(call say,LINK,$@)
	$(Q)$(CC) $(LDFLAGS) -o $@ $(CLI_OBJ) $(O)/libvantio.a $(CLI_LIBS)

$(O)/libvantio.a: $(LIB_OBJ)
	$(call say,AR,$@)
	$(Q)rm -f $@ && ar rcs $@ $(LIB_OBJ)

$(O)/%.o: %.c $(O)/.flags | $(SKEL)
	$(call say,CC,$@)
	$(Q)mkdir -p $(@D) && $(CC) $(CPPFLAGS) $(ALL_CFLAGS) -MMD -MP -c -o $@ $<

$(O)/%.o: %.cc $(O)/.flags
	$(call say,CXX,$@)
	$(Q)mkdir -p $(@D) && $(CXX) $(CPPFLAGS) $(ALL_CXXFLAGS) -MMD -MP -c -o $@ $<

# BPF: one object a hook group, joined, one skeleton. No header of the building machine's kernel is read but the UAPI's.
BPF_ARCH   := $(shell uname -m | sed -e 's/x86_64/x86/' -e 's/aarch64/arm64/')
BPF_CFLAGS := -target bpf -mcpu=v3 -O2 -g -std=gnu11 -D__TARGET_ARCH_$(BPF_ARCH) -Ibpf \
	-I/usr/include/$(shell uname -m)-linux-gnu -Wall -Wextra -Wno-unused-parameter -Wno-missing-declarations -Werror \
	-fdebug-prefix-map=$(CURDIR)=.

$(O)/%.bpf.o: %.bpf.c
	$(call say,BPF,$@)
	$(Q)mkdir -p $(@D) && $(CLANG) $(BPF_CFLAGS) -MMD -MP -c -o $@ $<

$(O)/vantio.bpf.linked.o: $(BPF_OBJ)
	$(call say,GEN,$@)
	$(Q)$(BPFTOOL) gen object $@ $(BPF_OBJ)

$(O)/gen/vantio.skel.h: $(O)/vantio.bpf.linked.o
	$(call say,GEN,$@)
	$(Q)mkdir -p $(@D) && $(BPFTOOL) gen skeleton $< name vantio_bpf >$@.tmp && mv $@.tmp $@

# Presets are part of the program.
$(O)/gen/presets.h: $(PRESETS) scripts/embed
	$(call say,GEN,$@)
	$(Q)mkdir -p $(@D) && scripts/embed $(PRESETS) >$@.tmp && mv $@.tmp $@

$(O)/lib/policy/preset.o: $(O)/gen/presets.h

# Unit tests: one binary a module.
$(O)/tests/unit/%: tests/unit/%.c $(O)/libvantio.a
	$(call say,TEST,$@)
	$(Q)mkdir -p $(@D) && $(CC) $(CPPFLAGS) -Itests/unit $(ALL_CFLAGS) -MMD -MP $(LDFLAGS) -o $@ $< $(O)/libvantio.a -lcmocka $(LDLIBS)

# Programs that run in a guest (tests/vm/vt.h); `broken` is what the harness is tested with.
$(O)/tests/vm/%: tests/vm/%.c $(O)/libvantio.a
	$(call say,TEST,$@)
	$(Q)mkdir -p $(@D) && $(CC) $(CPPFLAGS) -Itests/vm $(ALL_CFLAGS) -MMD -MP $(LDFLAGS) -o $@ $< $(O)/libvantio.a $(LDLIBS)

# The table's rows, their player and what it executes go into the guest's /vm/table (tests/table, further down).
TABLE     := $(O)/tests/table
TABLE_OBJ := $(patsubst %,$(TABLE)/%.o,table world rows act act_net)
TABLE_IN_GUEST := $(foreach f,$(wildcard tests/table/*.rows tests/table/policies) $(TABLE)/player $(TABLE)/mark,--with $(f):/vm/table/$(notdir $(f)))

$(O)/tests/vm/t_table: tests/vm/t_table.c $(TABLE_OBJ) $(O)/libvantio.a
	$(call say,TEST,$@)
	$(Q)mkdir -p $(@D) && $(CC) $(CPPFLAGS) -Itests/vm $(ALL_CFLAGS) -MMD -MP $(LDFLAGS) -o $@ $< $(TABLE_OBJ) $(O)/libvantio.a $(LDLIBS)

KERNELS  ?= 6.1 6.12
VM_TESTS ?= $(patsubst tests/vm/%.c,%,$(sort $(wildcard tests/vm/t_*.c)))
VM_BIN   := $(VM_TESTS:%=$(O)/tests/vm/%)

.PHONY: deps demo check check-unit check-harness check-vm check-san check-clang check-werror clean
deps:
	@scripts/deps build guest test

# As many jobs as there are processors, unless make was told otherwise.
JOBS = $(if $(findstring jobserver,$(MAKEFLAGS)),,-j$(shell nproc))

# Both install what is missing, and only then build: what make knew before that may be wrong. What the guest needs is not
# installed before the demo has shown what needs no guest.
demo:
	@scripts/deps build
	@+$(MAKE) --no-print-directory $(JOBS) $(O)/vantioctl
	@docs/demo/run $(O)/vantioctl

check:
	@scripts/deps build guest test
	@+MAKE="$(MAKE) $(JOBS)" tests/check unit cli sandbox real-quick table install fault-quick phantom interop harness vm

check-unit: $(UNIT_BIN)
	@tests/unit/run $(UNIT_BIN)

check-harness: $(O)/tests/vm/broken/t_broken
	@tests/framed selftest tests/vm/selftest $<

check-vm: $(O)/vantioctl $(O)/tests/sandbox/ops $(TABLE)/player $(TABLE)/mark $(VM_BIN)
	@tests/vm/run $(KERNELS:%=--kernel %) --with $(O)/vantioctl --with $(O)/tests/sandbox/ops $(TABLE_IN_GUEST) $(VM_BIN)

# A million refusals while nobody reads, on each kernel: a quarter of an hour. `make check` tries twenty thousand.
FLOOD ?= 1000000
.PHONY: check-flood
check-flood: $(O)/vantioctl $(O)/tests/vm/t_flood
	@tests/vm/run $(KERNELS:%=--kernel %) --timeout 3600 --env VANTIO_FLOOD=$(FLOOD) --with $(O)/vantioctl $(O)/tests/vm/t_flood

check-san:
	@+$(MAKE) --no-print-directory SAN=1 WERROR=1 O=$(O)-san check-unit

check-clang:
	@+$(MAKE) --no-print-directory CC=clang CXX=clang++ WERROR=1 O=$(O)-clang all check-unit

# The tests of a build with optimisation: gcc warns of more there than in the sanitised one.
check-werror:
	@+$(MAKE) --no-print-directory WERROR=1 O=$(O)-werror all check-unit

# The command line: its tests, and the completion scripts that are written from its table.
.PHONY: check-cli completions
check-cli: $(O)/vantioctl $(O)/tests/install/make_ledger
	$(Q)VANTIOCTL=$(O)/vantioctl MAKE_LEDGER=$(abspath $(O))/tests/install/make_ledger tests/cli/run

# The user tier, natively, as an ordinary user; `races` is the long form of the threads that flip what was judged.
.PHONY: check-sandbox races
$(O)/tests/sandbox/ops: tests/sandbox/ops.c tests/sandbox/races.c tests/sandbox/races.h
	$(call say,TEST,$@)
	$(Q)mkdir -p $(@D) && $(CC) -D_GNU_SOURCE -std=gnu11 -O2 $(CWARN) -o $@ $(filter %.c,$^) -lpthread

ESCAPES := $(patsubst tests/vm/%.c,$(O)/tests/vm/%,$(wildcard tests/vm/t_user_*.c))
check-sandbox: $(O)/vantioctl $(O)/tests/sandbox/ops $(ESCAPES)
	$(Q)ESCAPES=$(abspath $(O))/tests/vm VANTIOCTL=$(O)/vantioctl OPS=$(O)/tests/sandbox/ops tests/sandbox/run

races: $(O)/vantioctl $(O)/tests/sandbox/ops
	$(Q)RACE_MS=30000 CLI_SECONDS=1500 VANTIOCTL=$(O)/vantioctl OPS=$(O)/tests/sandbox/ops tests/sandbox/run tests/sandbox/test_races.sh

# One table of operations and verdicts for every tier (tests/table/table.h): the evaluator and the user tier here, the kernel tier by
# tests/vm/t_table.c. The player and what it executes are static: they need nothing that a policy would have to allow.
$(TABLE)/%.o: tests/table/%.c $(O)/.flags
	$(call say,TEST,$@)
	$(Q)mkdir -p $(@D) && $(CC) $(CPPFLAGS) $(ALL_CFLAGS) -MMD -MP -c -o $@ $<

$(TABLE)/player: $(addprefix tests/table/,player.c act.c act_net.c act.h act_net.h)
	$(call say,TEST,$@)
	$(Q)mkdir -p $(@D) && $(CC) -D_GNU_SOURCE -std=gnu11 -O2 $(CWARN) -static -o $@ $(filter %.c,$^)

$(TABLE)/mark: tests/table/mark.c
	$(call say,TEST,$@)
	$(Q)mkdir -p $(@D) && $(CC) -std=gnu11 -O2 $(CWARN) -static -nostdlib -Wl,-z,noseparate-code -Wl,--build-id=none -o $@ $<

$(TABLE)/table: $(TABLE_OBJ) $(TABLE)/ask.o $(TABLE)/main.o $(O)/libvantio.a
	$(call say,LINK,$@)
	$(Q)$(CC) $(LDFLAGS) -o $@ $(filter %.o,$^) $(O)/libvantio.a $(LDLIBS)

.PHONY: check-table
check-table: $(O)/vantioctl $(TABLE)/table $(TABLE)/player $(TABLE)/mark
	@tests/framed table $(TABLE)/table $(O)/vantioctl $(TABLE)/player $(TABLE)/mark tests/table

# Real programs under their presets, beside themselves bare; the whole adds Python's own test suites, and installs what its tests would skip.
.PHONY: check-real check-real-quick
check-real-quick: $(O)/vantioctl
	$(Q)VANTIOCTL=$(O)/vantioctl tests/real/run quick

check-real: $(O)/vantioctl
	@scripts/deps test real
	$(Q)VANTIOCTL=$(O)/vantioctl CLI_SECONDS=600 tests/real/run full

completions: $(O)/vantioctl
	$(Q)$< completion bash >completions/vantioctl.bash
	$(Q)$< completion zsh >completions/_vantioctl
	$(Q)$< completion fish >completions/vantioctl.fish

# Where things go: PREFIX and the folders below it, all under DESTDIR.
PREFIX     ?= /usr/local
DESTDIR    ?=
BINDIR     ?= $(PREFIX)/bin
MANDIR     ?= $(PREFIX)/share/man
UNITDIR    ?= $(PREFIX)/lib/systemd/system
SYSCONFDIR ?= /etc
BASHDIR    ?= $(PREFIX)/share/bash-completion/completions
ZSHDIR     ?= $(PREFIX)/share/zsh/site-functions
FISHDIR    ?= $(PREFIX)/share/fish/vendor_completions.d
MAN        := $(sort $(wildcard docs/man/*.[58]))
SERVICE    := vantio-phantom-engine.service

.PHONY: install uninstall check-install check-valgrind
install: $(O)/vantioctl
	install -D -m 755 $(O)/vantioctl '$(DESTDIR)$(BINDIR)/vantioctl'
	for page in $(MAN); do install -D -m 644 $$page "$(DESTDIR)$(MANDIR)/man$${page##*.}/$${page##*/}" || exit 1; done
	install -D -m 644 completions/vantioctl.bash '$(DESTDIR)$(BASHDIR)/vantioctl'
	install -D -m 644 completions/_vantioctl '$(DESTDIR)$(ZSHDIR)/_vantioctl'
	install -D -m 644 completions/vantioctl.fish '$(DESTDIR)$(FISHDIR)/vantioctl.fish'
	install -D -m 644 docs/examples/coding-agent.toml '$(DESTDIR)$(SYSCONFDIR)/vantio/policy.toml.example'
	[ -e '$(DESTDIR)$(SYSCONFDIR)/vantio/engine.env' ] || \
		install -D -m 644 dist/engine.env '$(DESTDIR)$(SYSCONFDIR)/vantio/engine.env'
	sed -e 's|@BINDIR@|$(BINDIR)|g' -e 's|@SYSCONFDIR@|$(SYSCONFDIR)|g' dist/$(SERVICE).in >$(O)/$(SERVICE)
	install -D -m 644 $(O)/$(SERVICE) '$(DESTDIR)$(UNITDIR)/$(SERVICE)'

# Takes away what install put there; what the administrator wrote and the ledger stay.
uninstall:
	rm -f '$(DESTDIR)$(BINDIR)/vantioctl' '$(DESTDIR)$(BASHDIR)/vantioctl' '$(DESTDIR)$(ZSHDIR)/_vantioctl' \
		'$(DESTDIR)$(FISHDIR)/vantioctl.fish' '$(DESTDIR)$(UNITDIR)/$(SERVICE)' '$(DESTDIR)$(SYSCONFDIR)/vantio/policy.toml.example'
	for page in $(MAN); do rm -f "$(DESTDIR)$(MANDIR)/man$${page##*.}/$${page##*/}"; done
	! cmp -s dist/engine.env '$(DESTDIR)$(SYSCONFDIR)/vantio/engine.env' || rm -f '$(DESTDIR)$(SYSCONFDIR)/vantio/engine.env'
	[ ! -d '$(DESTDIR)$(SYSCONFDIR)/vantio' ] || rmdir --ignore-fail-on-non-empty '$(DESTDIR)$(SYSCONFDIR)/vantio'

check-install: $(O)/vantioctl
	@O='$(O)' MAKE='$(MAKE)' VANTIOCTL='$(O)/vantioctl' tests/framed install tests/install/test_install

$(O)/tests/install/%: tests/install/%.c $(O)/libvantio.a
	$(call say,TEST,$@)
	$(Q)mkdir -p $(@D) && $(CC) $(CPPFLAGS) $(ALL_CFLAGS) -MMD -MP $(LDFLAGS) -o $@ $< $(O)/libvantio.a -lcmocka $(LDLIBS)

# Faults: a writer killed at each system call, each of its writes, fsyncs and renames failed, and kill -9 at random under load. The
# quick form is part of `make check`; in full it takes some minutes.
$(O)/tests/fault/%: tests/fault/%.c $(O)/libvantio.a
	$(call say,TEST,$@)
	$(Q)mkdir -p $(@D) && $(CC) $(CPPFLAGS) $(ALL_CFLAGS) -MMD -MP $(LDFLAGS) -o $@ $< $(O)/libvantio.a -lcmocka $(LDLIBS)

FAULT_BIN := $(addprefix $(O)/tests/fault/,drive check storm)
FAULT_RUN  = @BUILD=$(O)/tests/fault tests/framed fault tests/fault/run
.PHONY: check-fault check-fault-quick
check-fault: $(FAULT_BIN)
	$(FAULT_RUN) full

check-fault-quick: $(FAULT_BIN)
	$(FAULT_RUN) quick

# What others wrote judges what this writes: Go's x/mod and npm's @sigstore/verify (SIGSTORE=DIR). Skips what is not installed.
.PHONY: check-interop
check-interop: $(O)/vantioctl $(O)/tests/install/make_ledger
	@VANTIOCTL='$(O)/vantioctl' MAKE_LEDGER='$(O)/tests/install/make_ledger' tests/framed interop tests/interop/run

# Phantoms: changes of files on an overlay and bare, by root and by an ordinary user; where neither can have overlays it says so.
$(O)/tests/phantom/%: tests/phantom/%.c $(O)/libvantio.a
	$(call say,TEST,$@)
	$(Q)mkdir -p $(@D) && $(CC) $(CPPFLAGS) $(ALL_CFLAGS) -MMD -MP $(LDFLAGS) -o $@ $< $(O)/libvantio.a $(LDLIBS)

.PHONY: check-phantom
check-phantom: $(O)/vantioctl $(O)/tests/phantom/drive
	@VANTIOCTL=$(abspath $(O))/vantioctl DRIVE=$(abspath $(O))/tests/phantom/drive tests/phantom/run

$(O)/tests/install/openat2.so: tests/install/openat2.c
	$(call say,TEST,$@)
	$(Q)mkdir -p $(@D) && $(CC) -D_GNU_SOURCE -O2 -Wall -fPIC -shared -o $@ $<

check-valgrind: $(O)/vantioctl $(O)/tests/install/make_ledger $(O)/tests/install/openat2.so
	@O='$(O)' VANTIOCTL='$(O)/vantioctl' tests/framed valgrind tests/install/test_valgrind

# Fuzzers (libFuzzer, clang): tests/fuzz/fuzz_NAME.c, seeds in tests/fuzz/corpus/NAME. `make fuzz-NAME FUZZ_TIME=180` runs one.
# The library is built a second time, instrumented, by the rules above.
FUZZ_TIME   ?= 60
FUZZ_SAN    := -fsanitize=address,undefined -fno-sanitize-recover=all
FUZZ_CFLAGS := -O1 -g -fno-omit-frame-pointer $(FUZZ_SAN)
FUZZ_NAMES  := $(patsubst tests/fuzz/fuzz_%.c,%,$(sort $(wildcard tests/fuzz/fuzz_*.c)))

.PHONY: fuzz fuzz-lib $(FUZZ_NAMES:%=fuzz-%)
fuzz: $(FUZZ_NAMES:%=fuzz-%)

fuzz-lib:
	$(Q)$(MAKE) --no-print-directory O=$(O)/fuzz/lib CC=$(CLANG) CXX=$(CLANG)++ SAN=1 CFLAGS="$(FUZZ_CFLAGS) -fsanitize=fuzzer-no-link" \
		$(O)/fuzz/lib/libvantio.a

$(O)/fuzz/%: tests/fuzz/fuzz_%.c fuzz-lib
	$(call say,FUZZ,$@)
	$(Q)mkdir -p $(@D) && $(CLANG) $(CPPFLAGS) -std=gnu11 $(WARN) $(FUZZ_CFLAGS) -fsanitize=fuzzer-no-link -c -o $@.o $< && \
		$(CLANG)++ $(FUZZ_SAN) -fsanitize=fuzzer -o $@ $@.o $(O)/fuzz/lib/libvantio.a $(LDLIBS)

$(FUZZ_NAMES:%=fuzz-%): fuzz-%: $(O)/fuzz/%
	$(Q)mkdir -p $(O)/fuzz/corpus/$* $(O)/fuzz/found && $< -max_total_time=$(FUZZ_TIME) -timeout=10 -print_final_stats=1 \
		-artifact_prefix=$(O)/fuzz/found/$*- $(O)/fuzz/corpus/$* $(wildcard tests/fuzz/corpus/$*)

# Benchmarks: tests/bench/bench_*.c, each with the generator of rules and paths. bench_kernel loads decide*.bpf.c and nothing else
# of the engine, with the programs of bench.bpf.c that call it.
BENCH := $(O)/tests/bench
BENCH_BIN := $(BENCH)/bench_matcher $(BENCH)/bench_kernel

$(BENCH)/bench.bpf.linked.o: $(filter $(O)/bpf/decide%,$(BPF_OBJ)) $(BENCH)/bench.bpf.o
	$(call say,GEN,$@)
	$(Q)$(BPFTOOL) gen object $@ $^

$(BENCH)/bench.skel.h: $(BENCH)/bench.bpf.linked.o
	$(call say,GEN,$@)
	$(Q)$(BPFTOOL) gen skeleton $< name bench_bpf >$@.tmp && mv $@.tmp $@

$(BENCH_BIN): $(BENCH)/%: tests/bench/%.c tests/bench/gen_rules.c tests/bench/gen_rules.h $(BENCH)/bench.skel.h $(O)/libvantio.a
	$(call say,BENCH,$@)
	$(Q)$(CC) $(CPPFLAGS) -Itests/bench -I$(BENCH) $(ALL_CFLAGS) -MMD -MP $(LDFLAGS) -o $@ $< tests/bench/gen_rules.c \
		$(O)/libvantio.a $(LDLIBS)

# The figures that the design promises, measured here: compiling, deciding, halting. Needs root for the last two.
.PHONY: bench bench-compile bench-vm
bench: $(BENCH_BIN)
	@r=0; $(BENCH)/bench_matcher --check || r=1; $(BENCH)/bench_kernel || r=1; exit $$r

# What governing costs beside nothing, Landlock and AppArmor, in one guest; a quarter of an hour. ROWS="open+close build" are some.
BENCH_KERNEL ?= 6.12
BENCH_ROUNDS ?= 7
BENCH_VM_C   := $(sort $(wildcard tests/bench/vm/*.c))

$(BENCH)/bench_vm: $(BENCH_VM_C) $(wildcard tests/bench/vm/*.h) tests/vm/govern.h tests/vm/engine.h tests/vm/vt.h $(O)/libvantio.a
	$(call say,BENCH,$@)
	$(Q)mkdir -p $(@D) && $(CC) $(CPPFLAGS) -Itests/vm $(ALL_CFLAGS) $(LDFLAGS) -o $@ $(BENCH_VM_C) $(O)/libvantio.a $(LDLIBS)

bench-vm: $(O)/vantioctl $(BENCH)/bench_vm
	@scripts/deps bench
	@tests/vm/boot --kernel $(BENCH_KERNEL) --steady --lsm landlock,lockdown,apparmor,bpf --mem 2048 --timeout 3600 --add $(O)/vantioctl \
		--add $(BENCH)/bench_vm --add "$$(command -v tcc)" --add "$$(PATH=$$PATH:/sbin:/usr/sbin command -v apparmor_parser)" \
		--env BENCH_ROUNDS=$(BENCH_ROUNDS) --env BENCH_ROWS="$(ROWS)" -- bench_vm

# What the user tier costs beside nothing, bubblewrap and firejail, in one run, natively and as an ordinary user; two minutes.
BENCH_RUN_C := $(sort $(filter-out %/first.c,$(wildcard tests/bench/run/*.c)))

$(BENCH)/bench_run: $(BENCH_RUN_C) tests/bench/run/bench_run.h
	$(call say,BENCH,$@)
	$(Q)mkdir -p $(@D) && $(CC) -D_GNU_SOURCE -std=gnu11 -O2 $(CWARN) -o $@ $(BENCH_RUN_C) -lm

.PHONY: bench-run
bench-run: $(O)/vantioctl $(BENCH)/bench_run
	@scripts/deps bench-run
	@tests/bench/run/run $(O)/vantioctl $(BENCH)/bench_run

bench-compile: $(BENCH)/bench_matcher
	@$< --check

# The ledger beside what a user would use instead, and at the size that BENCH_RECORDS says (10000000 takes 25 GB below BENCH_DIR).
# As root, for the journal's seal. BENCH_COMPARE is how many records the others are given.
BENCH_RECORDS ?= 1000000
BENCH_COMPARE ?= 1000000
BENCH_DIR     ?= /var/tmp

$(BENCH)/bench_ledger: tests/bench/bench_ledger.c $(O)/libvantio.a
	$(call say,BENCH,$@)
	$(Q)mkdir -p $(@D) && $(CC) $(CPPFLAGS) $(ALL_CFLAGS) -MMD -MP $(LDFLAGS) -o $@ $< $(O)/libvantio.a $(LDLIBS)

.PHONY: bench-ledger
bench-ledger: $(BENCH)/bench_ledger
	@scripts/deps bench
	@tests/bench/ledger $< $(BENCH_DIR) $(BENCH_RECORDS) $(BENCH_COMPARE)

clean:
	rm -rf $(O)

-include $(wildcard $(O)/*/*.d $(O)/*/*/*.d $(O)/*/*/*/*.d)
