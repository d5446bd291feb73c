/* SPDX-License-Identifier: Apache-2.0 */
/* Policies as commands take them: a file, as `-` standard input, as `preset:NAME` a preset; and what is wrong with them, as people and programs
 * read it. */
#ifndef VANTIO_CLI_POLICY_INPUT_H
#define VANTIO_CLI_POLICY_INPUT_H

#include "cli.h"
#include "policy/policy.h"

struct cli_policy {
	const char *file;             /* borrowed: as the user named it, "<stdin>" for `-` */
	char *text;                   /* owned */
	size_t len;
	struct vantio_policy *policy; /* owned; NULL if it is bad */
	struct vantio_diagnostics diags;
};

void cli_policy_free(struct cli_policy *p);
#define cleanup_cli_policy __attribute__((cleanup(cli_policy_free)))

/*
 * Reads and parses. `workdir` NULL is the current folder. What is wrong is in p->diags, a file that cannot be read too; nothing
 * is printed. `links`: rules that run through symbolic links of this machine are warned of.
 */
void cli_policy_read(struct cli_policy *p, const char *file, const char *workdir, bool links);

/* The policy that extends these presets and says nothing else; the current folder is its $WORKDIR. */
void cli_policy_read_presets(struct cli_policy *p, const char *const *names, size_t n);

/* The same text once more, as a policy of its own; `first` is left as it is. `workdir` NULL: there is none. */
void cli_policy_read_again(struct cli_policy *p, const struct cli_policy *first, const char *workdir);

/* Every diagnostic on stderr as "file:line:col: error: ...", on a terminal with the line and a caret. */
void cli_policy_print_diagnostics(struct cli *cli, const struct cli_policy *p);
/* {"line"} of a place, and {"preset":"preset:NAME"} where it is one of a preset's; nothing where there is none. */
void cli_pos_json(cJSON *item, struct vantio_pos pos);
/* The same as a list of {"line","col","severity","message"}. NULL when memory ran out. */
cJSON *cli_policy_json_diagnostics(const struct cli_policy *p);

/* The error document of --json with all diagnostics. CLI_FAILURE. */
int cli_policy_emit_bad(struct cli *cli, const struct cli_policy *p);
/* A rule's text on stdout: it may hold the backslashes of globs, which are shown as they were written. */
void cli_policy_print_rule(const char *text);

/*
 * For commands that need a good policy: reads it, prints the diagnostics (warnings too) or, with --json and a bad policy, the
 * error document with all of them. CLI_OK, or the exit code after reporting.
 */
int cli_policy_need(struct cli *cli, struct cli_policy *p, const char *file, const char *workdir);
/* The same for `file`, where a policy is looked for when none is named (NULL: nowhere). `or_else` ends the message, where there is none. */
int cli_policy_need_fallback(struct cli *cli, struct cli_policy *p, const char *file, const char *workdir, const char *or_else);
/* The same for the values of --preset, of which there is one at least. */
int cli_policy_need_presets(struct cli *cli, struct cli_policy *p);

#endif
