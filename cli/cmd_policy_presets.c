// SPDX-License-Identifier: Apache-2.0
/* policy presets: what can be extended, and the text of each. */
#include <string.h>

#include "base/mem.h"
#include "base/text.h"
#include "policy/preset.h"
#include "policy_input.h"

#define SUMMARY_MAX 160

static void add_extends(struct vantio_buf *out, const struct vantio_policy *p)
{
	for (size_t i = 0; i < p->n_extends; i++)
		vantio_buf_printf(out, "%s%s", i ? ", " : "", p->extends[i] + strlen(VANTIO_PRESET_PREFIX));
}

/* What a preset says, read as a policy of its own; ~ and $WORKDIR stand for any folder. */
static int read_one(struct cli *cli, const struct vantio_preset *preset, struct vantio_policy **ret)
{
	static const struct vantio_expand expand = { .home = "/", .workdir = "/" };
	struct vantio_diagnostics diags = { 0 };
	struct vantio_error err = { 0 };
	int r = vantio_policy_parse(preset->text, preset->len, preset->origin, &expand, ret, &diags, &err);

	vantio_diagnostics_free(&diags);
	return r ? cli_fail_error(cli, &err) : CLI_OK;
}

static cJSON *preset_json(const struct vantio_preset *preset, const struct vantio_policy *p, bool text)
{
	cJSON *item = cJSON_CreateObject(), *extends;
	char summary[SUMMARY_MAX];

	vantio_preset_summary(preset, summary, sizeof(summary));
	cJSON_AddStringToObject(item, "name", preset->name);
	cJSON_AddStringToObject(item, "summary", summary);
	extends = cJSON_AddArrayToObject(item, "extends");
	for (size_t i = 0; i < p->n_extends; i++)
		cJSON_AddItemToArray(extends, cJSON_CreateString(p->extends[i] + strlen(VANTIO_PRESET_PREFIX)));
	if (text)
		cJSON_AddStringToObject(item, "text", preset->text);
	return item;
}

static int list_all(struct cli *cli)
{
	static const char *const headings[] = { "PRESET", "EXTENDS", "FOR" };
	struct cli_grid *grid = cli_json(cli) ? NULL : cli_grid_new(headings, VANTIO_ARRAY_SIZE(headings));
	cJSON *doc = cJSON_CreateObject(), *list = cJSON_AddArrayToObject(doc, "presets");
	char summary[SUMMARY_MAX];
	int r = CLI_OK;

	for (size_t i = 0; i < vantio_presets.n && r == CLI_OK; i++) {
		const struct vantio_preset *preset = &vantio_presets.items[i];
		cleanup_policy struct vantio_policy *p = NULL;
		cleanup_buf struct vantio_buf extends = VANTIO_BUF_INIT;

		r = read_one(cli, preset, &p);
		if (r != CLI_OK)
			break;
		if (cli_json(cli)) {
			cJSON_AddItemToArray(list, preset_json(preset, p, false));
			continue;
		}
		add_extends(&extends, p);
		vantio_preset_summary(preset, summary, sizeof(summary));
		cli_grid_cell(grid, preset->name);
		cli_grid_cell(grid, extends.data ? extends.data : "");
		cli_grid_cell(grid, summary);
	}
	if (r != CLI_OK) {
		cli_grid_free(grid);
		cJSON_Delete(doc);
		return r;
	}
	if (cli_json(cli))
		return cli_emit(cli, doc);
	cJSON_Delete(doc);
	return cli_grid_print(cli, grid);
}

CLI_COMMAND(policy_presets)
{
	const struct vantio_preset *preset;
	cleanup_policy struct vantio_policy *p = NULL;
	cleanup_free char *safe = NULL;
	const char *near;
	int r;

	if (!cli_argc(cli))
		return list_all(cli);
	preset = vantio_preset_find(&vantio_presets, cli_arg(cli, 0));
	safe = vantio_escape_dup(cli_arg(cli, 0), strlen(cli_arg(cli, 0)));
	near = vantio_preset_nearest(&vantio_presets, cli_arg(cli, 0));
	if (!preset)
		return near ? cli_fail(cli, CLI_FAILURE, "there is no preset '%s'; did you mean '%s'?", safe ? safe : "", near) :
			      cli_fail(cli, CLI_FAILURE, "there is no preset '%s'; 'vantioctl policy presets' lists them", safe ? safe : "");
	if (!cli_json(cli)) {
		fwrite(preset->text, 1, preset->len, stdout);
		return cli_flush(cli);
	}
	r = read_one(cli, preset, &p);
	return r == CLI_OK ? cli_emit(cli, preset_json(preset, p, true)) : r;
}
