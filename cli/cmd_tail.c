// SPDX-License-Identifier: Apache-2.0
/* tail: the newest records as a person reads them, and each further one as it is committed. */
#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <string.h>
#include <sys/inotify.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/text.h"
#include "cli.h"
#include "ledger_filter.h"
#include "ledger_view.h"

#define LINES_DEFAULT 10
#define LINES_MAX     100000
#define CHUNK         1024 /* records that are looked at at once; a signal waits for no more than that */

struct tail {
	struct cli *cli;
	struct vantio_reader *reader;
	struct vantio_filter *filter; /* NULL: all */
	uint64_t seen;                /* leaves below this one were shown, or are not wanted */
	uint64_t looked;              /* records that the search at hand found */
};

/* ---- one record ---- */

/* What records hold is escaped already; it goes through raw bytes, so that nothing but what escaping lets through is printed. */
static int print_text(const char *text, const char *none)
{
	cleanup_buf struct vantio_buf raw = VANTIO_BUF_INIT;

	if (!text || !*text)
		return printf("%s", none);
	if (!vantio_unescape(&raw, text, strlen(text)))
		vantio_buf_puts(&raw, text);
	cli_print_escaped(stdout, raw.data ? raw.data : "", raw.len);
	return (int)strlen(text);
}

static const char *member(const cJSON *object, const char *name)
{
	const char *text = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(object, name));

	return text ? text : "";
}

static double number(const cJSON *object, const char *name)
{
	const cJSON *n = cJSON_GetObjectItemCaseSensitive(object, name);

	return cJSON_IsNumber(n) ? n->valuedouble : 0;
}

static void print_padded(const char *text, int width)
{
	const int used = print_text(text, "-");

	printf("%*s  ", used < width ? width - used : 0, "");
}

static void print_decision(struct cli *cli, const cJSON *doc)
{
	const char *decision = member(doc, "decision");
	const bool permit = !strcmp(decision, "permit");
	const bool audit = !permit && !cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(doc, "enforced"));
	char shown[32];

	snprintf(shown, sizeof(shown), "%.15s%s", decision, audit ? " (audit)" : "");
	printf("%s%-13s%s  ", cli_color(cli, permit ? "green" : audit ? "yellow" : "red"), shown, cli_color(cli, "reset"));
}

static void print_record(struct cli *cli, const struct vantio_hit *hit, const cJSON *doc)
{
	const cJSON *private = cJSON_GetObjectItemCaseSensitive(doc, "private");
	cleanup_buf struct vantio_buf resource = VANTIO_BUF_INIT;
	const char *lost = member(doc, "lost_before");

	if (strcmp(lost, "0") != 0)
		printf("%s%s events were lost here: too many for the buffer between the kernel and the ledger%s\n", cli_color(cli, "yellow"),
		       lost, cli_color(cli, "reset"));
	printf("%s%.23sZ%s  ", cli_color(cli, "dim"), member(doc, "ts"), cli_color(cli, "reset"));
	print_padded(member(doc, "agent"), 12);
	print_decision(cli, doc);
	print_padded(member(doc, "op"), 8);
	ledger_view_resource(&resource, cJSON_GetObjectItemCaseSensitive(private, "resource"));
	print_text(resource.data, hit->private_bad ? "(damaged)" : cJSON_HasObjectItem(private, "resource") ? "-" : "(erased)");
	printf("  ");
	print_text(member(doc, "rule"), "-");
	printf("  %s", cli_color(cli, "dim"));
	print_text(member(doc, "hook"), "-");
	printf("  ");
	print_text(member(private, "comm"), "?");
	printf("[%.0f]%s", number(doc, "pid"), cli_color(cli, "reset"));
	if (number(doc, "count") > 1)
		printf("  %.0f times", number(doc, "count"));
	putchar('\n');
}

