// SPDX-License-Identifier: Apache-2.0
/*
 * Programs. Nobody can call execve(2) for another, so the kernel goes on with the target's own call, and what was started in the end is
 * looked at before its first instruction: the thread is traced from the answer to the stop that follows. Landlock bounds it
 * all to the folders that the rules begin with.
 */
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/mem.h"
#include "sandbox/box.h"
#include "sandbox/mappings.h"
#include "sandbox/supervisor.h"

#define INTERPRETERS_MAX 5 /* scripts of scripts, as the kernel has it */
#define PHDRS_MAX 64
#define SCRIPT_MAX 256  /* as the kernel has it, of a script's first line */
#define HEAD_MAX 1024   /* of a program, read at once */

struct traced {
	pid_t tid, tgid;
};

struct vantio_tracer {
	struct traced *threads; /* owned: until their next stop */
	size_t n, cap;
};

static bool refused_exec(struct vantio_call *c, enum vantio_hook hook, enum vantio_op op, const struct vantio_spot *s, uint32_t extra)
{
	return vantio_refused(c, hook, op, VANTIO_DOMAIN_EXEC, VANTIO_ACCESS_EXEC, s, NULL, extra);
}

/* ---- what else a program needs ---- */

/* The interpreter of an ELF file that begins with `head`: 1 and its path, 0 if none. */
static int elf_interpreter(int in, const char *head, size_t n, char out[PATH_MAX])
{
	Elf64_Ehdr eh;
	Elf64_Phdr ph;
	size_t at;
	int i;

	if (n < sizeof(eh) || memcmp(head, ELFMAG, SELFMAG))
		return 0;
	memcpy(&eh, head, sizeof(eh));
	if (eh.e_phentsize != sizeof(ph))
		return 0;
	for (i = 0; i < eh.e_phnum && i < PHDRS_MAX; i++) {
		at = (size_t)eh.e_phoff + (size_t)i * sizeof(ph);
		if (at <= n && n - at >= sizeof(ph)) /* as linkers place them */
			memcpy(&ph, head + at, sizeof(ph));
		else if (pread(in, &ph, sizeof(ph), (off_t)at) != sizeof(ph))
			return 0;
		if (ph.p_type != PT_INTERP || ph.p_filesz < 2 || ph.p_filesz > PATH_MAX)
			continue;
		if (pread(in, out, ph.p_filesz, (off_t)ph.p_offset) != (ssize_t)ph.p_filesz)
			return 0;
		out[ph.p_filesz - 1] = '\0';
		return 1;
	}
	return 0;
}

