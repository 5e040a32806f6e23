#define _GNU_SOURCE
#include "countersign_process.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <grp.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

enum stage { stage_descriptors, stage_identity, stage_directory, stage_death_signal, stage_exec };

static const char *const stage_names[] = {"descriptors", "identity", "directory", "death signal", "exec"};

struct failure {
    int stage;
    int error;
};

// Only async-signal-safe calls from here to exec: the parent has other threads.
static void fail(int report, enum stage stage) {
    struct failure failure = {.stage = stage, .error = errno};
    ssize_t written = write(report, &failure, sizeof failure);
    (void)written;
    _exit(127);
}

static void place_descriptors(const cs_spawn_request *request, int report) {
    int wanted[3] = {request->input, request->output, request->error};
    // Lift the wanted ones above 2 first, so that placing one never overwrites another.
    for (int i = 0; i < 3; i++) {
        wanted[i] = wanted[i] < 0 ? open("/dev/null", O_RDWR) : fcntl(wanted[i], F_DUPFD, 3);
        if (wanted[i] < 0) fail(report, stage_descriptors);
        if (wanted[i] < 3) {
            wanted[i] = fcntl(wanted[i], F_DUPFD, 3);
            if (wanted[i] < 0) fail(report, stage_descriptors);
        }
    }
    for (int i = 0; i < 3; i++) {
        if (dup2(wanted[i], i) < 0) fail(report, stage_descriptors);
    }
    // CLOSE_RANGE_CLOEXEC (4) and not closing at once: the report pipe lives until exec.
    if (syscall(SYS_close_range, 3u, ~0u, 4u) < 0) {
        for (int fd = 3; fd < 65536; fd++) fcntl(fd, F_SETFD, FD_CLOEXEC);
    }
}

static void become_child(const cs_spawn_request *request, pid_t parent, int report) {
    struct sigaction standard = {.sa_handler = SIG_DFL};
    for (int number = 1; number < 65; number++) sigaction(number, &standard, NULL);
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    umask(077);
    if (request->starts_session) setsid();
    place_descriptors(request, report);
    if (request->changes_identity) {
        if (setgroups(0, NULL) < 0 || setresgid(request->group, request->group, request->group) < 0
            || setresuid(request->user, request->user, request->user) < 0)
            fail(report, stage_identity);
    }
    // After the change of identity, which clears it.
    if (request->death_signal) {
        if (prctl(PR_SET_PDEATHSIG, request->death_signal) < 0) fail(report, stage_death_signal);
        if (getppid() != parent) _exit(127);
    }
    if (chdir(request->directory ? request->directory : "/") < 0) fail(report, stage_directory);
    execve(request->path, request->arguments, request->environment);
    fail(report, stage_exec);
}

int cs_spawn(const cs_spawn_request *request, pid_t *child, const char **failed_stage) {
    int report[2];
    *failed_stage = "pipe";
    if (pipe2(report, O_CLOEXEC) < 0) return errno;
    pid_t parent = getpid();
    // No handler of ours may run in the child before it has reset them.
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    pid_t pid = fork();
    if (pid == 0) become_child(request, parent, report[1]);
    int error = errno;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    close(report[1]);
    if (pid < 0) {
        close(report[0]);
        *failed_stage = "fork";
        return error;
    }
    struct failure failure;
    ssize_t got;
    do {
        got = read(report[0], &failure, sizeof failure);
    } while (got < 0 && errno == EINTR);
    close(report[0]);
    if (got == (ssize_t)sizeof failure) {
        while (waitpid(pid, NULL, 0) < 0 && errno == EINTR) {
        }
        *failed_stage = stage_names[failure.stage];
        return failure.error;
    }
    *child = pid;
    return 0;
}

int cs_pidfd_open(pid_t process) { return (int)syscall(SYS_pidfd_open, process, 0); }

int cs_pidfd_signal(int descriptor, int number) {
    return (int)syscall(SYS_pidfd_send_signal, descriptor, number, NULL, 0);
}

int cs_reap_child(pid_t process, int *status) {
    pid_t got;
    do {
        got = waitpid(process, status, WNOHANG);
    } while (got < 0 && errno == EINTR);
    if (got == process) return 1;
    return got == 0 ? 0 : -1;
}

int cs_exit_code(int status) { return WIFEXITED(status) ? WEXITSTATUS(status) : -1; }

int cs_exit_signal(int status) { return WIFSIGNALED(status) ? WTERMSIG(status) : 0; }

int cs_memory_file(const char *name) { return memfd_create(name, MFD_CLOEXEC); }

static int remove_one(const char *path, const struct stat *info, int kind, struct FTW *walk) {
    (void)info;
    (void)kind;
    (void)walk;
    return remove(path);
}

int cs_remove_tree(const char *path) {
    enum { descriptors_max = 16 };
    int result = nftw(path, remove_one, descriptors_max, FTW_DEPTH | FTW_PHYS | FTW_MOUNT);
    return result == 0 || errno == ENOENT ? 0 : -1;
}

int cs_user_by_name(const char *name, uid_t *user, gid_t *group) {
    struct passwd entry, *found = NULL;
    char buffer[16384];
    if (getpwnam_r(name, &entry, buffer, sizeof buffer, &found) != 0 || !found) return -1;
    *user = found->pw_uid;
    *group = found->pw_gid;
    return 0;
}

int cs_make_undumpable(void) { return prctl(PR_SET_DUMPABLE, 0); }

void cs_name_thread(const char *name) { prctl(PR_SET_NAME, name); }

int cs_random(void *buffer, size_t count) {
    unsigned char *at = buffer;
    while (count > 0) {
        ssize_t got = getrandom(at, count, 0);
        if (got < 0) {
            if (errno == EINTR) continue;
            return -1;
        }
        at += got;
        count -= (size_t)got;
    }
    return 0;
}
