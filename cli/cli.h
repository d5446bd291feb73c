/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The command line. One table holds every command, option and help text; dispatch, usage, completions and the check of the
 * man pages read it. Only this folder prints or exits. stdout is data, stderr is diagnostics.
 *
 * How to add a command: cmd_<noun>.c defines `const struct cli_noun cli_noun_<noun>` with its rows, next to the functions that
 * they name; cli/table.c lists the nouns (every noun of DESIGN 8 is listed already: one that is not linked in is left out).
 * A verb in several files is fine: only the rows must be together. Then `make completions` (the scripts are checked in), and
 * docs/man/vantioctl-<noun>.8: `make check-cli` holds both to the table.
 *
 * main() ignores SIGPIPE, fills closed standard descriptors, and at the end turns output that could not be written into an
 * exit status of 1; a command that starts another program calls cli_child_signals() in the child before exec.
 */
#ifndef VANTIO_CLI_H
#define VANTIO_CLI_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cjson/cJSON.h>

#include "base/error.h"

#define VANTIO_VERSION "0.1.0"

enum cli_exit {
	CLI_OK = 0,
	CLI_FAILURE = 1,
	CLI_USAGE = 2,
	CLI_VERIFY_FAILED = 3,
	CLI_INCONCLUSIVE = 4,
	CLI_UNSUPPORTED = 5, /* not permitted or not supported here */
};

/* What a value or an argument is: how it is checked and what completes it. */
enum cli_kind {
	CLI_FLAG,     /* no value */
	CLI_TEXT,
	CLI_NUMBER,   /* decimal u64 */
	CLI_DURATION, /* 250ms, 60s, 5m, 2h */
	CLI_TIME,     /* RFC 3339 */
	CLI_CHOICE,   /* one of `choices` */
	CLI_FILE,
	CLI_DIR,
	CLI_POLICY,   /* a policy file */
	CLI_CASES,
	CLI_AGENT,    /* name of an enrolled agent */
	CLI_RECORD,   /* record id or leaf */
	CLI_TRACE,    /* trace id */
	CLI_PRESET,   /* name of a preset */
	CLI_OP,       /* operation of `policy explain` */
	CLI_PROGRAM,  /* a command and its arguments, after -- */
};

struct cli_option {
	const char *name; /* long, without -- */
	char letter;      /* short, or 0 */
	enum cli_kind kind;
	const char *metavar; /* "FILE"; NULL for flags */
	const char *help;
	const char *const *choices; /* NULL-terminated, for CLI_CHOICE */
	bool repeat;   /* may be given more than once; one that may not is a usage error when it is */
	bool required;
};

struct cli_arg {
	const char *metavar;
	enum cli_kind kind;
	bool optional;
	bool repeat; /* only the last one */
	const char *const *choices; /* NULL-terminated, for CLI_CHOICE */
};

struct cli;

struct cli_command {
	const char *verb; /* NULL where the noun is the command; a noun may have both, if the one without a verb takes no arguments */
	const char *help; /* one line, no full stop */
	const struct cli_option *options; /* ends with a zeroed one; NULL: none */
	const struct cli_arg *args;       /* ends with a zeroed one; NULL: none */
	int (*run)(struct cli *cli);      /* returns enum cli_exit (run: the command's own status) */
};

struct cli_noun {
	const char *name;
	const char *help; /* one line, no full stop */
	const struct cli_command *commands; /* ends with a zeroed one */
};

extern const struct cli_noun *const cli_nouns[]; /* in the order of the help; CLI_NOUNS_MAX places, some may be NULL */
#define CLI_NOUNS_MAX 24
/* -j --json, --ledger DIR, --no-color, -q --quiet, -V --version, -h --help: no command may use these names or letters. */
extern const struct cli_option cli_global_options[];

/* ---- what a command reads ---- */

bool cli_json(const struct cli *cli);
bool cli_has(const struct cli *cli, const char *option);
const char *cli_get(const struct cli *cli, const char *option); /* the last value, or NULL */
/* The i-th value of a repeated option, or NULL. */
const char *cli_get_nth(const struct cli *cli, const char *option, size_t i);
/* NUMBER, or DURATION and TIME in ns, checked while parsing; `fallback` if the option was not given. */
uint64_t cli_get_number(const struct cli *cli, const char *option, uint64_t fallback);
size_t cli_argc(const struct cli *cli);
const char *cli_arg(const struct cli *cli, size_t i); /* NULL beyond */
char **cli_program(const struct cli *cli);            /* NULL-terminated, what follows --, or NULL */
/* The ledger's folder: --ledger, VANTIO_LEDGER, the default. Borrowed; "" (after saying why) where there is no HOME to find it in. */
const char *cli_ledger_dir(struct cli *cli);

/* ---- what a command writes ---- */

