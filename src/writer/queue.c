#include "writer/queue.h"

#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/os.h"

enum {
    WAKE_AT = TB__RING_ENTRIES / 4,   /* the worker is woken when a ring is this full ... */
    LOOK_EVERY = TB__RING_ENTRIES / 8, /* ... and looked at again after so many entries */
    AHEAD_MAX = 16 << 20, /* bytes of the arena that are made ready before they are used */
    RING_AHEAD = 32 << 10, /* ... and of a ring by its thread; the worker goes on with that */
    STRETCH_MAX = 256 /* entries that are looked at before they are taken: a fraction of a cache */
};

/* Stamps further ahead of the worker's own than this come from counters that are not in step; such
 * entries are taken in the order of their ring, rather than late or never. */
#define MAX_SKEW_TICKS (UINT64_C(1) << 34)

static uint64_t next_serial(void)
{
    static _Atomic uint64_t serial;
    return atomic_fetch_add(&serial, 1) + 1;
}

static tb_status init_locks(tb__queue *q)
{
    if (tb__os_cond_init(&q->room) != TB_STATUS_OK)
        return TB_STATUS_NO_MEMORY;
    if (pthread_mutex_init(&q->lock, NULL) != 0)
        goto fail_after_room;
    if (pthread_mutex_init(&q->shared_lock, NULL) != 0)
        goto fail_after_lock;
    return TB_STATUS_OK;
fail_after_lock:
    pthread_mutex_destroy(&q->lock);
fail_after_room:
    pthread_cond_destroy(&q->room);
    return TB_STATUS_NO_MEMORY;
}

tb_status tb__queue_init(tb__queue *q, tb__queue_file *file, double full_wait_seconds,
                         tb__clock *clock)
{
    *q = (tb__queue){.serial = next_serial(),
                     .full_wait_seconds = full_wait_seconds,
                     .clock = clock,
                     .file = file,
                     .rings = (tb__ring *)(void *)tb__queue_file_region(file, TB__REGION_RINGS)};
    tb__arena_init(&q->arena, file);
    return init_locks(q);
}

static void release_producers(tb__queue *q)
{
    tb__producer *next;
    for (tb__producer *p = q->producers; p != NULL; p = next) {
        next = p->next;
        atomic_store(&p->lease.queue_gone, true);
        tb__lease_release(&p->lease);
    }
    tb__free(q->shared_producer);
}

void tb__queue_destroy(tb__queue *q)
{
    release_producers(q);
    pthread_mutex_destroy(&q->shared_lock);
    pthread_mutex_destroy(&q->lock);
    if (!atomic_load(&q->orphaned)) /* else destroying would await threads of the parent's */
        pthread_cond_destroy(&q->room);
}

/* --- fork ------------------------------------------------------------------------------------- */

void tb__queue_before_fork(tb__queue *q)
{
    pthread_mutex_lock(&q->shared_lock);
    pthread_mutex_lock(&q->lock);
}

void tb__queue_after_fork(tb__queue *q, bool is_child)
{
    pthread_mutex_unlock(&q->lock);
    pthread_mutex_unlock(&q->shared_lock);
    if (!is_child)
        return;
    q->serial = next_serial(); /* so that this thread's producer is not found any more */
    atomic_store(&q->orphaned, true);
}

/* Locks stay as they are: other threads of the child may be looking at |orphaned|. */
tb_status tb__queue_adopt(tb__queue *q)
{
    release_producers(q);
    q->producers = NULL;
    q->shared_producer = NULL;
    q->rings = (tb__ring *)(void *)tb__queue_file_region(q->file, TB__REGION_RINGS);
    atomic_store(&q->ring_count, 0);
    memset(q->cursors, 0, sizeof q->cursors);
    q->stretch = (tb__stretch){0};
    q->closing = false;
    q->worker = NULL;
    atomic_store(&q->is_idle, false);
    atomic_store(&q->worker_sleeps, false);
    atomic_store(&q->wake_wanted, false);
    atomic_store(&q->dropping, false);
    atomic_store(&q->report_due, false);
    tb__arena_init(&q->arena, q->file);
    return tb__os_cond_init(&q->room); /* threads of the parent's may have waited there */
}

