/* Cuts the power while processes log: what was synced must be there when the machine is up again.
 *
 * usage: power_cut [ROUNDS [SEED]]
 *
 * The medium of a file system is memory that can be sealed: from that instant on nothing gets
 * there, whatever the system still had to write.  A copy is then mounted, its journal replayed,
 * what is left there recovered (by what believes to be another boot of the machine), and read. */
#include <errno.h>
#include <fcntl.h>
#include <linux/loop.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <tblog.h>

#include "aid.h"
#include "scan.h"

enum {
    DEFAULT_ROUNDS = 8,
    MEDIUM_BYTES = 48 << 20,
    LIVES = 2,   /* processes that follow each other in a round, the first of which is killed */
    THREADS = 3,
    LOGGERS = LIVES * THREADS,
    MOST_VALUES = 1 << 20 /* of a logger in a round */
};

/* What processes tell those that outlive them. */
typedef struct board {
    _Atomic uint64_t returned[LOGGERS]; /* values whose call has returned */
    _Atomic uint64_t acknowledged[LOGGERS]; /* ... and that a sync has followed, which succeeded */
    _Atomic uint64_t syncs;
    _Atomic uint64_t unsynced_files; /* that have their names, and were never synced */
    _Atomic bool is_cut;
} board;

typedef struct totals {
    uint64_t cuts, killed_before, acknowledged, found, syncs, own_syncs;
    uint64_t torn, zero_tails, bare, queues_left, told_corrupt, signals;
} totals;

typedef struct round {
    uint64_t chance; /* state of aid_random */
    tb_options options;
    int threads;
    int lives;
    bool syncs_alone; /* by sync_seconds, not by tb_sync */
    bool stirs;       /* somebody else makes the system write now and then */
    double seconds;   /* that the first life lasts at least */
    const char *mount_options;
    uint64_t unsynced_before; /* files of the first life */
    totals *totals;
} round;

static board *shared;
static bool always_syncs; /* the writer of this round */
static char before_dir[4300], after_dir[4300], run_before[4400], run_after[4400], boot_path[4300];

/* --- the medium ------------------------------------------------------------------------------- */

