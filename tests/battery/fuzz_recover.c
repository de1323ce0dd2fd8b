/* Queue files that somebody has damaged, or forged, are given to tb_recover.  It may refuse them or
 * believe a part of them; it must not crash, leak, harm what the event file holds or write records
 * that are none.
 *
 *   battery_fuzz_recover [SECONDS [SEED]]    inputs from a random generator; 5 seconds by default
 *   battery_fuzz_recover -r PATH...          inputs that were kept: files, or folders of them
 *
 * An input is a list of changes to a real queue file, which a child that is killed has left.  After
 * them its checks are made to fit again, as far as the input says, so that what lies behind them is
 * reached.  Built by clang with -DTBLOG_SANITIZE=address,undefined,fuzzer-no-link, the program
 * libfuzzer_recover takes its inputs from libFuzzer, which looks for those that reach new code. */
#include <dirent.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <tblog.h>

#include "queue_image.h"

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static _Noreturn void fail(const char *why)
{
    fprintf(stderr, "fuzz_recover: %s (last error: %s)\n", why, tb_last_error(NULL));
    abort();
}

/* --- what a killed process has left ----------------------------------------------------------- */

enum { MAX_SPANS = 400, PAGE = 4096, RINGS_USED = 2, SOME = 64 };

/* What can be changed: parts of the file that say something, of some sorts. */
typedef enum sort {
    LAYOUT,
    SLOTS, /* and how many bytes the tags take */
    DIRECTORY,
    STORED_TAGS,
    HEADS,
    ENTRIES,
    BLOCKS,
    BATCH,
    SORTS
} sort;

typedef struct span {
    size_t offset, size;
} span;

typedef struct spans {
    span list[MAX_SPANS];
    size_t count, bytes;
} spans;

static struct {
    char dir[64], queue[400], events[400];
    queue_image file; /* as it was left ... */
    queue_image now;  /* ... and with an input's changes */
    uint8_t *event_bytes;
    size_t event_size;
    spans spans[SORTS];
    uint64_t blocks[SOME]; /* positions */
    size_t block_count;
} specimen;

static void log_large(tb_writer *w, int i)
{
    uint8_t pixels[2][8 * 4];
    memset(pixels, i, sizeof pixels);
    tb_image images[2] = {{.data = pixels[0], .width = 8, .height = 4},
                          {.data = pixels[1], .width = 4, .height = 2, .channels = 4}};
    tb_log_histogram(w, "h", (double[]){i, -i, 3}, 3, TB_FLOAT64, i);
    tb_log_text(w, "t", "some words", i);
    tb_log_images(w, "i", images, 2, i);
    tb_log_image(w, "one", &images[0], i);
    tb_box boxes[2] = {{1, 1, 6, 3, "box", 0, 0, 0}, {0, 0, 4, 4, NULL, 0, 0, 0}};
    tb_log_image_with(w, "drawn", &images[0], i,
                      &(tb_image_options){.boxes = boxes, .box_count = 2, .scale = 2});
    tb_video video = {.first = images[0], .frames = 2};
    video.first.height = 2;
    video.format = i % 2 == 0 ? TB_VIDEO_APNG : TB_VIDEO_GIF;
    tb_log_video(w, "video", &video, i);
    tb_graph *g = tb_graph_new();
    tb_graph_add(g, "Op", "node");
    tb_log_graph(w, g);
    tb_graph_free(g);
}

static void log_some(tb_writer *w)
{
    tb_log_scalars(w, (tb_scalar[]){{"a", 1}, {"b", 2}, {"c", 3}}, 3, 1);
    for (int i = 0; i < 10; i++)
        tb_log_scalar(w, "x", i, i);
    log_large(w, 1);
}

static void *log_in_thread(void *arg)
{
    log_some(arg);
    return NULL;
}

static void log_in_two_threads(tb_writer *w)
{
    pthread_t id;
    if (pthread_create(&id, NULL, log_in_thread, w) != 0)
        _exit(1);
    log_some(w);
    pthread_join(id, NULL);
}

static double clock_of_values(void *arg)
{
    (void)arg;
    return 1e9;
}

