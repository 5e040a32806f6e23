#define _GNU_SOURCE
#include "countersign_worker.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

// Between fork and exec only async-signal-safe calls are made: the parent has threads.
int cs_spawn_worker(char *const *words, const int descriptors[5], pid_t *child) {
    char *environment[] = { NULL };
    int failure[2];
    if (pipe2(failure, O_CLOEXEC) != 0) return errno;
    pid_t pid = fork();
    if (pid < 0) {
        int error = errno;
        close(failure[0]);
        close(failure[1]);
        return error;
    }
    if (pid == 0) {
        // Everything first moves out of the way of the target numbers.
        int moved[6];
        for (int at = 0; at < 5; at++) moved[at] = fcntl(descriptors[at], F_DUPFD_CLOEXEC, 64);
        moved[5] = fcntl(failure[1], F_DUPFD_CLOEXEC, 64);
        for (int at = 0; at < 5; at++) dup2(moved[at], at);
        for (int fd = 5; fd < 4096; fd++)
            if (fd != moved[5]) close(fd);
        setsid();
        sigset_t none;
        sigemptyset(&none);
        sigprocmask(SIG_SETMASK, &none, 0);
        for (int number = 1; number < 32; number++) signal(number, SIG_DFL);
        execve(words[0], words, environment);
        int error = errno;
        if (write(moved[5], &error, sizeof error) < 0) _exit(127);
        _exit(127);
    }
    close(failure[1]);
    int error = 0;
    ssize_t got;
    do { got = read(failure[0], &error, sizeof error); } while (got < 0 && errno == EINTR);
    close(failure[0]);
    if (got == (ssize_t)sizeof error) {
        waitpid(pid, 0, 0);
        return error;
    }
    *child = pid;
    return 0;
}

int cs_reap(pid_t child, int *status) {
    int raw = 0;
    pid_t got = waitpid(child, &raw, WNOHANG);
    if (got == 0) return 0;
    if (got < 0) return errno == EINTR ? 0 : -1;
    *status = WIFSIGNALED(raw) ? 128 + WTERMSIG(raw) : WEXITSTATUS(raw);
    return 1;
}

int cs_pipe(int ends[2]) { return pipe2(ends, O_CLOEXEC); }
