// SPDX-License-Identifier: Apache-2.0
#include "record/sink.h"

#include <errno.h>
#include <stdint.h>
#include <string.h>

#include "base/mem.h"

#define VANTIO_HOOK_NAME(id, name) name,
static const char *const hook_names[] = { VANTIO_HOOKS(VANTIO_HOOK_NAME) };
_Static_assert(VANTIO_ARRAY_SIZE(hook_names) == VANTIO_HOOK_MAX, "every hook has a name");

#define KNOWN_FLAGS (VANTIO_EVENT_ENFORCED | VANTIO_EVENT_NO_PATH | VANTIO_EVENT_CUT)

const char *vantio_hook_name(enum vantio_hook hook)
{
	return (unsigned)hook < VANTIO_HOOK_MAX ? hook_names[hook] : "unknown";
}

static const char *check_ranges(const struct vantio_event *e)
{
	if (e->hook == VANTIO_HOOK_NONE || e->hook >= VANTIO_HOOK_MAX)
		return "hook";
	if (e->op == VANTIO_OP_NONE || e->op >= VANTIO_OP_MAX)
		return "op";
	if (e->decision > VANTIO_KILLSWITCH)
		return "decision";
	if (e->reason > VANTIO_REASON_UNGOVERNED)
		return "reason";
	if (e->object > VANTIO_OBJECT_TARGET)
		return "object";
	if (e->surface >= VANTIO_SURFACE_MAX)
		return "surface";
	if (e->flags & ~KNOWN_FLAGS)
		return "flags";
	return e->count ? NULL : "count";
}

static const char *check_strings(const struct vantio_event *e, const struct vantio_event_view *v)
{
	/* an abstract unix name may hold any byte */
	if (e->path_len >= VANTIO_PATH_MAX || (e->object != VANTIO_OBJECT_UNIX && memchr(v->path, '\0', e->path_len)))
		return "path";
	if (e->path2_len >= VANTIO_PATH_MAX || memchr(v->path2, '\0', e->path2_len))
		return "path2";
	if (e->exe_len >= VANTIO_PATH_MAX || memchr(v->exe, '\0', e->exe_len))
		return "exe";
	if (!memchr(e->comm, '\0', sizeof(e->comm)))
		return "comm";
	return memchr(e->agent_name, '\0', sizeof(e->agent_name)) ? NULL : "agent_name";
}

int vantio_event_parse(const void *bytes, size_t len, struct vantio_event_view *ret, struct vantio_error *err)
{
	const struct vantio_event *e = bytes;
	struct vantio_event_view v;
	const char *wrong;

	if ((uintptr_t)bytes % _Alignof(struct vantio_event))
		return vantio_fail(err, EINVAL, "an event is not aligned");
	if (len < sizeof(*e))
		return vantio_fail(err, EBADMSG, "an event of %zu bytes is too short", len);
	if (e->version != VANTIO_ABI_VERSION)
		return vantio_fail(err, EPROTO, "an event of version %u; this program knows %u: reload the engine", e->version,
				   VANTIO_ABI_VERSION);
	/* A reservation may be larger than what was written into it, never smaller. */
	if (e->size > len || e->size != sizeof(*e) + (size_t)e->path_len + e->path2_len + e->exe_len)
		return vantio_fail(err, EBADMSG, "an event of %zu bytes says that it has %u", len, e->size);
	v.event = e;
	v.path = (const char *)bytes + sizeof(*e);
	v.path2 = v.path + e->path_len;
	v.exe = v.path2 + e->path2_len;
	wrong = check_ranges(e);
	if (!wrong)
		wrong = check_strings(e, &v);
	if (wrong)
		return vantio_fail(err, EBADMSG, "an event's %s is out of its range", wrong);
	*ret = v;
	return 0;
}