/* --- callers ---------------------------------------------------------------------------------- */

static tb__producer *new_producer(void)
{
    tb__producer *p = tb__calloc(1, sizeof *p);
    if (p != NULL)
        atomic_store(&p->lease.holders, 2);
    return p;
}

static void set_ring(tb__producer *p, tb__ring *ring)
{
    p->ring = ring;
    p->head = atomic_load(&ring->head);
    p->look_at = p->head; /* the first push looks at the tail */
}

/* Lets go of threads that have ended.  Returns a ring that one of them had, or NULL. */
static tb__ring *reclaim_ring(tb__queue *q)
{
    tb__producer **link = &q->producers;
    while (*link != NULL) {
        tb__producer *p = *link;
        if (!atomic_load_explicit(&p->lease.thread_gone, memory_order_acquire)) {
            link = &p->next;
            continue;
        }
        tb__ring *ring = p->shared ? NULL : p->ring;
        *link = p->next;
        tb__lease_release(&p->lease);
        if (ring != NULL)
            return ring;
    }
    return NULL;
}

/* A ring that is used for the first time. */
static tb__ring *new_ring(tb__queue *q, uint32_t index)
{
    size_t size = sizeof(tb__ring);
    if (tb__queue_file_ensure(q->file, TB__REGION_RINGS, index * size, size) != TB_STATUS_OK)
        return NULL;
    tb__os_populate(&q->rings[index], RING_AHEAD);
    atomic_store(&q->ring_count, index + 1);
    return &q->rings[index];
}

/* A ring for one thread alone; NULL when all are in use. */
static tb__ring *own_ring(tb__queue *q)
{
    tb__ring *ring = reclaim_ring(q);
    uint32_t count = atomic_load(&q->ring_count);
    if (ring != NULL || count >= TB__RINGS - 1)
        return ring;
    return new_ring(q, count);
}

static bool share_last_ring(tb__queue *q)
{
    if (atomic_load(&q->ring_count) < TB__RINGS - 1)
        return false; /* there are rings still, but no memory for one */
    tb__producer *shared = new_producer();
    tb__ring *ring = shared != NULL ? new_ring(q, TB__RINGS - 1) : NULL;
    if (ring == NULL) {
        tb__free(shared);
        return false;
    }
    set_ring(shared, ring);
    q->shared_producer = shared;
    return true;
}

/* Called with the lock. */
static tb_status give_ring(tb__queue *q, tb__producer *p)
{
    tb__ring *ring = own_ring(q);
    if (ring == NULL) {
        if (q->shared_producer == NULL && !share_last_ring(q))
            return TB_STATUS_NO_MEMORY;
        ring = q->shared_producer->ring;
        p->shared = true;
    }
    set_ring(p, ring);
    p->next = q->producers;
    q->producers = p;
    return TB_STATUS_OK;
}

static tb_status attach(tb__producer **out, tb__queue *q)
{
    if (atomic_load(&q->orphaned))
        return TB_STATUS_CLOSED;
    tb__producer *p = new_producer();
    if (p == NULL)
        return TB_STATUS_NO_MEMORY;
    pthread_mutex_lock(&q->lock);
    tb_status rv = give_ring(q, p);
    pthread_mutex_unlock(&q->lock);
    if (rv != TB_STATUS_OK) {
        tb__free(p);
        return rv;
    }
    rv = tb__thread_remember(q->serial, &p->lease);
    if (rv != TB_STATUS_OK) {
        atomic_store_explicit(&p->lease.thread_gone, true, memory_order_release);
        tb__lease_release(&p->lease);
        return rv;
    }
    *out = p;
    return TB_STATUS_OK;
}

/* Called with the lock. */
static void wake_worker(tb__queue *q)
{
    atomic_store(&q->wake_wanted, true);
    if (q->worker != NULL)
        tb__crew_call(q->worker, 0);
}