static int make_medium(void)
{
    int fd = memfd_create("medium", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    if (fd < 0 || ftruncate(fd, MEDIUM_BYTES) != 0)
        aid_skip("no memory that can be sealed (%s)", strerror(errno));
    return fd;
}

static int copy_medium(int from)
{
    int to = make_medium();
    const char *bytes = mmap(NULL, MEDIUM_BYTES, PROT_READ, MAP_SHARED, from, 0);
    if (bytes == MAP_FAILED)
        aid_die("mmap");
    static const char zeros[4096];
    for (off_t at = 0; at < MEDIUM_BYTES; at += (off_t)sizeof zeros)
        if (memcmp(bytes + at, zeros, sizeof zeros) != 0
            && pwrite(to, bytes + at, sizeof zeros, at) != (ssize_t)sizeof zeros)
            aid_die("copy the medium");
    munmap((void *)(uintptr_t)bytes, MEDIUM_BYTES);
    return to;
}

static void cut(int medium)
{
    atomic_store(&shared->is_cut, true);
    if (fcntl(medium, F_ADD_SEALS, F_SEAL_FUTURE_WRITE) != 0)
        aid_skip("no memory that can be sealed (%s)", strerror(errno));
}

/* A block device of the medium, which goes when nobody uses it any more.  Returns its
 * descriptor. */
static int attach(char *name, size_t size, int medium)
{
    struct loop_config config = {.fd = (uint32_t)medium, .info.lo_flags = LO_FLAGS_AUTOCLEAR};
    int control = open("/dev/loop-control", O_RDWR | O_CLOEXEC);
    for (int tries = 0; control >= 0 && tries < 50; tries++) {
        int number = ioctl(control, LOOP_CTL_GET_FREE);
        snprintf(name, size, "/dev/loop%d", number);
        int fd = number < 0 ? -1 : open(name, O_RDWR | O_CLOEXEC);
        if (fd >= 0 && ioctl(fd, LOOP_CONFIGURE, &config) == 0) {
            close(control);
            return fd;
        }
        int reason = errno;
        if (fd >= 0)
            close(fd);
        errno = reason;
        if (reason != EBUSY)
            break;
        aid_sleep(0.02); /* somebody else was faster */
    }
    aid_skip("no loop device (%s)", strerror(errno));
}

static void run_mkfs(void *arg)
{
    execlp("mkfs.ext4", "mkfs.ext4", "-q", "-F", "-b", "4096", "-J", "size=4", "-E",
           "nodiscard,lazy_itable_init=0,lazy_journal_init=0", arg, (char *)NULL);
    _exit(127);
}

/* A medium with an empty file system. */
static int format_medium(void)
{
    char name[64];
    int medium = make_medium(), device = attach(name, sizeof name, medium);
    int status = aid_await(aid_fork(run_mkfs, name), 60);
    close(device);
    if (WIFEXITED(status) && WEXITSTATUS(status) == 127)
        aid_skip("mkfs.ext4 is missing (package e2fsprogs)");
    if (status != 0)
        aid_die("mkfs.ext4 failed");
    return medium;
}

static void mount_medium(const char *dir, int medium, const char *options)
{
    char name[64];
    int device = attach(name, sizeof name, medium);
    if (mount(name, dir, "ext4", 0, options) != 0)
        aid_skip("mounting an ext4 is not allowed here (%s)", strerror(errno));
    close(device);
}

static void unmount(const char *dir)
{
    for (int tries = 0; umount2(dir, 0) != 0; tries++) {
        if (errno != EBUSY || tries > 200) {
            umount2(dir, MNT_DETACH);
            return;
        }
        aid_sleep(0.01);
    }
}

/* Which boot of the machine this is. */
static void set_boot(const char *id)
{
    FILE *f = fopen(boot_path, "w");
    if (f == NULL || fprintf(f, "%s\n", id) < 0 || fclose(f) != 0)
        aid_die(boot_path);
}

/* --- processes that log ----------------------------------------------------------------------- */

typedef struct job {
    const round *round;
    tb_writer *writer;
    int life, thread;
    uint64_t chance;
} job;

static void raise_to(_Atomic uint64_t *value, uint64_t to)
{
    uint64_t now = atomic_load(value);
    while (now < to && !atomic_compare_exchange_weak(value, &now, to))
        ;
}

static scan_kind kind_of(uint64_t number)
{
    return number % 16 == 5 ? SCAN_TEXT : number % 16 == 9 ? SCAN_HISTOGRAM : SCAN_SCALAR;
}

static size_t text_of(char *out, size_t size, uint64_t number)
{
    int length = snprintf(out, size, "value %llu ", (unsigned long long)number);
    size_t end = (size_t)length + number % 700;
    memset(out + length, 'x', end - (size_t)length);
    out[end] = '\0';
    return end;
}

static tb_status log_value(tb_writer *w, int logger, uint64_t number)
{
    static const float data[100] = {1, 2, 3};
    char tag[32], text[1000];
    scan_kind kind = kind_of(number);
    snprintf(tag, sizeof tag, "%d/%d", logger, (int)kind);
    if (kind == SCAN_SCALAR)
        return tb_log_scalar(w, tag, (double)number, (int64_t)number);
    if (kind == SCAN_HISTOGRAM)
        return tb_log_histogram(w, tag, data, 1 + number % 100, TB_FLOAT32, (int64_t)number);
    text_of(text, sizeof text, number);
    return tb_log_text(w, tag, text, (int64_t)number);
}

/* What has returned before is acknowledged when this succeeds. */
static void sync_and_tell(tb_writer *w)
{
    uint64_t returned[LOGGERS];
    for (int i = 0; i < LOGGERS; i++)
        returned[i] = atomic_load(&shared->returned[i]);
    if (tb_sync(w) != TB_STATUS_OK) {
        if (!atomic_load(&shared->is_cut))
            aid_wrong("tb_sync: %s", tb_last_error(w));
        return;
    }
    for (int i = 0; i < LOGGERS; i++)
        raise_to(&shared->acknowledged[i], returned[i]);
    atomic_fetch_add(&shared->syncs, 1);
}

static void *log_values(void *arg)
{
    job *j = arg;
    int logger = j->life * THREADS + j->thread;
    for (uint64_t number = 0; number < MOST_VALUES;) {
        uint64_t burst = 1 + aid_random(&j->chance, 200);
        for (uint64_t i = 0; i < burst; i++) {
            tb_status rv = log_value(j->writer, logger, number);
            if (rv != TB_STATUS_OK) { /* the medium is gone, and the queue full */
                if (!atomic_load(&shared->is_cut))
                    aid_wrong("log: %s: %s", tb_status_text(rv), tb_last_error(j->writer));
                return NULL;
            }
            atomic_store(&shared->returned[logger], ++number);
        }
        if (!j->round->syncs_alone && aid_random(&j->chance, 8) == 0)
            sync_and_tell(j->writer);
        aid_sleep((double)aid_random(&j->chance, 4000) * 1e-6);
    }
    return NULL;
}

/* --- files, and syncs that nobody asked for --------------------------------------------------- */

/* The library's calls come here: event files that are made are known by their descriptors, until
 * they are synced.  One that is synced before it has a name is never seen empty. */
enum { DESCRIPTORS = 1024 };
typedef enum unsynced { NO_FILE, WITHOUT_NAME, WITH_NAME } unsynced;
static _Atomic int unsynced_as[DESCRIPTORS];

static unsynced note_file(int fd, unsynced as)
{
    if (fd < 0 || fd >= DESCRIPTORS)
        return NO_FILE;
    if (as == WITH_NAME)
        atomic_fetch_add(&shared->unsynced_files, 1);
    return (unsynced)atomic_exchange(&unsynced_as[fd], (int)as);
}

static bool is_event_file(const char *name)
{
    return strncmp(name, "events.out.", 11) == 0;
}

int openat(int dir, const char *name, int flags, ...)
{
    va_list args;
    va_start(args, flags);
    bool has_mode = (flags & O_CREAT) != 0 || (flags & O_TMPFILE) == O_TMPFILE;
    mode_t mode = has_mode ? va_arg(args, mode_t) : 0;
    va_end(args);
    int fd = (int)syscall(SYS_openat, dir, name, flags, mode);
    bool is_unnamed = (flags & O_TMPFILE) == O_TMPFILE;
    bool is_new = (flags & O_CREAT) != 0 && is_event_file(name);
    note_file(fd, is_unnamed ? WITHOUT_NAME : is_new ? WITH_NAME : NO_FILE);
    return fd;
}

int linkat(int from_dir, const char *from, int to_dir, const char *to, int flags)
{
    int fd, rv = (int)syscall(SYS_linkat, from_dir, from, to_dir, to, flags);
    bool is_named = rv == 0 && is_event_file(to) && sscanf(from, "/proc/self/fd/%d", &fd) == 1;
    if (is_named && fd < DESCRIPTORS && atomic_load(&unsynced_as[fd]) == WITHOUT_NAME)
        note_file(fd, WITH_NAME);
    return rv;
}

static void note_sync(int fd)
{
    if (note_file(fd, NO_FILE) == WITH_NAME)
        atomic_fetch_sub(&shared->unsynced_files, 1);
}

/* The worker calls fsync here: of the event file, then of its directory.  A record per value and
 * one for the version; one thread logs. */
static tb_writer *_Atomic watched;
static int watched_logger;
static uint64_t in_file; /* values when the latest fsync of the event file began */

int fsync(int fd)
{
    struct stat info;
    tb_stats stats = {0};
    tb_writer *w = atomic_load(&watched);
    tb_get_stats(w, &stats);
    int rv = (int)syscall(SYS_fsync, fd);
    if (rv == 0)
        note_sync(fd);
    if (w == NULL || rv != 0 || fstat(fd, &info) != 0 || stats.records == 0)
        return rv;
    if (S_ISREG(info.st_mode)) {
        in_file = stats.records - 1;
    } else {
        raise_to(&shared->acknowledged[watched_logger], in_file);
        atomic_fetch_add(&shared->syncs, 1);
    }
    return rv;
}

/* --- a life ----------------------------------------------------------------------------------- */

static void be_quiet(void *arg, tb_status status, const char *message)
{
    (void)arg, (void)status, (void)message;
}

static void live(const round *r, int life)
{
    tb_options options = r->options;
    options.on_error = be_quiet;
    tb_writer *w = tb_open(run_before, &options);
    if (w == NULL) {
        if (!atomic_load(&shared->is_cut))
            aid_wrong("tb_open: %s", tb_last_error(NULL));
        _exit(0);
    }
    /* What the one that was killed had logged is in its file, and synced: unless the cut came
     * first. */
    if (life > 0 && !atomic_load(&shared->is_cut)) {
        for (int i = 0; i < life * THREADS; i++)
            raise_to(&shared->acknowledged[i], atomic_load(&shared->returned[i]));
        atomic_fetch_sub(&shared->unsynced_files, r->unsynced_before);
    }
    watched_logger = life * THREADS;
    if (r->syncs_alone)
        atomic_store(&watched, w);
    pthread_t threads[THREADS];
    job jobs[THREADS];
    for (int i = 0; i < r->threads; i++) {
        jobs[i] = (job){r, w, life, i, r->chance + (uint64_t)(life * THREADS + i)};
        if (pthread_create(&threads[i], NULL, log_values, &jobs[i]) != 0)
            _exit(2);
    }
    for (int i = 0; i < r->threads; i++)
        pthread_join(threads[i], NULL);
    _exit(0);
}

static void live_first(void *arg)
{
    live(arg, 0);
}

static void live_second(void *arg)
{
    live(arg, 1);
}

/* --- what is left ----------------------------------------------------------------------------- */

typedef struct look {
    uint8_t *seen[LOGGERS];   /* one per value */
    int64_t latest[LOGGERS];
    uint64_t found;
    const char *when;
} look;

static bool is_right(const scan_value *v)
{
    char text[1000];
    uint64_t number = (uint64_t)v->step;
    if (v->kind != kind_of(number))
        return false;
    if (v->kind == SCAN_SCALAR)
        return v->scalar == (float)v->step;
    if (v->kind == SCAN_HISTOGRAM)
        return v->count == (double)(1 + number % 100);
    size_t size = text_of(text, sizeof text, number);
    return v->text_size == size && memcmp(v->text, text, size) == 0;
}

static void see(void *arg, const scan_value *v)
{
    look *l = arg;
    int logger, kind;
    if (strcmp(v->tag, "after") == 0)
        return;
    if (sscanf(v->tag, "%d/%d", &logger, &kind) != 2 || logger < 0 || logger >= LOGGERS
        || v->step < 0 || v->step >= MOST_VALUES || !is_right(v)) {
        aid_wrong("%s: %s: a value of %s at step %lld that nobody logged", l->when, v->file, v->tag,
                  (long long)v->step);
        return;
    }
    if (l->seen[logger][v->step]++ > 0)
        aid_wrong("%s: value %lld of logger %d twice", l->when, (long long)v->step, logger);
    else if (v->step < l->latest[logger])
        aid_wrong("%s: value %lld of logger %d after %lld", l->when, (long long)v->step, logger,
                  (long long)l->latest[logger]);
    l->latest[logger] = v->step;
    l->found++;
}

static void check_acknowledged(const look *l)
{
    for (int i = 0; i < LOGGERS; i++) {
        uint64_t missing = 0, first = 0, count = atomic_load(&shared->acknowledged[i]);
        for (uint64_t k = count; k-- > 0;)
            if (l->seen[i][k] == 0) {
                missing++;
                first = k;
            }
        if (missing > 0)
            aid_wrong("%s: %llu of %llu values of logger %d that were synced are gone, the first "
                      "is %llu", l->when, (unsigned long long)missing, (unsigned long long)count, i,
                      (unsigned long long)first);
    }
}

/* Until its first sync a file may be a name alone, but not where the writer syncs by itself. */
static uint64_t most_empty_files(void)
{
    return always_syncs ? 0 : atomic_load(&shared->unsynced_files);
}

/* |recovered|: all that was synced must be there. */
static scan_counts look_at_run(const char *when, bool recovered)
{
    static look l;
    scan_counts counts = {0};
    l.when = when;
    l.found = 0;
    for (int i = 0; i < LOGGERS; i++) {
        if (l.seen[i] == NULL)
            l.seen[i] = calloc(MOST_VALUES, 1);
        if (l.seen[i] == NULL)
            aid_die("calloc");
        memset(l.seen[i], 0, MOST_VALUES);
        l.latest[i] = -1;
    }
    scan_dir(&counts, run_after, see, &l);
    if (counts.wrong[0] != '\0')
        aid_wrong("%s: %s", when, counts.wrong);
    if (recovered)
        check_acknowledged(&l);
    if (counts.empty_files > most_empty_files())
        aid_wrong("%s: %llu of %llu event files are empty", when,
                  (unsigned long long)counts.empty_files, (unsigned long long)counts.files);
    if (!recovered && counts.torn_files > 1)
        aid_wrong("%s: %llu files end torn", when, (unsigned long long)counts.torn_files);
    return counts;
}

enum { RECOVERED = 0, FAILED = 1, NOTHING = 3, CORRUPT = 4 };

static void recover(void *arg)
{
    struct stat info;
    (void)arg;
    if (stat(run_after, &info) != 0)
        _exit(NOTHING);
    tb_status rv = tb_recover(after_dir);
    if (rv != TB_STATUS_OK && rv != TB_STATUS_CORRUPT)
        aid_wrong("tb_recover: %s", tb_last_error(NULL));
    _exit(rv == TB_STATUS_OK ? RECOVERED : rv == TB_STATUS_CORRUPT ? CORRUPT : FAILED);
}

/* Training goes on in the same directory. */
static void go_on(void *arg)
{
    (void)arg;
    tb_options options = {.on_error = be_quiet};
    tb_writer *w = tb_open(run_after, &options);
    if (w == NULL)
        aid_wrong("tb_open after the cut: %s", tb_last_error(NULL));
    tb_log_scalar(w, "after", 1, 1);
    if (tb_close(w) != TB_STATUS_OK)
        aid_wrong("tb_close after the cut: %s", tb_last_error(NULL));
}

static void look_after_cut(totals *t)
{
    t->bare += look_at_run("as the disk was left", false).empty_files;
    int status = aid_await(aid_fork(recover, NULL), 60);
    int result = WIFEXITED(status) ? WEXITSTATUS(status) : FAILED;
    if (result == FAILED)
        aid_wrong("tb_recover failed: status %#x", (unsigned)status);
    t->told_corrupt += result == CORRUPT;
    if (result == NOTHING) {
        if (atomic_load(&shared->syncs) > 0)
            aid_wrong("the directory is gone");
        return;
    }
    scan_counts counts = look_at_run("recovered", true);
    t->found += counts.values;
    t->torn += counts.torn_files;
    t->zero_tails += counts.zero_tails;
    t->queues_left += scan_count_names(run_after, "tblog-queue.");
    aid_await(aid_fork(go_on, NULL), 60);
    look_at_run("gone on", true);
}

/* --- a round ---------------------------------------------------------------------------------- */

/* The first round has the time for what main() asks of all. */
static round plan(uint64_t seed, uint64_t number, totals *t)
{
    round r = {.chance = seed + number * 7919, .totals = t};
    uint64_t *c = &r.chance;
    bool is_first = number == 0;
    r.syncs_alone = aid_random(c, 3) == 0 || is_first;
    r.threads = r.syncs_alone ? 1 : 1 + (int)aid_random(c, THREADS);
    r.lives = 1 + (aid_random(c, 4) == 0);
    r.stirs = aid_random(c, 2) == 0;
    r.seconds = is_first ? 1 : aid_random(c, 6) == 0 ? 0 : 0.05; /* 0: cut while it opens */
    r.options.flush_seconds = aid_random(c, 2) == 0 ? 0.01 : 0.2;
    r.options.sync_seconds = r.syncs_alone ? 0.05 : 0;
    r.options.full_wait_seconds = 5;
    if (!r.syncs_alone && aid_random(c, 3) == 0)
        r.options.max_file_bytes = 1 << 20;
    r.options.filename_suffix = aid_random(c, 4) == 0 ? ".cut" : NULL;
    static const char *const mounts[] = {"errors=remount-ro", "errors=remount-ro,commit=1",
                                         "errors=remount-ro,data=journal",
                                         "errors=remount-ro,data=writeback"};
    r.mount_options = mounts[aid_random(c, 4)];
    return r;
}

/* Makes the system write all that it has; or what another file needs, and with it names and sizes
 * of all files but not what they hold. */
static void stir(round *r, int other)
{
    if (aid_random(&r->chance, 2) == 0)
        syncfs(other);
    else if (pwrite(other, "x", 1, (off_t)aid_random(&r->chance, 1 << 20)) == 1)
        fsync(other);
}

/* Waits, and stirs now and then, so that the medium holds some pages that are older than others. */
static void wait_a_while(round *r, double seconds)
{
    char path[4400];
    double end = aid_now() + seconds;
    snprintf(path, sizeof path, "%s/other", before_dir);
    int other = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0666);
    while (aid_now() < end) {
        aid_sleep(r->stirs ? 0.002 + (double)aid_random(&r->chance, 40) * 1e-3 : seconds);
        if (r->stirs && other >= 0 && aid_now() < end)
            stir(r, other);
    }
    close(other);
}

