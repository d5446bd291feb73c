// SPDX-License-Identifier: Apache-2.0
#include "gen_rules.h"

#include <stdio.h>
#include <string.h>

#include "base/mem.h"

static const char *const words[] = {
	"alpha", "atlas", "beacon", "billing", "cache", "client", "cobalt", "config", "daemon", "delta", "driver", "ember",
	"engine", "export", "falcon", "filter", "gateway", "graph", "harbor", "hermes", "import", "index", "jasper", "kernel",
	"ledger", "linker", "market", "matrix", "mirror", "nebula", "notes", "oracle", "orchid", "packet", "parser", "policy",
	"portal", "quartz", "query", "render", "report", "router", "saffron", "schema", "search", "signal", "socket", "stream",
	"tensor", "ticket", "timber", "token", "tracer", "update", "vector", "velvet", "vendor", "viewer", "walnut", "worker",
};

enum kind { FOLDER, STARRED, SINGLE, ALTERNATIVES, ANYWHERE };

struct rule {
	enum kind kind;
	const char *list; /* of [file] */
	const char *word[4];
	unsigned int number[2];
};

uint64_t gen_random(uint64_t *rng)
{
	uint64_t x = *rng += 0x9e3779b97f4a7c15ull;

	x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9ull;
	x = (x ^ x >> 27) * 0x94d049bb133111ebull;
	return x ^ x >> 31;
}

static const char *word(uint64_t *rng)
{
	return words[gen_random(rng) % VANTIO_ARRAY_SIZE(words)];
}

/* Rule i of the policy, whatever its size. */
static void gen_rule(uint32_t i, uint64_t seed, struct rule *r)
{
	static const enum kind kinds[10] = { FOLDER, STARRED, SINGLE, FOLDER, STARRED, FOLDER, ALTERNATIVES, SINGLE, FOLDER, ANYWHERE };
	uint64_t rng = seed ^ ((uint64_t)i << 20);
	size_t k;

	r->kind = kinds[i % 10];
	r->list = r->kind == ANYWHERE ? "deny" : gen_random(&rng) % 2 ? "read" : "write";
	for (k = 0; k < VANTIO_ARRAY_SIZE(r->word); k++)
		r->word[k] = word(&rng);
	r->number[0] = (unsigned int)(gen_random(&rng) % 100);
	r->number[1] = i; /* keeps rules apart */
}

static size_t write_rule(const struct rule *r, char out[GEN_PATH_MAX])
{
	switch (r->kind) {
	case FOLDER:
		return (size_t)snprintf(out, GEN_PATH_MAX, "/srv/%s/project-%u/**", r->word[0], r->number[1]);
	case STARRED:
		return (size_t)snprintf(out, GEN_PATH_MAX, "/home/user-%u/%s/module-%u/%s-*.c", r->number[0], r->word[0], r->number[1], r->word[1]);
	case SINGLE:
		return (size_t)snprintf(out, GEN_PATH_MAX, "/etc/%s/%s-%u/%s.conf", r->word[0], r->word[1], r->number[1], r->word[2]);
	case ALTERNATIVES:
		return (size_t)snprintf(out, GEN_PATH_MAX, "/var/lib/%s-%u/{data,%s}/*.{db,log}", r->word[0], r->number[1], r->word[1]);
	default:
		return (size_t)snprintf(out, GEN_PATH_MAX, "**/.%s-%u", r->word[0], r->number[1]);
	}
}

static void write_list(const char *list, uint32_t n, uint64_t seed, struct vantio_buf *out)
{
	char text[GEN_PATH_MAX];
	struct rule r;
	uint32_t i;

	vantio_buf_printf(out, "%s = [\n", list);
	for (i = 0; i < n; i++) {
		gen_rule(i, seed, &r);
		if (strcmp(r.list, list))
			continue;
		write_rule(&r, text);
		vantio_buf_printf(out, "\t\"%s\",\n", text);
	}
	vantio_buf_puts(out, "]\n");
}

void gen_policy_text(uint32_t n, uint64_t seed, struct vantio_buf *out)
{
	vantio_buf_puts(out, "schema = 1\nname = \"bench\"\n[file]\ndefault = \"deny\"\n");
	write_list("read", n, seed, out);
	write_list("write", n, seed, out);
	write_list("deny", n, seed, out);
	vantio_buf_puts(out, "[exec]\ndefault = \"deny\"\n[network]\ndefault = \"deny\"\n");
}

size_t gen_path(uint32_t n, uint64_t seed, uint64_t *rng, char out[GEN_PATH_MAX])
{
	struct rule r;
	int len;

	gen_rule((uint32_t)(gen_random(rng) % n), seed, &r);
	switch (r.kind) {
	case FOLDER:
		len = snprintf(out, GEN_PATH_MAX, "/srv/%s/project-%u/src/%s/%s/%s_%s-%u.c", r.word[0], r.number[1], word(rng), word(rng),
			       word(rng), word(rng), (unsigned int)(gen_random(rng) % 1000));
		break;
	case STARRED:
		len = snprintf(out, GEN_PATH_MAX, "/home/user-%u/%s/module-%u/%s-%s-%s-%s-%u.c", r.number[0], r.word[0], r.number[1], r.word[1],
			       word(rng), word(rng), word(rng), (unsigned int)(gen_random(rng) % 100));
		break;
	case SINGLE:
		len = snprintf(out, GEN_PATH_MAX, "/etc/%s/%s-%u/%s.conf", r.word[0], r.word[1], r.number[1], r.word[2]);
		break;
	case ALTERNATIVES:
		len = snprintf(out, GEN_PATH_MAX, "/var/lib/%s-%u/data/%s-%s-%s-%s.db", r.word[0], r.number[1], word(rng), word(rng), word(rng),
			       word(rng));
		break;
	default:
		len = snprintf(out, GEN_PATH_MAX, "/srv/%s/%s/src/%s/%s/%s/.%s-%u", word(rng), word(rng), word(rng), word(rng), word(rng),
			       r.word[0], r.number[1]);
	}
	return len < 0 ? 0 : (size_t)len;
}
