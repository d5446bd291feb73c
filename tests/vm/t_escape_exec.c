// SPDX-License-Identifier: Apache-2.0
/* Ways to run code that the policy does not allow. */
#include "escape.h"

#include <pthread.h>
#include <sys/personality.h>

#define ROOT DATA "/escape-exec"
#define NO   ROOT "/no"  /* may be read, and not executed */
#define OWN  ROOT "/own" /* the agent's, to write */
#define BIN  ROOT "/bin" /* may be executed and written, but for `held` */

static const char policy[] = "[file]\ndefault = \"deny\"\nread = [\"/**\"]\nwrite = [\"" OWN "/**\", \"" BIN "/**\", \"/dev/null\"]\n"
			     "[exec]\ndefault = \"deny\"\nallow = [\"/usr/**\", \"/vm/**\", \"" BIN "/**\"]\ndeny = [\"" ROOT "/held\"]\n"
			     "[network]\ndefault = \"deny\"\n";

static int null;

SETUP()
{
	null = open("/dev/null", O_WRONLY | O_CLOEXEC);
	fresh_folder(ROOT);
	make_folder(NO);
	make_folder(OWN);
	make_folder(BIN);
	CHECK_SH(0, "cd " ROOT " && cp /usr/bin/busybox no/true && cp /usr/bin/busybox no/sh && cp /proc/%d/exe no/prog && "
		    "cp /usr/lib/x86_64-linux-gnu/libz.so.1 no/libpre.so && cp /usr/bin/busybox held && ln held bin/before && "
		    "cp no/true own/true && ln -s ../no/true bin/link && printf '#!" NO "/sh\\nexit 0\\n' >bin/script && "
		    "printf '#!/usr/bin/sh\\nexit 0\\n' >own/script && chmod -R a+rx no bin own && chmod 777 own bin && chown -R 1000 own no", (int)getpid());
	escape_setup(policy);
}

TEARDOWN() { escape_told(); }

/* Runs it as `true`: 0 if it ran and ended well, -1 with errno if it was not started. */
static int run_at(int fd, const char *path, int flags, char *const argv[], char *const envp[])
{
	pid_t child = fork();

	if (!child) {
		dup2(null, STDERR_FILENO); /* the loader tells what it was refused */
		execveat(fd, path, argv, envp, flags);
		_exit(200 + errno);
	}
	switch (fd = status_of(child)) {
	case 0:
		return 0;
	case 127: /* the loader's answer */
		errno = EACCES;
		return -1;
	default:
		errno = fd - 200;
		return fd > 200 ? -1 : -2;
	}
}

static int run(const char *path)
{
	char *argv[] = { (char *)"true", NULL }, *envp[] = { NULL };

	return run_at(AT_FDCWD, path, 0, argv, envp);
}

static int run_fd(int fd)
{
	char *argv[] = { (char *)"true", NULL }, *envp[] = { NULL };

	return fd < 0 ? -2 : run_at(fd, "", AT_EMPTY_PATH, argv, envp);
}

static int copy(int to)
{
	static char bytes[4 << 20];
	int from = open(NO "/true", O_RDONLY | O_CLOEXEC);
	ssize_t n = read(from, bytes, sizeof(bytes));

	close(from);
	return n > 0 && write(to, bytes, (size_t)n) == n ? 0 : -1;
}

/* ---- execve(2) ---- */

ATTEMPT(running_it, EACCES, 0) { return run(NO "/true"); }
ATTEMPT(a_symbolic_link_to_a_program, EACCES, 0) { return run(BIN "/link"); }
ATTEMPT(a_hard_link_to_a_held_program, EACCES, 0) { return run(BIN "/before"); }

ATTEMPT(a_copy, EACCES, 0)
{
	int fd = open(OWN "/copy", O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0755), r;

	if (fd < 0 || copy(fd))
		return -2;
	close(fd);
	r = run(OWN "/copy");
	fd = errno;
	unlink(OWN "/copy");
	errno = fd;
	return r;
}

ATTEMPT(a_memfd, EACCES, 0)
{
	int fd = memfd_create("true", MFD_CLOEXEC);

	return fd < 0 || copy(fd) ? -2 : run_fd(fd);
}

ATTEMPT(a_memfd_by_its_name_in_proc, EACCES, 0)
{
	int fd = memfd_create("true", 0);
	char path[64];

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	return fd < 0 || copy(fd) ? -2 : run(path);
}

ATTEMPT(an_unnamed_file, EACCES, 0)
{
	int fd = open(OWN, O_TMPFILE | O_RDWR | O_CLOEXEC, 0755), read_only;
	char path[64];

	if (fd < 0 || copy(fd))
		return -2;
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	read_only = open(path, O_RDONLY | O_CLOEXEC);
	close(fd); /* what is open for writing is not run */
	return run_fd(read_only);
}

ATTEMPT(fexecve, EACCES, 0) { return run_fd(open(NO "/true", O_RDONLY | O_CLOEXEC)); }
ATTEMPT(an_empty_path, EACCES, 0) { return run_fd(open(NO "/true", O_PATH | O_CLOEXEC)); }

ATTEMPT(a_descriptor_in_proc, EACCES, 0)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/self/fd/%d", open(NO "/true", O_PATH));
	return run(path);
}