static void ignore_error(void *arg, tb_status status, const char *message)
{
    (void)arg, (void)status, (void)message;
}

static size_t size_of(const char *path)
{
    struct stat info;
    return stat(path, &info) == 0 ? (size_t)info.st_size : 0;
}

/* Some values are in the event file, some are being written, and some wait. */
static void log_and_die(void)
{
    signal(SIGXFSZ, SIG_IGN);
    tb_writer *w = tb_open(specimen.dir, &(tb_options){.flush_seconds = 1000,
                                                       .queue_bytes = 1 << 20,
                                                       .clock = clock_of_values,
                                                       .on_error = ignore_error});
    tb_tag_open(w, "x", &(tb_tag_options){.display_name = "X", .description = "what it is"});
    log_in_two_threads(w);
    if (tb_flush(w) != TB_STATUS_OK)
        _exit(1);
    size_t size = size_of(tb_event_file(w));
    setrlimit(RLIMIT_FSIZE, &(struct rlimit){size + 300, RLIM_INFINITY});
    log_some(w);
    if (tb_flush(w) != TB_STATUS_IO)
        _exit(1);
    log_in_two_threads(w);
    raise(SIGKILL);
}

/* Calls |visit| with each path in the directory. */
static void for_each_file(void (*visit)(const char *path))
{
    DIR *d = opendir(specimen.dir);
    const struct dirent *entry;
    char path[400];
    if (d == NULL)
        fail("the directory is gone");
    while ((entry = readdir(d)) != NULL) {
        snprintf(path, sizeof path, "%s/%s", specimen.dir, entry->d_name);
        if (entry->d_name[0] != '.')
            visit(path);
    }
    closedir(d);
}

static bool is_events(const char *path)
{
    return strstr(path, "tfevents") != NULL;
}

static void note_file(const char *path)
{
    snprintf(is_events(path) ? specimen.events : specimen.queue, sizeof specimen.queue, "%s", path);
}

static void remove_file(const char *path)
{
    if (unlink(path) != 0)
        rmdir(path);
}

static void remove_dir(void)
{
    for_each_file(remove_file);
    rmdir(specimen.dir);
}

/* --- where something is ----------------------------------------------------------------------- */

static void add_span(sort s, const void *at, size_t size)
{
    spans *all = &specimen.spans[s];
    if (at == NULL || all->count == MAX_SPANS)
        return;
    size_t offset = (size_t)((const uint8_t *)at - specimen.file.bytes);
    all->list[all->count++] = (span){offset, size};
    all->bytes += size;
}

static void find_directory(void)
{
    const image_header *h = queue_image_header(&specimen.file);
    size_t count = (h->layout.header_bytes - sizeof *h) / sizeof h->directory[0];
    for (size_t i = 0; i < count; i++)
        if (h->directory[i] != 0)
            add_span(DIRECTORY, &h->directory[i > 0 ? i - 1 : 0], 3 * sizeof h->directory[0]);
}

static void find_blocks(uint32_t ring, uint64_t position)
{
    const image_entry *entry = queue_image_entry(&specimen.file, ring, position);
    image_block *block = queue_image_block(&specimen.file, entry->data);
    bool has_block = entry->kind == IMAGE_VALUE || entry->kind == IMAGE_IMAGES
                     || entry->kind == IMAGE_GRAPH;
    if (!has_block || specimen.block_count == SOME)
        return;
    specimen.blocks[specimen.block_count++] = entry->data;
    add_span(BLOCKS, block, sizeof *block + (size_t)block->size);
}

