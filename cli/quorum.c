// SPDX-License-Identifier: Apache-2.0
#include "quorum.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/io.h"
#include "base/mem.h"

static int read_witness(struct cli *cli, const char *value, struct vantio_witness *ret)
{
	struct vantio_error err = { 0 }, file = { 0 };
	cleanup_free char *text = NULL;
	size_t len;

	if (vantio_witness_parse(value, strlen(value), ret, &err) == 0)
		return CLI_OK;
	if (vantio_read_file_follow(value, 4096, &text, &len, &file) < 0)
		return strchr(value, '+') ? cli_usage_error(cli, "--witness: %s", err.text) :
					    cli_fail(cli, CLI_FAILURE, "--witness is neither a verifier key (name+hash+base64) nor a file "
						     "that can be read: %s", file.text);
	if (vantio_witness_parse(text, len, ret, &err) < 0)
		return cli_fail(cli, CLI_FAILURE, "the file of --witness: %s", err.text);
	return CLI_OK;
}

int cli_read_quorum(struct cli *cli, struct vantio_quorum *ret)
{
	struct vantio_error err = { 0 };
	struct vantio_witness w;
	const char *value;
	size_t i;
	int r;

	*ret = (struct vantio_quorum){ .now = (uint64_t)time(NULL) };
	for (i = 0; (value = cli_get_nth(cli, "witness", i)); i++) {
		r = read_witness(cli, value, &w);
		if (r != CLI_OK)
			return r;
		if (vantio_quorum_add(ret, &w, &err) < 0)
			return cli_usage_error(cli, "--witness: %s", err.text);
	}
	if (!ret->n)
		return cli_has(cli, "quorum") ? cli_usage_error(cli, "--quorum: of which witnesses? --witness names one") : CLI_OK;
	ret->need = cli_get_number(cli, "quorum", ret->n);
	if (!ret->need || ret->need > ret->n)
		return cli_usage_error(cli, "--quorum: 1 to %zu, the number of witnesses", ret->n);
	return CLI_OK;
}
