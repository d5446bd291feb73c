// SPDX-License-Identifier: Apache-2.0
// The only C++ here: walks toml++'s tree and copies it into C. toml++ is asked not to throw; what the standard library
// throws all the same (memory) is caught at the one entry.
#define TOML_EXCEPTIONS 0
#define TOML_HEADER_ONLY 1
#define TOML_MAX_NESTED_VALUES 32 /* VANTIO_TOML_NEST_MAX */
#include <toml++/toml.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <new>
#include <string_view>

#include "policy/toml_shim.h"

static_assert(TOML_MAX_NESTED_VALUES == VANTIO_TOML_NEST_MAX, "said twice");

namespace {

vantio_pos position(const toml::source_region &where)
{
	return { where.begin.line ? where.begin.line : 1, where.begin.column ? where.begin.column : 1 };
}

char *copy_bytes(std::string_view from)
{
	char *to = static_cast<char *>(std::malloc(from.size() + 1));

	if (!to)
		throw std::bad_alloc();
	std::memcpy(to, from.data(), from.size());
	to[from.size()] = '\0';
	return to;
}

vantio_toml_node *new_items(size_t n)
{
	void *items = std::calloc(n ? n : 1, sizeof(vantio_toml_node));

	if (!items)
		throw std::bad_alloc();
	return static_cast<vantio_toml_node *>(items);
}

vantio_toml_type type_of(const toml::node &from)
{
	switch (from.type()) {
	case toml::node_type::table:
		return VANTIO_TOML_TABLE;
	case toml::node_type::array:
		return VANTIO_TOML_ARRAY;
	case toml::node_type::string:
		return VANTIO_TOML_STRING;
	case toml::node_type::integer:
		return VANTIO_TOML_INTEGER;
	case toml::node_type::boolean:
		return VANTIO_TOML_BOOLEAN;
	case toml::node_type::floating_point:
		return VANTIO_TOML_FLOAT;
	default:
		return VANTIO_TOML_DATE;
	}
}

void copy_node(const toml::node &from, vantio_toml_node &to);

void copy_table(const toml::table &from, vantio_toml_node &to)
{
	to.items = new_items(from.size());
	for (auto &&[key, value] : from) {
		vantio_toml_node &item = to.items[to.n++];

		item.key = copy_bytes(key.str());
		item.key_len = key.str().size();
		item.key_pos = position(key.source());
		copy_node(value, item);
	}
}

void copy_array(const toml::array &from, vantio_toml_node &to)
{
	to.items = new_items(from.size());
	for (auto &&value : from)
		copy_node(value, to.items[to.n++]);
}

// The depth of the recursion is that of the text's nesting, which toml++ bounds for values and the guard for keys.
void copy_node(const toml::node &from, vantio_toml_node &to)
{
	to.type = type_of(from);
	to.pos = position(from.source());
	if (const auto *table = from.as_table()) {
		copy_table(*table, to);
	} else if (const auto *array = from.as_array()) {
		copy_array(*array, to);
	} else if (const auto *string = from.as_string()) {
		to.string = copy_bytes(string->get());
		to.string_len = string->get().size();
	} else if (const auto *integer = from.as_integer()) {
		to.integer = integer->get();
	} else if (const auto *boolean = from.as_boolean()) {
		to.boolean = boolean->get();
	}
}

} // namespace

extern "C" int vantio_toml_shim_parse(const char *text, size_t len, vantio_toml_node **ret, vantio_toml_problem *problem)
{
	vantio_toml_node *root = nullptr;

	try {
		toml::parse_result parsed = toml::parse(std::string_view(text, len));

		if (!parsed) {
			std::string_view what = parsed.error().description();
			size_t n = what.size() < sizeof(problem->message) ? what.size() : sizeof(problem->message) - 1;

			problem->pos = position(parsed.error().source());
			std::memcpy(problem->message, what.data(), n);
			problem->message[n] = '\0';
			return -EINVAL;
		}
		root = new_items(1);
		copy_node(parsed.table(), *root);
	} catch (...) {
		vantio_toml_free(root);
		return -ENOMEM;
	}
	*ret = root;
	return 0;
}