void tb__queue_end_idleness(tb__queue *q)
{
    if (atomic_exchange(&q->is_idle, false))
        tb__crew_call(q->worker, tb__os_monotonic_ns() + q->flush_ns);
}

static bool ring_has_room(tb__producer *p, size_t count)
{
    uint64_t tail = atomic_load_explicit(&p->ring->tail, memory_order_acquire);
    if (p->head + count - tail > TB__RING_ENTRIES)
        return false;
    uint64_t full_at = tail + TB__RING_ENTRIES;
    uint64_t look_at = p->head + count < tail + WAKE_AT ? tail + WAKE_AT
                                                         : p->head + count + LOOK_EVERY;
    p->look_at = look_at < full_at ? look_at : full_at;
    return true;
}

/* What a caller waits for: room in its ring or in the arena. */
typedef bool has_room_fn(tb__queue *q, void *wanted);

static int64_t wait_until(const tb__queue *q)
{
    double wait_ns = q->full_wait_seconds > 0 ? q->full_wait_seconds * 1e9 : 0;
    return tb__os_monotonic_ns() + (int64_t)wait_ns;
}

/* Called with the lock.  Waits until |has_room|, at most as long as the options say from the first
 * time on that |*deadline| was 0. */
static tb_status wait_for_room(tb__queue *q, has_room_fn *has_room, void *wanted,
                               int64_t *deadline)
{
    if (has_room(q, wanted))
        return TB_STATUS_OK;
    if (atomic_load(&q->dropping))
        return TB_STATUS_FULL;
    if (q->worker != NULL && tb__crew_is_self(q->worker))
        return TB_STATUS_FULL; /* and no episode of drops: the others may still wait */
    if (*deadline == 0)
        *deadline = wait_until(q);
    bool in_time = q->full_wait_seconds > 0;
    for (;;) {
        if (q->closing)
            return TB_STATUS_CLOSED;
        wake_worker(q);
        if (in_time)
            in_time = tb__os_cond_wait_until(&q->room, &q->lock, *deadline);
        if (has_room(q, wanted))
            return TB_STATUS_OK;
        if (!in_time)
            break;
    }
    if (!atomic_exchange(&q->dropping, true))
        atomic_store(&q->report_due, true);
    return TB_STATUS_FULL;
}

typedef struct ring_request {
    tb__producer *producer;
    size_t count;
} ring_request;

static bool ring_request_fits(tb__queue *q, void *wanted)
{
    (void)q;
    const ring_request *r = wanted;
    return ring_has_room(r->producer, r->count);
}

static tb_status make_room(tb__queue *q, tb__producer *p, size_t count)
{
    uint64_t tail = atomic_load_explicit(&p->ring->tail, memory_order_acquire);
    bool has_room = ring_has_room(p, count);
    bool worker_should_run = p->head + count - tail >= WAKE_AT;
    if (has_room && !(worker_should_run && atomic_load(&q->worker_sleeps)))
        return TB_STATUS_OK;
    if (!has_room && atomic_load(&q->dropping))
        return TB_STATUS_FULL;
    pthread_mutex_lock(&q->lock);
    tb_status rv = TB_STATUS_OK;
    if (has_room)
        wake_worker(q);
    else
        rv = wait_for_room(q, ring_request_fits, &(ring_request){p, count}, &(int64_t){0});
    pthread_mutex_unlock(&q->lock);
    return rv;
}

static tb_status place(tb__queue *q, tb__producer *p, const tb__entry *entries, size_t count)
{
    tb_status rv = p->head + count <= p->look_at ? TB_STATUS_OK : make_room(q, p, count);
    if (rv != TB_STATUS_OK)
        return rv;
    for (size_t i = 0; i < count; i++) {
        tb__entry *slot = &p->ring->entries[(p->head + i) % TB__RING_ENTRIES];
        *slot = entries[i];
        slot->check = tb__entry_check(&entries[i], p->head + i);
    }
    tb__queue_advance_head(q, p, count);
    return TB_STATUS_OK;
}

