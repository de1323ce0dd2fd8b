#include "encode/histogram_reduce.h"

#include <stdatomic.h>

#include "base/alloc.h"

enum {
    LEAST_CHUNK = 1 << 18, /* elements: takes 0.2 ms, a thread is started in a tenth of that */
    MOST_CHUNKS = 1024
};

static size_t chunk_size(size_t count)
{
    size_t size = count / MOST_CHUNKS + 1;
    return size < LEAST_CHUNK ? LEAST_CHUNK : size;
}

/* What the threads share. */
typedef struct job {
    const tb__view *view;
    size_t chunk, chunks;
    tb__histogram_sums *sums; /* of each chunk */
    tb__histogram_part *parts;
    size_t part_count;
    _Atomic size_t next_part, next_chunk;
} job;

static tb__histogram_sums add_chunk(tb__histogram_part *part, const tb__view *view, size_t i,
                                    size_t chunk)
{
    tb__view slice;
    size_t first = i * chunk, left = view->left - first;
    tb__view_slice(&slice, view, first, left < chunk ? left : chunk);
    part->sums = tb__histogram_sums_of_nothing();
    tb__histogram_part_add(part, &slice);
    return part->sums;
}

static void work(void *arg)
{
    job *j = arg;
    size_t part = atomic_fetch_add(&j->next_part, 1);
    if (part >= j->part_count)
        return;
    for (size_t i; (i = atomic_fetch_add(&j->next_chunk, 1)) < j->chunks;)
        j->sums[i] = add_chunk(&j->parts[part], j->view, i, j->chunk);
}

/* As many as there is memory for. */
static size_t make_parts(tb__histogram_part *parts, size_t count, const tb__histogram_aim *aim,
                         const tb__view *view)
{
    size_t made = 0;
    while (made < count
           && tb__histogram_part_init(&parts[made], aim, view->left, view->size, NULL)
                  == TB_STATUS_OK)
        made++;
    return made;
}

/* |out| has nothing yet; |j| lacks what is made here.  False, and nothing done, without memory. */
static bool reduce_together(tb__histogram_part *out, const tb__histogram_aim *aim, job *j,
                            size_t threads, const tb__team *team)
{
    j->sums = tb__calloc(j->chunks, sizeof *j->sums);
    j->parts = tb__calloc(threads, sizeof *j->parts);
    if (j->sums != NULL && j->parts != NULL)
        j->part_count = make_parts(j->parts, threads, aim, j->view);
    bool can = j->part_count > 1;
    if (can)
        team->run(j->part_count, work, j);
    for (size_t i = 0; can && i < j->chunks; i++)
        tb__histogram_sums_merge(&out->sums, &j->sums[i]);
    for (size_t i = 0; i < j->part_count; i++) {
        if (can)
            tb__histogram_part_merge_counts(out, &j->parts[i]);
        tb__histogram_part_free(&j->parts[i]);
    }
    tb__free(j->parts);
    tb__free(j->sums);
    return can;
}

static void reduce_alone(tb__histogram_part *out, const job *j)
{
    tb__histogram_sums all = tb__histogram_sums_of_nothing();
    for (size_t i = 0; i < j->chunks; i++) {
        tb__histogram_sums sums = add_chunk(out, j->view, i, j->chunk);
        tb__histogram_sums_merge(&all, &sums);
    }
    out->sums = all;
}

tb_status tb__histogram_reduce(tb__histogram_part *out, const tb__histogram_aim *aim,
                               const tb__view *view, const tb__team *team, tb__error *err)
{
    tb_status rv = tb__histogram_part_init(out, aim, view->left, view->size, err);
    if (rv != TB_STATUS_OK)
        return rv;
    job j = {.view = view, .chunk = chunk_size(view->left)};
    j.chunks = view->left / j.chunk + (view->left % j.chunk > 0);
    size_t threads = team == NULL ? 1 : team->threads;
    threads = threads < j.chunks ? threads : j.chunks;
    if (threads < 2 || !reduce_together(out, aim, &j, threads, team))
        reduce_alone(out, &j);
    return TB_STATUS_OK;
}
