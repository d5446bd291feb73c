// SPDX-License-Identifier: Apache-2.0
/* The noun `phantom`: what `run --phantom` kept from the host. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/io.h"
#include "base/mem.h"
#include "base/text.h"
#include "cli.h"
#include "control/note.h"
#include "phantom/apply.h"
#include "phantom/enter.h"
#include "phantom_cli.h"

#define PATHS_MAX 1024

/* ---- which one ---- */

struct chosen {
	char *state_dir; /* owned */
	struct vantio_phantom p;
	char **paths; /* owned */
	size_t n_paths;
};

static void clear_chosen(struct chosen *c)
{
	size_t i;

	free(c->state_dir);
	vantio_phantom_clear(&c->p);
	for (i = 0; i < c->n_paths; i++)
		free(c->paths[i]);
	free(c->paths);
}
#define cleanup_chosen __attribute__((cleanup(clear_chosen)))
#define CHOSEN_INIT { .p = VANTIO_PHANTOM_INIT }

static bool looks_like_id(const char *s)
{
	return strlen(s) == VANTIO_PHANTOM_ID && strspn(s, "0123456789abcdef") == VANTIO_PHANTOM_ID;
}

static int need_state_dir(struct cli *cli, char **ret)
{
	*ret = vantio_state_dir();
	return *ret ? CLI_OK : cli_fail(cli, CLI_FAILURE, "there is no HOME to find the phantoms in: set VANTIO_STATE");
}

/* The only one that is not running. */
static int choose_only(struct cli *cli, const char *state_dir, char id[VANTIO_PHANTOM_ID + 1])
{
	struct vantio_phantom *items = NULL;
	struct vantio_error err = {};
	size_t n = 0, damaged, i, found = 0;

	if (vantio_phantom_list(state_dir, &items, &n, &damaged, &err))
		return cli_fail_error(cli, &err);
	for (i = 0; i < n; i++) {
		if (!items[i].running) {
			memcpy(id, items[i].id, VANTIO_PHANTOM_ID + 1);
			found++;
		}
		vantio_phantom_clear(&items[i]);
	}
	free(items);
	if (!found)
		return cli_fail(cli, CLI_FAILURE, n ? "the only phantom is still running; wait for its command to end" :
						      "there is no phantom: 'vantioctl run --phantom' makes one");
	if (found > 1)
		return cli_usage_error(cli, "there are %zu phantoms: say which; 'vantioctl phantom list' shows them", found);
	return CLI_OK;
}

/* An absolute path without `.` and doubled slashes; a link in it stays one, for it is a name that is meant. */
static char *absolute(const char *path)
{
	cleanup_free char *cwd = path[0] == '/' ? strdup("") : getcwd(NULL, 0);
	struct vantio_buf out = VANTIO_BUF_INIT;
	const char *parts[2] = { cwd ? cwd : "", path };
	size_t i;

	for (i = 0; i < 2; i++) {
		const char *at = parts[i];

		while (*at) {
			size_t n = strcspn(at, "/");

			if (n == 2 && !strncmp(at, "..", 2)) {
				while (out.len && out.data[--out.len] != '/')
					;
				if (out.data)
					out.data[out.len] = '\0';
			} else if (n && !(n == 1 && *at == '.')) {
				vantio_buf_putc(&out, '/');
				vantio_buf_add(&out, at, n);
			}
			at += n + (at[n] == '/');
		}
	}
	if (!out.len)
		vantio_buf_putc(&out, '/');
	return vantio_buf_steal(&out);
}

static int choose(struct cli *cli, bool lock, struct chosen *c)
{
	const char *first = cli_arg(cli, 0);
	const bool named = first && looks_like_id(first);
	char id[VANTIO_PHANTOM_ID + 1] = "";
	struct vantio_error err = {};
	size_t i, n = cli_argc(cli);
	int r = need_state_dir(cli, &c->state_dir);

	if (r)
		return r;
	if (named)
		memcpy(id, first, sizeof(id));
	else
		r = choose_only(cli, c->state_dir, id);
	if (r)
		return r;
	if (vantio_phantom_open(c->state_dir, id, lock, &c->p, &err))
		return cli_fail_error(cli, &err);
	c->paths = calloc(n + 1, sizeof(*c->paths));
	for (i = named; c->paths && i < n && c->n_paths < PATHS_MAX; i++) {
		c->paths[c->n_paths] = absolute(cli_arg(cli, i));
		if (!c->paths[c->n_paths++])
			return cli_fail(cli, CLI_FAILURE, "out of memory");
	}
	if (!c->paths)
		return cli_fail(cli, CLI_FAILURE, "out of memory");
	return i < n ? cli_usage_error(cli, "at most %d paths", PATHS_MAX) : CLI_OK;
}

