// SPDX-License-Identifier: Apache-2.0
/*
 * Any edits of the files of a sound ledger: verification gives a verdict, and never a good one unless the covered lines are
 * those that were signed. Input: file, operation, offset (2 bytes), length, and as many bytes; and again.
 */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/io.h"
#include "export/export.h"
#include "ledger/ledger.h"
#include "ledger/reader.h"
#include "fuzz.h"

#define RECORDS 5

int LLVMFuzzerInitialize(int *argc, char ***argv);
static const char *const names[] = { "log/00000000.ndjson", "private/00000000.ndjson", "checkpoint", "tile/0/000.p/5",
				     "epochs/00000000", "index.sqlite3", "epochs/00000001", "log/00000001.ndjson" };
#define N_FILES (sizeof(names) / sizeof(names[0]))

static char dir[] = "/dev/shm/vantio-fuzz-XXXXXX";
static struct {
	char path[128];
	char *data; /* NULL: not there in the sound ledger */
	size_t len;
} files[N_FILES];

static void clean_up(void)
{
	char command[128];

	snprintf(command, sizeof(command), "rm -rf %s", dir);
	if (system(command) != 0)
		perror("rm");
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	struct vantio_record r = { .mono_ns = 1, .tier = "kernel", .agent = "coder", .agent_svid = "", .hook = "file_open", .op = "read",
				   .policy = "p", .rule = "file.deny[0]", .object = VANTIO_OBJECT_PATH, .path = "/etc/shadow", .path_len = 11 };
	struct vantio_error err = { 0 };
	struct vantio_ledger *l;
	size_t i;

	(void)argc;
	(void)argv;
	CHECK(mkdtemp(dir));
	atexit(clean_up);
	CHECK(vantio_ledger_open(dir, &l, &err) == 0);
	for (i = 0; i < RECORDS; i++) {
		r.mono_ns = i + 1;
		CHECK(vantio_ledger_append(l, &r, &err) == 0);
	}
	CHECK(vantio_ledger_commit(l, &err) == 0);
	vantio_ledger_close(l);
	for (i = 0; i < N_FILES; i++) {
		snprintf(files[i].path, sizeof(files[i].path), "%s/%s", dir, names[i]);
		vantio_read_file(AT_FDCWD, files[i].path, 1 << 20, &files[i].data, &files[i].len, &err);
	}
	return 0;
}

static void store(size_t i, const char *data, size_t len)
{
	int fd = open(files[i].path, O_WRONLY | O_CREAT | O_TRUNC, 0600);

	CHECK(fd >= 0 && write(fd, data, len) == (ssize_t)len);
	close(fd);
}

/* One edit: overwrite, insert, delete, truncate, remove, or put the file elsewhere and a link in its place. */
static void edit(struct vantio_buf *b, unsigned op, size_t at, const uint8_t *bytes, size_t len)
{
	struct vantio_buf out = VANTIO_BUF_INIT;

	at = b->len ? at % (b->len + 1) : 0;
	vantio_buf_puts(b, ""); /* so that there are bytes, if none */
	vantio_buf_add(&out, b->data, at);
	if (op == 0 || op == 1)
		vantio_buf_add(&out, bytes, len);
	if (op == 0 || op == 2)
		at = at + len < b->len ? at + len : b->len;
	if (op != 3)
		vantio_buf_add(&out, b->data + at, b->len - at);
	vantio_buf_free(b);
	*b = out;
}

static void judge(bool log_changed)
{
	struct vantio_verify_options opts = { .vkey = NULL };
	struct vantio_ledger_report report;
	struct vantio_error err = { 0 };
	uint64_t n;
	int null;

	CHECK(vantio_ledger_verify(dir, &opts, &report, &err) == 0);
	if (report.verdict <= VANTIO_LEDGER_UNANCHORED)
		CHECK(report.records == RECORDS && !log_changed);
	else
		CHECK(report.reason[0]);
	null = open("/dev/null", O_WRONLY | O_CLOEXEC);
	CHECK(null >= 0);
	if (vantio_export_fd(dir, null, &(struct vantio_export_options){ .format = VANTIO_EXPORT_CSV }, &n, &err) == 0)
		CHECK(!log_changed && n == RECORDS);
	close(null);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct vantio_buf now[N_FILES] = { VANTIO_BUF_INIT };
	bool touched[N_FILES] = { false }, log_changed;
	size_t i, len;

	for (i = 0; i < N_FILES; i++)
		if (files[i].data)
			vantio_buf_add(&now[i], files[i].data, files[i].len);
	for (; size >= 5; data += len, size -= len) {
		i = data[0] % N_FILES;
		len = data[4] < size - 5 ? data[4] : size - 5;
		edit(&now[i], data[1] % 4, (size_t)data[2] << 8 | data[3], data + 5, len);
		touched[i] = true;
		len += 5;
	}
	for (i = 0; i < N_FILES; i++)
		if (touched[i])
			store(i, now[i].data ? now[i].data : "", now[i].len);
	/* Bytes behind the covered lines are no change of them. */
	log_changed = now[0].len < files[0].len || memcmp(now[0].data, files[0].data, files[0].len) != 0;
	judge(log_changed);
	for (i = 0; i < N_FILES; i++) {
		if (touched[i] && files[i].data)
			store(i, files[i].data, files[i].len);
		else if (touched[i])
			unlink(files[i].path);
		vantio_buf_free(&now[i]);
	}
	return 0;
}
