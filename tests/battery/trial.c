#include "trial.h"

#include <dirent.h>
#include <errno.h>
#include <ftw.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "profile.h"

enum { PATIENCE = 120 }; /* seconds, then a child hangs */

double trial_wall(void)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

/* --- directories ------------------------------------------------------------------------------ */

static int remove_entry(const char *path, const struct stat *info, int type, struct FTW *where)
{
    (void)info, (void)type, (void)where;
    return remove(path);
}

static void make_dirs(const char *path)
{
    char part[600];
    for (size_t i = 1; i <= strlen(path); i++)
        if (path[i] == '/' || path[i] == '\0') {
            snprintf(part, i + 1, "%s", path);
            mkdir(part, 0777);
        }
}

void trial_begin(trial *t, const char *dir, const load *l)
{
    blackboard *board = t->board;
    if (board == NULL) {
        board = mmap(NULL, sizeof *board, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1,
                     0);
        if (board == MAP_FAILED)
            abort();
    }
    memset(board, 0, sizeof *board);
    *t = (trial){.board = board, .read = t->read, .expected.load = l};
    snprintf(t->dir, sizeof t->dir, "%s", dir);
    snprintf(t->run, sizeof t->run, "%s/run", dir);
    nftw(t->dir, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
    make_dirs(t->dir);
}

void trial_end(trial *t)
{
    if (trial_wrong(t)[0] != '\0')
        return;
    nftw(t->dir, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
    char *slash = strrchr(t->dir, '/');
    *slash = '\0';
    rmdir(t->dir); /* unless another trial's is in it */
    *slash = '/';
}

/* --- processes -------------------------------------------------------------------------------- */

pid_t trial_fork(void (*run)(void *arg), void *arg)
{
    fflush(NULL);
    pid_t id = fork();
    if (id < 0) {
        perror("fork");
        exit(2);
    }
    if (id > 0)
        return id;
    alarm(PATIENCE);
    run(arg);
    keep_profile();
    _exit(0);
}

__attribute__((format(printf, 2, 0)))
static void note_failure(trial *t, const char *format, va_list args)
{
    if (!atomic_exchange(&t->board->has_failed, true))
        vsnprintf(t->board->failure, sizeof t->board->failure, format, args);
}

_Noreturn void trial_fail(trial *t, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    note_failure(t, format, args);
    va_end(args);
    _exit(1);
}

__attribute__((format(printf, 2, 3)))
static void note(trial *t, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    note_failure(t, format, args);
    va_end(args);
}

bool trial_await(trial *t, pid_t id)
{
    int status;
    while (waitpid(id, &status, 0) != id)
        if (errno != EINTR)
            abort();
    if (WIFSIGNALED(status) && WTERMSIG(status) == SIGALRM)
        note(t, "a process hung for %d seconds", PATIENCE);
    else if (WIFSIGNALED(status) && WTERMSIG(status) != SIGKILL)
        note(t, "a process ended by signal %d", WTERMSIG(status));
    else if (WIFEXITED(status) && WEXITSTATUS(status) != 0)
        note(t, "a process ended with status %d", WEXITSTATUS(status));
    return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

void trial_kill(trial *t, pid_t id)
{
    kill(id, SIGKILL);
    trial_await(t, id);
}

/* --- lives ------------------------------------------------------------------------------------ */

void trial_begin_life(trial *t)
{
    t->expected.from[t->lives] = trial_wall();
    t->lives++;
}

void trial_end_life(trial *t)
{
    t->expected.until[t->lives - 1] = trial_wall();
}

void trial_look(trial *t, bool recovered)
{
    bool is_first = t->now.file_count == 0;
    t->before = t->now;
    for (uint32_t who = 0; who < LOAD_LOGGERS; who++) {
        t->expected.returned[who] = atomic_load(&t->board->loggers[who].returned);
        t->expected.flushed[who] = atomic_load(&t->board->loggers[who].flushed);
    }
    t->expected.recovered = recovered;
    check_run(&t->now, t->run, &t->expected, is_first ? NULL : &t->before);
    t->read.files += t->now.file_count;
    t->read.bad_crcs += t->now.bad_crcs;
    t->read.empty += t->now.empty;
    if (t->now.wrong[0] != '\0')
        note(t, "%s", t->now.wrong);
    if (t->now.torn > 1) /* who is killed writes to one file, and who follows first completes it */
        note(t, "%u files end torn", t->now.torn);
}

static void open_and_close(trial *t)
{
    tb_stats stats;
    tb_writer *w = tb_open(t->run, NULL);
    if (w == NULL)
        trial_fail(t, "tb_open that recovers: %s", tb_last_error(NULL));
    if (tb_get_stats(w, &stats) == TB_STATUS_OK)
        atomic_store(&t->board->recovered, stats.recovered);
    if (tb_close(w) != TB_STATUS_OK)
        trial_fail(t, "tb_close: %s", tb_last_error(NULL));
}

void trial_recover(trial *t, recovery_way way)
{
    if (way == RECOVER_BY_OPENING) {
        open_and_close(t);
        return;
    }
    mkdir(t->run, 0777); /* where nobody came so far */
    tb_status rv = tb_recover(way == RECOVER_ALL ? t->dir : t->run);
    if (rv != TB_STATUS_OK)
        trial_fail(t, "tb_recover: %s: %s", tb_status_text(rv), tb_last_error(NULL));
}

const char *trial_wrong(const trial *t)
{
    return atomic_load(&t->board->has_failed) ? t->board->failure : "";
}

uint64_t trial_returned(const trial *t)
{
    uint64_t sum = 0;
    for (uint32_t who = 0; who < LOAD_LOGGERS; who++)
        sum += atomic_load(&t->board->loggers[who].returned);
    return sum;
}

/* --- copies ----------------------------------------------------------------------------------- */

static void copy_file(const char *from, const char *to)
{
    static char bytes[1 << 16];
    size_t size = 1;
    FILE *in = fopen(from, "rb"), *out = fopen(to, "wb");
    while (in != NULL && out != NULL && size > 0) {
        size = fread(bytes, 1, sizeof bytes, in);
        if (fwrite(bytes, 1, size, out) != size)
            break;
    }
    if (size > 0 || fclose(out) != 0) {
        perror(to);
        exit(2);
    }
    fclose(in);
}

static void copy_run(const trial *t, const char *to)
{
    char from_path[800], to_path[800];
    const struct dirent *entry;
    make_dirs(to);
    DIR *d = opendir(t->run);
    while (d != NULL && (entry = readdir(d)) != NULL) {
        if (entry->d_name[0] == '.')
            continue;
        snprintf(from_path, sizeof from_path, "%s/%s", t->run, entry->d_name);
        snprintf(to_path, sizeof to_path, "%s/%s", to, entry->d_name);
        copy_file(from_path, to_path);
    }
    if (d != NULL)
        closedir(d);
}

void trial_keep(const trial *t, const char *dir, const char *word, int number)
{
    char path[500];
    const uint64_t *of = t->now.of_kind;
    snprintf(path, sizeof path, "%s/%s/%d", dir, word, number);
    copy_run(t, path);
    snprintf(path, sizeof path, "%s/counts", dir);
    FILE *f = fopen(path, "a");
    if (f == NULL) {
        perror(path);
        exit(2);
    }
    fprintf(f, "%s/%d torn=%u scalars=%llu histograms=%llu images=%llu text=%llu graphs=%llu\n",
            word, number, t->now.torn,
            (unsigned long long)(of[LOAD_SCALAR] + of[LOAD_HANDLE] + of[LOAD_GROUP]),
            (unsigned long long)of[LOAD_HISTOGRAM], (unsigned long long)of[LOAD_IMAGE],
            (unsigned long long)of[LOAD_TEXT], (unsigned long long)of[LOAD_GRAPH]);
    fclose(f);
}
