# SPDX-License-Identifier: Apache-2.0
#
#   make            build/vantioctl          make check       unit + cli + vm tests
#   make demo       the main job, in a guest make check-unit  the quick ones
#   make deps       install what is missing  make install     PREFIX=/usr/local DESTDIR=
#   O=DIR builds elsewhere, V=1 shows commands, WERROR=1 makes warnings errors, SAN=1 adds ASan and UBSan.

O       ?= build
PREFIX  ?= /usr/local
DESTDIR ?=
CC      ?= gcc
CXX     ?= g++
CLANG   ?= clang
BPFTOOL ?= $(firstword $(wildcard /usr/sbin/bpftool) bpftool)
PKGS    := libbpf libelf libsodium sqlite3 libcjson libseccomp

ifeq ($(V),1)
Q :=
else
Q := @
endif
say = $(if $(Q),@printf '  %-7s %s\n' $(1) $(patsubst $(O)/%,%,$(2)))

WARN     := -Wall -Wextra -Wshadow -Wvla -Wformat=2
CWARN     = $(WARN) -Wmissing-prototypes -Wstrict-prototypes
HARDEN   := -fstack-protector-strong -fPIE
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
ALL_CFLAGS   = -std=gnu11 $(CWARN) $(HARDEN) $(CFLAGS) $(shell pkg-config --cflags $(PKGS))
ALL_CXXFLAGS = -std=c++17 $(WARN) $(HARDEN) $(CFLAGS)
LDFLAGS += -pie -Wl,-z,relro,-z,now
LDLIBS   = $(shell pkg-config --libs $(PKGS)) -lstdc++ -lm -lpthread

LIB_C    := $(sort $(wildcard lib/*/*.c))
LIB_CC   := $(sort $(wildcard lib/*/*.cc))
CLI_C    := $(sort $(wildcard cli/*.c))
BPF_C    := $(sort $(wildcard bpf/*.bpf.c))
UNIT_C   := $(sort $(wildcard tests/unit/test_*.c))
LIB_OBJ  := $(LIB_C:%.c=$(O)/%.o) $(LIB_CC:%.cc=$(O)/%.o)
CLI_OBJ  := $(CLI_C:%.c=$(O)/%.o)
BPF_OBJ  := $(BPF_C:%.c=$(O)/%.o)
UNIT_BIN := $(UNIT_C:%.c=$(O)/%)
SKEL     := $(if $(BPF_C),$(O)/gen/vantio.skel.h)

.PHONY: all
all: $(O)/vantioctl

$(O)/vantioctl: $(CLI_OBJ) $(O)/libvantio.a
	$(call say,LINK,$@)
	$(Q)$(CC) $(LDFLAGS) -o $@ $(CLI_OBJ) $(O)/libvantio.a $(LDLIBS)

$(O)/libvantio.a: $(LIB_OBJ)
	$(call say,AR,$@)
	$(Q)rm -f $@ && ar rcs $@ $(LIB_OBJ)

$(O)/%.o: %.c | $(SKEL)
	$(call say,CC,$@)
	$(Q)mkdir -p $(@D) && $(CC) $(CPPFLAGS) $(ALL_CFLAGS) -MMD -MP -c -o $@ $<

$(O)/%.o: %.cc
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

# Unit tests: one binary a module.
$(O)/tests/unit/%: tests/unit/%.c $(O)/libvantio.a
	$(call say,TEST,$@)
	$(Q)mkdir -p $(@D) && $(CC) $(CPPFLAGS) -Itests/unit $(ALL_CFLAGS) -MMD -MP $(LDFLAGS) -o $@ $< $(O)/libvantio.a -lcmocka $(LDLIBS)

.PHONY: check-unit clean
check-unit: $(UNIT_BIN)
	$(Q)failed=0; for t in $(UNIT_BIN); do $$t || failed=1; done; exit $$failed

clean:
	rm -rf $(O)

-include $(wildcard $(O)/*/*.d $(O)/*/*/*.d)
