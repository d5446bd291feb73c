// SPDX-License-Identifier: Apache-2.0
#include <fcntl.h>
#include <locale.h>
#include <unistd.h>

#include "internal.h"
#include "signals.h"

/*
 * A standard descriptor that is closed would be taken by the next file that is opened, and output would land in it. What
 * stands in for stdout cannot be written, so that the loss of output is seen.
 */
static bool fill_standard_descriptors(void)
{
	static const int modes[] = { O_RDONLY, O_RDONLY, O_RDWR };
	int fd;

	for (fd = 0; fd < 3; fd++)
		if (fcntl(fd, F_GETFD) < 0 && open("/dev/null", modes[fd]) != fd)
			return false;
	return true;
}

static int print_version(struct cli *cli)
{
	cJSON *doc;

	if (!cli->json) {
		puts("vantioctl " VANTIO_VERSION);
		return CLI_OK;
	}
	doc = cJSON_CreateObject();
	cJSON_AddStringToObject(doc, "version", VANTIO_VERSION);
	return cli_emit(cli, doc);
}

int main(int argc, char **argv)
{
	struct cli cli = { 0 };
	int status;

	if (!fill_standard_descriptors())
		return CLI_FAILURE;
	cli_signals_ignore_pipe();
	setlocale(LC_CTYPE, "C.UTF-8"); /* widths of characters; the caller's locale changes nothing */
	status = cli_parse(&cli, argc, argv);
	if (status == CLI_OK && cli.want_version)
		status = print_version(&cli);
	else if (status == CLI_OK && cli.want_help)
		status = cli_help(&cli);
	else if (status == CLI_OK)
		status = cli.command->run(&cli);
	status = cli_finish(&cli, status);
	cli_clear(&cli);
	return status;
}