static int nobody_in_it(struct cli *cli, const struct vantio_phantom *p)
{
	int pid = 0;
	size_t n = vantio_phantom_users(p, &pid);

	return n ? cli_fail(cli, CLI_FAILURE, "%zu process%s of phantom %s still run%s, such as %d: end them first", n, n == 1 ? "" : "es", p->id,
			    n == 1 ? "s" : "", pid) : CLI_OK;
}

/* ---- list ---- */

static const char *state_of(const struct vantio_phantom *p)
{
	int pid;

	return p->running || vantio_phantom_users(p, &pid) ? "running" : "waiting";
}

CLI_COMMAND(phantom_list)
{
	static const char *const headings[] = { "PHANTOM", "BEGUN", "STATE", "AGENT", "COMMAND", NULL };
	struct cli_grid *grid = cli_json(cli) ? NULL : cli_grid_new(headings, 5);
	cJSON *doc = cJSON_CreateObject(), *list = cJSON_AddArrayToObject(doc, "phantoms");
	cleanup_free char *state_dir = NULL;
	struct vantio_phantom *items = NULL;
	struct vantio_error err = {};
	size_t n = 0, damaged = 0, i;
	int r = need_state_dir(cli, &state_dir);

	if (!r && vantio_phantom_list(state_dir, &items, &n, &damaged, &err))
		r = cli_fail_error(cli, &err);
	for (i = 0; i < n; i++) {
		char ts[VANTIO_RFC3339_LEN];
		cJSON *one = cJSON_CreateObject();

		vantio_format_time(ts, items[i].created_ns);
		cJSON_AddStringToObject(one, "phantom", items[i].id);
		cJSON_AddStringToObject(one, "begun", ts);
		cJSON_AddStringToObject(one, "state", state_of(&items[i]));
		cJSON_AddStringToObject(one, "agent", items[i].agent);
		cJSON_AddStringToObject(one, "command", items[i].command);
		cJSON_AddItemToArray(list, one);
		if (grid) {
			cli_grid_cell(grid, items[i].id);
			cli_grid_printf(grid, "%.19sZ", ts);
			cli_grid_cell(grid, state_of(&items[i]));
			cli_grid_cell(grid, *items[i].agent ? items[i].agent : "-");
			cli_grid_cell(grid, items[i].command);
		}
		vantio_phantom_clear(&items[i]);
	}
	free(items);
	if (!r && damaged)
		cli_note(cli, "%zu phantom%s in '%s/phantom' cannot be read", damaged, damaged == 1 ? "" : "s", state_dir);
	if (r || cli_json(cli)) {
		cli_grid_free(grid);
		if (!r)
			return cli_emit(cli, doc);
		cJSON_Delete(doc);
		return r;
	}
	cJSON_Delete(doc);
	if (!n) {
		cli_grid_free(grid);
		cli_note(cli, "there is no phantom: 'vantioctl run --phantom' makes one");
		return CLI_OK;
	}
	return cli_grid_print(cli, grid);
}

/* ---- diff ---- */

static const char *kind_word(const struct vantio_change *c)
{
	static const char *const words[] = { "none", "added", "modified", "attributes", "replaced", "deleted" };

	return words[c->kind];
}

static const char *type_word(const struct vantio_change *c)
{
	const mode_t mode = c->kind == VANTIO_CHANGE_DELETE ? c->host.st_mode : c->upper.st_mode;

	return S_ISDIR(mode) ? "folder" : S_ISLNK(mode) ? "link" : S_ISREG(mode) ? "file" : S_ISFIFO(mode) ? "fifo" : S_ISSOCK(mode) ? "socket" : "device";
}

