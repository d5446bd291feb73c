// SPDX-License-Identifier: Apache-2.0
/*
 * Which part of a name a program drew: process ids, dates, mkstemp(3)'s six letters, digests. Only names that were made while we
 * looked are asked about, so that a guess too many costs a `*` beside a temporary file and no more. Six letters of 62 are of one kind
 * once in a hundred times: what did not stay is taken for drawn where it has two.
 */
#include <ctype.h>
#include <string.h>

#include "policy/learn_internal.h"

enum kind { LOWER, UPPER, DIGIT };

static enum kind kind_of(char c)
{
	return isdigit((unsigned char)c) ? DIGIT : isupper((unsigned char)c) ? UPPER : LOWER;
}

/* How often letters and digits take turns; "Makefile2" once, "Xc8Fo9" five times. */
static unsigned int count_turns(const char *s, size_t len)
{
	unsigned int turns = 0;
	size_t i;

	for (i = 1; i < len; i++) /* a capital at the start is no turn */
		turns += kind_of(s[i]) != kind_of(s[i - 1]) && !(i == 1 && kind_of(s[0]) == UPPER && kind_of(s[1]) == LOWER);
	return turns;
}

static bool all_hex(const char *s, size_t len)
{
	size_t i;

	for (i = 0; i < len; i++)
		if (!isxdigit((unsigned char)s[i]) || isupper((unsigned char)s[i]))
			return false;
	return true;
}

static bool all_digits(const char *s, size_t len)
{
	size_t i;

	for (i = 0; i < len; i++)
		if (!isdigit((unsigned char)s[i]))
			return false;
	return true;
}

/* A run of letters and digits. */
static bool is_drawn(const char *s, size_t len, bool fleeting)
{
	if (len >= 3 && all_digits(s, len))
		return true;
	if (len >= 16 && all_hex(s, len))
		return true;
	return len >= 6 && count_turns(s, len) >= (fleeting ? 1 : len < 8 ? 3 : 4);
}

/* The digits at the end of a run: "conf12345", "go-build391". */
static size_t digits_behind(const char *s, size_t len)
{
	size_t n = 0;

	while (n < len && isdigit((unsigned char)s[len - 1 - n]))
		n++;
	return n >= 3 && n < len ? n : 0;
}

static bool in_run(char c)
{
	return isalnum((unsigned char)c) && (unsigned char)c < 128;
}

static void put_star(struct vantio_buf *glob)
{
	if (!glob->len || glob->data[glob->len - 1] != '*')
		vantio_buf_putc(glob, '*');
}

/* mkstemp(3)'s letters may stand right behind a prefix: "ccWu55SB", "tmpq8z2k1". */
static size_t prefix_kept(const char *s, size_t len)
{
	if (len > 3 && !strncmp(s, "tmp", 3))
		return 3;
	return len > 2 && kind_of(s[0]) == LOWER && kind_of(s[1]) == LOWER && !all_hex(s, len) ? 2 : 0;
}

bool vantio_learn_drawn(const char *name, size_t len, bool fleeting, struct vantio_buf *glob)
{
	size_t i = 0, run, n;
	bool drawn = false;

	while (i < len) {
		for (run = 0; i + run < len && in_run(name[i + run]); run++)
			;
		if (!run) {
			vantio_learn_spell(glob, name + i, 1);
			i++;
			continue;
		}
		n = digits_behind(name + i, run);
		if (is_drawn(name + i, run, fleeting))
			n = run - (i == 0 ? prefix_kept(name, run) : 0);
		vantio_learn_spell(glob, name + i, run - n);
		if (n)
			put_star(glob);
		drawn = drawn || n;
		i += run;
	}
	return drawn && !glob->failed;
}

void vantio_learn_temporary(const char *name, size_t len, struct vantio_buf *glob)
{
	const char *dot = memrchr(name, '.', len);
	const size_t kept = len < 3 ? 0 : 2, tail = dot ? len - (size_t)(dot - name) : 0;

	vantio_learn_spell(glob, name, kept);
	vantio_buf_putc(glob, '*');
	if (tail && tail + kept < len)
		vantio_learn_spell(glob, dot, tail);
}
