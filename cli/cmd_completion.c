// SPDX-License-Identifier: Apache-2.0
#include <string.h>

#include "completion.h"
#include "policy/preset.h"
#include "policy/image.h"

void completion_spaced(FILE *out, const char *w)
{
	fprintf(out, " %s", w);
}

void completion_words(enum cli_kind kind, const char *const *choices, void (*word)(FILE *out, const char *w), FILE *out)
{
	enum vantio_domain domain;
	uint32_t access;
	unsigned int op;

	for (; kind == CLI_CHOICE && *choices; choices++)
		word(out, *choices);
	for (size_t i = 0; kind == CLI_PRESET && i < vantio_presets.n; i++)
		word(out, vantio_presets.items[i].name);
	for (op = 0; kind == CLI_OP && op < VANTIO_OP_MAX; op++)
		if ((op >= VANTIO_OP_MOUNT && op <= VANTIO_OP_KEYRING) || vantio_op_access((enum vantio_op)op, &domain, &access))
			word(out, vantio_op_name((enum vantio_op)op));
}

const char *completion_dynamic(enum cli_kind kind)
{
	switch (kind) {
	case CLI_AGENT:
		return "agent";
	case CLI_RECORD:
		return "record";
	case CLI_TRACE:
		return "trace";
	default:
		return NULL;
	}
}

int cmd_completion(struct cli *cli)
{
	static const struct {
		const char *shell;
		void (*print)(FILE *out);
	} shells[] = { { "bash", completion_bash }, { "zsh", completion_zsh }, { "fish", completion_fish } };
	const char *shell = cli_arg(cli, 0), *values = cli_get(cli, "values");
	size_t i;

	if (!shell == !values)
		return cli_usage_error(cli, "name a SHELL, or give --values KIND");
	if (values) {
		completion_values(cli, values);
		return CLI_OK;
	}

	for (i = 0; i < sizeof(shells) / sizeof(shells[0]); i++)
		if (!strcmp(shell, shells[i].shell))
			shells[i].print(stdout);
	return CLI_OK;
}

static const char *const shell_names[] = { "bash", "zsh", "fish", NULL };

static const struct cli_arg completion_args[] = {
	{ .metavar = "SHELL", .kind = CLI_CHOICE, .optional = true, .choices = shell_names },
	{ 0 },
};

static const char *const value_names[] = { "agent", "record", "trace", NULL };

static const struct cli_option completion_options[] = {
	{ .name = "values", .kind = CLI_CHOICE, .metavar = "KIND", .choices = value_names,
	  .help = "print what may stand for such a value, for the scripts" },
	{ 0 },
};

static const struct cli_command completion_commands[] = {
	{ NULL, "print the completion script of a shell", completion_options, completion_args, cmd_completion },
	{ 0 },
};

const struct cli_noun cli_noun_completion = { "completion", "print the completion script of a shell", completion_commands };