/* Whoever holds shared_lock may move the head, which is read here without it. */
static bool shared_ring_fits(tb__queue *q, void *wanted)
{
    const tb__ring *ring = q->shared_producer->ring;
    uint64_t head = atomic_load(&ring->head);
    return head + *(const size_t *)wanted - atomic_load(&ring->tail) <= TB__RING_ENTRIES;
}

/* Nobody waits for room with shared_lock held, for a fork takes it, too. */
static tb_status push_shared(tb__queue *q, const tb__entry *entries, size_t count)
{
    int64_t deadline = 0;
    for (;;) {
        pthread_mutex_lock(&q->shared_lock);
        bool fits = shared_ring_fits(q, &count);
        tb_status rv = fits ? place(q, q->shared_producer, entries, count)
                            : TB_STATUS_FULL;
        pthread_mutex_unlock(&q->shared_lock);
        if (fits || atomic_load(&q->dropping))
            return rv;
        pthread_mutex_lock(&q->lock);
        rv = wait_for_room(q, shared_ring_fits, &count, &deadline);
        pthread_mutex_unlock(&q->lock);
        if (rv != TB_STATUS_OK)
            return rv;
    }
}

tb_status tb__queue_push(tb__queue *q, const tb__entry *entries, size_t count)
{
    tb__producer *p = (tb__producer *)tb__thread_recall(q->serial);
    if (p == NULL) {
        tb_status rv = attach(&p, q);
        if (rv != TB_STATUS_OK)
            return rv;
    }
    return p->shared ? push_shared(q, entries, count) : place(q, p, entries, count);
}

typedef struct block_request {
    size_t size;
    uint64_t block;
    uint8_t *data;
} block_request;

static bool block_request_fits(tb__queue *q, void *wanted)
{
    block_request *r = wanted;
    r->data = tb__arena_reserve(&r->block, &q->arena, r->size);
    return r->data != NULL;
}

tb_status tb__queue_reserve(uint8_t **out_data, uint64_t *out_block, tb__queue *q, size_t size)
{
    if (size > tb__arena_largest((size_t)q->arena.size))
        return TB_STATUS_TOO_LARGE;
    if (atomic_load(&q->orphaned))
        return TB_STATUS_CLOSED;
    block_request request = {.size = size};
    pthread_mutex_lock(&q->lock);
    tb_status rv = wait_for_room(q, block_request_fits, &request, &(int64_t){0});
    uint64_t used = q->arena.head - q->arena.tail;
    if (used >= q->arena.size / 4 && atomic_load(&q->worker_sleeps))
        wake_worker(q);
    pthread_mutex_unlock(&q->lock);
    *out_data = request.data;
    *out_block = request.block;
    return rv;
}

void tb__queue_seal(tb__queue *q, uint64_t block)
{
    tb__arena_seal(&q->arena, block);
}

void tb__queue_abandon(tb__queue *q, uint64_t block)
{
    tb__arena_release(&q->arena, block);
}

bool tb__queue_claim_drop_report(tb__queue *q)
{
    return atomic_exchange(&q->report_due, false);
}

void tb__queue_close(tb__queue *q)
{
    pthread_mutex_lock(&q->lock);
    q->closing = true;
    pthread_cond_broadcast(&q->room);
    pthread_mutex_unlock(&q->lock);
}

/* --- the worker ------------------------------------------------------------------------------- */

/* The cut is taken before the heads are read, and the heads are read a little later than the
 * cut: so when an entry is older than the cut, whatever was logged before it has been published
 * and is seen as well, in whichever ring it lies. */
void tb__queue_begin(tb__queue *q)
{
    atomic_thread_fence(memory_order_seq_cst);
    q->cut = tb__clock_ticks(q->clock);
    uint32_t count = atomic_load(&q->ring_count);
    while (count > 1 && tb__clock_ticks(q->clock) - q->cut < TB__CLOCK_SLACK)
        ;
    atomic_thread_fence(memory_order_seq_cst);
    count = atomic_load(&q->ring_count);
    for (uint32_t i = 0; i < count; i++)
        q->cursors[i].limit = atomic_load_explicit(&q->rings[i].head, memory_order_acquire);
    q->stretch = (tb__stretch){0};
}