static int show(void *ctx, const struct vantio_hit *hit, struct vantio_error *err)
{
	struct tail *t = ctx;
	cleanup_free char *line = NULL;
	cJSON *doc = ledger_view_json(hit);

	if (!doc)
		return vantio_fail(err, ENOMEM, "out of memory");
	t->seen = hit->fields.leaf + 1;
	t->looked++;
	if (t->filter && !vantio_filter_matches(t->filter, ledger_filter_value, doc)) {
		cJSON_Delete(doc);
		return 0;
	}
	if (cli_json(t->cli)) {
		line = cJSON_PrintUnformatted(doc);
		if (line)
			puts(line);
	} else {
		print_record(t->cli, hit, doc);
	}
	cJSON_Delete(doc);
	return ferror(stdout) ? vantio_fail(err, EPIPE, "cannot write") : 0;
}

/* ---- the newest ---- */

static int show_newest(struct tail *t, size_t lines, struct vantio_error *err)
{
	struct vantio_query one = { .until = UINT64_MAX, .decision = -1, .limit = 1 }, q = { .until = UINT64_MAX, .decision = -1 };
	cleanup_free uint64_t *leaves = NULL;
	size_t n = 0;
	int r = ledger_filter_newest(t->reader, &q, t->filter, lines, &leaves, &n, err);

	while (!r && n) {
		const uint64_t leaf = leaves[--n];

		one.has_after = leaf > 0;
		one.after = leaf - 1;
		one.below = leaf + 1;
		r = vantio_reader_find(t->reader, &one, show, t, err);
	}
	t->seen = vantio_reader_size(t->reader);
	return r;
}

/* ---- following ---- */

/* Shows some of what commits brought; 1 if there may be more. */
static int show_new(struct tail *t, struct vantio_error *err)
{
	struct vantio_query q = { .until = UINT64_MAX, .decision = -1 };
	const uint64_t size = vantio_reader_size(t->reader);
	int r;

	ledger_filter_narrow(t->filter, &q);
	q.limit = CHUNK;
	q.has_after = t->seen > 0;
	q.after = t->seen - 1;
	t->looked = 0;
	r = t->seen < size ? vantio_reader_find(t->reader, &q, show, t, err) : 0;
	if (r)
		return r;
	if (t->looked < CHUNK)
		t->seen = size;
	return t->seen < size;
}

/* 1 if the checkpoint was replaced, 0 if not, -ENOENT if the folder went away. */
static int read_events(int fd, struct vantio_error *err)
{
	char buf[16384] __attribute__((aligned(__alignof__(struct inotify_event))));
	const struct inotify_event *e;
	int changed = 0;
	ssize_t n;
	char *p;

	while ((n = read(fd, buf, sizeof(buf))) > 0)
		for (p = buf; p < buf + n; p += sizeof(*e) + e->len) {
			e = (const struct inotify_event *)p;
			if (e->mask & (IN_DELETE_SELF | IN_MOVE_SELF | IN_UNMOUNT | IN_IGNORED))
				return vantio_fail(err, ENOENT, "the ledger's folder was taken away");
			if (e->mask & IN_Q_OVERFLOW || (e->len && !strcmp(e->name, "checkpoint")))
				changed = 1;
		}
	if (n < 0 && errno != EAGAIN && errno != EINTR)
		return vantio_fail(err, errno, "cannot read what changed in the ledger: %s", strerror(errno));
	return changed;
}

