// SPDX-License-Identifier: Apache-2.0
/*
 * What only this machine knows, for completion scripts: agents that are enrolled, and the newest records, agents and traces of
 * the ledger, read from the end of its last segment. Nothing is checked here and no error is shown: a word that is not offered
 * can still be typed.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "base/mem.h"
#include "completion.h"
#include "engine/engine.h"

#define TAIL_BYTES 65536
#define WORDS_MAX  50
#define WORD_MAX   128

/* "00000007.ndjson" of the highest number; false where there is none. */
static bool newest_segment(int dirfd, char name[16])
{
	int fd = openat(dirfd, "log", O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	cleanup_dir DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *e;

	if (!dir) {
		vantio_close_fd(&fd);
		return false;
	}
	name[0] = '\0';
	while ((e = readdir(dir)))
		if (strlen(e->d_name) == 15 && !strcmp(e->d_name + 8, ".ndjson") && strspn(e->d_name, "0123456789") == 8 &&
		    strcmp(e->d_name, name) > 0)
			memcpy(name, e->d_name, 16);
	return name[0];
}

static char *read_tail(const char *ledger)
{
	cleanup_close int dirfd = open(ledger, O_RDONLY | O_DIRECTORY | O_CLOEXEC), fd = -1;
	char segment[16], path[32];
	cleanup_free char *tail = calloc(1, TAIL_BYTES + 1);
	struct stat st;

	if (dirfd < 0 || !tail || !newest_segment(dirfd, segment))
		return NULL;
	snprintf(path, sizeof(path), "log/%s", segment);
	fd = openat(dirfd, path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	if (fd < 0 || fstat(fd, &st) < 0 || !S_ISREG(st.st_mode))
		return NULL;
	if (pread(fd, tail, TAIL_BYTES, st.st_size > TAIL_BYTES ? st.st_size - TAIL_BYTES : 0) < 0)
		return NULL;
	return vantio_take(tail);
}

/* The characters of ids, and nothing that a shell would act on. */
static bool harmless(const char *s)
{
	return *s && strlen(s) < WORD_MAX && strspn(s, "0123456789abcdefghijklmnopqrstuvwxyz._#-") == strlen(s);
}

struct words {
	char seen[WORDS_MAX][WORD_MAX];
	size_t n;
};

static void print_new(struct words *w, const char *word)
{
	size_t i;

	if (!harmless(word) || w->n == WORDS_MAX)
		return;
	for (i = 0; i < w->n; i++)
		if (!strcmp(w->seen[i], word))
			return;
	strcpy(w->seen[w->n++], word);
	puts(word);
}

static void print_enrolled(struct words *w)
{
	cleanup_engine struct vantio_engine e = VANTIO_ENGINE_INIT;
	struct vantio_error err = { 0 };
	struct vantio_agent a;
	uint32_t i;

	if (vantio_engine_open(false, &e, &err))
		return;
	for (i = 1; i < VANTIO_AGENTS; i++)
		if (!vantio_agent_read(&e, i, &a, &err) && a.state != VANTIO_AGENT_FREE)
			print_new(w, a.name);
}

static void print_recorded(struct words *w, const char *ledger, const char *field)
{
	cleanup_free char *tail = read_tail(ledger);
	char *end, *start;

	/* From the last line up. The first one may be cut, and then it is no JSON. */
	for (end = tail ? strrchr(tail, '\n') : NULL; end; end = start > tail ? start - 1 : NULL) {
		cJSON *line;

		*end = '\0';
		start = strrchr(tail, '\n');
		start = start ? start + 1 : tail;
		line = cJSON_Parse(start);
		if (cJSON_IsString(cJSON_GetObjectItemCaseSensitive(line, field)))
			print_new(w, cJSON_GetObjectItemCaseSensitive(line, field)->valuestring);
		cJSON_Delete(line);
	}
}

void completion_values(struct cli *cli, const char *kind)
{
	cleanup_free struct words *w = calloc(1, sizeof(*w));

	if (!w)
		return;
	if (!strcmp(kind, "agent"))
		print_enrolled(w);
	print_recorded(w, cli_ledger_dir(cli), !strcmp(kind, "record") ? "record_id" : !strcmp(kind, "trace") ? "trace_id" : "agent");
}