/* Prints one JSON document on a line of stdout, flushes, and frees it (NULL: memory ran out). Returns CLI_OK or CLI_FAILURE when stdout cannot be written. */
int cli_emit(struct cli *cli, cJSON *document);
/* A 64-bit number as the decimal string that every document writes it as. */
cJSON *cli_json_u64(uint64_t n);
/* Reports an error: text on stderr, or with --json {"error":{"code":..,"message":..}} on stdout. Returns `exit_code`. */
int cli_fail(struct cli *cli, enum cli_exit exit_code, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
/* The same from lib/'s error; EPERM, EACCES, EOPNOTSUPP, ENOSYS give CLI_UNSUPPORTED, others CLI_FAILURE. */
int cli_fail_error(struct cli *cli, const struct vantio_error *err);
/* A usage error of the command itself: adds the command's usage line. Returns CLI_USAGE. */
int cli_usage_error(struct cli *cli, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* A remark on stderr, unless --quiet. */
void cli_note(struct cli *cli, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* Prints untrusted bytes escaped. */
void cli_print_escaped(FILE *out, const void *bytes, size_t len);
/* Flushes stdout; CLI_OK, or CLI_FAILURE after saying that it cannot be written. For output that must be out now (tail). */
int cli_flush(struct cli *cli);
/* SGR codes where stdout is a terminal and NO_COLOR is unset; "" otherwise. */
const char *cli_color(const struct cli *cli, const char *name); /* "red" "green" "yellow" "dim" "bold" "reset" */

/*
 * An aligned table. Cells are added left to right, top to bottom; their text is escaped. On a terminal that is too narrow the
 * widest columns are cut (with an ellipsis); in a pipe or file nothing is cut.
 */
struct cli_grid;
struct cli_grid *cli_grid_new(const char *const *headings, size_t n_columns); /* headings are borrowed; NULL: memory ran out */
void cli_grid_cell(struct cli_grid *g, const char *text); /* NULL g is ignored, and printing it fails */
void cli_grid_bytes(struct cli_grid *g, const void *bytes, size_t len);
void cli_grid_printf(struct cli_grid *g, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void cli_grid_color(struct cli_grid *g, const char *name); /* of the last cell; as cli_color() */
void cli_grid_free(struct cli_grid *g); /* one that is not printed after all; NULL is fine */
int cli_grid_print(struct cli *cli, struct cli_grid *g); /* prints and frees; CLI_OK or CLI_FAILURE (said) */

/* Columns of the terminal that stdout is; SIZE_MAX where it is none. */
size_t cli_columns(void);

/* ---- signals and children ---- */

/* Blocks SIGINT, SIGTERM and SIGHUP (call it before any thread starts) and returns a descriptor to poll, non-blocking and
 * close-on-exec. -errno on failure. */
int cli_signals_open(struct vantio_error *err);
int cli_signals_read(int fd); /* the number of a signal that arrived, or 0 */
/* In a child, before exec: no blocked signals, SIGPIPE as this process found it. */
void cli_child_signals(void);

#define CLI_COMMAND(name) int cmd_##name(struct cli *cli)

CLI_COMMAND(doctor);
CLI_COMMAND(run);
CLI_COMMAND(enforce);
CLI_COMMAND(load);
CLI_COMMAND(unload);
CLI_COMMAND(status);
CLI_COMMAND(policy_check);
CLI_COMMAND(policy_show);
CLI_COMMAND(policy_hash);
CLI_COMMAND(policy_explain);
CLI_COMMAND(policy_test);
CLI_COMMAND(policy_diff);
CLI_COMMAND(policy_replay);
CLI_COMMAND(policy_learn);
CLI_COMMAND(policy_push);
CLI_COMMAND(policy_presets);
CLI_COMMAND(agent_enroll);
CLI_COMMAND(agent_list);
CLI_COMMAND(agent_release);
CLI_COMMAND(agent_remove);
CLI_COMMAND(tail);
CLI_COMMAND(killswitch);
CLI_COMMAND(ledger_verify);
CLI_COMMAND(ledger_list);
CLI_COMMAND(ledger_show);
CLI_COMMAND(ledger_export);
CLI_COMMAND(ledger_prove);
CLI_COMMAND(ledger_stats);
CLI_COMMAND(ledger_checkpoint);
CLI_COMMAND(ledger_cosign);
CLI_COMMAND(ledger_reindex);
CLI_COMMAND(ledger_erase);
CLI_COMMAND(ledger_keys);
CLI_COMMAND(receipt_verify);
CLI_COMMAND(phantom_list);
CLI_COMMAND(phantom_diff);
CLI_COMMAND(phantom_commit);
CLI_COMMAND(phantom_collapse);
CLI_COMMAND(key_generate);
CLI_COMMAND(key_show);
CLI_COMMAND(key_rotate);
CLI_COMMAND(completion);

#endif
