// SPDX-License-Identifier: Apache-2.0
#include "policy/resolve.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "base/io.h"
#include "base/mem.h"
#include "base/text.h"
#include "policy/model.h"
#include "policy/parse.h"

#define RESOLV_CONF_MAX (1u << 20)
#define DNS_PORT 53
#define AT_ONCE 16u

void vantio_addresses_free(struct vantio_addresses *a)
{
	free(a->items);
	*a = (struct vantio_addresses){ 0 };
}

int vantio_addresses_add(struct vantio_addresses *a, uint8_t family, const void *addr)
{
	static const uint8_t mapped[12] = { [10] = 0xff, [11] = 0xff };
	struct vantio_address *grown, new = { .family = family };

	if (a->n >= VANTIO_RESOLVE_ADDRESSES_MAX)
		return -E2BIG;
	if (family == 6 && memcmp(addr, mapped, sizeof(mapped)) == 0) {
		new.family = 4;
		addr = (const uint8_t *)addr + sizeof(mapped);
	}
	memcpy(new.addr, addr, new.family == 4 ? 4 : 16);
	for (size_t i = 0; i < a->n; i++)
		if (memcmp(&a->items[i], &new, sizeof(new)) == 0)
			return 0;
	grown = reallocarray(a->items, a->n + 1, sizeof(*grown));
	if (!grown)
		return -ENOMEM;
	a->items = grown;
	a->items[a->n++] = new;
	return 0;
}

static int by_address(const void *a, const void *b)
{
	return memcmp(a, b, sizeof(struct vantio_address));
}

int vantio_resolver_system(void *ctx, const char *host, struct vantio_addresses *ret, struct vantio_error *err)
{
	struct addrinfo hints = { .ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM }, *found = NULL;
	int code = getaddrinfo(host, NULL, &hints, &found), r = 0;

	(void)ctx;
	if (code == EAI_NONAME || code == EAI_NODATA)
		return vantio_fail(err, ENOENT, "%s has no address", host);
	if (code != 0)
		return vantio_fail(err, EHOSTUNREACH, "%s cannot be resolved: %s", host,
				   code == EAI_SYSTEM ? strerror(errno) : gai_strerror(code));
	for (struct addrinfo *at = found; at && r == 0; at = at->ai_next) {
		if (at->ai_family == AF_INET)
			r = vantio_addresses_add(ret, 4, &((struct sockaddr_in *)(void *)at->ai_addr)->sin_addr);
		else if (at->ai_family == AF_INET6)
			r = vantio_addresses_add(ret, 6, &((struct sockaddr_in6 *)(void *)at->ai_addr)->sin6_addr);
	}
	freeaddrinfo(found);
	if (r == -E2BIG)
		return vantio_fail(err, E2BIG, "%s has more than %u addresses", host, VANTIO_RESOLVE_ADDRESSES_MAX);
	return r < 0 ? vantio_fail(err, -r, "out of memory") : 0;
}

/* ---- resolv.conf ---- */

static int add_server(struct vantio_addresses *ret, const char *word, size_t len)
{
	const char *zone = memchr(word, '%', len);
	char text[INET6_ADDRSTRLEN] = "";
	uint8_t addr[16] = { 0 }, zero[16] = { 0 };

	if (zone)
		len = (size_t)(zone - word);
	if (len >= sizeof(text))
		return 0; /* what the C library cannot read either */
	memcpy(text, word, len);
	if (inet_pton(AF_INET, text, addr) == 1)
		return vantio_addresses_add(ret, 4, memcmp(addr, zero, 4) ? addr : (const uint8_t[]){ 127, 0, 0, 1 });
	if (inet_pton(AF_INET6, text, addr) != 1)
		return 0;
	if (memcmp(addr, zero, sizeof(zero)) == 0)
		addr[15] = 1; /* the kernel connects :: to loopback */
	return vantio_addresses_add(ret, 6, addr);
}