static void find_places(void)
{
    const queue_image *f = &specimen.file;
    image_header *h = queue_image_header(f);
    image_slot *latest = queue_image_latest(f);
    add_span(LAYOUT, h, sizeof h->layout);
    add_span(SLOTS, &h->tags_used, sizeof h->tags_used + sizeof h->slots);
    find_directory();
    add_span(STORED_TAGS, queue_image_at(f, IMAGE_TAGS, 0), (size_t)h->tags_used);
    add_span(BATCH, queue_image_at(f, IMAGE_BATCH, 0), (size_t)latest->batch_bytes);
    for (uint32_t ring = 0; ring < RINGS_USED; ring++) {
        uint64_t *head = queue_image_head(f, ring), tail = latest->tails[ring];
        if (head == NULL || *head <= tail)
            fail("the child has not used all rings");
        add_span(HEADS, head, sizeof *head);
        add_span(SLOTS, &latest->tails[ring], sizeof latest->tails[ring]);
        add_span(ENTRIES, queue_image_entry(f, ring, tail),
                 (size_t)(*head - tail + 2) * sizeof(image_entry));
        for (uint64_t at = tail; at < *head; at++)
            find_blocks(ring, at);
    }
    for (int i = 0; i < SORTS; i++)
        if (specimen.spans[i].bytes == 0)
            fail("the child has left less than it should");
}

static void read_events(void)
{
    queue_image events = queue_image_load(specimen.events); /* bytes are bytes */
    specimen.event_bytes = events.bytes;
    specimen.event_size = events.size;
}

static void make_specimen(void)
{
    bool has_shm = access("/dev/shm", W_OK) == 0;
    snprintf(specimen.dir, sizeof specimen.dir, "%s/tblog-fuzz-XXXXXX", has_shm ? "/dev/shm" : ".");
    if (mkdtemp(specimen.dir) == NULL)
        fail("no directory");
    atexit(remove_dir);
    int status;
    fflush(NULL);
    pid_t id = fork();
    if (id == 0)
        log_and_die();
    if (waitpid(id, &status, 0) != id || !WIFSIGNALED(status) || WTERMSIG(status) != SIGKILL)
        fail("the child did not end as it should");
    for_each_file(note_file);
    specimen.file = queue_image_load(specimen.queue);
    specimen.now = (queue_image){malloc(specimen.file.size), specimen.file.size};
    read_events();
    find_places();
}

/* --- an input --------------------------------------------------------------------------------- */

/* Which checks are made to fit, and what else happens to the directory. */
enum {
    SEAL_LAYOUT = 1,
    SEAL_SLOTS = 2,
    SEAL_TAGS = 4,
    SEAL_ENTRIES = 8,
    SEAL_BLOCKS = 16,
    OTHER_BOOT = 32,
    CUT_QUEUE = 64,
    TWICE = 128
};
typedef enum events_fate { EVENTS_KEPT, EVENTS_REMOVED, EVENTS_CUT, EVENTS_LONGER } events_fate;

typedef struct input {
    const uint8_t *data;
    size_t left;
    uint8_t flags;
    events_fate fate;
    size_t queue_size, events_size;
} input;

static uint8_t take(input *in)
{
    if (in->left == 0)
        return 0;
    in->left--;
    return *in->data++;
}

static uint32_t take24(input *in)
{
    uint32_t low = take(in), middle = take(in);
    return low | middle << 8 | (uint32_t)take(in) << 16;
}

static uint8_t *place_in(sort s, size_t at)
{
    const spans *all = &specimen.spans[s];
    at %= all->bytes;
    size_t i = 0;
    while (at >= all->list[i].size)
        at -= all->list[i++].size;
    return specimen.now.bytes + all->list[i].offset + at;
}

/* Numbers at which something might go wrong. */
static uint64_t odd_number(uint8_t which)
{
    static const uint64_t odd[] = {
        0, 1, 2, 31, 32, 63, 64, 255, 256, 4096, 4097, 8191, 8192, 8193, 65535, 65536, 1 << 20,
        (1 << 20) - 32, 64 << 20, INT32_MAX, UINT32_MAX, (uint64_t)1 << 46, INT64_MAX,
        (uint64_t)1 << 63, UINT64_MAX, UINT64_MAX - 1, UINT64_MAX - 31, UINT64_MAX - 8192,
        UINT64_MAX - 65536, 0x7ff0000000000000, 0x7ff8000000000000, 0xffefffffffffffff};
    return odd[which % (sizeof odd / sizeof odd[0])];
}

