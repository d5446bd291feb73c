/* SPDX-License-Identifier: Apache-2.0 */
/* One event as a record: names instead of numbers, and the rule behind the decision. */
#ifndef VANTIO_ENGINE_TRANSLATE_H
#define VANTIO_ENGINE_TRANSLATE_H

#include "engine/history.h"
#include "record/record.h"
#include "record/sink.h"

#define VANTIO_CGROUP_NAMES 64
#define VANTIO_PUSHED_KEPT  16

/* What translation remembers from event to event. A zeroed struct is empty. */
struct vantio_translator {
	struct {
		uint64_t id;
		char *path; /* owned; NULL if it could not be found */
	} cgroups[VANTIO_CGROUP_NAMES];
	struct {
		struct vantio_pushed pushed;
		bool known; /* pushed.policy may be NULL: then nothing is known of this generation */
		uint64_t used;
	} policies[VANTIO_PUSHED_KEPT];
	uint64_t clock;
	char rule[64], words[256], proto[16]; /* of the record last made */
};

void vantio_translator_clear(struct vantio_translator *t);

/* Fills *ret, whose strings are borrowed from the event and the translator until the next call. */
void vantio_translate(struct vantio_translator *t, const struct vantio_event_view *v, struct vantio_record *ret);

#endif