static bool is_too_young(const tb__queue *q, const tb__entry *entry)
{
    return entry->ticks > q->cut && entry->ticks - q->cut < MAX_SKEW_TICKS;
}

static const tb__entry *front(const tb__queue *q, uint32_t ring)
{
    if (q->cursors[ring].taken == q->cursors[ring].limit)
        return NULL;
    const tb__entry *entry = &q->rings[ring].entries[q->cursors[ring].taken % TB__RING_ENTRIES];
    return is_too_young(q, entry) ? NULL : entry;
}

/* Finds the ring to take from next, and until when no other ring has an older entry.  Entries that
 * are too close in time to tell are ordered by step: loops log growing steps. */
static bool choose_ring(const tb__queue *q, uint32_t *out_ring, uint64_t *out_until)
{
    uint32_t count = atomic_load_explicit(&q->ring_count, memory_order_relaxed);
    uint64_t oldest = 0, second = UINT64_MAX;
    bool has_found = false;
    for (uint32_t i = 0; i < count; i++) {
        const tb__entry *entry = front(q, i);
        if (entry == NULL)
            continue;
        if (!has_found || entry->ticks < oldest) {
            if (has_found)
                second = oldest;
            has_found = true;
            oldest = entry->ticks;
            *out_ring = i;
        } else if (entry->ticks < second) {
            second = entry->ticks;
        }
    }
    if (!has_found)
        return false;
    if (second - oldest > TB__CLOCK_SLACK) {
        *out_until = second == UINT64_MAX ? second : second - TB__CLOCK_SLACK;
        return true;
    }
    *out_until = 0; /* near others: choose anew for each entry */
    int64_t step = front(q, *out_ring)->step;
    for (uint32_t i = 0; i < count; i++) {
        const tb__entry *entry = front(q, i);
        if (entry != NULL && entry->ticks - oldest <= TB__CLOCK_SLACK && entry->step < step) {
            step = entry->step;
            *out_ring = i;
        }
    }
    return true;
}

static bool is_due(const tb__queue *q, const tb__entry *entry, uint64_t until)
{
    return entry->ticks < until && !is_too_young(q, entry);
}

/* A group stays together, and may go on at the other end of the ring. */
const tb__entry *tb__queue_find_stretch(tb__queue *q)
{
    tb__stretch *stretch = &q->stretch;
    uint64_t until = 0;
    if (!stretch->in_group && !choose_ring(q, &stretch->ring, &until))
        return NULL;
    const tb__ring *ring = &q->rings[stretch->ring];
    uint64_t taken = q->cursors[stretch->ring].taken;
    uint64_t most = q->cursors[stretch->ring].limit - taken;
    size_t start = taken % TB__RING_ENTRIES, end = start;
    size_t last = most < STRETCH_MAX ? start + (size_t)most : start + STRETCH_MAX;
    if (last > TB__RING_ENTRIES)
        last = TB__RING_ENTRIES;
    do
        stretch->in_group = ring->entries[end++].more != 0;
    while (end < last && (stretch->in_group || is_due(q, &ring->entries[end], until)));
    stretch->next = &ring->entries[start];
    stretch->left = end - start;
    return stretch->next;
}

/* How far entries are taken. */
typedef struct taking {
    uint64_t taken[TB__RINGS];
    tb__stretch stretch;
} taking;

static void get_taking(taking *t, const tb__queue *q)
{
    for (size_t i = 0; i < TB__RINGS; i++)
        t->taken[i] = q->cursors[i].taken;
    t->stretch = q->stretch;
}

static void set_taking(tb__queue *q, const taking *t)
{
    for (size_t i = 0; i < TB__RINGS; i++)
        q->cursors[i].taken = t->taken[i];
    q->stretch = t->stretch;
}

