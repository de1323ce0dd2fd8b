#include "writer/thread.h"

#include <pthread.h>

#include "base/alloc.h"
#include "base/os.h"

_Thread_local tb__thread_map *tb__this_thread TB__FAST_TLS;

/* Its destructor is how we learn that a thread ends. */
static pthread_key_t exit_key;
static pthread_once_t exit_key_once = PTHREAD_ONCE_INIT;
static bool has_exit_key;

void tb__lease_release(tb__lease *lease)
{
    if (atomic_fetch_sub_explicit(&lease->holders, 1, memory_order_acq_rel) == 1)
        tb__free(lease);
}

static void thread_exits(void *arg)
{
    tb__thread_map *map = arg;
    for (uint64_t i = 0; i <= map->mask; i++) {
        tb__lease *lease = map->slots[i].lease;
        if (lease == NULL)
            continue;
        atomic_store_explicit(&lease->thread_gone, true, memory_order_release);
        tb__lease_release(lease);
    }
    tb__free(map);
    tb__this_thread = NULL; /* a later destructor of this thread may log once more */
}

static void make_exit_key(void)
{
    has_exit_key = pthread_key_create(&exit_key, thread_exits) == 0;
}

static tb__thread_map *new_map(uint64_t slots)
{
    tb__thread_map *map = tb__calloc(1, sizeof *map + (size_t)slots * sizeof map->slots[0]);
    if (map != NULL)
        map->mask = slots - 1;
    return map;
}

static void insert(tb__thread_map *map, uint64_t serial, tb__lease *lease)
{
    uint64_t i = serial;
    while (map->slots[i & map->mask].serial != 0)
        i++;
    map->slots[i & map->mask] = (tb__thread_slot){serial, lease};
}

static uint64_t count_live(const tb__thread_map *map)
{
    uint64_t live = 0;
    for (uint64_t i = 0; map != NULL && i <= map->mask; i++)
        if (map->slots[i].lease != NULL && !atomic_load(&map->slots[i].lease->queue_gone))
            live++;
    return live;
}

/* Copies what is still of use; the rest is what closed writers left. */
static void move_live(tb__thread_map *to, tb__thread_map *from)
{
    for (uint64_t i = 0; from != NULL && i <= from->mask; i++) {
        tb__lease *lease = from->slots[i].lease;
        if (lease == NULL)
            continue;
        if (atomic_load(&lease->queue_gone))
            tb__lease_release(lease);
        else
            insert(to, from->slots[i].serial, lease);
    }
}

/* A new map with room for one more.  Each call rebuilds it: a thread meets a new writer rarely. */
tb_status tb__thread_remember(uint64_t serial, tb__lease *lease)
{
    pthread_once(&exit_key_once, make_exit_key);
    tb__thread_map *old = tb__this_thread;
    uint64_t slots = 4;
    while (slots < 2 * (count_live(old) + 1))
        slots *= 2;
    tb__thread_map *map = new_map(slots);
    if (map == NULL)
        return TB_STATUS_NO_MEMORY;
    if (has_exit_key && pthread_setspecific(exit_key, map) != 0) {
        tb__free(map);
        return TB_STATUS_NO_MEMORY;
    }
    move_live(map, old);
    insert(map, serial, lease);
    tb__free(old);
    tb__this_thread = map;
    return TB_STATUS_OK;
}

/* --- paths ------------------------------------------------------------------------------------ */

static pthread_key_t path_key;
static pthread_once_t path_key_once = PTHREAD_ONCE_INIT;
static bool has_path_key;

static void unmap_path(void *path)
{
    tb__os_unmap_memory(path, TB__THREAD_PATH_SIZE);
}

static void make_path_key(void)
{
    has_path_key = pthread_key_create(&path_key, unmap_path) == 0;
}

char *tb__thread_get_path(void)
{
    pthread_once(&path_key_once, make_path_key);
    if (!has_path_key)
        return NULL;
    char *path = pthread_getspecific(path_key);
    if (path != NULL)
        return path;
    path = tb__os_map_memory(TB__THREAD_PATH_SIZE);
    if (path != NULL && pthread_setspecific(path_key, path) != 0) {
        unmap_path(path);
        path = NULL;
    }
    return path;
}