int vantio_resolvers_parse(const char *text, size_t len, struct vantio_addresses *ret)
{
	static const char word[] = "nameserver";
	const char *end = text + len, *line = text;
	int r = 0;

	while (line < end && r == 0 && ret->n < VANTIO_RESOLVE_SERVERS_MAX) {
		const char *stop = memchr(line, '\n', (size_t)(end - line)), *at = line + strlen(word);
		size_t n = 0;

		stop = stop ? stop : end;
		if ((size_t)(stop - line) > strlen(word) && memcmp(line, word, strlen(word)) == 0 && (*at == ' ' || *at == '\t')) {
			while (at < stop && (*at == ' ' || *at == '\t'))
				at++;
			while (at + n < stop && !memchr(" \t\r#;", at[n], 5))
				n++;
			r = add_server(ret, at, n);
		}
		line = stop + 1;
	}
	if (r == 0 && ret->n == 0)
		r = vantio_addresses_add(ret, 4, (const uint8_t[]){ 127, 0, 0, 1 });
	return r;
}

/* ---- a policy ---- */

struct answer {
	const char *host; /* borrowed from the policy */
	struct vantio_addresses addresses;
	int code;         /* 0 or a negative errno */
	struct vantio_error err;
};

struct resolving {
	const struct vantio_policy *policy;
	const struct vantio_resolve_options *options;
	struct vantio_diagnostics *diags;
	struct vantio_resolution out;
	struct answer *answers; /* owned */
	size_t n_answers, cap_answers;
	atomic_size_t next;     /* the first answer that no thread has taken */
	struct vantio_buf unknown; /* names of presets that stand for nothing */
	size_t n_unknown;
	struct vantio_pos unknown_pos;
	int refused;             /* the first reason not to push: a negative errno */
	struct vantio_error why;
};

void vantio_resolution_free(struct vantio_resolution *r)
{
	free(r->items);
	*r = (struct vantio_resolution){ 0 };
}

static int add_item(struct resolving *s, enum vantio_list list, uint32_t rule, const struct vantio_address *a,
		    const struct vantio_net_rule *like)
{
	struct vantio_resolution *out = &s->out;
	struct vantio_resolved *grown;

	if ((out->n & (out->n - 1)) == 0) {
		grown = reallocarray(out->items, out->n ? out->n * 2 : 1, sizeof(*grown));
		if (!grown)
			return -ENOMEM;
		out->items = grown;
	}
	out->items[out->n] = (struct vantio_resolved){ .list = list, .rule = rule };
	out->items[out->n].net = (struct vantio_net_rule){
		.kind = VANTIO_NET_ADDRESS,
		.protos = like->protos,
		.family = a->family,
		.prefix = a->family == 4 ? 32 : 128,
		.port_lo = like->port_lo,
		.port_hi = like->port_hi,
	};
	memcpy(out->items[out->n++].net.addr, a->addr, sizeof(a->addr));
	return 0;
}

static int by_host(const void *a, const void *b)
{
	return strcmp(((const struct answer *)a)->host, ((const struct answer *)b)->host);
}

static int add_host(struct resolving *s, const char *host)
{
	struct answer *grown;

	if (s->n_answers == s->cap_answers) {
		grown = reallocarray(s->answers, s->cap_answers * 2 + 32, sizeof(*grown));
		if (!grown)
			return -ENOMEM;
		s->answers = grown;
		s->cap_answers = s->cap_answers * 2 + 32;
	}
	s->answers[s->n_answers++] = (struct answer){ .host = host };
	return 0;
}

/* The names, sorted, each once; none is asked for yet. */
static int list_hosts(struct resolving *s)
{
	size_t kept = 0;

	for (enum vantio_list list = VANTIO_LIST_NET_CONNECT; list < VANTIO_LIST_MAX; list++)
		for (size_t i = 0; i < s->policy->lists[list].n; i++)
			if (s->policy->lists[list].items[i].net.kind == VANTIO_NET_NAME && add_host(s, s->policy->lists[list].items[i].net.host) < 0)
				return -ENOMEM;
	if (s->n_answers > 1)
		qsort(s->answers, s->n_answers, sizeof(*s->answers), by_host);
	for (size_t i = 0; i < s->n_answers; i++)
		if (i == 0 || by_host(&s->answers[i], &s->answers[i - 1]) != 0)
			s->answers[kept++] = s->answers[i];
	s->n_answers = kept;
	return 0;
}

