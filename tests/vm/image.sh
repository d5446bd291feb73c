# SPDX-License-Identifier: Apache-2.0
# Sourced by tests/vm/boot: what goes into the guest's initramfs, and which accelerator runs it.
# Reads here, cache, work, modules, busybox, adds, vmlinuz; sets kernel_trouble and host_load.

# What a healthy kernel never prints, and the part of it that only a slow host brings about.
kernel_trouble='BUG:|WARNING:|Oops|general protection fault|Kernel panic|kernel BUG at|suspicious RCU|possible (recursive|circular) locking|UBSAN|KASAN|refcount_t|hung_task|blocked for more than'
host_load='soft lockup|rcu_(preempt|sched) (self-)?detected'

quote() { printf "'%s'" "${1//\'/\'\\\'\'}"; }

# in_usr PATH: where it lies in a guest whose /bin, /sbin, /lib and /lib64 are links into /usr
in_usr()
{
	case $1 in
	/bin/*|/sbin/*|/lib/*|/lib64/*) echo "/usr$1" ;;
	*) echo "$1" ;;
	esac
}

is_elf() { [ "$(head -c 4 "$1" 2>/dev/null | tr -d '\0')" = $'\x7fELF' ]; }

# copy_libraries ROOT FILE: every shared library that FILE needs, and the loader, under their own names
copy_libraries()
{
	local root=$1 lib dest

	if LC_ALL=C ldd "$2" 2>/dev/null | grep -q 'not found'; then
		die "a shared library that $2 needs is not found: $(LC_ALL=C ldd "$2" | grep 'not found' | tr -s '\t ' ' ')"
	fi
	while read -r lib; do
		dest=$root$(in_usr "$lib")
		[ ! -e "$dest" ] || continue
		mkdir -p "${dest%/*}"
		cp -L "$lib" "$dest"
	done < <(LC_ALL=C ldd "$2" 2>/dev/null | grep -o '/[^ ]*' | sort -u)
}

# add_one ROOT SRC[:DEST]
add_one()
{
	local root=$1 src=${2%%:*} dest='' file

	[ "$2" = "$src" ] || dest=${2#*:}
	[ -e "$src" ] || die "--add $2: no such file or folder"
	case $dest in
	'')	if [ -f "$src" ] && [ -x "$src" ]; then dest=/usr/bin/${src##*/}; else dest=/vm/$(basename "$src"); fi ;;
	*/)	dest=$dest$(basename "$src") ;;
	/*)	;;
	*)	die "--add $2: '$dest' is not an absolute path" ;;
	esac
	dest=$root$(in_usr "$dest")
	mkdir -p "${dest%/*}"
	if [ -d "$src" ]; then
		mkdir -p "$dest"
		cp -a "$src/." "$dest/"
		while IFS= read -r -d '' file; do
			! is_elf "$file" || copy_libraries "$root" "$file"
		done < <(find "$src" -type f -perm /111 -print0)
	else
		cp -L --preserve=mode "$src" "$dest"
		! is_elf "$src" || copy_libraries "$root" "$src"
	fi
}

pack_additions()
{
	local add

	mkdir -p "$1/vm"
	for add in "${adds[@]}"; do
		add_one "$1" "$add"
	done
}

# stage_modules TREE ROOT: the listed modules and what they depend on, unpacked, with modprobe's tables
stage_modules()
{
	local release dir dest name file queue

	release=$(basename "$1"/lib/modules/*)
	dir=$1/lib/modules/$release
	dest=$2/usr/lib/modules/$release
	mkdir -p "$dest/kernel"
	read -r -d '' -a queue <<<"$modules" || true
	while [ ${#queue[@]} -gt 0 ]; do
		name=${queue[0]//-/_} queue=("${queue[@]:1}")
		[ ! -e "$dest/kernel/$name.ko" ] || continue
		file=$(find "$dir/kernel" \( -name "$name.ko*" -o -name "${name//_/-}.ko*" \) -print -quit)
		[ -n "$file" ] || continue # built in, or not in this kernel
		case $file in
		*.xz) xz -dc "$file" >"$dest/kernel/$name.ko" ;;
		*)    cp "$file" "$dest/kernel/$name.ko" ;;
		esac
		read -r -a file <<<"$(tr '\0' '\n' <"$dest/kernel/$name.ko" | sed -n 's/^depends=//p' | head -n1 | tr ',' ' ')"
		queue+=("${file[@]}")
	done
	cp "$dir/modules.builtin" "$dest/"
	(cd "$dest" && "$busybox" depmod -b "$2/usr" "$release")
}

# base_image TREE: prints the initramfs that every run on this kernel shares; built once and kept by the hash of what it is made of
base_image()
{
	local key image root applet

	key=$({ cat "$here"/guest/* "$here/image.sh" "$busybox"; echo "$modules" "$vmlinuz"; stat -c '%Y %s' "$vmlinuz"; } |
		sha256sum | cut -c1-16)
	image=$cache/base-$key.cpio
	if [ ! -f "$image" ]; then
		root=$work/base
		mkdir -p "$root"/{etc,root,vm} "$root"/usr/{bin,sbin,lib,lib64}
		ln -s usr/bin "$root/bin"; ln -s usr/sbin "$root/sbin"
		ln -s usr/lib "$root/lib"; ln -s usr/lib64 "$root/lib64"
		cp "$busybox" "$root/usr/bin/busybox"
		"$busybox" --list-full | while read -r applet; do
			applet=$root$(in_usr "/$applet")
			[ -e "$applet" ] || ln -s /usr/bin/busybox "$applet"
		done
		cp "$here/guest/init" "$root/init"
		cp "$here/guest/stage2" "$root/vm/stage2"
		chmod 755 "$root/init" "$root/vm/stage2"
		printf 'root:x:0:0:root:/root:/bin/sh\nuser:x:1000:1000:user:/home/user:/bin/sh\n' >"$root/etc/passwd"
		printf 'root:x:0:\nuser:x:1000:\n' >"$root/etc/group"
		printf '127.0.0.1 localhost vantio-vm\n::1 localhost ip6-localhost\n' >"$root/etc/hosts"
		printf 'passwd: files\ngroup: files\nhosts: files\n' >"$root/etc/nsswitch.conf"
		stage_modules "$1" "$root"
		(cd "$root" && find . -mindepth 1 -printf '%P\0' | sort -z | cpio --null --quiet -o -H newc --owner=0:0) >"$work/base.cpio"
		mv "$work/base.cpio" "$image"
		rm -rf "$root"
	fi
	echo "$image"
}

# accelerator: kvm where a guest really runs under it, else tcg. There are machines whose /dev/kvm makes a VM and then fails to
# run it, so the only proof is a boot; the answer is kept until the machine itself boots anew.
accelerator()
{
	local kept

	[ -r /dev/kvm ] && [ -w /dev/kvm ] || { echo tcg; return; }
	kept=$cache/accel-$(cat /proc/sys/kernel/random/boot_id)
	exec 8>"$cache/.lock-accel"
	flock 8
	if [ ! -s "$kept" ]; then
		rm -f "$cache"/accel-*
		if kvm_boots; then echo kvm; else echo tcg; fi >"$work/accel"
		mv "$work/accel" "$kept"
	fi
	exec 8>&-
	cat "$kept"
}

kvm_boots()
{
	cp "$work/initrd" "$work/initrd.kept"
	mkdir -p "$work/probe/vm"
	echo true >"$work/probe/vm/command"
	(cat "$(base_image "$tree")" && cd "$work/probe" && find vm | cpio --quiet -o -H newc --owner=0:0) >"$work/initrd"
	boot kvm 10 </dev/null >/dev/null || true
	mv "$work/initrd.kept" "$work/initrd"
	grep -q '^status 0' "$work/status"
}