static int follow(struct tail *t, int signals, int watch, struct vantio_error *err)
{
	/* No event of stdout is asked for: POLLERR comes all the same, when the reader of the pipe has gone. */
	struct pollfd fds[] = { { .fd = signals, .events = POLLIN }, { .fd = watch, .events = POLLIN }, { .fd = STDOUT_FILENO } };
	int more = 1, r = vantio_reader_refresh(t->reader, err); /* committed between opening and now */

	while (!r) {
		more = show_new(t, err);
		if (more < 0)
			return more;
		if (cli_flush(t->cli) != CLI_OK)
			return vantio_fail(err, EPIPE, "cannot write");
		if (poll(fds, VANTIO_ARRAY_SIZE(fds), more ? 0 : -1) < 0 && errno != EINTR)
			return vantio_fail(err, errno, "cannot wait: %s", strerror(errno));
		if (fds[0].revents && cli_signals_read(signals))
			return 0;
		if (fds[2].revents & POLLERR)
			return 0;
		r = fds[1].revents ? read_events(watch, err) : 0;
		if (r == 1)
			r = vantio_reader_refresh(t->reader, err);
	}
	return r;
}

static int watch_ledger(const char *dir, struct vantio_error *err)
{
	int fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);

	if (fd < 0)
		return vantio_fail(err, errno, "cannot watch the ledger: %s", strerror(errno));
	if (inotify_add_watch(fd, dir, IN_MOVED_TO | IN_CREATE | IN_CLOSE_WRITE | IN_DELETE_SELF | IN_MOVE_SELF | IN_ONLYDIR) < 0 &&
	    errno != ENOENT) { /* which opening says better */
		vantio_fail(err, errno, "cannot watch %s: %s", dir, strerror(errno));
		close(fd);
		return -err->code;
	}
	return fd;
}

static int tail_run(struct tail *t, const char *dir, size_t lines, struct vantio_error *err)
{
	cleanup_close int signals = -1, watch = -1;
	const bool on = cli_has(t->cli, "follow");
	int r;

	if (on) {
		signals = cli_signals_open(err);
		watch = signals < 0 ? -1 : watch_ledger(dir, err); /* before the checkpoint is read, or a commit could be missed */
		if (signals < 0 || watch < 0)
			return -err->code;
	}
	r = vantio_reader_open(dir, &t->reader, err);
	if (!r)
		r = show_newest(t, lines, err);
	if (!r && on)
		r = follow(t, signals, watch, err);
	return r;
}

CLI_COMMAND(tail)
{
	const uint64_t lines = cli_get_number(cli, "lines", LINES_DEFAULT);
	const char *dir = cli_ledger_dir(cli), *expr = cli_get(cli, "filter");
	struct vantio_error err = { 0 };
	struct tail t = { .cli = cli };
	int r;

	if (!*dir)
		return CLI_FAILURE;
	if (lines > LINES_MAX)
		return cli_usage_error(cli, "--lines: 0 to %d", LINES_MAX);
	r = expr ? vantio_filter_parse(expr, &t.filter, &err) : 0;
	if (r == -EINVAL)
		return cli_usage_error(cli, "%s", err.text);
	if (!r)
		r = tail_run(&t, dir, lines, &err);
	vantio_reader_close(t.reader);
	vantio_filter_free(t.filter);
	if (ferror(stdout))
		return cli_flush(cli);
	if (r == -ENOENT && !t.seen)
		return cli_fail(cli, CLI_FAILURE, "%s; --ledger names another ledger", err.text);
	return r < 0 ? cli_fail_error(cli, &err) : cli_flush(cli);
}

static const struct cli_option tail_options[] = {
	{ .name = "follow", .letter = 'f', .kind = CLI_FLAG, .help = "go on with each record as it is committed, until interrupted" },
	{ .name = "filter", .kind = CLI_TEXT, .metavar = "EXPR", .help = "only records that match, such as decision=block,path~/work/*" },
	{ .name = "lines", .letter = 'n', .kind = CLI_NUMBER, .metavar = "N", .help = "begin with so many of the newest (default 10)" },
	{ 0 },
};

static const struct cli_command tail_commands[] = {
	{ .help = "print the newest records, and follow the ledger", .options = tail_options, .run = cmd_tail },
	{ 0 },
};
const struct cli_noun cli_noun_tail = { "tail", "print the newest records, and follow the ledger", tail_commands };
