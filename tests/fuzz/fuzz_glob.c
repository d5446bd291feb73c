// SPDX-License-Identifier: Apache-2.0
/* A glob, a newline and a path: what passes the check compiles, and the automaton agrees with the reference matcher. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "policy/glob.h"
#include "policy/image.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The matchers promise something only about paths as the kernel builds them. */
static int is_path(const uint8_t *p, size_t n)
{
	size_t i, from = 1;

	if (!n || n >= VANTIO_PATH_MAX || p[0] != '/' || memchr(p, 0, n))
		return 0;
	for (i = 1; n > 1 && i <= n; i++) {
		if (i < n && p[i] != '/')
			continue;
		if (i == from || (i - from == 1 && p[from] == '.') || (i - from == 2 && p[from] == '.' && p[from + 1] == '.'))
			return 0;
		from = i + 1;
	}
	return 1;
}

static void compare(char *glob, const uint8_t *path, size_t n)
{
	struct vantio_policy p = { .file = NULL };
	struct vantio_rule rule = { .text = glob, .glob = glob };
	struct vantio_image *image = NULL;
	struct vantio_error err;

	p.lists[VANTIO_LIST_FILE_READ] = (struct vantio_rules){ &rule, 1 };
	if (vantio_image_compile(&p, NULL, &image, &err) < 0) {
		if (err.code != 7) /* too big is an answer */
			abort();
		return;
	}
	if (vantio_image_check(image->cells, image->n_cells, &err) < 0)
		abort();
	if ((vantio_image_judge(image, VANTIO_DOMAIN_FILE, VANTIO_ACCESS_READ, path, n).decision == VANTIO_PERMIT) !=
	    vantio_glob_match(glob, strlen(glob), (const char *)path, n))
		abort();
	vantio_image_free(image);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const uint8_t *newline = memchr(data, '\n', size);
	size_t len = newline ? (size_t)(newline - data) : size;
	struct vantio_error err;
	char *glob;

	if (vantio_glob_check((const char *)data, len, &err) < 0 || !newline || !is_path(newline + 1, size - len - 1))
		return 0;
	glob = strndup((const char *)data, len);
	if (glob)
		compare(glob, newline + 1, size - len - 1);
	free(glob);
	return 0;
}