void tb__queue_look_ahead(tb__queue *q, size_t most,
                          bool (*visit)(void *arg, const tb__entry *entry), void *arg)
{
    taking now;
    get_taking(&now, q);
    const tb__entry *entry;
    for (; most > 0 && (entry = tb__queue_peek(q)) != NULL && visit(arg, entry); most--)
        tb__queue_take(q);
    set_taking(q, &now);
}

const uint8_t *tb__queue_block(size_t *out_size, const tb__queue *q, const tb__entry *entry)
{
    return tb__arena_block(out_size, &q->arena, entry->block);
}

void tb__queue_release(tb__queue *q, const tb__entry *entry)
{
    tb__arena_release(&q->arena, entry->block);
}

static tb_status store_commit(tb__queue *q, const tb__queue_target *target, size_t batch_size,
                              bool of_taken)
{
    if (!tb__queue_file_is_file(q->file))
        return TB_STATUS_OK;
    tb__commit commit;
    memset(&commit, 0, sizeof commit); /* with what is between the members, for the CRC */
    commit.file_bytes = target->file_bytes;
    commit.batch_bytes = batch_size;
    commit.clock = q->clock->latest;
    commit.ns_per_tick = q->clock->ns_per_tick;
    for (int i = 0; i < TB__RINGS; i++)
        commit.tails[i] = of_taken ? q->cursors[i].taken : q->cursors[i].committed;
    snprintf(commit.file_name, sizeof commit.file_name, "%s", target->file_name);
    return tb__queue_file_commit(q->file, &commit);
}

tb_status tb__queue_publish(tb__queue *q, const tb__queue_target *target, const uint8_t *batch,
                            size_t batch_size)
{
    if (!tb__queue_file_is_file(q->file))
        return TB_STATUS_OK;
    if (batch != NULL && !tb__queue_file_keep_batch(q->file, batch, batch_size))
        return q->file->is_copy ? TB_STATUS_IO : TB_STATUS_OK;
    return store_commit(q, target, batch_size, true);
}

tb_status tb__queue_retarget(tb__queue *q, const tb__queue_target *target, bool sync)
{
    tb_status rv = store_commit(q, target, 0, false);
    if (rv == TB_STATUS_OK && sync && tb__queue_file_is_file(q->file)
        && tb__queue_file_sync(q->file) != 0 && q->file->is_copy)
        rv = TB_STATUS_IO;
    return rv;
}

/* Gives back the room of what was taken. */
static bool release_rings(tb__queue *q)
{
    bool made_room = false;
    uint32_t count = atomic_load_explicit(&q->ring_count, memory_order_acquire);
    for (uint32_t i = 0; i < count; i++) {
        made_room |= q->cursors[i].committed != q->cursors[i].taken;
        q->cursors[i].committed = q->cursors[i].taken;
        atomic_store_explicit(&q->rings[i].tail, q->cursors[i].taken, memory_order_release);
    }
    return made_room;
}

tb_status tb__queue_commit(tb__queue *q, const tb__queue_target *target)
{
    tb_status rv = store_commit(q, target, 0, true);
    if (rv != TB_STATUS_OK)
        return rv;
    bool made_room = release_rings(q);
    pthread_mutex_lock(&q->lock);
    made_room |= tb__arena_reclaim(&q->arena);
    if (made_room) {
        atomic_store(&q->dropping, false);
        pthread_cond_broadcast(&q->room);
    }
    pthread_mutex_unlock(&q->lock);
    return TB_STATUS_OK;
}

/* Blocks that were released since are still there: only tb__queue_commit reclaims them. */
void tb__queue_rewind(tb__queue *q)
{
    uint32_t count = atomic_load_explicit(&q->ring_count, memory_order_relaxed);
    for (uint32_t i = 0; i < count; i++) {
        for (uint64_t at = q->cursors[i].committed; at < q->cursors[i].taken; at++) {
            const tb__entry *entry = &q->rings[i].entries[at % TB__RING_ENTRIES];
            if (tb__entry_has_block(entry))
                tb__arena_hold(&q->arena, entry->block);
        }
        q->cursors[i].taken = q->cursors[i].committed;
    }
    q->stretch = (tb__stretch){0};
}