/* A change: a place, and bytes that are stored there or mingled with what is there. */
static void change(input *in)
{
    enum { BIT_SIZE = 7, IS_ODD = 8, IS_XOR = 16 };
    uint8_t *to = place_in((sort)(take(in) % SORTS), take24(in));
    uint8_t how = take(in);
    if (how & IS_ODD) {
        uint64_t number = odd_number(take(in));
        uint8_t *end = specimen.now.bytes + specimen.now.size;
        to -= (size_t)(to - specimen.now.bytes) % 4; /* where numbers are */
        size_t size = how & IS_XOR ? 4 : 8;
        memcpy(to, &number, (size_t)(end - to) < size ? (size_t)(end - to) : size);
        return;
    }
    for (int i = 0; i <= (how & BIT_SIZE) && to + i < specimen.now.bytes + specimen.now.size; i++)
        to[i] = how & IS_XOR ? to[i] ^ take(in) : take(in);
}

/* --- checks that fit again -------------------------------------------------------------------- */

static void seal_tags(void)
{
    size_t used = specimen.spans[STORED_TAGS].bytes, at = 0;
    uint8_t *bytes = specimen.now.bytes + specimen.spans[STORED_TAGS].list[0].offset;
    while (used - at >= sizeof(image_tag)) {
        image_tag *tag = (image_tag *)(void *)(bytes + at);
        uint64_t size = sizeof *tag + (uint64_t)tag->name_size + tag->metadata_size;
        if (size > IMAGE_PIECE - at)
            return;
        queue_image_seal_tag(tag);
        at += (size_t)(size + 7) / 8 * 8;
        if (at > used)
            return;
    }
}

/* Each for the position that the latest commit makes of its place. */
static void seal_entries(void)
{
    for (uint32_t ring = 0; ring < RINGS_USED; ring++) {
        const span *s = &specimen.spans[ENTRIES].list[ring];
        uint64_t first = queue_image_latest(&specimen.file)->tails[ring];
        uint64_t tail = queue_image_latest(&specimen.now)->tails[ring];
        image_entry *entries = (image_entry *)(void *)(specimen.now.bytes + s->offset);
        for (size_t i = 0; i < s->size / sizeof *entries; i++) {
            uint64_t ahead = (first + i - tail) % IMAGE_RING_ENTRIES;
            queue_image_seal_entry(&entries[i], tail + ahead);
        }
    }
}

static void seal_blocks(void)
{
    for (size_t i = 0; i < specimen.block_count; i++) {
        const uint8_t *at = (uint8_t *)queue_image_block(&specimen.file, specimen.blocks[i]);
        size_t offset = (size_t)(at - specimen.file.bytes);
        image_block *block = (image_block *)(void *)(specimen.now.bytes + offset);
        if (block->sealed && block->size < specimen.now.size - offset - sizeof *block)
            queue_image_seal_block(block);
    }
}

static void seal(uint8_t flags)
{
    image_header *h = queue_image_header(&specimen.now);
    if (flags & OTHER_BOOT)
        h->layout.boot_id[0] ^= 1;
    if (flags & (SEAL_LAYOUT | OTHER_BOOT))
        queue_image_seal_layout(&h->layout);
    if (flags & SEAL_SLOTS) {
        queue_image_seal_slot(&h->slots[0]);
        queue_image_seal_slot(&h->slots[1]);
    }
    if (flags & SEAL_TAGS)
        seal_tags();
    if (flags & SEAL_ENTRIES)
        seal_entries();
    if (flags & SEAL_BLOCKS)
        seal_blocks();
}

/* --- the directory ---------------------------------------------------------------------------- */

