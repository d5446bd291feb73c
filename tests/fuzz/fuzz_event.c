// SPDX-License-Identifier: Apache-2.0
/* Any bytes as an event of the ring buffer, and as the record that it becomes: which must always be one. */
#include <string.h>

#include "record/record.h"
#include "record/sink.h"
#include "fuzz.h"

static void write_record(const struct vantio_event_view *v)
{
	const struct vantio_event *e = v->event;
	struct vantio_record r = { .mono_ns = e->mono_ns % (1ull << 62), .tier = "kernel", .agent = e->agent_name, .agent_svid = "",
				   .trace_id = e->trace_id, .cgroup_id = e->cgroup_id, .pid = e->pid, .tid = e->tid, .ppid = e->ppid,
				   .uid = e->uid, .gid = e->gid, .hook = vantio_hook_name((enum vantio_hook)e->hook), .op = "read",
				   .syscall_nr = e->syscall_nr, .policy = "p", .rule = "", .decision = (enum vantio_decision)e->decision,
				   .enforced = e->flags & VANTIO_EVENT_ENFORCED, .count = e->count, .lost_before = e->lost,
				   .object = (enum vantio_object)e->object, .path = v->path, .path_len = e->path_len, .path2 = v->path2,
				   .path2_len = e->path2_len, .proto = "tcp", .family = e->family, .port = e->port, .comm = e->comm,
				   .comm_len = strlen(e->comm), .exe = v->exe, .exe_len = e->exe_len };
	struct vantio_buf line = VANTIO_BUF_INIT, private = VANTIO_BUF_INIT;
	struct vantio_record_host host = { .host = "h", .boot_id = "00000000-0000-0000-0000-000000000000" };
	struct vantio_record_work work = { .n_random = 0 };
	struct vantio_record_fields f;
	struct vantio_error err = { 0 };

	memcpy(r.addr, e->addr, 16);
	memcpy(r.args, e->args, sizeof(r.args));
	CHECK(vantio_record_write(&r, &host, &work, &line, &private, &err) == 0);
	CHECK(vantio_record_scan(line.data, line.len, &f, &err) == 0);
	CHECK(vantio_private_check(&f, private.data, private.len, &err) == 6);
	vantio_record_work_clear(&work);
	vantio_buf_free(&line);
	vantio_buf_free(&private);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct vantio_event_view v;
	struct vantio_error err = { 0 };
	struct vantio_event *copy = malloc(size ? size : 1); /* aligned, and a read beyond it is seen */

	memcpy(copy, data, size);
	if (vantio_event_parse(copy, size, &v, &err) == 0)
		write_record(&v);
	else
		CHECK(err.text[0]);
	/* Most inputs are wrong in their size or version: mended, the rest of them is tried too. */
	if (size >= sizeof(*copy)) {
		copy->size = (uint32_t)size;
		copy->version = VANTIO_ABI_VERSION;
		copy->exe_len = (uint16_t)(size - sizeof(*copy) - copy->path_len - copy->path2_len);
		if (vantio_event_parse(copy, size, &v, &err) == 0)
			write_record(&v);
	}
	free(copy);
	return 0;
}
