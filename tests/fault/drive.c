// SPDX-License-Identifier: Apache-2.0
/*
 * drive DIR RUN rotate: takes a new signing key, and appends a record under it.
 * drive DIR RUN BATCHES SIZE: a writer that says what it was promised. Opens the ledger, appends BATCHES commits of SIZE records (0
 * batches: until it is killed, 1 to SIZE records each, committed by the second thread while the next are staged), and prints `ack LEAF TRACE` on standard output for each record that a
 * commit acknowledged: TRACE is RUN << 32 and a count, so that no two records of a test bear the same.
 *
 * getppid(2), which nothing else here calls, marks the begin and the end of opening and of appending for who counts system calls.
 * After a failed commit the writer must refuse everything: exit status 1 and `stopped:` on standard error. 3: it did not refuse.
 */
#include <inttypes.h>
#include <sodium.h>

#include "../unit/ledger_fixture.h"

struct drive {
	struct vantio_ledger *ledger;
	uint64_t next_trace;
	uint64_t acked; /* leaves below it are */
	uint64_t offset; /* of a trace beyond its leaf */
	bool beside;    /* commits are left to the second thread */
};

static int complain(const char *what, const struct vantio_error *err)
{
	fprintf(stderr, "%s: %s\n", what, err->text);
	return 1;
}

static int stopped(struct drive *d, const struct vantio_error *first)
{
	struct vantio_record r = fixture_record(0);
	struct vantio_error err = { 0 };

	if (vantio_ledger_append(d->ledger, &r, &err) == 0 || vantio_ledger_commit(d->ledger, &err) == 0) {
		fprintf(stderr, "goes on after: %s\n", first->text);
		return 3;
	}
	return complain("stopped", first);
}

/* What the ledger says is durable: one write a line, so that whoever kills this process reads whole lines or nothing. */
static int acknowledge(struct drive *d)
{
	uint64_t size = vantio_ledger_size(d->ledger);
	char text[64];
	int n;

	for (; d->acked < size; d->acked++) {
		n = snprintf(text, sizeof(text), "ack %" PRIu64 " %" PRIu64 "\n", d->acked, d->acked + d->offset);
		if (write(STDOUT_FILENO, text, (size_t)n) != n) {
			fputs("acks: cannot be written\n", stderr);
			return 1;
		}
	}
	return 0;
}

static int batch(struct drive *d, uint64_t size)
{
	struct vantio_error err = { 0 };
	struct vantio_record r;
	uint64_t i;
	int ret;

	for (i = 0; i < size; i++) {
		r = fixture_record(d->next_trace & UINT32_MAX);
		r.trace_id = d->next_trace++;
		if (vantio_ledger_append(d->ledger, &r, &err) < 0)
			return stopped(d, &err);
	}
	ret = d->beside ? vantio_ledger_submit(d->ledger, &err) : vantio_ledger_commit(d->ledger, &err);
	return ret < 0 ? stopped(d, &err) : acknowledge(d);
}

/* One that fails may leave the old key in its place, and the writer may go on: what it then acknowledges must be there too. */
static int rotate(struct drive *d)
{
	struct vantio_rotation done;
	struct vantio_error err = { 0 }, ignored = { 0 };
	struct vantio_record r = fixture_record(0);

	if (vantio_ledger_rotate(d->ledger, &done, &err) == 0)
		return 0;
	r.trace_id = d->next_trace++;
	if (vantio_ledger_append(d->ledger, &r, &ignored) == 0 && vantio_ledger_commit(d->ledger, &ignored) == 0)
		acknowledge(d);
	return complain("stopped", &err);
}

int main(int argc, char **argv)
{
	struct vantio_error err = { 0 };
	struct drive d = { .ledger = NULL };
	uint64_t batches, size, i;
	int r = 0;

	bool rotates = argc == 4 && !strcmp(argv[3], "rotate");

	if ((argc != 5 && !rotates) || sodium_init() < 0) {
		fprintf(stderr, "usage: drive DIR RUN BATCHES SIZE | drive DIR RUN rotate\n");
		return 2;
	}
	d.next_trace = strtoull(argv[2], NULL, 10) << 32;
	batches = rotates ? 1 : strtoull(argv[3], NULL, 10);
	size = rotates ? 1 : strtoull(argv[4], NULL, 10);
	getppid();
	if (vantio_ledger_open(argv[1], &d.ledger, &err) < 0)
		return complain("open", &err);
	d.acked = vantio_ledger_size(d.ledger);
	d.offset = d.next_trace - d.acked;
	d.beside = !batches;
	getppid();
	if (rotates) {
		r = rotate(&d);
		getppid();
	}
	for (i = 0; r == 0 && (!batches || i < batches); i++)
		r = batch(&d, batches ? size : 1 + randombytes_uniform((uint32_t)size));
	getppid();
	vantio_ledger_close(d.ledger);
	return r;
}
