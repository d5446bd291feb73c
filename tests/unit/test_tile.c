// SPDX-License-Identifier: Apache-2.0
#include "ledger_fixture.h"

#include "ledger/tile.h"

static void tile_paths_are_those_of_tlog_tiles(void **state)
{
	char path[VANTIO_STORE_NAME_MAX];

	(void)state;
	vantio_tile_path(path, 0, 0, 256);
	assert_string_equal(path, "tile/0/000");
	vantio_tile_path(path, 3, 1234067, 256);
	assert_string_equal(path, "tile/3/x001/x234/067");
	vantio_tile_path(path, 1, 5, 17);
	assert_string_equal(path, "tile/1/005.p/17");
	vantio_tile_path(path, 0, 1000, 1);
	assert_string_equal(path, "tile/0/x001/000.p/1");
	vantio_tile_path(path, 7, UINT64_MAX, 255);
	assert_string_equal(path, "tile/7/x018/x446/x744/x073/x709/x551/615.p/255");
}

static struct vantio_hash leaf(uint64_t i)
{
	struct vantio_hash h;

	vantio_leaf_hash(&h, &i, sizeof(i));
	return h;
}

static bool is_there(const struct fixture *f, const char *name)
{
	char path[192];

	snprintf(path, sizeof(path), "%s/%s", f->dir, name);
	return access(path, F_OK) == 0;
}

/* Grows to `size` in steps, each flushed and pruned as at a commit. */
static void grow(struct vantio_tiles *t, uint64_t size, uint64_t step)
{
	struct vantio_error err = { 0 };
	struct vantio_hash h;

	while (t->tree.size < size) {
		h = leaf(t->tree.size);
		assert_ok(vantio_tiles_add(t, &h, &err), err);
		if (t->tree.size % step && t->tree.size != size)
			continue;
		assert_ok(vantio_tiles_flush(t, &err), err);
		vantio_tiles_prune(t);
	}
}

static void assert_serves(int dirfd, const struct vantio_tiles *t)
{
	struct vantio_tile_source source = { .dirfd = dirfd, .size = t->tree.size };
	struct vantio_error err = { 0 };
	struct vantio_proof proof;
	struct vantio_hash root, at, l;
	uint64_t size = t->tree.size, i;

	vantio_merkle_root(&t->tree, &root);
	assert_ok(vantio_root_at(vantio_tile_node, &source, size, &at, &err), err);
	assert_true(vantio_hash_equal(&root, &at));
	for (i = 0; i < size; i += 1 + size / 17) {
		assert_ok(vantio_inclusion_prove(vantio_tile_node, &source, i, size, &proof, &err), err);
		l = leaf(i);
		assert_true(vantio_inclusion_verify(i, size, &l, &proof, &root));
		assert_ok(vantio_root_at(vantio_tile_node, &source, i, &at, &err), err);
		assert_ok(vantio_consistency_prove(vantio_tile_node, &source, i, size, &proof, &err), err);
		assert_true(vantio_consistency_verify(i, size, &at, &root, &proof));
	}
}

static void tile_files_serve_proofs_at_every_size(void **state)
{
	static const uint64_t sizes[] = { 1, 2, 255, 256, 257, 511, 512, 1000, 65535, 65536, 65537, 66000 };
	struct fixture *f = *state;
	struct vantio_error err = { 0 };
	struct vantio_tiles *t = malloc(sizeof(*t)), *again = malloc(sizeof(*t));
	int dirfd = open(f->dir, O_RDONLY | O_DIRECTORY);
	size_t i;

	vantio_tiles_init(t, dirfd);
	for (i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		grow(t, sizes[i], 97);
		assert_serves(dirfd, t);
		vantio_tiles_init(again, dirfd);
		assert_ok(vantio_tiles_load(again, sizes[i], &err), err);
		/* A writer that is opened anew goes on with the same tree. */
		memcpy(t, again, sizeof(*t));
	}
	assert_true(is_there(f, "tile/0/257.p/208"));
	assert_true(is_there(f, "tile/1/001.p/1"));
	assert_true(is_there(f, "tile/2/000.p/1"));
	assert_true(is_there(f, "tile/1/000"));
	assert_false(is_there(f, "tile/1/000.p"));
	assert_false(is_there(f, "tile/0/255.p"));
	free(t);
	free(again);
	close(dirfd);
}

static void tile_of_an_older_width_is_read_from_a_wider_one(void **state)
{
	struct fixture *f = *state;
	struct vantio_error err = { 0 };
	struct vantio_tiles *t = malloc(sizeof(*t));
	struct vantio_hash hashes[256], want;
	int dirfd = open(f->dir, O_RDONLY | O_DIRECTORY);
	uint64_t size;

	vantio_tiles_init(t, dirfd);
	for (size = 10; size <= 256; size += 82) {
		grow(t, size, 10);
		assert_ok(vantio_tile_read(dirfd, 0, 0, 7, hashes, &err), err);
		want = leaf(6);
		assert_true(vantio_hash_equal(&hashes[6], &want));
	}
	assert_int_equal(vantio_tile_read(dirfd, 0, 1, 1, hashes, &err), -ENOENT);
	assert_int_equal(vantio_tile_read(dirfd, 5, 0, 256, hashes, &err), -ENOENT);
	free(t);
	close(dirfd);
}

/* A writer wrote tiles of leaves that no checkpoint came to cover, and died; other leaves took their places. */
static void tile_of_leaves_that_were_never_covered_misleads_nobody(void **state)
{
	struct fixture *f = *state;
	struct vantio_error err = { 0 };
	struct vantio_tiles *t = malloc(sizeof(*t));
	struct vantio_hash hashes[256], wrong[256] = { { { 0 } } }, want;
	int dirfd = open(f->dir, O_RDONLY | O_DIRECTORY), fd;

	vantio_tiles_init(t, dirfd);
	grow(t, 10, 10);
	assert_ok(fd = vantio_store_open(dirfd, "tile/0/000.p/20", O_WRONLY | O_CREAT, 0600, &err), err);
	assert_int_equal(write(fd, wrong, 20 * sizeof(wrong[0])), 20 * sizeof(wrong[0]));
	close(fd);
	assert_ok(fd = vantio_store_open(dirfd, "tile/0/000", O_WRONLY | O_CREAT, 0600, &err), err);
	assert_int_equal(write(fd, wrong, sizeof(wrong)), sizeof(wrong));
	close(fd);
	vantio_tiles_init(t, dirfd);
	assert_ok(vantio_tiles_load(t, 10, &err), err);
	vantio_tiles_drop_beyond(t);
	assert_false(is_there(f, "tile/0/000"));
	assert_false(is_there(f, "tile/0/000.p/20"));
	assert_true(is_there(f, "tile/0/000.p/10"));
	grow(t, 15, 5);
	grow(t, 40, 25);
	/* Of a tree of 15 leaves; that partial tile was outgrown and dropped. */
	assert_ok(vantio_tile_read(dirfd, 0, 0, 15, hashes, &err), err);
	want = leaf(14);
	assert_true(vantio_hash_equal(&hashes[14], &want));
	free(t);
	close(dirfd);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(tile_paths_are_those_of_tlog_tiles),
		CASE(tile_files_serve_proofs_at_every_size),
		CASE(tile_of_leaves_that_were_never_covered_misleads_nobody),
		CASE(tile_of_an_older_width_is_read_from_a_wider_one),
	};

	return cmocka_run_group_tests_name("tile", tests, NULL, NULL);
}
