// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/mem.h"
#include "base/text.h"
#include "internal.h"

void cli_print_escaped(FILE *out, const void *bytes, size_t len)
{
	cleanup_buf struct vantio_buf b = VANTIO_BUF_INIT;

	vantio_escape(&b, bytes, len);
	fputs(b.failed || !b.data ? "" : b.data, out);
}

/* Messages hold text that was escaped where it was quoted: newlines and backslashes stay, anything else hostile goes. */
static void print_message(FILE *out, const char *text)
{
	size_t n;

	while (*text) {
		n = strcspn(text, "\\\n");
		cli_print_escaped(out, text, n);
		text += n;
		if (*text)
			fputc(*text++, out);
	}
}

static int say_stdout_failed(struct cli *cli, int code)
{
	if (!cli->stdout_failed)
		fprintf(stderr, "vantioctl: cannot write to standard output: %s\n", strerror(code));
	cli->stdout_failed = true;
	return CLI_FAILURE;
}

int cli_flush(struct cli *cli)
{
	if (cli->stdout_failed)
		return CLI_FAILURE;
	errno = 0;
	if (fflush(stdout) == 0 && !ferror(stdout))
		return CLI_OK;
	return say_stdout_failed(cli, errno ? errno : EIO);
}

int cli_finish(struct cli *cli, int status)
{
	int written = cli_flush(cli);

	if (close(STDOUT_FILENO) < 0 && written == CLI_OK)
		written = say_stdout_failed(cli, errno);
	return status == CLI_OK ? written : status;
}

cJSON *cli_json_u64(uint64_t n)
{
	char text[24];

	snprintf(text, sizeof(text), "%llu", (unsigned long long)n);
	return cJSON_CreateString(text);
}

int cli_emit(struct cli *cli, cJSON *document)
{
	cleanup_free char *text = document ? cJSON_PrintUnformatted(document) : NULL;

	cJSON_Delete(document);
	if (!text) {
		fputs("vantioctl: out of memory\n", stderr);
		return CLI_FAILURE;
	}
	errno = 0;
	if (puts(text) < 0)
		return say_stdout_failed(cli, errno ? errno : EIO);
	return cli_flush(cli);
}

/* The document of an error; `usage` may be NULL. False where it could not be printed. */
static bool emit_error(struct cli *cli, int exit_code, const char *message, const char *usage)
{
	cJSON *doc = cJSON_CreateObject(), *error = cJSON_AddObjectToObject(doc, "error");
	cleanup_free char *valid = NULL;

	/* JSON is UTF-8; what is not (only argv can hold it here) is escaped. */
	if (!vantio_utf8_valid(message, strlen(message)))
		valid = vantio_escape_dup(message, strlen(message));
	cJSON_AddNumberToObject(error, "code", exit_code);
	cJSON_AddStringToObject(error, "message", valid ? valid : message);
	if (usage)
		cJSON_AddStringToObject(error, "usage", usage);
	return cli_emit(cli, doc) == CLI_OK;
}

__attribute__((format(printf, 4, 0)))
static void report(struct cli *cli, int exit_code, const char *usage, const char *fmt, va_list ap)
{
	cleanup_free char *message = NULL;

	if (vasprintf(&message, fmt, ap) < 0) {
		message = NULL;
		fputs("vantioctl: out of memory\n", stderr);
		return;
	}
	if (cli->json && emit_error(cli, exit_code, message, usage))
		return;
	fflush(stdout);
	fputs("vantioctl: ", stderr);
	print_message(stderr, message);
	fputc('\n', stderr);
	if (usage)
		fprintf(stderr, "usage: %s\n", usage);
}

int cli_fail(struct cli *cli, enum cli_exit exit_code, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	report(cli, exit_code, NULL, fmt, ap);
	va_end(ap);
	return exit_code;
}

int cli_fail_error(struct cli *cli, const struct vantio_error *err)
{
	switch (err->code) {
	case EPERM:
	case EACCES:
	case EOPNOTSUPP:
	case ENOSYS:
		return cli_fail(cli, CLI_UNSUPPORTED, "%s", err->text);
	default:
		return cli_fail(cli, CLI_FAILURE, "%s", err->text);
	}
}

int cli_usage_error(struct cli *cli, const char *fmt, ...)
{
	cleanup_free char *usage = cli_usage_line(cli->noun, cli->command);
	va_list ap;

	va_start(ap, fmt);
	report(cli, CLI_USAGE, usage, fmt, ap);
	va_end(ap);
	return CLI_USAGE;
}

void cli_note(struct cli *cli, const char *fmt, ...)
{
	cleanup_free char *message = NULL;
	va_list ap;
	int n;

	if (cli_has(cli, "quiet"))
		return;
	va_start(ap, fmt);
	n = vasprintf(&message, fmt, ap);
	va_end(ap);
	if (n < 0) {
		message = NULL;
		return;
	}
	fflush(stdout);
	fputs("vantioctl: ", stderr);
	print_message(stderr, message);
	fputc('\n', stderr);
}

const char *cli_color(const struct cli *cli, const char *name)
{
	static const struct {
		const char *name, *code;
	} codes[] = {
		{ "red", "\033[31m" }, { "green", "\033[32m" }, { "yellow", "\033[33m" },
		{ "dim", "\033[2m" },  { "bold", "\033[1m" },	{ "reset", "\033[0m" },
	};
	const char *no_color = getenv("NO_COLOR"), *term = getenv("TERM");
	size_t i;

	if (cli->json || cli_has(cli, "no-color") || (no_color && *no_color) || !term || !strcmp(term, "dumb") ||
	    !isatty(STDOUT_FILENO))
		return "";
	for (i = 0; i < VANTIO_ARRAY_SIZE(codes); i++)
		if (!strcmp(codes[i].name, name))
			return codes[i].code;
	return "";
}