static cJSON *change_json(const struct vantio_phantom *p, const struct vantio_change *c)
{
	cleanup_free char *path = vantio_change_path(p, c), *shown = path ? vantio_escape_dup(path, strlen(path)) : NULL;
	cJSON *one = cJSON_CreateObject();

	cJSON_AddStringToObject(one, "change", kind_word(c));
	cJSON_AddStringToObject(one, "path", shown ? shown : "");
	cJSON_AddStringToObject(one, "type", type_word(c));
	if (c->conflict)
		cJSON_AddStringToObject(one, "conflict", c->conflict);
	return one;
}

static void print_change(struct cli *cli, const struct vantio_phantom *p, const struct vantio_change *c)
{
	static const char letters[] = " AMmTD";
	static const char *const colors[] = { "dim", "green", "yellow", "yellow", "yellow", "red" };
	cleanup_free char *path = vantio_change_path(p, c);

	printf("%s%c%s ", cli_color(cli, colors[c->kind]), letters[c->kind], cli_color(cli, "reset"));
	cli_print_escaped(stdout, path ? path : "?", path ? strlen(path) : 1);
	printf("%s%s%s\n", !strcmp(type_word(c), "folder") && c->path[0] ? "/" : "", c->conflict ? "  ! " : "", c->conflict ? c->conflict : "");
}

static int scan(struct cli *cli, const struct chosen *c, bool write, struct vantio_marks *marks, struct vantio_changes *changes)
{
	struct vantio_error err = {};

	vantio_phantom_reach();
	if (vantio_marks_open(c->p.dir, write, marks, &err) || vantio_changes_scan(&c->p, marks, changes, &err) ||
	    vantio_changes_choose(&c->p, changes, c->paths, c->n_paths, &err))
		return cli_fail_error(cli, &err);
	return CLI_OK;
}

CLI_COMMAND(phantom_diff)
{
	cleanup_chosen struct chosen c = CHOSEN_INIT;
	cleanup_marks struct vantio_marks marks = VANTIO_MARKS_INIT;
	cleanup_changes struct vantio_changes changes = {};
	cJSON *doc, *list;
	size_t i, n = 0;
	int r;

	if (cli_json(cli) && cli_has(cli, "patch"))
		return cli_usage_error(cli, "--patch is text: leave out --json");
	r = choose(cli, false, &c);
	if (!r)
		r = scan(cli, &c, false, &marks, &changes);
	if (r)
		return r;
	if (cli_has(cli, "patch"))
		return phantom_print_patch(cli, &c.p, &changes);
	doc = cJSON_CreateObject();
	cJSON_AddStringToObject(doc, "phantom", c.p.id);
	list = cJSON_AddArrayToObject(doc, "changes");
	for (i = 0; i < changes.n; i++) {
		if (!changes.items[i].chosen || !vantio_change_shown(&changes.items[i]))
			continue;
		n++;
		if (cli_json(cli))
			cJSON_AddItemToArray(list, change_json(&c.p, &changes.items[i]));
		else
			print_change(cli, &c.p, &changes.items[i]);
	}
	if (cli_json(cli))
		return cli_emit(cli, doc);
	cJSON_Delete(doc);
	if (!n)
		cli_note(cli, "phantom %s changes nothing", c.p.id);
	return cli_flush(cli);
}

/* ---- commit ---- */

static size_t count_conflicts(const struct vantio_changes *c)
{
	size_t i, n = 0;

	for (i = 0; i < c->n; i++)
		n += c->items[i].chosen && vantio_change_shown(&c->items[i]) && c->items[i].conflict;
	return n;
}

static int refuse(struct cli *cli, const struct chosen *c, const struct vantio_changes *changes, size_t n)
{
	size_t i, told = 0;

	for (i = 0; i < changes->n && told < 20; i++) {
		const struct vantio_change *one = &changes->items[i];
		cleanup_free char *path = NULL, *shown = NULL;

		if (!one->chosen || !vantio_change_shown(one) || !one->conflict)
			continue;
		path = vantio_change_path(&c->p, one);
		shown = path ? vantio_escape_dup(path, strlen(path)) : NULL;
		if (!cli_json(cli))
			cli_note(cli, "conflict: %s: %s", shown ? shown : "?", one->conflict);
		told++;
	}
	return cli_fail(cli, CLI_FAILURE, "nothing was committed: %zu change%s of phantom %s meet%s what was changed on the host since; 'vantioctl phantom diff %s' shows "
			"them, --force overwrites", n, n == 1 ? "" : "s", c->p.id, n == 1 ? "s" : "", c->p.id);
}

