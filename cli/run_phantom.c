// SPDX-License-Identifier: Apache-2.0
/* run --phantom: this process goes onto a phantom before any tier begins, so that whoever acts for the command does so there too. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/io.h"
#include "base/mem.h"
#include "base/text.h"
#include "phantom/enter.h"
#include "phantom/scan.h"
#include "run.h"

/* Each line of `notes` as a remark. */
static void say(struct cli *cli, struct vantio_buf *notes)
{
	char *line, *save = NULL;

	for (line = notes->data ? strtok_r(notes->data, "\n", &save) : NULL; line; line = strtok_r(NULL, "\n", &save))
		cli_note(cli, "phantom: %s", line);
}

int run_phantom_enter(struct cli *cli, const struct cli_policy *policy, struct vantio_phantom *ret)
{
	cleanup_free char *state_dir = vantio_state_dir(), *runtime = vantio_runtime_dir();
	const char *program = strrchr(cli_program(cli)[0], '/');
	cleanup_buf struct vantio_buf notes = VANTIO_BUF_INIT;
	const char *keep[] = { cli_ledger_dir(cli), runtime, NULL };
	struct vantio_phantom_options o = { .state_dir = state_dir, .keep = keep, .command = program ? program + 1 : cli_program(cli)[0] };
	struct vantio_error err = {};
	char agent[VANTIO_NAME_MAX];

	if (!*keep[0])
		return CLI_FAILURE;
	if (!state_dir || !runtime)
		return cli_fail(cli, CLI_FAILURE, "there is no HOME to keep the phantom in: set VANTIO_STATE");
	if (vantio_phantom_enter(&o, ret, &notes, &err)) {
		vantio_fail_prefix(&err, "--phantom");
		return cli_fail_error(cli, &err);
	}
	run_agent_name(cli, policy, agent);
	ret->agent = strdup(agent);
	ret->policy = vantio_escape_dup(policy->policy->name, strlen(policy->policy->name));
	if (!ret->agent || !ret->policy)
		return cli_fail(cli, CLI_FAILURE, "out of memory");
	if (vantio_phantom_save(ret, &err))
		return cli_fail_error(cli, &err);
	say(cli, &notes);
	cli_note(cli, "phantom %s: nothing that the command writes to files reaches the host", ret->id);
	return CLI_OK;
}

void run_phantom_leave(struct cli *cli, const struct vantio_phantom *p)
{
	cli_note(cli, "phantom %s: 'vantioctl phantom diff %s' shows what changed, 'phantom commit %s' puts it onto the host, 'phantom collapse %s' drops it",
		 p->id, p->id, p->id, p->id);
}
