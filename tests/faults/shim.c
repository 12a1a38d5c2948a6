/* Loaded in front of a program by LD_PRELOAD: it keeps what a power cut would take, and moves the clock.
 *
 * FETTLE_CUT_DIR: files below this folder are watched. Before each write the old bytes go to FETTLE_CUT_LOG, and a
 * sync of the file ends that: `power.py` puts back whatever was never synced. FETTLE_CLOCK: a file of eight bytes, the
 * nanoseconds by which CLOCK_REALTIME is wrong; it is mapped, so that it can be changed while the program runs.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/types.h>
#include <time.h>
#include <unistd.h>

#define MOST_FILES 4096
static char *watched[MOST_FILES];
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static int log_fd = -1;

#define REAL(name) ((__typeof__(&name))real(#name))
static void *real(const char *name) { return dlsym(RTLD_NEXT, name); }

static int is_watched(const char *path) {
    const char *folder = getenv("FETTLE_CUT_DIR");
    size_t n = folder ? strlen(folder) : 0;
    if (!n || !path || strncmp(path, folder, n)) return 0;
    size_t m = strlen(path);
    return m < 4 || strcmp(path + m - 4, "-shm");
}

static void note(int fd, const char *path) {
    if (fd < 0 || fd >= MOST_FILES) return;
    pthread_mutex_lock(&lock);
    free(watched[fd]);
    watched[fd] = is_watched(path) ? strdup(path) : NULL;
    pthread_mutex_unlock(&lock);
}

/* One record: kind, length of path, path, offset, size of the file before, length of old bytes, old bytes. */
static void record(char kind, const char *path, int64_t offset, int64_t size, const void *old, int64_t n) {
    const char *file = getenv("FETTLE_CUT_LOG");
    if (!file) return;
    if (log_fd < 0) log_fd = REAL(open)(file, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    int32_t length = (int32_t)strlen(path);
    size_t total = 1 + 4 + length + 24 + n;
    char *all = malloc(total), *at = all;
    *at++ = kind;
    memcpy(at, &length, 4), at += 4;
    memcpy(at, path, length), at += length;
    memcpy(at, &offset, 8), at += 8;
    memcpy(at, &size, 8), at += 8;
    memcpy(at, &n, 8), at += 8;
    if (n) memcpy(at, old, n);
    (void)!REAL(write)(log_fd, all, total);
    free(all);
}

static void before_write(int fd, int64_t offset, size_t n) {
    if (fd < 0 || fd >= MOST_FILES || !watched[fd]) return;
    pthread_mutex_lock(&lock);
    if (watched[fd]) {
        struct stat facts;
        if (!fstat(fd, &facts)) {
            int64_t kept = offset < facts.st_size ? facts.st_size - offset : 0;
            if (kept > (int64_t)n) kept = n;
            char *old = malloc(kept ? kept : 1);
            kept = kept ? pread(fd, old, kept, offset) : 0;
            record('w', watched[fd], offset, facts.st_size, old, kept < 0 ? 0 : kept);
            free(old);
        }
    }
    pthread_mutex_unlock(&lock);
}

static void synced(int fd) {
    if (fd < 0 || fd >= MOST_FILES || !watched[fd]) return;
    pthread_mutex_lock(&lock);
    if (watched[fd]) record('s', watched[fd], 0, 0, NULL, 0);
    pthread_mutex_unlock(&lock);
}

#define OPEN(name) \
    int name(const char *path, int flags, ...) { \
        va_list more; \
        va_start(more, flags); \
        mode_t mode = (flags & (O_CREAT | O_TMPFILE)) ? va_arg(more, mode_t) : 0; \
        va_end(more); \
        int fd = REAL(name)(path, flags, mode); \
        note(fd, path); \
        return fd; \
    }
OPEN(open)
OPEN(open64)

int close(int fd) {
    if (fd >= 0 && fd < MOST_FILES && watched[fd]) note(fd, NULL);
    return REAL(close)(fd);
}

ssize_t pwrite64(int fd, const void *bytes, size_t n, off64_t offset) {
    before_write(fd, offset, n);
    return REAL(pwrite64)(fd, bytes, n, offset);
}

ssize_t pwrite(int fd, const void *bytes, size_t n, off_t offset) {
    before_write(fd, offset, n);
    return REAL(pwrite)(fd, bytes, n, offset);
}

ssize_t write(int fd, const void *bytes, size_t n) {
    if (fd >= 0 && fd < MOST_FILES && watched[fd]) before_write(fd, lseek(fd, 0, SEEK_CUR), n);
    return REAL(write)(fd, bytes, n);
}

static void before_cut(int fd, int64_t length) {
    struct stat facts;
    if (fd >= 0 && fd < MOST_FILES && watched[fd] && !fstat(fd, &facts) && length < facts.st_size)
        before_write(fd, length, facts.st_size - length);
}

int ftruncate(int fd, off_t length) {
    before_cut(fd, length);
    return REAL(ftruncate)(fd, length);
}

int ftruncate64(int fd, off64_t length) {
    before_cut(fd, length);
    return REAL(ftruncate64)(fd, length);
}

int fsync(int fd) {
    int answer = REAL(fsync)(fd);
    if (!answer) synced(fd);
    return answer;
}

int fdatasync(int fd) {
    int answer = REAL(fdatasync)(fd);
    if (!answer) synced(fd);
    return answer;
}

/* ---- the clock */

static volatile int64_t *wrong_ns(void) {
    static volatile int64_t *mapped;
    static int tried;
    if (!tried) {
        const char *file = getenv("FETTLE_CLOCK");
        if (!file) return NULL; /* asked again: it may be set after a fork */
        int fd = REAL(open)(file, O_RDONLY | O_CLOEXEC);
        if (fd >= 0) {
            void *at = mmap(NULL, 8, PROT_READ, MAP_SHARED, fd, 0);
            if (at != MAP_FAILED) mapped = at;
            REAL(close)(fd);
        }
        tried = 1;
    }
    return mapped;
}

int clock_gettime(clockid_t which, struct timespec *now) {
    int answer = REAL(clock_gettime)(which, now);
    volatile int64_t *wrong = which == CLOCK_REALTIME ? wrong_ns() : NULL;
    if (!answer && wrong) {
        int64_t ns = now->tv_sec * 1000000000LL + now->tv_nsec + *wrong;
        now->tv_sec = ns / 1000000000LL;
        now->tv_nsec = ns % 1000000000LL;
    }
    return answer;
}

int gettimeofday(struct timeval *now, void *zone) {
    struct timespec exact;
    (void)zone;
    if (clock_gettime(CLOCK_REALTIME, &exact)) return -1;
    now->tv_sec = exact.tv_sec;
    now->tv_usec = exact.tv_nsec / 1000;
    return 0;
}

time_t time(time_t *out) {
    struct timespec exact;
    if (clock_gettime(CLOCK_REALTIME, &exact)) return -1;
    if (out) *out = exact.tv_sec;
    return exact.tv_sec;
}