/* Writes the file, with holes for pages of zeros. */
static void save_queue(size_t size)
{
    static const uint8_t zeros[PAGE];
    int fd = open(specimen.queue, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
    if (fd < 0 || ftruncate(fd, (off_t)size) != 0)
        fail("no queue file");
    for (size_t at = 0; at < size; at += PAGE) {
        size_t part = size - at < PAGE ? size - at : PAGE;
        if (memcmp(specimen.now.bytes + at, zeros, part) != 0
            && pwrite(fd, specimen.now.bytes + at, part, (off_t)at) != (ssize_t)part)
            fail("the queue file was not written");
    }
    close(fd);
}

static void save_events(const input *in)
{
    static const uint8_t more[1 << 16];
    if (in->fate == EVENTS_REMOVED)
        return;
    int fd = open(specimen.events, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
    size_t size = in->events_size < specimen.event_size ? in->events_size : specimen.event_size;
    size_t rest = in->events_size - size;
    if (fd < 0 || write(fd, specimen.event_bytes, size) != (ssize_t)size
        || write(fd, more, rest) != (ssize_t)rest)
        fail("no event file");
    close(fd);
}

/* --- what came of it -------------------------------------------------------------------------- */

static uint32_t masked_crc(const uint8_t *data, size_t size)
{
    uint32_t crc = queue_image_crc(data, size);
    return (crc >> 15 | crc << 17) + 0xa282ead8;
}

static uint32_t load32(const uint8_t *p)
{
    return (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

/* Bytes behind the last whole record of a file; none of those before may be damaged. */
static size_t torn_bytes(const queue_image *file)
{
    size_t at = 0;
    while (file->size - at >= 16) {
        const uint8_t *record = file->bytes + at;
        uint64_t length = load32(record) | (uint64_t)load32(record + 4) << 32;
        if (load32(record + 8) != masked_crc(record, 8))
            fail("a record's length is damaged");
        if (length > file->size - at - 16)
            break;
        if (load32(record + 12 + length) != masked_crc(record + 12, (size_t)length))
            fail("a record's data is damaged");
        at += 16 + (size_t)length;
    }
    return file->size - at;
}

static const input *running;

static void check_events(const char *path)
{
    if (!is_events(path))
        return;
    queue_image file = queue_image_load(path);
    bool is_first = strcmp(path, specimen.events) == 0 && running->fate != EVENTS_REMOVED;
    size_t kept = running->events_size < specimen.event_size ? running->events_size
                                                             : specimen.event_size;
    if (is_first
        && (file.size < running->events_size
            || memcmp(file.bytes, specimen.event_bytes, kept) != 0))
        fail("the event file has lost what it held");
    if (!is_first && torn_bytes(&file) > 0)
        fail("a new file ends torn");
    /* A forged commit may say that any place is the right one to go on from. */
    bool is_as_left = running->fate == EVENTS_KEPT && !(running->flags & SEAL_SLOTS);
    if (is_first && is_as_left && file.size != specimen.event_size && torn_bytes(&file) > 0)
        fail("the event file was not completed");
    queue_image_free(&file);
}

static size_t all_bytes;

static void add_bytes(const char *path)
{
    all_bytes += size_of(path);
}

static size_t bytes_in_dir(void)
{
    all_bytes = 0;
    for_each_file(add_bytes);
    return all_bytes;
}

static void check_second_time(tb_status first)
{
    size_t before = bytes_in_dir();
    tb_status rv = tb_recover(specimen.dir);
    if (first == TB_STATUS_OK && rv != TB_STATUS_OK)
        fail("what was well the first time is not the second");
    if (size_of(specimen.queue) == 0 && bytes_in_dir() != before)
        fail("there was something left to do");
}

/* The next descriptor. */
static int free_fd(void)
{
    int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
    close(fd);
    return fd;
}

static void run(const input *in)
{
    int fd = free_fd();
    tb_status rv = tb_recover(specimen.dir);
    running = in;
    bool is_left = size_of(specimen.queue) > 0;
    if (rv == TB_STATUS_OK && is_left)
        fail("a queue file is left, and that is no error");
    if (rv != TB_STATUS_OK && rv != TB_STATUS_CORRUPT && !is_left)
        fail("a queue file that was refused is gone");
    for_each_file(check_events);
    if (in->flags & TWICE)
        check_second_time(rv);
    if (free_fd() != fd)
        fail("a file is open still");
}

/* --- running ---------------------------------------------------------------------------------- */

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    (void)argc, (void)argv;
    make_specimen();
    return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    input in = {.data = data, .left = size};
    memcpy(specimen.now.bytes, specimen.file.bytes, specimen.now.size);
    in.flags = take(&in);
    in.fate = (events_fate)(take(&in) % 4);
    in.queue_size = in.flags & CUT_QUEUE ? take24(&in) % specimen.now.size : specimen.now.size;
    in.events_size = specimen.event_size;
    if (in.fate == EVENTS_CUT)
        in.events_size = take24(&in) % specimen.event_size;
    if (in.fate == EVENTS_LONGER)
        in.events_size += take24(&in) % (1 << 16);
    while (in.left > 0)
        change(&in);
    seal(in.flags);
    for_each_file(remove_file);
    save_queue(in.queue_size);
    save_events(&in);
    run(&in);
    return 0;
}

#ifndef WITH_LIBFUZZER

static uint64_t random_state;

static uint32_t random32(void)
{
    random_state = random_state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (uint32_t)(random_state >> 32);
}

static void replay_file(const char *path)
{
    queue_image file = queue_image_load(path);
    LLVMFuzzerTestOneInput(file.bytes, file.size);
    queue_image_free(&file);
}

static uint64_t replay_folder(const char *folder)
{
    uint64_t count = 0;
    DIR *d = opendir(folder);
    const struct dirent *entry;
    char path[1000];
    while (d != NULL && (entry = readdir(d)) != NULL) {
        if (entry->d_name[0] == '.')
            continue;
        snprintf(path, sizeof path, "%s/%s", folder, entry->d_name);
        replay_file(path);
        count++;
    }
    if (d != NULL)
        closedir(d);
    return count;
}

static int replay(int count, char **paths)
{
    uint64_t inputs = 0;
    struct stat info;
    for (int i = 0; i < count; i++) {
        bool is_folder = stat(paths[i], &info) == 0 && S_ISDIR(info.st_mode);
        if (!is_folder)
            replay_file(paths[i]);
        inputs += is_folder ? replay_folder(paths[i]) : 1;
    }
    printf("fuzz_recover: %llu inputs replayed, 0 wrong\n", (unsigned long long)inputs);
    return inputs > 0 ? 0 : 1;
}

static double seconds_now(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

/* Which input it was that made the program end. */
static uint8_t bytes[80];
static size_t byte_count;

static void tell_input(int number)
{
    static const char digits[] = "0123456789abcdef";
    char words[2 * sizeof bytes + 1];
    for (size_t i = 0; i < byte_count; i++) {
        words[2 * i] = digits[bytes[i] >> 4];
        words[2 * i + 1] = digits[bytes[i] & 15];
    }
    words[2 * byte_count] = '\n';
    ssize_t written = write(STDERR_FILENO, words, 2 * byte_count + 1);
    (void)written;
    signal(number, SIG_DFL);
    raise(number);
}

static uint64_t run_random(double seconds)
{
    uint64_t runs = 0;
    double end = seconds_now() + seconds;
    for (; seconds_now() < end; runs++) {
        byte_count = 2 + random32() % (sizeof bytes - 2);
        for (size_t i = 0; i < byte_count; i++)
            bytes[i] = (uint8_t)random32();
        if (random32() % 2 == 0)
            bytes[1] = EVENTS_KEPT;
        if (random32() % 8 != 0)
            bytes[0] = (uint8_t)(bytes[0] & ~CUT_QUEUE);
        LLVMFuzzerTestOneInput(bytes, byte_count);
    }
    return runs;
}

int main(int argc, char **argv)
{
    LLVMFuzzerInitialize(&argc, &argv);
    if (argc > 1 && strcmp(argv[1], "-r") == 0)
        return replay(argc - 2, argv + 2);
    static const int deadly[] = {SIGABRT, SIGSEGV, SIGBUS, SIGFPE};
    for (size_t i = 0; i < sizeof deadly / sizeof deadly[0]; i++)
        signal(deadly[i], tell_input);
    double seconds = argc > 1 ? atof(argv[1]) : 5;
    random_state = argc > 2 ? strtoull(argv[2], NULL, 10) : (uint64_t)time(NULL);
    unsigned long long seed = random_state;
    printf("fuzz_recover: seed %llu\n", seed);
    printf("fuzz_recover: %llu inputs\n", (unsigned long long)run_random(seconds));
    return 0;
}

#endif
