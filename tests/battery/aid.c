#include "aid.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "profile.h"

enum { TOLD = 20 };

static const char *program;
static char directory[4200];
static _Atomic uint64_t *wrongs; /* of all processes */

/* --- telling ---------------------------------------------------------------------------------- */

void aid_begin(const char *name)
{
    program = name;
    wrongs = mmap(NULL, sizeof *wrongs, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (wrongs == MAP_FAILED)
        aid_die("mmap");
    setvbuf(stdout, NULL, _IOLBF, 0);
}

void aid_wrong(const char *format, ...)
{
    if (atomic_fetch_add(wrongs, 1) >= TOLD)
        return;
    char line[2000];
    va_list args;
    va_start(args, format);
    vsnprintf(line, sizeof line, format, args);
    va_end(args);
    sigset_t file_size, before; /* a test may have limited it, and stderr may be a file */
    sigemptyset(&file_size);
    sigaddset(&file_size, SIGXFSZ);
    pthread_sigmask(SIG_BLOCK, &file_size, &before);
    fprintf(stderr, "%s: wrong: %s\n", program, line);
    sigtimedwait(&file_size, NULL, &(struct timespec){0});
    pthread_sigmask(SIG_SETMASK, &before, NULL);
}

uint64_t aid_wrongs(void)
{
    return atomic_load(wrongs);
}

int aid_end(const char *format, ...)
{
    va_list args;
    printf("%s: ", program);
    va_start(args, format);
    vprintf(format, args);
    va_end(args);
    printf(", %llu wrong\n", (unsigned long long)aid_wrongs());
    return aid_wrongs() == 0 ? 0 : 1;
}

_Noreturn void aid_skip(const char *format, ...)
{
    va_list args;
    printf("%s: skipped: ", program);
    va_start(args, format);
    vprintf(format, args);
    va_end(args);
    printf("\n");
    if (directory[0] != '\0')
        aid_remove(directory);
    exit(AID_SKIPPED);
}

_Noreturn void aid_die(const char *what)
{
    fprintf(stderr, "%s: %s: %s\n", program, what, strerror(errno));
    exit(2);
}

uint64_t aid_argument(int argc, char **argv, int index, uint64_t otherwise)
{
    return argc > index ? strtoull(argv[index], NULL, 10) : otherwise;
}

/* --- time and chance -------------------------------------------------------------------------- */

double aid_now(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

void aid_sleep(double seconds)
{
    if (seconds <= 0)
        return;
    struct timespec left = {.tv_sec = (time_t)seconds};
    left.tv_nsec = (long)((seconds - (double)left.tv_sec) * 1e9);
    while (nanosleep(&left, &left) != 0 && errno == EINTR)
        ;
}

uint64_t aid_random(uint64_t *state, uint64_t below)
{
    uint64_t x = *state += UINT64_C(0x9e3779b97f4a7c15);
    x = (x ^ x >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    x = (x ^ x >> 27) * UINT64_C(0x94d049bb133111eb);
    return (x ^ x >> 31) % below;
}

/* --- directories ------------------------------------------------------------------------------ */

static int remove_entry(const char *path, const struct stat *info, int type, struct FTW *where)
{
    (void)info, (void)type, (void)where;
    return remove(path);
}

void aid_remove(const char *path)
{
    nftw(path, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
}

const char *aid_dir(void)
{
    char here[4000];
    if (directory[0] != '\0')
        return directory;
    if (getcwd(here, sizeof here) == NULL)
        aid_die("getcwd");
    snprintf(directory, sizeof directory, "%s/battery-logs", here);
    mkdir(directory, 0777);
    snprintf(directory, sizeof directory, "%s/battery-logs/%s.%ld", here, program, (long)getpid());
    aid_remove(directory);
    if (mkdir(directory, 0777) != 0)
        aid_die(directory);
    return directory;
}

/* --- processes -------------------------------------------------------------------------------- */

pid_t aid_fork(void (*run)(void *arg), void *arg)
{
    fflush(NULL);
    pid_t id = fork();
    if (id < 0)
        aid_die("fork");
    if (id > 0)
        return id;
    run(arg);
    keep_profile();
    _exit(0);
}

int aid_await(pid_t child, double seconds)
{
    int status;
    double deadline = aid_now() + seconds, pause = 0.0005;
    for (;;) {
        pid_t id = waitpid(child, &status, WNOHANG);
        if (id == child)
            return status;
        if (id < 0 && errno != EINTR)
            aid_die("waitpid");
        if (aid_now() > deadline)
            break;
        aid_sleep(pause);
        pause = pause < 0.02 ? 1.5 * pause : pause;
    }
    aid_wrong("a process has not ended after %g seconds", seconds);
    kill(child, SIGKILL);
    waitpid(child, &status, 0);
    return status;
}

/* --- mounts ----------------------------------------------------------------------------------- */

static bool write_words(const char *path, const char *words)
{
    int fd = open(path, O_WRONLY | O_CLOEXEC);
    if (fd < 0)
        return false;
    bool ok = write(fd, words, strlen(words)) == (ssize_t)strlen(words);
    close(fd);
    return ok;
}

/* Where there are no privileges, a user namespace may give them. */
static bool unshare_as_user(void)
{
    char map[64];
    unsigned uid = getuid(), gid = getgid();
    if (unshare(CLONE_NEWUSER | CLONE_NEWNS) != 0)
        return false;
    snprintf(map, sizeof map, "0 %u 1", uid);
    bool ok = write_words("/proc/self/uid_map", map) && write_words("/proc/self/setgroups", "deny");
    snprintf(map, sizeof map, "0 %u 1", gid);
    return ok && write_words("/proc/self/gid_map", map);
}

void aid_private_mounts(void)
{
    if (unshare(CLONE_NEWNS) != 0 && !unshare_as_user())
        aid_skip("a mount of our own is not allowed here (%s)", strerror(errno));
    /* A type that is not looked at: valgrind wants one. */
    if (mount("none", "/", "none", MS_REC | MS_PRIVATE, NULL) != 0)
        aid_skip("a mount of our own is not allowed here (%s)", strerror(errno));
}