/* Before anything is changed: a ledger that cannot be written is said now. */
static int check_ledger(struct cli *cli)
{
	return *cli_ledger_dir(cli) ? CLI_OK : CLI_FAILURE;
}

static void put_counts(struct vantio_buf *out, const struct vantio_commit_result *r)
{
	const struct {
		size_t n;
		const char *what;
	} counts[] = { { r->added, "added" }, { r->modified, "modified" }, { r->attributes, "attributes" }, { r->replaced, "replaced" },
		       { r->deleted, "deleted" } };
	const char *before = "";

	for (size_t i = 0; i < VANTIO_ARRAY_SIZE(counts); i++) {
		if (!counts[i].n)
			continue;
		vantio_buf_printf(out, "%s%zu %s", before, counts[i].n, counts[i].what);
		before = ", ";
	}
	vantio_buf_puts(out, *before ? "" : "no changes");
}

static int note(struct cli *cli, const struct vantio_phantom *p, enum vantio_op op, const struct vantio_commit_result *r, const char *more)
{
	cleanup_buf struct vantio_buf text = VANTIO_BUF_INIT;
	struct vantio_error err = {};

	vantio_buf_printf(&text, "phantom %s: ", p->id);
	put_counts(&text, r);
	vantio_buf_puts(&text, more);
	if (text.failed)
		return cli_fail(cli, CLI_FAILURE, "out of memory");
	if (!vantio_control_note(cli_ledger_dir(cli), op, p->agent, text.data, &err))
		return CLI_OK;
	vantio_fail_prefix(&err, "it is done, but no record could be made of it");
	return cli_fail_error(cli, &err);
}

static int report(struct cli *cli, const char *verb, const struct vantio_phantom *p, const struct vantio_commit_result *r, bool left)
{
	cleanup_buf struct vantio_buf text = VANTIO_BUF_INIT;
	cJSON *doc;

	if (!cli_json(cli)) {
		put_counts(&text, r);
		printf("%s phantom %s: %s\n", verb, p->id, text.failed ? "" : text.data);
		return cli_flush(cli);
	}
	doc = cJSON_CreateObject();
	cJSON_AddStringToObject(doc, verb, p->id);
	cJSON_AddNumberToObject(doc, "added", (double)r->added);
	cJSON_AddNumberToObject(doc, "modified", (double)r->modified);
	cJSON_AddNumberToObject(doc, "attributes", (double)r->attributes);
	cJSON_AddNumberToObject(doc, "replaced", (double)r->replaced);
	cJSON_AddNumberToObject(doc, "deleted", (double)r->deleted);
	cJSON_AddBoolToObject(doc, "left", left);
	return cli_emit(cli, doc);
}

CLI_COMMAND(phantom_commit)
{
	cleanup_chosen struct chosen c = CHOSEN_INIT;
	cleanup_marks struct vantio_marks marks = VANTIO_MARKS_INIT, after = VANTIO_MARKS_INIT;
	cleanup_changes struct vantio_changes changes = {};
	struct vantio_commit_result result = {};
	struct vantio_error err = {};
	size_t conflicts;
	int r = check_ledger(cli);

	if (!r)
		r = choose(cli, true, &c);
	if (!r)
		r = nobody_in_it(cli, &c.p);
	if (!r)
		r = scan(cli, &c, true, &marks, &changes);
	if (r)
		return r;
	conflicts = count_conflicts(&changes);
	if (conflicts && !cli_has(cli, "force"))
		return refuse(cli, &c, &changes, conflicts);
	if (vantio_commit(&c.p, &changes, &marks, &result, &err) || vantio_marks_open(c.p.dir, false, &after, &err) ||
	    vantio_commit_sweep(&c.p, &after, &err))
		return cli_fail_error(cli, &err);
	if (result.lost_owner)
		cli_note(cli, "%zu file%s could not keep the owner", result.lost_owner, result.lost_owner == 1 ? "" : "s");
	if (result.lost_xattr)
		cli_note(cli, "%zu file%s could not keep all extended attributes", result.lost_xattr, result.lost_xattr == 1 ? "" : "s");
	r = note(cli, &c.p, VANTIO_OP_PHANTOM_COMMIT, &result, c.n_paths ? ", a part" : "");
	if (!r && !c.n_paths && vantio_phantom_remove(c.state_dir, &c.p, &err))
		r = cli_fail_error(cli, &err);
	return r ? r : report(cli, "committed", &c.p, &result, c.n_paths > 0);
}

