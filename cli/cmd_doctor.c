// SPDX-License-Identifier: Apache-2.0
/* `doctor`: judges the host. Exit 0 if it could judge; with --tier, 5 when that tier cannot run here. */
#include <string.h>

#include "cli.h"
#include "engine/probe.h"

/* Tiers that this version has; the others are judged, and said to be missing. */
static const bool built[VANTIO_TIER_MAX] = { [VANTIO_TIER_KERNEL] = true, [VANTIO_TIER_USER] = true, [VANTIO_TIER_OBSERVE] = true };

static const char *const tier_names[] = { "kernel", "user", "observe", NULL };

static const char *state_name(enum vantio_probe_state state)
{
	static const char *const names[] = { "yes", "no", "unknown" };

	return names[state];
}

static void add_tiers(cJSON *doc, const struct vantio_probe_report *r)
{
	cJSON *tiers = cJSON_AddArrayToObject(doc, "tiers"), *tier, *missing;
	unsigned int t;
	size_t i;

	for (t = 0; t < VANTIO_TIER_MAX; t++) {
		const struct vantio_probe *first = NULL;

		tier = cJSON_CreateObject();
		cJSON_AddStringToObject(tier, "tier", vantio_tier_name((enum vantio_tier)t));
		cJSON_AddBoolToObject(tier, "host_can", vantio_probe_tier(r, (enum vantio_tier)t, &first));
		cJSON_AddBoolToObject(tier, "built", built[t]);
		missing = cJSON_AddArrayToObject(tier, "missing");
		for (i = 0; i < r->n; i++)
			if (r->items[i].required & 1u << t && r->items[i].state != VANTIO_PROBE_YES)
				cJSON_AddItemToArray(missing, cJSON_CreateString(r->items[i].id));
		cJSON_AddItemToArray(tiers, tier);
	}
}

static cJSON *document(const struct vantio_probe_report *r)
{
	cJSON *doc = cJSON_CreateObject(), *checks, *check, *required;
	unsigned int t;
	size_t i;

	add_tiers(doc, r);
	checks = cJSON_AddArrayToObject(doc, "checks");
	for (i = 0; i < r->n; i++) {
		check = cJSON_CreateObject();
		cJSON_AddStringToObject(check, "check", r->items[i].id);
		cJSON_AddStringToObject(check, "state", state_name(r->items[i].state));
		cJSON_AddStringToObject(check, "found", r->items[i].found);
		cJSON_AddStringToObject(check, "mend", r->items[i].mend);
		required = cJSON_AddArrayToObject(check, "required_by");
		for (t = 0; t < VANTIO_TIER_MAX; t++)
			if (r->items[i].required & 1u << t)
				cJSON_AddItemToArray(required, cJSON_CreateString(vantio_tier_name((enum vantio_tier)t)));
		cJSON_AddItemToArray(checks, check);
	}
	return doc;
}

static void print_tier(struct cli *cli, const struct vantio_probe_report *r, enum vantio_tier t)
{
	const struct vantio_probe *first = NULL;
	bool can = vantio_probe_tier(r, t, &first);

	printf("%-8s %s%s%s", vantio_tier_name(t), cli_color(cli, can ? "green" : "red"), can ? "yes" : "no", cli_color(cli, "reset"));
	if (!can)
		printf("   %s: %s", first->id, first->found);
	else if (!built[t])
		printf("  this host can; this version of vantioctl does not have the tier yet");
	putchar('\n');
}

static void print_check(struct cli *cli, const struct vantio_probe *p)
{
	const char *mark = p->state == VANTIO_PROBE_YES ? "ok" : p->state == VANTIO_PROBE_NO ? "no" : "?";
	const char *color = p->state == VANTIO_PROBE_YES ? "green" : p->required ? "red" : "yellow";

	printf("  %s%-3s%s %-15s %s\n", cli_color(cli, color), mark, cli_color(cli, "reset"), p->id, p->found);
	if (*p->mend)
		printf("      %-15s %smend:%s %s\n", "", cli_color(cli, "bold"), cli_color(cli, "reset"), p->mend);
}

/* What --tier asks: CLI_OK, or CLI_UNSUPPORTED with the cause in `cause`. */
static int judge(struct cli *cli, const struct vantio_probe_report *r, const char **cause)
{
	const char *wanted = cli_get(cli, "tier");
	const struct vantio_probe *first = NULL;
	unsigned int t;

	for (t = 0; wanted && t < VANTIO_TIER_MAX; t++) {
		if (strcmp(wanted, vantio_tier_name((enum vantio_tier)t)) != 0)
			continue;
		if (!vantio_probe_tier(r, (enum vantio_tier)t, &first)) {
			*cause = first->found;
			return CLI_UNSUPPORTED;
		}
		if (!built[t]) {
			*cause = "this version of vantioctl does not have it yet";
			return CLI_UNSUPPORTED;
		}
	}
	return CLI_OK;
}

int cmd_doctor(struct cli *cli)
{
	struct vantio_probe_report r;
	const char *cause = NULL;
	int status, printed;
	unsigned int t;
	size_t i;

	vantio_probe_host(&r);
	status = judge(cli, &r, &cause);
	if (cli_json(cli)) {
		printed = cli_emit(cli, document(&r));
		return status ? status : printed;
	}
	puts("What this host can run:");
	for (t = 0; t < VANTIO_TIER_MAX; t++) {
		fputs("  ", stdout);
		print_tier(cli, &r, (enum vantio_tier)t);
	}
	puts("\nWhat was found:");
	for (i = 0; i < r.n; i++)
		print_check(cli, &r.items[i]);
	if (status)
		return cli_fail(cli, (enum cli_exit)status, "the %s tier cannot run here: %s", cli_get(cli, "tier"), cause);
	return CLI_OK;
}

static const struct cli_option doctor_options[] = {
	{ .name = "tier", .letter = 't', .kind = CLI_CHOICE, .metavar = "TIER", .choices = tier_names,
	  .help = "exit with 5 if this tier cannot run here" },
	{ 0 },
};

static const struct cli_command doctor_commands[] = {
	{ NULL, "say what this host can enforce, and how to mend what it cannot", doctor_options, NULL, cmd_doctor },
	{ 0 },
};

const struct cli_noun cli_noun_doctor = { "doctor", "what this host can enforce, and how to mend what it cannot", doctor_commands };
