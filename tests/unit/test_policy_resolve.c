// SPDX-License-Identifier: Apache-2.0
/* Host rules against a table of names, and resolvers against texts of resolv.conf. */
#include "policy_texts.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/mem.h"
#include "policy/preset.h"
#include "policy/resolve.h"

/* ---- a resolver that reads a table ---- */

struct name {
	const char *host, *addresses; /* separated by spaces; NULL: nobody answers */
};

static const struct name names[] = {
	{ "one.example", "192.0.2.1" },
	{ "many.example", "2001:db8::2 192.0.2.9 192.0.2.3 192.0.2.9 ::ffff:192.0.2.4" },
	{ "zero.example", "0.0.0.0 :: 192.0.2.5" },
	{ "silent.example", NULL },
};

static size_t asked;

static int table_resolver(void *ctx, const char *host, struct vantio_addresses *ret, struct vantio_error *err)
{
	(void)ctx;
	asked++;
	for (size_t i = 0; i < VANTIO_ARRAY_SIZE(names); i++) {
		cleanup_free char *copy = NULL;
		char *save = NULL;

		if (strcmp(names[i].host, host) != 0)
			continue;
		if (!names[i].addresses)
			return vantio_fail(err, EHOSTUNREACH, "nobody answers for %s", host);
		copy = strdup(names[i].addresses);
		for (char *word = strtok_r(copy, " ", &save); word; word = strtok_r(NULL, " ", &save)) {
			uint8_t addr[16] = { 0 };
			bool v4 = inet_pton(AF_INET, word, addr) == 1;

			assert_true(v4 || inet_pton(AF_INET6, word, addr) == 1);
			assert_int_equal(vantio_addresses_add(ret, v4 ? 4 : 6, addr), 0);
		}
		return 0;
	}
	return vantio_fail(err, ENOENT, "%s has no address", host);
}

struct setup {
	char conf[64];
	struct vantio_policy *policy;
	struct vantio_resolution resolution;
	struct vantio_diagnostics diags;
	struct vantio_error err;
	int code;
};

static void write_file(char *path, const char *text)
{
	int fd;

	strcpy(path, "/tmp/vantio-test-XXXXXX");
	fd = mkstemp(path);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	close(fd);
}

static void resolve(struct setup *s, const char *rules, const char *conf)
{
	struct vantio_resolve_options options = { .resolver = table_resolver, .resolv_conf = s->conf };
	char text[1024];

	*s = (struct setup){ 0 };
	asked = 0;
	write_file(s->conf, conf);
	snprintf(text, sizeof(text), HEAD FILES EXECS NET "%s\n", rules);
	s->policy = parse_good(text);
	s->code = vantio_resolve_policy(s->policy, &options, &s->resolution, &s->diags, &s->err);
}

static void teardown(struct setup *s)
{
	unlink(s->conf);
	vantio_resolution_free(&s->resolution);
	vantio_diagnostics_free(&s->diags);
	vantio_policy_free(s->policy);
}

/* "connect[0]=192.0.2.1/32:443 ..." */
static void check_items(const struct setup *s, const char *want)
{
	char got[2048] = "";

	for (size_t i = 0; i < s->resolution.n; i++) {
		const struct vantio_resolved *item = &s->resolution.items[i];
		char addr[INET6_ADDRSTRLEN], number[16] = "implied";

		assert_int_equal(item->net.kind, VANTIO_NET_ADDRESS);
		assert_int_equal(item->net.prefix, item->net.family == 4 ? 32 : 128);
		inet_ntop(item->net.family == 4 ? AF_INET : AF_INET6, item->net.addr, addr, sizeof(addr));
		if (item->rule != UINT32_MAX)
			snprintf(number, sizeof(number), "%u", item->rule);
		snprintf(got + strlen(got), sizeof(got) - strlen(got), "%s%s[%s]=%s:%u-%u/%u", i ? " " : "",
			 strchr(vantio_list_name(item->list), '.') + 1, number, addr, item->net.port_lo, item->net.port_hi,
			 item->net.protos);
	}
	assert_string_equal(got, want);
}

/* ---- tests ---- */

static void resolve_names_become_sorted_addresses_without_equals(void **state)
{
	struct setup s;

	(void)state;
	resolve(&s, "connect = [\"tcp:many.example:443\", \"many.example:80-81\", \"10.0.0.1\"]\ndeny = [\"udp:one.example\"]",
		"nameserver 192.0.2.53\n");
	assert_int_equal(s.code, 0);
	assert_int_equal(asked, 2);
	check_items(&s, "connect[1]=192.0.2.3:80-81/3 connect[1]=192.0.2.4:80-81/3 connect[1]=192.0.2.9:80-81/3 "
			"connect[1]=2001:db8::2:80-81/3 connect[2]=192.0.2.3:443-443/1 connect[2]=192.0.2.4:443-443/1 "
			"connect[2]=192.0.2.9:443-443/1 connect[2]=2001:db8::2:443-443/1 deny[0]=192.0.2.1:0-65535/2 "
			"connect[implied]=192.0.2.53:53-53/3");
	assert_int_equal(s.diags.n, 0);
	teardown(&s);
}

