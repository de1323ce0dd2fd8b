#include "base/os.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#ifdef __linux__
#include <sys/syscall.h>
#include <sys/vfs.h>
#endif
#include <time.h>
#include <unistd.h>

#include "base/alloc.h"

/* The C library shows the name only together with much else that changes its functions. */
#if !defined(O_TMPFILE) && defined(__O_TMPFILE)
#define O_TMPFILE __O_TMPFILE
#endif

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

/* openat that starts over after EINTR. */
static int open_at(int dir_fd, const char *name, int flags)
{
    int fd;
    do
        fd = openat(dir_fd, name, flags | O_CLOEXEC, 0666);
    while (fd < 0 && errno == EINTR);
    return fd;
}

/* The first line of one of the system's small files; 0, or an errno value and "". */
static int read_line(const char *path, char *out, size_t size)
{
    out[0] = '\0';
    int fd = open_at(AT_FDCWD, path, O_RDONLY);
    if (fd < 0)
        return errno;
    ssize_t got;
    do
        got = read(fd, out, size - 1);
    while (got < 0 && errno == EINTR);
    int reason = got < 0 ? errno : 0;
    close(fd);
    out[got > 0 ? got : 0] = '\0';
    out[strcspn(out, "\n")] = '\0';
    return reason;
}