/* ---- collapse ---- */

static void count_dropped(const struct vantio_changes *c, struct vantio_commit_result *ret)
{
	size_t *const counters[] = { NULL, &ret->added, &ret->modified, &ret->attributes, &ret->replaced, &ret->deleted };
	size_t i;

	for (i = 0; i < c->n; i++)
		if (vantio_change_shown(&c->items[i]))
			(*counters[c->items[i].kind])++;
}

CLI_COMMAND(phantom_collapse)
{
	cleanup_chosen struct chosen c = CHOSEN_INIT;
	cleanup_marks struct vantio_marks marks = VANTIO_MARKS_INIT;
	cleanup_changes struct vantio_changes changes = {};
	struct vantio_commit_result dropped = {};
	struct vantio_error err = {};
	bool counted;
	int r = check_ledger(cli);

	if (!r && cli_argc(cli) && !looks_like_id(cli_arg(cli, 0))) {
		cleanup_free char *safe = vantio_escape_dup(cli_arg(cli, 0), strlen(cli_arg(cli, 0)));

		r = cli_usage_error(cli, "'%s' is no id of a phantom: 8 hex digits", safe ? safe : "");
	}
	if (!r)
		r = choose(cli, true, &c);
	if (!r)
		r = nobody_in_it(cli, &c.p);
	if (r)
		return r;
	vantio_phantom_reach();
	counted = !vantio_marks_open(c.p.dir, false, &marks, &err) && !vantio_changes_scan(&c.p, &marks, &changes, &err);
	if (counted)
		count_dropped(&changes, &dropped);
	else
		cli_note(cli, "what is dropped cannot be counted: %s", err.text);
	if (vantio_commit_sweep(&c.p, &marks, &err) || vantio_phantom_remove(c.state_dir, &c.p, &err))
		return cli_fail_error(cli, &err);
	r = note(cli, &c.p, VANTIO_OP_PHANTOM_COLLAPSE, &dropped, counted ? ", all dropped" : ", not counted");
	return r ? r : report(cli, "collapsed", &c.p, &dropped, false);
}

/* ---- the table ---- */

static const struct cli_option diff_options[] = {
	{ .name = "patch", .kind = CLI_FLAG, .help = "print unified diffs, not only names" },
	{ 0 },
};
static const struct cli_option commit_options[] = {
	{ .name = "force", .kind = CLI_FLAG, .help = "overwrite what was changed on the host since" },
	{ 0 },
};
static const struct cli_arg id_and_paths[] = {
	{ .metavar = "ID", .kind = CLI_TEXT, .optional = true },
	{ .metavar = "PATH", .kind = CLI_FILE, .optional = true, .repeat = true },
	{ 0 },
};
static const struct cli_arg id_alone[] = { { .metavar = "ID", .kind = CLI_TEXT, .optional = true }, { 0 } };

static const struct cli_command phantom_commands[] = {
	{ .verb = "list", .help = "list what runs left to be committed or dropped", .run = cmd_phantom_list },
	{ .verb = "diff", .help = "show what a phantom would change on the host", .options = diff_options, .args = id_and_paths, .run = cmd_phantom_diff },
	{ .verb = "commit", .help = "put what a phantom changed onto the host", .options = commit_options, .args = id_and_paths, .run = cmd_phantom_commit },
	{ .verb = "collapse", .help = "drop a phantom and all that it changed", .args = id_alone, .run = cmd_phantom_collapse },
	{ 0 },
};
const struct cli_noun cli_noun_phantom = { "phantom", "commit or drop what a run kept from the host", phantom_commands };
