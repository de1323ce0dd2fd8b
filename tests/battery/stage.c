#include "stage.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "profile.h"

enum { PATIENCE = 60 }; /* seconds, then a process hangs */

static stage_board *board;
static char program_dir[STAGE_PATH / 2];
static char left_run[STAGE_PATH];
static bool keep_dir;
static long (*count_live)(void);

/* --- directories ------------------------------------------------------------------------------ */

static int remove_entry(const char *path, const struct stat *info, int type, struct FTW *where)
{
    (void)info, (void)type, (void)where;
    return remove(path);
}

void stage_remove(const char *dir)
{
    nftw(dir, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
}

void stage_make_dirs(const char *path)
{
    char part[2 * STAGE_PATH];
    for (size_t i = 1; i <= strlen(path); i++)
        if (path[i] == '/' || path[i] == '\0') {
            snprintf(part, i + 1, "%s", path);
            mkdir(part, 0777);
        }
}

static void copy_file(stage *s, const char *from, const char *to)
{
    static char bytes[1 << 16];
    int in = open(from, O_RDONLY), out = open(to, O_WRONLY | O_CREAT | O_EXCL, 0666);
    ssize_t size = in < 0 || out < 0 ? -1 : 1;
    while (size > 0) {
        size = read(in, bytes, sizeof bytes);
        if (size > 0 && write(out, bytes, (size_t)size) != size)
            size = -1;
    }
    if (size < 0)
        stage_wrong(s, "copy %s to %s: %s", from, to, strerror(errno));
    close(in);
    close(out);
}

void stage_copy_run(stage *s, const char *dir)
{
    char from[2 * STAGE_PATH + 256], to[2 * STAGE_PATH + 256];
    const struct dirent *entry;
    stage_make_dirs(dir);
    DIR *d = opendir(left_run);
    while (d != NULL && (entry = readdir(d)) != NULL) {
        if (entry->d_name[0] == '.')
            continue;
        snprintf(from, sizeof from, "%s/%s", left_run, entry->d_name);
        snprintf(to, sizeof to, "%s/%s", dir, entry->d_name);
        copy_file(s, from, to);
    }
    if (d != NULL)
        closedir(d);
}

static int count_descriptors(void)
{
    int count = 0;
    DIR *d = opendir("/proc/self/fd");
    while (d != NULL && readdir(d) != NULL)
        count++;
    if (d != NULL)
        closedir(d);
    return count;
}

/* --- processes -------------------------------------------------------------------------------- */

__attribute__((format(printf, 2, 0)))
static void note_failure(stage_flaw flaw, const char *format, va_list args)
{
    if (atomic_exchange(&board->has_failed, true))
        return;
    board->flaw = flaw;
    vsnprintf(board->failure, sizeof board->failure, format, args);
}

void stage_wrong(stage *s, const char *format, ...)
{
    (void)s;
    va_list args;
    va_start(args, format);
    note_failure(STAGE_WRONG, format, args);
    va_end(args);
}

__attribute__((format(printf, 2, 3)))
static void fail(stage_flaw flaw, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    note_failure(flaw, format, args);
    va_end(args);
}

typedef struct act {
    void (*play)(stage *s, void *arg);
    stage *stage;
    void *arg;
} act;

static void *play_in_thread(void *arg)
{
    act *a = arg;
    a->play(a->stage, a->arg);
    return NULL;
}

static void note_report(void *arg, tb_status status, const char *words)
{
    stage *s = arg;
    snprintf(s->last_words, sizeof s->last_words, "%s", words);
    if (atomic_fetch_add(&s->reports, 1) > 0)
        return;
    s->first_status = status;
    snprintf(s->first_words, sizeof s->first_words, "%s", words);
}

/* The thread's end frees what the library keeps for a thread. */
static void play_all(stage *s, void (*play)(stage *s, void *arg), void *arg)
{
    int before = count_descriptors();
    long live_before = count_live != NULL ? count_live() : 0;
    pthread_t thread;
    if (pthread_create(&thread, NULL, play_in_thread, &(act){play, s, arg}) != 0)
        abort();
    pthread_join(thread, NULL);
    int after = count_descriptors();
    if (after != before)
        fail(STAGE_LEAK, "%d descriptors are open, %d were before", after, before);
    long live_after = count_live != NULL ? count_live() : 0;
    if (live_after != live_before)
        fail(STAGE_LEAK, "%ld pieces of memory leak", live_after - live_before);
}

static void be_child(void (*play)(stage *s, void *arg), void *arg)
{
    static stage s;
    s.board = board;
    s.ledger = &board->ledger;
    snprintf(s.dir, sizeof s.dir, "%s/%ld", program_dir, (long)getpid());
    snprintf(s.run, sizeof s.run, "%s/a/run", s.dir);
    s.options = (tb_options){.on_error = note_report,
                             .on_error_arg = &s,
                             .flush_seconds = 1000, /* the worker waits to be asked */
                             .full_wait_seconds = 0.3,
                             .queue_bytes = 16 << 20};
    alarm(PATIENCE);
    play_all(&s, play, arg);
    bool failed = atomic_load(&board->has_failed);
    if (!failed)
        stage_remove(s.dir);
    keep_profile();
    _exit(failed);
}

static void note_end(int status)
{
    if (WIFEXITED(status) && (WEXITSTATUS(status) == 0 || atomic_load(&board->has_failed)))
        return;
    if (WIFEXITED(status))
        fail(STAGE_CRASH, "the process ended with status %d", WEXITSTATUS(status));
    else if (WTERMSIG(status) == SIGALRM)
        fail(STAGE_CRASH, "the process hung for %d seconds", PATIENCE);
    else
        fail(STAGE_CRASH, "the process ended by signal %d", WTERMSIG(status));
}

bool stage_run(void (*play)(stage *s, void *arg), void *arg)
{
    int status;
    ledger left = board->left;
    memset(board, 0, sizeof *board);
    board->left = left;
    fflush(NULL);
    pid_t id = fork();
    if (id == 0)
        be_child(play, arg);
    if (id < 0 || waitpid(id, &status, 0) != id)
        abort();
    note_end(status);
    keep_dir |= board->has_failed;
    return !board->has_failed;
}

void stage_run_child(stage *s, void (*play)(stage *s))
{
    int status;
    pid_t id = fork();
    if (id == 0) {
        alarm(PATIENCE);
        play(s);
        keep_profile();
        _exit(0);
    }
    if (id < 0 || waitpid(id, &status, 0) != id)
        abort();
    note_end(status);
}

const char *stage_failure(void)
{
    return board->failure;
}

bool stage_failed_by(stage_flaw flaw)
{
    return atomic_load(&board->has_failed) && board->flaw == flaw;
}

stage_board *stage_shared(void)
{
    return board;
}

void stage_init(const char *program, long (*count)(void))
{
    count_live = count;
    void *memory = mmap(NULL, sizeof *board, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS,
                        -1, 0);
    if (memory == MAP_FAILED)
        abort();
    board = memory;
    snprintf(program_dir, sizeof program_dir, "battery-logs/%s.%ld", program, (long)getpid());
    snprintf(left_run, sizeof left_run, "%s/left", program_dir);
    stage_remove(program_dir);
    stage_make_dirs(program_dir);
}

void stage_end(void)
{
    if (keep_dir)
        return;
    stage_remove(program_dir);
    rmdir("battery-logs"); /* unless another program's is in it */
}

/* --- runs ------------------------------------------------------------------------------------- */

void stage_open(stage *s)
{
    s->writer = tb_open(s->run, &s->options);
}

/* Half a write reaches the file, and more is logged behind it. */
static void log_until_killed(stage *s, void *arg)
{
    (void)arg;
    struct stat info;
    struct rlimit limit;
    s->ledger = &s->board->left;
    snprintf(s->run, sizeof s->run, "%s", left_run);
    stage_open(s);
    ledger_log_some(s->ledger, s->writer);
    if (tb_flush(s->writer) != TB_STATUS_OK || stat(tb_event_file(s->writer), &info) != 0)
        return;
    getrlimit(RLIMIT_FSIZE, &limit);
    limit.rlim_cur = (rlim_t)info.st_size + 1000;
    setrlimit(RLIMIT_FSIZE, &limit);
    ledger_log_some(s->ledger, s->writer);
    if (tb_flush(s->writer) != TB_STATUS_IO)
        return;
    s->ledger->era = 1;
    ledger_log_some(s->ledger, s->writer);
    kill(getpid(), SIGKILL);
}

bool stage_leave_run(void)
{
    stage_run(log_until_killed, NULL);
    keep_dir = false;
    char dir[STAGE_PATH];
    snprintf(dir, sizeof dir, "%s/0", program_dir);
    stage_remove(dir);
    for (uint32_t i = 0; i < board->left.count; i++)
        if (board->left.calls[i].status != TB_STATUS_OK)
            return false;
    return strstr(board->failure, "signal 9") != NULL;
}