static void ask(struct resolving *s, struct answer *a)
{
	a->code = s->options->resolver(s->options->ctx, a->host, &a->addresses, &a->err);
	if (a->code == 0 && a->addresses.n == 0)
		a->code = vantio_fail(&a->err, ENOENT, "%s has no address", a->host);
	if (a->addresses.n > 1)
		qsort(a->addresses.items, a->addresses.n, sizeof(*a->addresses.items), by_address);
}

static void *ask_some(void *arg)
{
	struct resolving *s = arg;
	size_t i;

	while ((i = atomic_fetch_add(&s->next, 1)) < s->n_answers)
		ask(s, &s->answers[i]);
	return NULL;
}

/* All names are asked for when this returns; threads that cannot be had make it slower. Signals are not the threads' business. */
static void ask_all(struct resolving *s)
{
	pthread_t threads[AT_ONCE - 1];
	sigset_t all, before;
	size_t n = 0;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	while (s->options->at_once && n < AT_ONCE - 1 && n + 1 < s->n_answers && pthread_create(&threads[n], NULL, ask_some, s) == 0)
		n++;
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	ask_some(s);
	while (n > 0)
		pthread_join(threads[--n], NULL);
}

static struct answer *answer_of(struct resolving *s, const char *host)
{
	struct answer key = { .host = host };

	return bsearch(&key, s->answers, s->n_answers, sizeof(key), by_host);
}

/* A preset names more hosts than one machine needs: what has no address is said in one line. */
static void note_unknown(struct resolving *s, const struct vantio_rule *rule)
{
	if (!s->n_unknown++)
		s->unknown_pos = rule->pos;
	vantio_buf_printf(&s->unknown, "%s%s", s->n_unknown > 1 ? ", " : "", rule->net.host);
}

static void refuse(struct resolving *s, const struct vantio_rule *rule, int code, const char *text)
{
	struct vantio_quote quote = vantio_parse_quote(rule->text, strlen(rule->text));
	cleanup_free char *file = vantio_escape_dup(s->policy->file, strlen(s->policy->file));

	vantio_diagnostics_add(s->diags, false, rule->pos, "%s: %s", quote.text, text);
	if (s->refused)
		return;
	s->refused = code;
	vantio_fail(&s->why, -code, "%.256s:%u:%u: %s: %s", vantio_pos_file(rule->pos, file ? file : "policy"), rule->pos.line, rule->pos.col, quote.text, text);
}

static void resolve_suffix(struct resolving *s, enum vantio_list list, const struct vantio_rule *rule)
{
	if (list == VANTIO_LIST_NET_DENY)
		refuse(s, rule, -EOPNOTSUPP, "this version cannot deny the names below another: deny their addresses or networks, or make the default deny");
	else
		vantio_diagnostics_add(s->diags, true, rule->pos,
				       "%s stands for nothing yet: this version cannot tell the addresses of the names below another; add the names that are needed",
				       vantio_parse_quote(rule->text, strlen(rule->text)).text);
}

