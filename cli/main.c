// SPDX-License-Identifier: Apache-2.0
#include "cli.h"

int main(void)
{
	fputs("vantioctl: no command is built yet\n", stderr);
	return CLI_UNSUPPORTED;
}