static void resolve_without_names_in_connect_implies_no_resolver(void **state)
{
	struct setup s;

	(void)state;
	resolve(&s, "connect = [\"10.0.0.1\"]\nlisten = [\"zero.example:80\"]\ndeny = [\"one.example\"]", "nameserver 192.0.2.53\n");
	assert_int_equal(s.code, 0);
	check_items(&s, "listen[0]=0.0.0.0:80-80/3 listen[0]=192.0.2.5:80-80/3 listen[0]=:::80-80/3 deny[0]=192.0.2.1:0-65535/3");
	teardown(&s);
}

static void resolve_nobody_connects_to_the_zero_address(void **state)
{
	struct setup s;

	(void)state;
	resolve(&s, "connect = [\"zero.example:80\"]", "nameserver 192.0.2.53\n");
	check_items(&s, "connect[0]=192.0.2.5:80-80/3 connect[implied]=192.0.2.53:53-53/3");
	teardown(&s);
}

static void resolve_an_allow_without_answer_stands_for_nothing(void **state)
{
	struct setup s;

	(void)state;
	resolve(&s, "connect = [\"gone.example:80\", \"silent.example:80\", \"*.wild.example\"]", "nameserver 192.0.2.53\n");
	assert_int_equal(s.code, 0);
	check_items(&s, "connect[implied]=192.0.2.53:53-53/3");
	assert_int_equal(s.diags.n, 3);
	assert_int_equal(s.diags.n_errors, 0);
	assert_non_null(strstr(s.diags.items[0].text, "gone.example has no address"));
	assert_non_null(strstr(s.diags.items[1].text, "nobody answers for silent.example"));
	assert_non_null(strstr(s.diags.items[2].text, "stands for nothing yet"));
	teardown(&s);
}

static void resolve_a_deny_that_cannot_be_honoured_is_refused(void **state)
{
	struct setup s;

	(void)state;
	resolve(&s, "deny = [\"gone.example\"]", "");
	assert_int_equal(s.code, 0); /* there is nothing to deny */
	assert_int_equal(s.diags.n, 1);
	teardown(&s);

	resolve(&s, "deny = [\"one.example\",\n\"silent.example\"]", "");
	assert_int_equal(s.code, -EHOSTUNREACH);
	assert_int_equal(s.resolution.n, 0);
	assert_non_null(strstr(s.err.text, "p.toml:10:1: \"silent.example\": nobody answers"));
	teardown(&s);

	resolve(&s, "deny = [\"*.wild.example\"]", "");
	assert_int_equal(s.code, -EOPNOTSUPP);
	assert_int_equal(s.diags.n_errors, 1);
	assert_non_null(strstr(s.err.text, "p.toml:9:9: \"*.wild.example\""));
	teardown(&s);
}

/* May be called by several threads: 192.0.2.N, or nothing for every fifth. */
static int number_resolver(void *ctx, const char *host, struct vantio_addresses *ret, struct vantio_error *err)
{
	unsigned int n = 0;

	(void)ctx;
	if (sscanf(host, "h%u.", &n) != 1 || n % 5 == 0)
		return vantio_fail(err, EHOSTUNREACH, "nobody answers for %s", host);
	return vantio_addresses_add(ret, 4, (const uint8_t[]){ 192, 0, 2, (uint8_t)n });
}

static void resolve_many_at_once_gives_what_one_by_one_gives(void **state)
{
	struct vantio_resolve_options one = { .resolver = number_resolver, .resolv_conf = "/nonexistent" }, many = one;
	struct vantio_resolution a = { 0 }, b = { 0 };
	struct vantio_diagnostics d = { 0 }, e = { 0 };
	cleanup_buf struct vantio_buf text = VANTIO_BUF_INIT;
	cleanup_policy struct vantio_policy *p = NULL;
	struct vantio_error err;

	(void)state;
	vantio_buf_puts(&text, HEAD FILES EXECS NET "connect = [");
	for (int i = 1; i < 100; i++)
		vantio_buf_printf(&text, "\"h%d.example:443\", \"h%d.example:%d\",", i, i % 7 + 1, i);
	vantio_buf_puts(&text, "]\n");
	p = parse_good(text.data);
	many.at_once = true;
	assert_int_equal(vantio_resolve_policy(p, &one, &a, &d, &err), 0);
	assert_int_equal(vantio_resolve_policy(p, &many, &b, &e, &err), 0);
	assert_true(a.n > 100);
	assert_int_equal(a.n, b.n);
	for (size_t i = 0; i < a.n; i++)
		assert_true(a.items[i].list == b.items[i].list && a.items[i].rule == b.items[i].rule && a.items[i].net.port_lo == b.items[i].net.port_lo &&
			    !memcmp(a.items[i].net.addr, b.items[i].net.addr, 16));
	assert_true(d.n > 10);
	assert_int_equal(d.n, e.n);
	for (size_t i = 0; i < d.n; i++)
		assert_string_equal(d.items[i].text, e.items[i].text);
	vantio_resolution_free(&a);
	vantio_resolution_free(&b);
	vantio_diagnostics_free(&d);
	vantio_diagnostics_free(&e);
}