static int resolve_name(struct resolving *s, enum vantio_list list, uint32_t number, const struct vantio_rule *rule)
{
	static const uint8_t zero[16];
	struct answer *a = answer_of(s, rule->net.host);
	int r = 0;

	if (a->code < 0 && a->code != -ENOENT && list == VANTIO_LIST_NET_DENY) {
		refuse(s, rule, -EHOSTUNREACH, a->err.text);
		return 0;
	}
	if (a->code < 0 && rule->pos.preset)
		note_unknown(s, rule);
	else if (a->code < 0)
		vantio_diagnostics_add(s->diags, true, rule->pos, "%s stands for nothing now: %s",
				       vantio_parse_quote(rule->text, strlen(rule->text)).text, a->err.text);
	for (size_t i = 0; a->code == 0 && i < a->addresses.n && r == 0; i++)
		if (list == VANTIO_LIST_NET_LISTEN || memcmp(a->addresses.items[i].addr, zero, sizeof(zero)) != 0)
			r = add_item(s, list, number, &a->addresses.items[i], &rule->net); /* nobody connects to 0.0.0.0 */
	return r;
}

/* Port 53 of the resolvers, without which the names that are allowed could not be asked for. */
static int imply_resolvers(struct resolving *s)
{
	static const struct vantio_net_rule dns = {
		.protos = VANTIO_PROTO_TCP | VANTIO_PROTO_UDP, .port_lo = DNS_PORT, .port_hi = DNS_PORT,
	};
	struct vantio_addresses servers = { 0 };
	struct vantio_error why = { 0 };
	cleanup_free char *text = NULL;
	size_t len = 0;
	int r = vantio_read_file_follow(s->options->resolv_conf, RESOLV_CONF_MAX, &text, &len, &why);

	if (r < 0 && r != -ENOENT) {
		vantio_diagnostics_add(s->diags, true, VANTIO_POS_TOP, "no resolver is allowed: %s", why.text);
		return 0;
	}
	r = vantio_resolvers_parse(text ? text : "", len, &servers);
	for (size_t i = 0; r == 0 && i < servers.n; i++)
		r = add_item(s, VANTIO_LIST_NET_CONNECT, UINT32_MAX, &servers.items[i], &dns);
	vantio_addresses_free(&servers);
	return r;
}

static int resolve_lists(struct resolving *s)
{
	bool connects = false;
	int r = 0;

	for (enum vantio_list list = VANTIO_LIST_NET_CONNECT; list < VANTIO_LIST_MAX; list++) {
		const struct vantio_rules *rules = &s->policy->lists[list];

		for (size_t i = 0; i < rules->n && r == 0; i++) {
			const struct vantio_rule *rule = &rules->items[i];

			if (rule->net.kind != VANTIO_NET_NAME && rule->net.kind != VANTIO_NET_SUFFIX)
				continue;
			connects = connects || list == VANTIO_LIST_NET_CONNECT;
			if (rule->net.kind == VANTIO_NET_SUFFIX)
				resolve_suffix(s, list, rule);
			else
				r = resolve_name(s, list, (uint32_t)i, rule);
		}
	}
	return r == 0 && connects ? imply_resolvers(s) : r;
}

int vantio_resolve_policy(const struct vantio_policy *p, const struct vantio_resolve_options *options,
			  struct vantio_resolution *ret, struct vantio_diagnostics *diags, struct vantio_error *err)
{
	struct resolving s = { .policy = p, .options = options, .diags = diags };
	int r = list_hosts(&s);

	if (r == 0) {
		ask_all(&s);
		r = resolve_lists(&s);
	}
	if (s.n_unknown)
		vantio_diagnostics_add(diags, true, s.unknown_pos, "%zu host name%s of presets stand%s for nothing now, and allow%s nothing: %s", s.n_unknown,
				       s.n_unknown == 1 ? "" : "s", s.n_unknown == 1 ? "s" : "", s.n_unknown == 1 ? "s" : "", s.unknown.data ? s.unknown.data : "");
	vantio_buf_free(&s.unknown);
	for (size_t i = 0; i < s.n_answers; i++)
		vantio_addresses_free(&s.answers[i].addresses);
	free(s.answers);
	vantio_diagnostics_sort(diags);
	if (r == 0 && !s.refused) {
		*ret = s.out;
		return 0;
	}
	vantio_resolution_free(&s.out);
	if (r < 0)
		return vantio_fail(err, ENOMEM, "out of memory");
	*err = s.why;
	return s.refused;
}