/* The interpreter that a file names, script or ELF: 1 and its path, 0 if none. */
static int interpreter(int fd, bool *ret_script, char out[PATH_MAX])
{
	char link[32], head[HEAD_MAX], *at;
	cleanup_close int in = -1;
	ssize_t n;

	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	in = open(link, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	n = in < 0 ? -1 : pread(in, head, sizeof(head), 0);
	if (n < 4)
		return 0;
	*ret_script = head[0] == '#' && head[1] == '!';
	if (!*ret_script)
		return elf_interpreter(in, head, (size_t)n, out);
	head[n < SCRIPT_MAX ? n : SCRIPT_MAX - 1] = '\0';
	at = head + 2 + strspn(head + 2, " \t");
	at[strcspn(at, " \t\n")] = '\0';
	snprintf(out, PATH_MAX, "%s", at);
	return *out != '\0';
}

/* 0, or the errno to refuse with. The kernel asks for each interpreter too. */
static int ask_program(struct vantio_call *c, struct vantio_spot *s)
{
	char path[PATH_MAX];
	bool script = false;
	int i, r;

	if (refused_exec(c, VANTIO_HOOK_BPRM_CHECK, VANTIO_OP_EXEC, s, 0))
		return EACCES;
	for (i = 0; i < INTERPRETERS_MAX && interpreter(s->fd, &script, path); i++) {
		r = vantio_target_object(&c->t, AT_FDCWD, path, true, s);
		if (r)
			return -r;
		if (refused_exec(c, script ? VANTIO_HOOK_BPRM_CHECK : VANTIO_HOOK_FILE_OPEN, VANTIO_OP_EXEC, s, script ? 0 : VANTIO_JUDGE_QUIET))
			return EACCES;
		if (!script)
			break;
	}
	return 0;
}

/* ---- until the program runs ---- */

static bool is_traced(const struct vantio_tracer *t, pid_t tid)
{
	size_t i;

	for (i = 0; i < t->n; i++)
		if (t->threads[i].tid == tid)
			return true;
	return false;
}

/*
 * A thread that becomes another program waits for the others of its process to end, and those that are traced to be seen to end by us;
 * whoever would be traced waits for it. So of each process one is traced at a time.
 */
static bool other_is_traced(const struct vantio_tracer *t, pid_t tid, pid_t tgid)
{
	size_t i;

	for (i = 0; i < t->n; i++)
		if (t->threads[i].tgid == tgid && t->threads[i].tid != tid)
			return true;
	return false;
}

static void forget(struct vantio_tracer *t, pid_t tid)
{
	size_t i;

	for (i = 0; i < t->n; i++)
		if (t->threads[i].tid == tid) {
			t->threads[i] = t->threads[--t->n];
			return;
		}
}

static int trace(struct vantio_box *box, pid_t tid, pid_t tgid)
{
	struct vantio_tracer *t = box->tracer;
	struct traced *grown;

	if (!t)
		t = box->tracer = calloc(1, sizeof(*t));
	if (!t)
		return -ENOMEM;
	if (is_traced(t, tid))
		return 0;
	if (!tgid || other_is_traced(t, tid, tgid))
		return -EAGAIN;
	if (t->n == t->cap) {
		grown = realloc(t->threads, (t->cap + 16) * sizeof(*grown));
		if (!grown)
			return -ENOMEM;
		t->threads = grown;
		t->cap += 16;
	}
	if (ptrace(PTRACE_SEIZE, tid, NULL, PTRACE_O_TRACEEXEC | PTRACE_O_EXITKILL))
		return -errno;
	t->threads[t->n++] = (struct traced){ tid, tgid };
	return 0;
}

void vantio_tracer_free(struct vantio_tracer *t)
{
	if (t)
		free(t->threads);
	free(t);
}

struct mapped {
	struct vantio_call *c;
	enum vantio_hook hook;
	enum vantio_op op;
	uint32_t flags;
};

static bool mapped_permitted(void *ctx, const struct vantio_spot *s)
{
	struct mapped *m = ctx;

	return !refused_exec(m->c, m->hook, m->op, s, m->flags);
}

/* What runs now is not what was asked about: another process changed the name meanwhile, or that of the loader. */
static bool started_refused(struct vantio_box *box, pid_t pid)
{
	struct vantio_call c = { .box = box, .t = { .tid = pid, .tgid = pid, .self = box->self } };
	struct seccomp_notif n = { .pid = (uint32_t)pid, .data.nr = SYS_execve };
	struct mapped m = { &c, VANTIO_HOOK_FILE_OPEN, VANTIO_OP_EXEC, VANTIO_JUDGE_QUIET };
	cleanup_spot struct vantio_spot s = VANTIO_SPOT_INIT;
	char link[64];
	int fd;

	c.n = &n;
	snprintf(link, sizeof(link), "/proc/%d/exe", (int)pid);
	if (!vantio_spot_from_link(link, &s)) {
		fd = open(link, O_PATH | O_CLOEXEC);
		if (fd < 0 || vantio_spot_from_fd(fd, &s))
			return true;
	}
	return refused_exec(&c, VANTIO_HOOK_FILE_OPEN, VANTIO_OP_EXEC, &s, VANTIO_JUDGE_QUIET) ||
	       vantio_mappings_each(pid, 0, UINT64_MAX, true, mapped_permitted, &m);
}

bool vantio_box_stopped(struct vantio_box *box, pid_t pid, int status)
{
	unsigned long former = 0;
	int event, sig;

	if (!box->tracer || !WIFSTOPPED(status)) {
		if (box->tracer)
			forget(box->tracer, pid);
		return false;
	}
	event = status >> 16;
	sig = WSTOPSIG(status);
	if (event == PTRACE_EVENT_EXEC) {
		if (!ptrace(PTRACE_GETEVENTMSG, pid, NULL, &former))
			forget(box->tracer, (pid_t)former);
		if (started_refused(box, pid))
			kill(pid, SIGKILL);
	} else if (!is_traced(box->tracer, pid)) {
		return false;
	}
	forget(box->tracer, pid);
	ptrace(PTRACE_DETACH, pid, NULL, (void *)(uintptr_t)(event ? 0 : sig));
	return true;
}

static struct vantio_reply exec_checked(struct vantio_call *c)
{
	int r;

	if (!c->box->plan.floor.exec)
		return vantio_go_on();
	r = trace(c->box, c->t.tid, vantio_target_group(&c->t));
	if (r)
		return vantio_refuse(r == -ENOMEM || r == -EAGAIN ? r : EACCES);
	vantio_reply_send(c->box->listener, c->n->id, vantio_go_on());
	/* a program that was not started leaves the call, and stops too: nobody stays traced */
	ptrace(PTRACE_INTERRUPT, c->t.tid, NULL, NULL);
	return (struct vantio_reply){ .kind = VANTIO_ANSWER_LATER };
}

struct vantio_reply vantio_on_exec(struct vantio_call *c)
{
	const bool at = c->n->data.nr == SYS_execveat;
	const int flags = at ? vantio_arg_int(c, 4) : 0, dirfd = at ? vantio_arg_int(c, 0) : AT_FDCWD;
	cleanup_spot struct vantio_spot s = VANTIO_SPOT_INIT;
	char path[PATH_MAX];
	int r = vantio_arg_path(c, at, path);

	if (!r && !*path && flags & AT_EMPTY_PATH) {
		r = vantio_target_fd(&c->t, dirfd);
		r = r < 0 ? r : vantio_spot_from_fd(r, &s);
	} else if (!r) {
		r = *path ? vantio_target_object(&c->t, dirfd, path, !(flags & AT_SYMLINK_NOFOLLOW), &s) : -ENOENT;
	}
	if (r)
		return vantio_refuse(r);
	if (!S_ISREG(s.st.st_mode) || !(s.st.st_mode & 0111))
		return S_ISLNK(s.st.st_mode) ? vantio_refuse(ELOOP) : vantio_refuse(EACCES);
	if (!vantio_call_valid(c))
		return vantio_refuse(EINTR);
	r = ask_program(c, &s);
	if (r)
		return vantio_refuse(r);
	return c->box->lax ? vantio_go_on() : exec_checked(c);
}

/* An executable mapping of a file. The descriptor is in a register; who exchanges it meanwhile could as well read the file and run that. */
struct vantio_reply vantio_on_mmap(struct vantio_call *c)
{
	cleanup_spot struct vantio_spot s = VANTIO_SPOT_INIT;
	char link[64];
	int r;

	snprintf(link, sizeof(link), "/proc/%d/fd/%d", (int)c->t.tid, vantio_arg_int(c, 4));
	if (!vantio_spot_from_link(link, &s)) {
		r = vantio_target_fd(&c->t, vantio_arg_int(c, 4));
		r = r < 0 ? r : vantio_spot_from_fd(r, &s);
		if (r)
			return vantio_refuse(r);
	}
	if (!vantio_call_valid(c))
		return vantio_refuse(EINTR);
	return refused_exec(c, VANTIO_HOOK_MMAP_FILE, VANTIO_OP_MMAP_EXEC, &s, 0) ? vantio_refuse(EACCES) : vantio_go_on();
}

/* Making mapped files executable: what lies there is looked at. Anonymous memory, which is what just-in-time compilers use, is no file. */
struct vantio_reply vantio_on_mprotect(struct vantio_call *c)
{
	const uint64_t from = c->n->data.args[0], len = c->n->data.args[1];
	struct mapped m = { c, VANTIO_HOOK_MMAP_FILE, VANTIO_OP_MMAP_EXEC, 0 };
	int r;

	if (!vantio_call_valid(c))
		return vantio_refuse(EINTR);
	r = vantio_mappings_each(c->t.tid, from, from + len < from ? UINT64_MAX : from + len, false, mapped_permitted, &m);
	return r ? vantio_refuse(r < 0 ? r : EACCES) : vantio_go_on();
}

/* READ_IMPLIES_EXEC: every mapping would be executable, and mmap(2) would not say so. */
struct vantio_reply vantio_on_personality(struct vantio_call *c)
{
	struct vantio_spot s = { .dir = -1, .fd = -1, .path = "personality READ_IMPLIES_EXEC", .len = 29, .no_path = true };

	if (vantio_arg_int(c, 0) == -1) /* which asks */
		return vantio_go_on();
	return refused_exec(c, VANTIO_HOOK_MMAP_FILE, VANTIO_OP_MMAP_EXEC, &s, 0) ? vantio_refuse(EPERM) : vantio_go_on();
}