static void end_process(totals *t, pid_t id)
{
    kill(id, SIGKILL);
    int status = aid_await(id, 60);
    if (WIFSIGNALED(status) && WTERMSIG(status) != SIGKILL) {
        t->signals++;
        if (!atomic_load(&shared->is_cut))
            aid_wrong("a process ended by signal %d", WTERMSIG(status));
    }
}

static void live_until_cut(round *r, int medium)
{
    pid_t id = aid_fork(live_first, r);
    wait_a_while(r, r->seconds + (double)aid_random(&r->chance, 350) * 1e-3);
    if (r->lives > 1) {
        end_process(r->totals, id);
        r->totals->killed_before++;
        r->unsynced_before = atomic_load(&shared->unsynced_files);
        id = aid_fork(live_second, r);
        wait_a_while(r, (double)aid_random(&r->chance, 200) * 1e-3);
    }
    cut(medium);
    if (aid_random(&r->chance, 4) == 0) /* no power for the disk alone */
        aid_sleep(0.3);
    end_process(r->totals, id);
}

static void run_round(round *r, int formatted)
{
    memset(shared, 0, sizeof *shared);
    always_syncs = r->syncs_alone;
    int medium = copy_medium(formatted);
    set_boot("before");
    mount_medium(before_dir, medium, r->mount_options);
    live_until_cut(r, medium);
    unmount(before_dir);
    int copy = copy_medium(medium);
    close(medium);
    set_boot("after");
    mount_medium(after_dir, copy, "errors=remount-ro");
    look_after_cut(r->totals);
    unmount(after_dir);
    close(copy);
    r->totals->cuts++;
    r->totals->syncs += atomic_load(&shared->syncs);
    r->totals->own_syncs += r->syncs_alone ? atomic_load(&shared->syncs) : 0;
    for (int i = 0; i < LOGGERS; i++)
        r->totals->acknowledged += atomic_load(&shared->acknowledged[i]);
}