bool tb__os_trusts_counter(void)
{
    static const char *const trusted[] = {"tsc", "kvm-clock", "hyperv_clocksource_tsc_page",
                                          "arch_sys_counter"};
    char name[64];
    read_line("/sys/devices/system/clocksource/clocksource0/current_clocksource", name,
              sizeof name);
    if (name[0] == '\0')
        return true; /* not to be seen here, which says nothing against it */
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

bool tb__os_lock_until(pthread_mutex_t *mutex, int64_t deadline_ns)
{
    while (pthread_mutex_trylock(mutex) != 0) {
        if (tb__os_monotonic_ns() >= deadline_ns)
            return false;
        tb__os_sleep_ns(500000);
    }
    return true;
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

int tb__os_boot_id(char *out, size_t size)
{
    int reason = read_line("/proc/sys/kernel/random/boot_id", out, size);
    return reason == ENOENT ? 0 : reason;
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

char *tb__os_absolute_path(const char *path)
{
    if (path[0] == '/')
        return tb__strdup(path);
    char here[4096];
    if (getcwd(here, sizeof here) == NULL)
        return tb__strdup(path); /* the directory is gone, or too deep: as good as we can */
    size_t size = strlen(here) + strlen(path) + 2;
    char *absolute = tb__malloc(size);
    if (absolute != NULL)
        snprintf(absolute, size, "%s/%s", here, path);
    return absolute;
}

#if defined(__linux__) && defined(SYS_membarrier)
enum { FENCE_OTHERS = 1 << 3, REGISTER_FOR_IT = 1 << 4 }; /* the kernel's names are long */

bool tb__os_fence_threads(void)
{
    if (syscall(SYS_membarrier, FENCE_OTHERS, 0, 0) == 0)
        return true;
    return errno == EPERM && syscall(SYS_membarrier, REGISTER_FOR_IT, 0, 0) == 0
           && syscall(SYS_membarrier, FENCE_OTHERS, 0, 0) == 0;
}
#else
bool tb__os_fence_threads(void)
{
    return false;
}
#endif

/* stat and fstat that start over after EINTR. */
static int stat_path(const char *path, struct stat *out)
{
    int rv;
    do
        rv = stat(path, out);
    while (rv != 0 && errno == EINTR);
    return rv;
}

static int stat_fd(int fd, struct stat *out)
{
    int rv;
    do
        rv = fstat(fd, out);
    while (rv != 0 && errno == EINTR);
    return rv;
}

static bool is_directory(const char *path)
{
    struct stat info;
    return stat_path(path, &info) == 0 && S_ISDIR(info.st_mode);
}

static int make_dir(int *made, const char *path)
{
    int rv;
    do
        rv = mkdir(path, 0777);
    while (rv != 0 && errno == EINTR);
    if (rv == 0) {
        ++*made;
        return 0;
    }
    int reason = errno;
    struct stat info;
    if (stat_path(path, &info) != 0)
        return reason != EEXIST ? reason : errno == ENOENT ? ENOTDIR : errno;
    /* Somebody may have made it first, or it exists on a file system that says EROFS for it. */
    return S_ISDIR(info.st_mode) ? 0 : reason == EEXIST ? ENOTDIR : reason;
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
    int fd = open_at(dir_fd, ".", O_RDONLY | O_DIRECTORY); /* closedir closes it */
    DIR *dir = fd < 0 ? NULL : fdopendir(fd);
    if (dir == NULL) {
        int reason = errno;
        if (fd >= 0)
            close(fd);
        return reason;
    }
    const struct dirent *entry;
    while (errno = 0, (entry = readdir(dir)) != NULL)
        visit(arg, entry->d_name);
    int reason = errno;
    closedir(dir);
    return reason;
}

int tb__os_create_file(int *out_fd, int dir_fd, const char *name)
{
    /* O_APPEND: should two writers ever meet in one file, they do not overwrite each other. */
    int fd = open_at(dir_fd, name, O_RDWR | O_CREAT | O_EXCL | O_APPEND | O_NOFOLLOW);
    if (fd < 0)
        return errno;
    *out_fd = fd;
    return 0;
}

int tb__os_create_unnamed_file(int *out_fd, int dir_fd, bool appends)
{
#ifdef O_TMPFILE
    struct stat info;
    int fd = open_at(dir_fd, ".", O_TMPFILE | O_RDWR | (appends ? O_APPEND : 0));
    if (fd < 0)
        return errno;
    int reason = stat_fd(fd, &info) != 0 ? errno : 0;
    if (reason == 0 && (info.st_mode & 0666) == 0666)
        reason = EOPNOTSUPP; /* before Linux 6.0 some file systems forget the umask here */
    if (reason != 0)
        close(fd);
    else
        *out_fd = fd;
    return reason;
#else
    (void)out_fd, (void)dir_fd, (void)appends;
    return EOPNOTSUPP;
#endif
}

int tb__os_name_file(int fd, int dir_fd, const char *name)
{
    char path[64]; /* an empty path would do instead, but takes a privilege */
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    int rv;
    do
        rv = linkat(AT_FDCWD, path, dir_fd, name, AT_SYMLINK_FOLLOW);
    while (rv != 0 && errno == EINTR);
    return rv == 0 ? 0 : errno;
}

static int open_file(int *out_fd, int dir_fd, const char *name, int flags)
{
    /* O_NONBLOCK: opening what turns out to be a pipe must not wait for its other end. */
    int fd = open_at(dir_fd, name, flags | O_RDWR | O_NOFOLLOW | O_NONBLOCK);
    if (fd < 0)
        return errno;
    struct stat info;
    int reason = stat_fd(fd, &info) != 0 ? errno : S_ISREG(info.st_mode) ? 0 : EINVAL;
    if (reason != 0)
        close(fd);
    else
        *out_fd = fd;
    return reason;
}

int tb__os_open_file(int *out_fd, int dir_fd, const char *name)
{
    return open_file(out_fd, dir_fd, name, 0);
}

int tb__os_open_or_create_file(int *out_fd, int dir_fd, const char *name)
{
    return open_file(out_fd, dir_fd, name, O_CREAT);
}

int tb__os_open_file_to_append(int *out_fd, int dir_fd, const char *name)
{
    return open_file(out_fd, dir_fd, name, O_APPEND);
}

int tb__os_read_at(int fd, void *data, size_t size, uint64_t offset)
{
    char *bytes = data;
    for (size_t done = 0; done < size;) {
        ssize_t n = pread(fd, bytes + done, size - done, (off_t)(offset + done));
        if (n > 0)
            done += (size_t)n;
        else if (n == 0 || errno != EINTR)
            return n == 0 ? EIO : errno;
    }
    return 0;
}

int tb__os_file_info_of(tb__os_file_info *out, int fd)
{
    struct stat info;
    if (stat_fd(fd, &info) != 0)
        return errno;
    *out = (tb__os_file_info){.size = (uint64_t)info.st_size,
                              .links = (uint64_t)info.st_nlink,
                              .owner = (uint64_t)info.st_uid};
    return 0;
}

int tb__os_lock_file(int fd)
{
    int rv;
    do
        rv = flock(fd, LOCK_EX | LOCK_NB);
    while (rv != 0 && errno == EINTR);
    return rv == 0 ? 0 : errno;
}

void tb__os_unlock_file(int fd)
{
    int rv;
    do
        rv = flock(fd, LOCK_UN);
    while (rv != 0 && errno == EINTR);
}

int tb__os_make_dir_at(int dir_fd, const char *name)
{
    int rv;
    do
        rv = mkdirat(dir_fd, name, 0777);
    while (rv != 0 && errno == EINTR);
    return rv == 0 || errno == EEXIST ? 0 : errno;
}

int tb__os_rename_at(int dir_fd, const char *from, const char *to)
{
    int rv;
    do
        rv = renameat(dir_fd, from, dir_fd, to);
    while (rv != 0 && errno == EINTR);
    return rv == 0 ? 0 : errno;
}

/* Growing a file beyond the limit of its size sends SIGXFSZ, which ends a program that does not
 * expect it.  Between these two calls it is EFBIG and no more. */
typedef struct quiet {
    sigset_t file_size, before;
} quiet;

static void begin_quiet(quiet *q)
{
    sigemptyset(&q->file_size);
    sigaddset(&q->file_size, SIGXFSZ);
    pthread_sigmask(SIG_BLOCK, &q->file_size, &q->before);
}

static void end_quiet(quiet *q, int reason)
{
    siginfo_t info;
    if (reason == EFBIG)
        sigtimedwait(&q->file_size, &info, &(struct timespec){0});
    pthread_sigmask(SIG_SETMASK, &q->before, NULL);
}

int tb__os_write(size_t *out_written, int fd, const void *data, size_t size)
{
    const char *bytes = data;
    size_t done = 0;
    int reason = 0;
    quiet q;
    begin_quiet(&q);
    while (done < size && reason == 0) {
        ssize_t n = write(fd, bytes + done, size - done);
        if (n > 0)
            done += (size_t)n;
        else if (n == 0)
            reason = EIO; /* not for a regular file; do not spin if it happens all the same */
        else if (errno != EINTR)
            reason = errno;
    }
    end_quiet(&q, reason);
    *out_written = done;
    return reason;
}

int tb__os_write_at(int fd, const void *data, size_t size, uint64_t offset)
{
    const char *bytes = data;
    size_t done = 0;
    int reason = 0;
    quiet q;
    begin_quiet(&q);
    while (done < size && reason == 0) {
        ssize_t n = pwrite(fd, bytes + done, size - done, (off_t)(offset + done));
        if (n > 0)
            done += (size_t)n;
        else if (n == 0 || errno != EINTR)
            reason = n == 0 ? EIO : errno;
    }
    end_quiet(&q, reason);
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

int tb__os_sync_file_system(int fd)
{
#if defined(__linux__)
    return syscall(SYS_syncfs, fd) == 0 ? 0 : errno;
#else
    (void)fd;
    sync();
    return 0;
#endif
}

tb_status tb__os_open_dir(int *out_fd, const char *path, tb__error *err)
{
    int fd = open_at(AT_FDCWD, path, O_RDONLY | O_DIRECTORY);
    if (fd < 0)
        return tb__error_set_errno(err, errno, "open directory %s", path);
    *out_fd = fd;
    return TB_STATUS_OK;
}

int tb__os_replace(int fd, int from)
{
    int rv;
    do
        rv = dup2(from, fd);
    while (rv < 0 && errno == EINTR);
    int reason = rv < 0 ? errno : 0;
    if (rv >= 0)
        fcntl(fd, F_SETFD, FD_CLOEXEC);
    close(from);
    return reason;
}

int tb__os_open_dir_at(int *out_fd, int dir_fd, const char *name)
{
    int fd = open_at(dir_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
    if (fd < 0)
        return errno;
    *out_fd = fd;
    return 0;
}

/* The directory |name| of |size| bytes below another, made if it is not there. */
static int make_dir_at(int *out_fd, int *made, int dir_fd, const char *name, size_t size)
{
    char copy[256];
    if (size >= sizeof copy)
        return ENAMETOOLONG;
    memcpy(copy, name, size);
    copy[size] = '\0';
    int reason = tb__os_open_dir_at(out_fd, dir_fd, copy);
    if (reason != ENOENT)
        return reason;
    int rv;
    do
        rv = mkdirat(dir_fd, copy, 0777);
    while (rv != 0 && errno == EINTR);
    if (rv == 0)
        ++*made;
    else if (errno != EEXIST) /* somebody was faster */
        return errno;
    return tb__os_open_dir_at(out_fd, dir_fd, copy);
}

int tb__os_make_dirs_at(int *out_fd, int *out_made, int dir_fd, const char *path)
{
    int fd = dir_fd, reason;
    *out_made = 0;
    for (;;) {
        int next;
        size_t size = strcspn(path, "/");
        reason = make_dir_at(&next, out_made, fd, path, size);
        if (fd != dir_fd)
            close(fd);
        if (reason != 0)
            return reason;
        fd = next;
        if (path[size] == '\0')
            break;
        path += size + 1;
    }
    *out_fd = fd;
    return 0;
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
        int next = open_at(parent, "..", O_RDONLY | O_DIRECTORY);
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

int tb__os_remove_at(int dir_fd, const char *name)
{
    int rv;
    do
        rv = unlinkat(dir_fd, name, 0);
    while (rv != 0 && errno == EINTR);
    return rv == 0 ? 0 : errno;
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

void *tb__os_reserve_memory(size_t size)
{
    void *memory = mmap(NULL, size, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    return memory == MAP_FAILED ? NULL : memory;
}

int tb__os_map_memory_at(void *at, size_t size)
{
    void *memory = mmap(at, size, PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED, -1, 0);
    return memory == MAP_FAILED ? errno : 0;
}

int tb__os_map_file_at(void *at, size_t size, int fd, uint64_t offset)
{
    void *memory = mmap(at, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, fd,
                        (off_t)offset);
    return memory == MAP_FAILED ? errno : 0;
}

int tb__os_allocate(int fd, uint64_t offset, uint64_t size)
{
#if defined(_POSIX_ADVISORY_INFO) && _POSIX_ADVISORY_INFO > 0
    int reason;
    quiet q;
    begin_quiet(&q);
    do
        reason = posix_fallocate(fd, (off_t)offset, (off_t)size);
    while (reason == EINTR);
    end_quiet(&q, reason);
    return reason;
#else
    (void)fd, (void)offset, (void)size;
    return EOPNOTSUPP;
#endif
}

bool tb__os_keeps_room(int fd)
{
#ifdef __linux__
    static const unsigned long copying[] = {0x9123683e /* btrfs */, 0xca451a4e /* bcachefs */,
                                            0x2fc12fc1 /* zfs */};
    struct statfs info;
    int rv;
    do
        rv = fstatfs(fd, &info);
    while (rv != 0 && errno == EINTR);
    if (rv != 0)
        return false;
    for (size_t i = 0; i < sizeof copying / sizeof copying[0]; i++)
        if (((unsigned long)info.f_type & 0xffffffff) == copying[i])
            return false;
#else
    (void)fd;
#endif
    return true;
}

void tb__os_populate(void *memory, size_t size)
{
#ifdef MADV_POPULATE_WRITE
    uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE), start = (uintptr_t)memory / page * page;
    madvise((char *)memory - ((uintptr_t)memory - start), size + ((uintptr_t)memory - start),
            MADV_POPULATE_WRITE);
#else
    (void)memory, (void)size;
#endif
}

bool tb__os_hide_from_child(void *memory, size_t size)
{
#ifdef MADV_DONTFORK
    return madvise(memory, size, MADV_DONTFORK) == 0;
#else
    (void)memory, (void)size;
    return false;
#endif
}

void tb__os_prefer_large_pages(void *memory, size_t size)
{
#ifdef MADV_HUGEPAGE
    madvise(memory, size, MADV_HUGEPAGE);
#else
    (void)memory, (void)size;
#endif
}