/* On its first round a ring gets memory for what may come before the next look. */
static void grow_ring_ahead(tb__queue *q, uint32_t index)
{
    tb__ring *ring = &q->rings[index];
    uint64_t ready = q->cursors[index].ready;
    uint64_t wanted = 2 * atomic_load_explicit(&ring->head, memory_order_relaxed) + LOOK_EVERY;
    if (wanted > TB__RING_ENTRIES)
        wanted = TB__RING_ENTRIES;
    if (ready >= wanted)
        return;
    tb__os_populate(&ring->entries[ready], (size_t)(wanted - ready) * sizeof ring->entries[0]);
    q->cursors[index].ready = wanted;
}

void tb__queue_grow_ahead(tb__queue *q)
{
    uint32_t count = atomic_load(&q->ring_count);
    for (uint32_t i = 0; i < count; i++)
        grow_ring_ahead(q, i);
    pthread_mutex_lock(&q->lock);
    uint64_t offset = q->arena.head % q->arena.size, used = q->arena.head - q->arena.tail;
    uint64_t most = atomic_load_explicit(&q->arena.high_water, memory_order_relaxed);
    pthread_mutex_unlock(&q->lock);
    uint64_t wanted = most > used ? 2 * most : most + used;
    if (wanted > q->arena.size - offset)
        wanted = q->arena.size - offset;
    if (wanted > AHEAD_MAX)
        wanted = AHEAD_MAX;
    if (most > 0 && wanted > 0)
        tb__queue_file_prepare(q->file, TB__REGION_ARENA, (size_t)offset, (size_t)wanted);
}

void tb__queue_get_mark(tb__queue_mark *out, const tb__queue *q)
{
    out->ring_count = atomic_load(&q->ring_count);
    for (uint32_t i = 0; i < out->ring_count; i++)
        out->heads[i] = atomic_load_explicit(&q->rings[i].head, memory_order_acquire);
}

bool tb__queue_passed(const tb__queue *q, const tb__queue_mark *mark)
{
    for (uint32_t i = 0; i < mark->ring_count; i++)
        if (q->cursors[i].taken < mark->heads[i])
            return false;
    return true;
}

bool tb__queue_is_written(const tb__queue *q)
{
    uint32_t count = atomic_load(&q->ring_count);
    for (uint32_t i = 0; i < count; i++)
        if (atomic_load(&q->rings[i].tail) != atomic_load(&q->rings[i].head))
            return false;
    return true;
}

static bool is_value(const tb__entry *entry)
{
    return entry->kind != TB__ENTRY_WALL && entry->kind != TB__ENTRY_NOTHING;
}

uint64_t tb__queue_left_over(const tb__queue *q)
{
    uint64_t values = 0;
    uint32_t count = atomic_load(&q->ring_count);
    for (uint32_t i = 0; i < count; i++) {
        uint64_t head = atomic_load(&q->rings[i].head);
        for (uint64_t at = q->cursors[i].taken; at < head; at++)
            values += is_value(&q->rings[i].entries[at % TB__RING_ENTRIES]);
    }
    return values;
}

void tb__queue_set_worker(tb__queue *q, tb__crew_member *worker, int64_t flush_ns)
{
    pthread_mutex_lock(&q->lock);
    q->worker = worker;
    q->flush_ns = flush_ns;
    pthread_mutex_unlock(&q->lock);
}

static bool is_empty(const tb__queue *q)
{
    tb__queue_mark mark;
    tb__queue_get_mark(&mark, q);
    return tb__queue_passed(q, &mark);
}

/* A caller stores its head and then looks at |is_idle|; we store that and then look at the
 * heads.  With a fence on both sides one of the two must see the other. */
bool tb__queue_try_idle(tb__queue *q)
{
    atomic_store(&q->is_idle, true);
    if (tb__os_fence_threads() && is_empty(q))
        return true;
    atomic_store(&q->is_idle, false);
    return false;
}

uint64_t tb__queue_high_water(const tb__queue *q)
{
    return atomic_load_explicit(&q->arena.high_water, memory_order_relaxed);
}
