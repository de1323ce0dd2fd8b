#include "base/os.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/alloc.h"

static int64_t clock_ns(clockid_t clock)
{
    struct timespec now;
    clock_gettime(clock, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

int64_t tb__os_wall_ns(void)
{
    return clock_ns(CLOCK_REALTIME);
}

int64_t tb__os_monotonic_ns(void)
{
    return clock_ns(CLOCK_MONOTONIC);
}

void tb__os_sleep_ns(int64_t ns)
{
    struct timespec left = {.tv_sec = (time_t)(ns / 1000000000),
                            .tv_nsec = (long)(ns % 1000000000)};
    while (nanosleep(&left, &left) != 0 && errno == EINTR)
        ;
}

tb_status tb__os_cond_init(pthread_cond_t *cond)
{
    pthread_condattr_t attributes;
    if (pthread_condattr_init(&attributes) != 0)
        return TB_STATUS_NO_MEMORY;
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    int rv = pthread_cond_init(cond, &attributes);
    pthread_condattr_destroy(&attributes);
    return rv == 0 ? TB_STATUS_OK : TB_STATUS_NO_MEMORY;
}

bool tb__os_trusts_counter(void)
{
    static const char *const trusted[] = {"tsc", "kvm-clock", "hyperv_clocksource_tsc_page",
                                          "arch_sys_counter"};
    char name[64] = "";
    int fd = open("/sys/devices/system/clocksource/clocksource0/current_clocksource",
                  O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return true; /* not to be seen here, which says nothing against it */
    ssize_t size = read(fd, name, sizeof name - 1);
    close(fd);
    name[size > 0 ? size : 0] = '\0';
    name[strcspn(name, "\n")] = '\0';
    for (size_t i = 0; i < sizeof trusted / sizeof trusted[0]; i++)
        if (strcmp(name, trusted[i]) == 0)
            return true;
    return false;
}

/* A thread that is cancelled while it waits would keep the mutex for ever. */
static int disable_cancellation(void)
{
    int before;
    pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &before);
    return before;
}

void tb__os_cond_wait(pthread_cond_t *cond, pthread_mutex_t *mutex)
{
    int before = disable_cancellation();
    pthread_cond_wait(cond, mutex);
    pthread_setcancelstate(before, NULL);
}

bool tb__os_cond_wait_until(pthread_cond_t *cond, pthread_mutex_t *mutex, int64_t deadline_ns)
{
    struct timespec deadline = {.tv_sec = (time_t)(deadline_ns / 1000000000),
                                .tv_nsec = (long)(deadline_ns % 1000000000)};
    int before = disable_cancellation();
    bool in_time = pthread_cond_timedwait(cond, mutex, &deadline) != ETIMEDOUT;
    pthread_setcancelstate(before, NULL);
    return in_time;
}

uint64_t tb__os_process_id(void)
{
    return (uint64_t)getpid();
}

void tb__os_host_name(char *out, size_t size)
{
    if (gethostname(out, size) != 0 || size == 0 || out[0] == '\0')
        snprintf(out, size, "localhost");
    else
        out[size - 1] = '\0';
}

void tb__os_error_text(int errno_value, char *out, size_t size)
{
    if (strerror_r(errno_value, out, size) != 0)
        snprintf(out, size, "error %d", errno_value);
}

int tb__os_thread_create(pthread_t *out, void *(*run)(void *), void *arg)
{
    sigset_t all, before;
    sigfillset(&all);
    static const int faults[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT, SIGTRAP};
    for (size_t i = 0; i < sizeof faults / sizeof faults[0]; i++)
        sigdelset(&all, faults[i]); /* a host that reports crashes should see ours, too */
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int rv = pthread_create(out, NULL, run, arg);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return rv;
}

static bool is_directory(const char *path)
{
    struct stat info;
    return stat(path, &info) == 0 && S_ISDIR(info.st_mode);
}

static int make_dir(int *made, const char *path)
{
    if (mkdir(path, 0777) == 0) {
        ++*made;
        return 0;
    }
    int reason = errno;
    /* Somebody may have made it first, or it exists on a file system that says EROFS for it. */
    return is_directory(path) ? 0 : reason == EEXIST ? ENOTDIR : reason;
}

tb_status tb__os_make_dirs(int *out_made, const char *path, tb__error *err)
{
    *out_made = 0;
    if (is_directory(path))
        return TB_STATUS_OK;
    char *copy = tb__strdup(path);
    if (copy == NULL)
        return tb__error_set(err, TB_STATUS_NO_MEMORY, "create directory %s: out of memory", path);
    tb_status rv = TB_STATUS_OK;
    for (char *end = copy + 1; rv == TB_STATUS_OK; end++) {
        if (*end != '/' && *end != '\0')
            continue;
        char after = *end;
        *end = '\0';
        int reason = make_dir(out_made, copy);
        if (reason != 0)
            rv = tb__error_set_errno(err, reason, "create directory %s", copy);
        *end = after;
        if (after == '\0')
            break;
    }
    tb__free(copy);
    return rv;
}

int tb__os_list_dir(int dir_fd, void (*visit)(void *arg, const char *name), void *arg)
{
    int fd = openat(dir_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC); /* closedir closes it */
    DIR *dir = fd < 0 ? NULL : fdopendir(fd);
    if (dir == NULL) {
        int reason = errno;
        if (fd >= 0)
            close(fd);
        return reason;
    }
    const struct dirent *entry;
    while ((entry = readdir(dir)) != NULL)
        visit(arg, entry->d_name);
    closedir(dir);
    return 0;
}

int tb__os_create_file(int *out_fd, int dir_fd, const char *name)
{
    /* O_APPEND: should two writers ever meet in one file, they do not overwrite each other. */
    int flags = O_WRONLY | O_CREAT | O_EXCL | O_APPEND | O_CLOEXEC | O_NOFOLLOW;
    int fd;
    do
        fd = openat(dir_fd, name, flags, 0666);
    while (fd < 0 && errno == EINTR);
    if (fd < 0)
        return errno;
    *out_fd = fd;
    return 0;
}

/* A write beyond the limit of a file's size sends SIGXFSZ, which ends a program that does not
 * expect it.  Ours reports EFBIG instead. */
static void take_file_size_signal(const sigset_t *file_size)
{
    siginfo_t info;
    sigtimedwait(file_size, &info, &(struct timespec){0});
}

int tb__os_write(size_t *out_written, int fd, const void *data, size_t size)
{
    const char *bytes = data;
    size_t done = 0;
    int reason = 0;
    sigset_t file_size, before;
    sigemptyset(&file_size);
    sigaddset(&file_size, SIGXFSZ);
    pthread_sigmask(SIG_BLOCK, &file_size, &before);
    while (done < size && reason == 0) {
        ssize_t n = write(fd, bytes + done, size - done);
        if (n > 0)
            done += (size_t)n;
        else if (n == 0)
            reason = EIO; /* not for a regular file; do not spin if it happens all the same */
        else if (errno != EINTR)
            reason = errno;
    }
    if (reason == EFBIG)
        take_file_size_signal(&file_size);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    *out_written = done;
    return reason;
}

int tb__os_sync_file(int fd)
{
    int rv;
    do
        rv = fsync(fd);
    while (rv != 0 && errno == EINTR);
    return rv == 0 ? 0 : errno;
}

tb_status tb__os_open_dir(int *out_fd, const char *path, tb__error *err)
{
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return tb__error_set_errno(err, errno, "open directory %s", path);
    *out_fd = fd;
    return TB_STATUS_OK;
}

static int sync_dir(int fd)
{
    int reason = tb__os_sync_file(fd);
    return reason == EINVAL ? 0 : reason; /* some file systems cannot sync a directory */
}

int tb__os_sync_dir(int fd, int parents)
{
    int reason = sync_dir(fd), parent = fd;
    for (int i = 0; i < parents && reason == 0; i++) {
        int next = openat(parent, "..", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (next < 0 && errno == EACCES)
            break; /* ours to write in, not to read: then not ours to sync either */
        reason = next < 0 ? errno : sync_dir(next);
        if (parent != fd)
            close(parent);
        parent = next;
    }
    if (parent != fd && parent >= 0)
        close(parent);
    return reason;
}

void tb__os_remove(const char *path)
{
    unlink(path);
}

int tb__os_close(int fd)
{
    return close(fd) == 0 || errno == EINTR ? 0 : errno;
}

void *tb__os_map_memory(size_t size)
{
    void *memory = mmap(NULL, size, PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    return memory == MAP_FAILED ? NULL : memory;
}

void tb__os_unmap_memory(void *memory, size_t size)
{
    if (memory != NULL)
        munmap(memory, size);
}

void tb__os_prefer_large_pages(void *memory, size_t size)
{
#ifdef MADV_HUGEPAGE
    madvise(memory, size, MADV_HUGEPAGE);
#else
    (void)memory, (void)size;
#endif
}