/* A program that was deleted while it was open. */
ATTEMPT(a_deleted_program, EACCES, 0)
{
	int fd = open(OWN "/deleted", O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0755), path;

	if (fd < 0 || copy(fd))
		return -2;
	close(fd);
	path = open(OWN "/deleted", O_PATH | O_CLOEXEC);
	return unlink(OWN "/deleted") ? -2 : run_fd(path);
}

ATTEMPT(a_script_with_a_denied_interpreter, EACCES, 0) { return run(BIN "/script"); }
ATTEMPT(a_script_that_is_denied, EACCES, 0) { return run(OWN "/script"); }

ATTEMPT(renaming_a_program_to_where_one_may_execute, EACCES, 0)
{
	int r;

	if (rename(OWN "/true", BIN "/moved"))
		return -1;
	r = run(BIN "/moved");
	return rename(BIN "/moved", OWN "/true") ? -2 : r;
}

ATTEMPT(linking_a_program_to_where_one_may_execute, EACCES, 0)
{
	int r;

	if (link(OWN "/true", BIN "/linked"))
		return -1;
	r = run(BIN "/linked");
	return unlink(BIN "/linked") ? -2 : r;
}

ATTEMPT(renaming_a_folder_to_where_one_may_execute, EACCES, 0)
{
	int r;

	mkdir(OWN "/d", 0755);
	if (rename(OWN "/d", BIN "/d"))
		return -1;
	r = access(BIN "/d", X_OK);
	return rmdir(BIN "/d") ? -2 : r;
}

static void *exec_thread(void *arg)
{
	execl(NO "/true", "true", (char *)NULL);
	*(int *)arg = errno;
	return NULL;
}

ATTEMPT(execve_by_a_thread, EACCES, 0)
{
	pid_t child = fork();

	if (!child) {
		pthread_t t;
		int failed = 255;

		if (!pthread_create(&t, NULL, exec_thread, &failed))
			pthread_join(t, NULL);
		_exit(failed);
	}
	return result_of(status_of(child));
}

ATTEMPT(vfork_and_execve, EACCES, 0)
{
	pid_t child = vfork();

	if (!child) {
		execl(NO "/true", "true", (char *)NULL);
		_exit(errno);
	}
	return result_of(status_of(child));
}

/* ---- code without execve(2) ---- */

#define LD_SO "/usr/lib64/ld-linux-x86-64.so.2"

ATTEMPT(the_loader, EACCES, 0)
{
	char *argv[] = { (char *)"ld.so", (char *)NO "/prog", (char *)"--status", (char *)"0", NULL }, *envp[] = { NULL };

	return run_at(AT_FDCWD, LD_SO, 0, argv, envp);
}

/* This program, which is dynamic, says whether code of the library is mapped in it. */
static int preload(const char *setting)
{
	char *argv[] = { (char *)"prog", (char *)"--without", (char *)"libpre.so", NULL }, *envp[] = { (char *)setting, NULL };
	int r = run_at(AT_FDCWD, "/proc/self/exe", 0, argv, envp);

	if (r != 0)
		return 0; /* it is: another status than 0 */
	errno = EACCES;
	return -1;
}

ATTEMPT(a_preloaded_library, EACCES, 0) { return preload("LD_PRELOAD=" NO "/libpre.so"); }

static int map_code(const char *path, int prot, int then)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	void *at = fd < 0 ? MAP_FAILED : mmap(NULL, 4096, prot, MAP_PRIVATE, fd, 0);

	return at == MAP_FAILED ? -1 : then ? mprotect(at, 4096, then) : 0;
}

ATTEMPT(mapping_it, EACCES, 0) { return map_code(NO "/true", PROT_READ | PROT_EXEC, 0); }
ATTEMPT(mapping_it_and_then_making_it_executable, EACCES, 0) { return map_code(NO "/true", PROT_READ, PROT_READ | PROT_EXEC); }
ATTEMPT(mapping_a_copy_in_memory, EACCES, 0)
{
	int fd = memfd_create("code", MFD_CLOEXEC);

	if (fd < 0 || copy(fd))
		return -2;
	return mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE, fd, 0) == MAP_FAILED ? -1 : 0;
}

ATTEMPT(a_personality_in_which_data_is_code, EACCES, 0)
{
	return personality(READ_IMPLIES_EXEC) < 0 ? -1 : map_code(NO "/true", PROT_READ, 0);
}

ATTEMPT(a_32_bit_execve, EACCES, 0)
{
	char *low = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_32BIT, -1, 0);
	unsigned int *argv = (void *)(low + 256);
	pid_t child;

	strcpy(low, NO "/true");
	argv[0] = (unsigned int)(unsigned long)(low + strlen(NO) + 1);
	child = fork();
	if (!child) {
		long r;

		__asm__ volatile("int $0x80" : "=a"(r) : "a"(11L), "b"(low), "c"(argv), "d"(0L) : "memory", "r8", "r9", "r10", "r11");
		_exit((int)-r);
	}
	return result_of(status_of(child));
}

/* ---- this program's other lives ---- */

static int other_life(int argc, char **argv)
{
	if (!strcmp(argv[1], "--status"))
		return argc > 2 ? atoi(argv[2]) : 0;
	return argc > 2 ? is_mapped(argv[2]) : 2; /* --without NAME */
}

int main(int argc, char **argv)
{
	if (argc > 1 && !strncmp(argv[1], "--", 2))
		return other_life(argc, argv);
	return run_tests(argc, argv);
}
