// SPDX-License-Identifier: Apache-2.0
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>
#include <wchar.h>

#include "base/buf.h"
#include "base/mem.h"
#include "base/text.h"
#include "internal.h"

#define GAP 2        /* spaces between columns */
#define CUT_LEAST 8  /* a column is not cut below this */

struct cell {
	char *text; /* owned, escaped */
	const char *color;
};

struct cli_grid {
	const char *const *headings;
	size_t n_columns;
	struct cell *cells; /* owned */
	size_t n, cap;
	bool failed;
};

struct cli_grid *cli_grid_new(const char *const *headings, size_t n_columns)
{
	struct cli_grid *g = calloc(1, sizeof(*g));

	if (g) {
		g->headings = headings;
		g->n_columns = n_columns;
	}
	return g;
}

void cli_grid_bytes(struct cli_grid *g, const void *bytes, size_t len)
{
	struct cell *grown;

	if (!g || g->failed)
		return;
	if (g->n == g->cap) {
		grown = reallocarray(g->cells, g->cap ? g->cap * 2 : 64, sizeof(*grown));
		if (!grown) {
			g->failed = true;
			return;
		}
		g->cells = grown;
		g->cap = g->cap ? g->cap * 2 : 64;
	}
	g->cells[g->n] = (struct cell){ .text = vantio_escape_dup(bytes, len) };
	g->failed = !g->cells[g->n].text;
	g->n += !g->failed;
}

void cli_grid_cell(struct cli_grid *g, const char *text)
{
	cli_grid_bytes(g, text, strlen(text));
}

void cli_grid_printf(struct cli_grid *g, const char *fmt, ...)
{
	cleanup_free char *text = NULL;
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vasprintf(&text, fmt, ap);
	va_end(ap);
	if (n < 0) {
		text = NULL;
		if (g)
			g->failed = true;
		return;
	}
	cli_grid_cell(g, text);
}

void cli_grid_color(struct cli_grid *g, const char *name)
{
	if (g && !g->failed && g->n)
		g->cells[g->n - 1].color = name;
}

/* Columns of the terminal that one character takes; `*ret_len` is its bytes. */
static size_t char_width(const char *s, size_t *ret_len)
{
	mbstate_t state = { 0 };
	wchar_t wc;
	size_t n = mbrtowc(&wc, s, strlen(s), &state);
	int w;

	if (n == 0 || n == (size_t)-1 || n == (size_t)-2) {
		*ret_len = 1;
		return 1;
	}
	*ret_len = n;
	w = wcwidth(wc);
	return w < 0 ? 1 : (size_t)w;
}

static size_t text_width(const char *s)
{
	size_t width = 0, n;

	for (; *s; s += n)
		width += char_width(s, &n);
	return width;
}

size_t cli_columns(void)
{
	struct winsize ws;

	if (!isatty(STDOUT_FILENO) || ioctl(STDOUT_FILENO, TIOCGWINSZ, &ws) < 0 || ws.ws_col < 20)
		return SIZE_MAX;
	return ws.ws_col;
}

/* Takes from the widest column, a character at a time, until the row fits or nothing may be cut further. */
static void fit(size_t *widths, size_t n, size_t columns)
{
	size_t total, widest, i;

	for (;;) {
		total = (n - 1) * GAP;
		widest = 0;
		for (i = 0; i < n; i++) {
			total += widths[i];
			if (widths[i] > widths[widest])
				widest = i;
		}
		if (total <= columns || widths[widest] <= CUT_LEAST)
			return;
		widths[widest]--;
	}
}

static void print_cell(struct cli *cli, const char *text, const char *color, size_t width, bool last)
{
	size_t full = text_width(text), used = 0, w, n;

	if (color)
		fputs(cli_color(cli, color), stdout);
	if (full <= width) {
		fputs(text, stdout);
		used = full;
	} else {
		for (; *text; text += n) {
			w = char_width(text, &n);
			if (used + w > width - 1)
				break;
			fwrite(text, 1, n, stdout);
			used += w;
		}
		fputs("…", stdout);
		used++;
	}
	if (color)
		fputs(cli_color(cli, "reset"), stdout);
	if (!last)
		printf("%*s", (int)(width - used + GAP), "");
}

static void print_rows(struct cli *cli, const struct cli_grid *g, const size_t *widths)
{
	size_t i, column;

	for (i = 0; i < g->n_columns; i++)
		print_cell(cli, g->headings[i], "bold", widths[i], i + 1 == g->n_columns);
	putchar('\n');
	for (i = 0; i < g->n; i++) {
		column = i % g->n_columns;
		print_cell(cli, g->cells[i].text, g->cells[i].color, widths[column], column + 1 == g->n_columns);
		if (column + 1 == g->n_columns)
			putchar('\n');
	}
}

void cli_grid_free(struct cli_grid *g)
{
	size_t i;

	if (!g)
		return;
	for (i = 0; i < g->n; i++)
		free(g->cells[i].text);
	free(g->cells);
	free(g);
}

int cli_grid_print(struct cli *cli, struct cli_grid *g)
{
	cleanup_free size_t *widths = g ? calloc(g->n_columns, sizeof(*widths)) : NULL;
	bool failed = !g || g->failed || !widths;
	size_t i, w;

	if (!failed) {
		for (i = 0; i < g->n_columns; i++)
			widths[i] = text_width(g->headings[i]);
		for (i = 0; i < g->n; i++) {
			w = text_width(g->cells[i].text);
			if (w > widths[i % g->n_columns])
				widths[i % g->n_columns] = w;
		}
		fit(widths, g->n_columns, cli_columns());
		print_rows(cli, g, widths);
	}
	cli_grid_free(g);
	return failed ? cli_fail(cli, CLI_FAILURE, "out of memory") : cli_flush(cli);
}