static void begin(void)
{
    aid_begin("power_cut");
    aid_private_mounts();
    const char *dir = aid_dir();
    snprintf(before_dir, sizeof before_dir, "%s/before", dir);
    snprintf(after_dir, sizeof after_dir, "%s/after", dir);
    snprintf(run_before, sizeof run_before, "%s/before/run/train", dir);
    snprintf(run_after, sizeof run_after, "%s/after/run/train", dir);
    snprintf(boot_path, sizeof boot_path, "%s/boot_id", dir);
    mkdir(before_dir, 0777);
    mkdir(after_dir, 0777);
    set_boot("before");
    if (mount(boot_path, "/proc/sys/kernel/random/boot_id", "none", MS_BIND, NULL) != 0)
        aid_skip("no boot_id of our own is allowed here (%s)", strerror(errno));
    shared = mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (shared == MAP_FAILED)
        aid_die("mmap");
}

int main(int argc, char **argv)
{
    begin();
    uint64_t rounds = aid_argument(argc, argv, 1, DEFAULT_ROUNDS);
    uint64_t seed = aid_argument(argc, argv, 2, (uint64_t)time(NULL));
    totals t = {0};
    int formatted = format_medium();
    for (uint64_t i = 0; i < rounds && aid_wrongs() < 20; i++) {
        uint64_t wrongs = aid_wrongs();
        round r = plan(seed, i, &t);
        run_round(&r, formatted);
        if (aid_wrongs() > wrongs)
            fprintf(stderr, "power_cut: that was round %llu of seed %llu\n", (unsigned long long)i,
                    (unsigned long long)seed);
    }
    if (t.own_syncs == 0 && rounds >= DEFAULT_ROUNDS)
        aid_wrong("sync_seconds has synced nothing");
    aid_remove(aid_dir());
    return aid_end("%llu cuts (%llu after a kill), %llu syncs (%llu unasked), %llu values "
                   "acknowledged, %llu found, %llu torn tails (%llu of zeros), %llu files empty "
                   "before recovery, %llu queue files left, %llu times told of damage, "
                   "%llu processes ended by the dead disk, seed %llu",
                   (unsigned long long)t.cuts, (unsigned long long)t.killed_before,
                   (unsigned long long)t.syncs, (unsigned long long)t.own_syncs,
                   (unsigned long long)t.acknowledged, (unsigned long long)t.found,
                   (unsigned long long)t.torn, (unsigned long long)t.zero_tails,
                   (unsigned long long)t.bare, (unsigned long long)t.queues_left,
                   (unsigned long long)t.told_corrupt, (unsigned long long)t.signals,
                   (unsigned long long)seed);
}
