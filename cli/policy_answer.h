/* SPDX-License-Identifier: Apache-2.0 */
/* How the answers of `policy explain` and `policy test` are told: which rule of which line says so. */
#ifndef VANTIO_CLI_POLICY_ANSWER_H
#define VANTIO_CLI_POLICY_ANSWER_H

#include "cli.h"
#include "policy/image.h"
#include "policy_input.h"

struct cli_question {
	const char *op, *target, *target2; /* the targets may be NULL */
};

/* "deny by file.deny[2] (p.toml:14): **" and the rest of the rule, without a newline. */
void cli_answer_print(struct cli *cli, const struct cli_policy *p, const struct vantio_explanation *e);
/* Adds op, target and target2 (escaped) to an object. */
void cli_question_json(cJSON *item, const struct cli_question *q);
/* Adds reason, rule, line, text and, where there are two names, new_name. */
void cli_answer_json(cJSON *item, const struct vantio_explanation *e);
const char *cli_verdict_name(uint32_t decision); /* "allow" or "deny" */

#endif