static void resolve_names_of_presets_are_one_warning(void **state)
{
	static const char preset_text[] = HEAD FILES EXECS NET "connect = ['h5.example', 'h10.example:80', 'h1.example']\n";
	static const struct vantio_preset preset = { "x", "preset:x", preset_text, sizeof(preset_text) - 1 };
	static const struct vantio_preset_set set = { &preset, 1 };
	static const struct vantio_expand expand = { .presets = &set };
	static const char text[] = HEAD "extends = 'preset:x'\n[network]\nconnect = ['h15.example']\n";
	struct vantio_resolve_options options = { .resolver = number_resolver, .resolv_conf = "/nonexistent" };
	struct vantio_resolution res = { 0 };
	struct vantio_diagnostics diags = { 0 };
	cleanup_policy struct vantio_policy *p = NULL;
	struct vantio_error err = { 0 };

	(void)state;
	assert_int_equal(vantio_policy_parse(text, strlen(text), "p.toml", &expand, &p, &diags, &err), 0);
	assert_int_equal(vantio_resolve_policy(p, &options, &res, &diags, &err), 0);
	assert_int_equal(diags.n, 2);
	assert_null(diags.items[0].pos.preset);
	assert_non_null(strstr(diags.items[0].text, "\"h15.example\" stands for nothing now: nobody answers"));
	assert_string_equal(diags.items[1].pos.preset, "preset:x");
	assert_string_equal(diags.items[1].text, "2 host names of presets stand for nothing now, and allow nothing: h10.example, h5.example");
	assert_int_equal(res.items[0].net.addr[3], 1);
	vantio_resolution_free(&res);
	vantio_diagnostics_free(&diags);
}

static void resolve_conf_lines_are_read_as_the_c_library_does(void **state)
{
	static const struct {
		const char *text, *want;
	} confs[] = {
		{ "nameserver 192.0.2.53\n", "192.0.2.53" },
		{ "# nameserver 192.0.2.1\n;nameserver 192.0.2.2\nsearch example\nnameserver\t 192.0.2.3 # x\n", "192.0.2.3" },
		{ "nameserver 192.0.2.1\r\nnameserver 2001:db8::1\nnameserver 192.0.2.1", "192.0.2.1 2001:db8::1" },
		{ "nameserver fe80::1%eth0\n", "fe80::1" },
		{ "nameserver 0.0.0.0\nnameserver ::\n", "127.0.0.1 ::1" },
		{ " nameserver 192.0.2.1\nnameservers 192.0.2.2\nnameserver x\nnameserver", "127.0.0.1" },
		{ "", "127.0.0.1" },
	};

	(void)state;
	for (size_t i = 0; i < VANTIO_ARRAY_SIZE(confs); i++) {
		struct vantio_addresses a = { 0 };
		char got[256] = "", one[INET6_ADDRSTRLEN];

		assert_int_equal(vantio_resolvers_parse(confs[i].text, strlen(confs[i].text), &a), 0);
		for (size_t k = 0; k < a.n; k++) {
			inet_ntop(a.items[k].family == 4 ? AF_INET : AF_INET6, a.items[k].addr, one, sizeof(one));
			strcat(strcat(got, k ? " " : ""), one);
		}
		assert_string_equal(got, confs[i].want);
		vantio_addresses_free(&a);
	}
}

static void resolve_the_system_knows_numbers(void **state)
{
	struct vantio_addresses a = { 0 };
	struct vantio_error err = { 0 };
	const uint8_t want[4] = { 127, 0, 0, 1 };

	(void)state;
	assert_int_equal(vantio_resolver_system(NULL, "127.0.0.1", &a, &err), 0);
	assert_int_equal(a.n, 1);
	assert_int_equal(a.items[0].family, 4);
	assert_memory_equal(a.items[0].addr, want, 4);
	vantio_addresses_free(&a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(resolve_names_become_sorted_addresses_without_equals),
		cmocka_unit_test(resolve_without_names_in_connect_implies_no_resolver),
		cmocka_unit_test(resolve_nobody_connects_to_the_zero_address),
		cmocka_unit_test(resolve_an_allow_without_answer_stands_for_nothing),
		cmocka_unit_test(resolve_a_deny_that_cannot_be_honoured_is_refused),
		cmocka_unit_test(resolve_many_at_once_gives_what_one_by_one_gives),
		cmocka_unit_test(resolve_names_of_presets_are_one_warning),
		cmocka_unit_test(resolve_conf_lines_are_read_as_the_c_library_does),
		cmocka_unit_test(resolve_the_system_knows_numbers),
	};

	return cmocka_run_group_tests_name("policy_resolve", tests, NULL, NULL);
}
