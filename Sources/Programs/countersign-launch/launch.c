// countersign-launch: shuts a worker in, then becomes it.
//
// Landlock, rlimits and identity belong to the process that is restricted, and can only be set before it has threads; a Swift
// program has threads before main. Hence this small step between the supervisor and the worker: it applies what the kernel
// offers, writes one line that says what was achieved, and executes the program. It allocates nothing and reads no file.
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/landlock.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#ifndef __NR_landlock_create_ruleset
#define __NR_landlock_create_ruleset 444
#define __NR_landlock_add_rule 445
#define __NR_landlock_restrict_self 446
#endif
#ifndef __NR_close_range
#define __NR_close_range 436
#endif

// Newer kernels know more than this machine's headers; the numbers are the kernel's own and never change.
enum {
    fs_execute = 1 << 0, fs_write_file = 1 << 1, fs_read_file = 1 << 2, fs_read_dir = 1 << 3, fs_remove_dir = 1 << 4,
    fs_remove_file = 1 << 5, fs_make_char = 1 << 6, fs_make_dir = 1 << 7, fs_make_reg = 1 << 8, fs_make_sock = 1 << 9,
    fs_make_fifo = 1 << 10, fs_make_block = 1 << 11, fs_make_sym = 1 << 12, fs_refer = 1 << 13, fs_truncate = 1 << 14,
    fs_abi_1 = (1 << 13) - 1,
};
enum { net_bind_tcp = 1 << 0, net_connect_tcp = 1 << 1, rule_path = 1, rule_port = 2,
       scope_abstract_socket = 1 << 0, scope_signal = 1 << 1 };

struct ruleset { uint64_t fs; uint64_t net; uint64_t scoped; };
struct __attribute__((packed)) path_rule { uint64_t allowed; int32_t parent; };
struct port_rule { uint64_t allowed; uint64_t port; };

enum { paths_max = 128, ports_max = 64 };

struct request {
    int report;
    int has_identity;
    uid_t uid;
    gid_t gid;
    const char *readable[paths_max];
    const char *writable[paths_max];
    uint64_t ports[ports_max];
    int readable_count, writable_count, port_count, has_landlock;
};

static void die(const struct request *request, const char *what) {
    if (request->report >= 0) dprintf(request->report, "failed %s: %s\n", what, strerror(errno));
    _exit(125);
}

static uint64_t number(const struct request *request, const char *text) {
    char *end = NULL;
    errno = 0;
    unsigned long long value = strtoull(text, &end, 10);
    if (errno != 0 || end == text || *end != 0) {
        errno = EINVAL;
        die(request, text);
    }
    return value;
}

static void limit(const struct request *request, int resource, const char *text, const char *name) {
    struct rlimit bounds = { number(request, text), number(request, text) };
    struct rlimit current;
    // A limit that already is lower stays: it cannot be raised and need not be.
    if (getrlimit(resource, &current) == 0 && current.rlim_max < bounds.rlim_max) return;
    if (setrlimit(resource, &bounds) != 0) die(request, name);
}

static int landlock_abi(void) {
    long abi = syscall(__NR_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);
    return abi < 0 ? 0 : (int)abi;
}

// A path that does not exist grants nothing and is no error: lists name what may be there on other systems.
static void allow_path(const struct request *request, int rules, const char *path, uint64_t allowed, uint64_t handled) {
    int parent = open(path, O_PATH | O_CLOEXEC);
    if (parent < 0) return;
    struct stat info;
    if (fstat(parent, &info) == 0 && !S_ISDIR(info.st_mode)) allowed &= fs_execute | fs_write_file | fs_read_file | fs_truncate;
    struct path_rule rule = { .allowed = allowed & handled, .parent = parent };
    if (syscall(__NR_landlock_add_rule, rules, rule_path, &rule, 0) != 0) die(request, path);
    close(parent);
}

static int restrict_self(const struct request *request) {
    int abi = landlock_abi();
    if (abi == 0 || !request->has_landlock) return 0;
    struct ruleset set = { .fs = fs_abi_1 };
    if (abi >= 2) set.fs |= fs_refer;
    if (abi >= 3) set.fs |= fs_truncate;
    if (abi >= 4) set.net = net_bind_tcp | net_connect_tcp;
    if (abi >= 6) set.scoped = scope_abstract_socket | scope_signal;
    size_t size = abi >= 6 ? sizeof set : abi >= 4 ? 2 * sizeof(uint64_t) : sizeof(uint64_t);
    int rules = (int)syscall(__NR_landlock_create_ruleset, &set, size, 0);
    if (rules < 0) die(request, "landlock rules");
    for (int at = 0; at < request->readable_count; at++)
        allow_path(request, rules, request->readable[at], fs_execute | fs_read_file | fs_read_dir, set.fs);
    for (int at = 0; at < request->writable_count; at++)
        allow_path(request, rules, request->writable[at], set.fs & ~(uint64_t)fs_execute, set.fs);
    for (int at = 0; abi >= 4 && at < request->port_count; at++) {
        struct port_rule rule = { .allowed = net_connect_tcp, .port = request->ports[at] };
        if (syscall(__NR_landlock_add_rule, rules, rule_port, &rule, 0) != 0) die(request, "landlock port");
    }
    if (syscall(__NR_landlock_restrict_self, rules, 0) != 0) die(request, "landlock");
    close(rules);
    return abi;
}

static void usage(void) {
    static const char text[] =
        "usage: countersign-launch [--uid N --gid N] [--as BYTES] [--cpu SECONDS] [--nofile N] [--nproc N] [--fsize BYTES]\n"
        "                          [--landlock-ro PATH]... [--landlock-rw PATH]... [--tcp-connect PORT]... [--report-fd N]\n"
        "                          -- PROGRAM [ARGUMENT]...\n";
    if (write(2, text, sizeof text - 1) < 0) _exit(64);
    _exit(64);
}

int main(int count, char **words) {
    struct request request = { .report = -1 };
    int at = 1;
    // The report descriptor first, so that everything after it can be reported.
    for (int seek = 1; seek + 1 < count && strcmp(words[seek], "--") != 0; seek += 2)
        if (strcmp(words[seek], "--report-fd") == 0) request.report = atoi(words[seek + 1]);
    for (; at < count && strcmp(words[at], "--") != 0; at += 2) {
        if (at + 1 >= count) usage();
        const char *name = words[at], *value = words[at + 1];
        if (strcmp(name, "--uid") == 0) request.uid = (uid_t)number(&request, value), request.has_identity = 1;
        else if (strcmp(name, "--gid") == 0) request.gid = (gid_t)number(&request, value);
        else if (strcmp(name, "--as") == 0) limit(&request, RLIMIT_AS, value, name);
        else if (strcmp(name, "--cpu") == 0) limit(&request, RLIMIT_CPU, value, name);
        else if (strcmp(name, "--nofile") == 0) limit(&request, RLIMIT_NOFILE, value, name);
        else if (strcmp(name, "--nproc") == 0) limit(&request, RLIMIT_NPROC, value, name);
        else if (strcmp(name, "--fsize") == 0) limit(&request, RLIMIT_FSIZE, value, name);
        else if (strcmp(name, "--report-fd") == 0) continue;
        else if (strcmp(name, "--landlock-ro") == 0 && request.readable_count < paths_max)
            request.readable[request.readable_count++] = value, request.has_landlock = 1;
        else if (strcmp(name, "--landlock-rw") == 0 && request.writable_count < paths_max)
            request.writable[request.writable_count++] = value, request.has_landlock = 1;
        else if (strcmp(name, "--tcp-connect") == 0 && request.port_count < ports_max)
            request.ports[request.port_count++] = number(&request, value), request.has_landlock = 1;
        else usage();
    }
    if (at + 1 >= count) usage();
    char **program = words + at + 1;

    struct rlimit none = { 0, 0 };
    if (setrlimit(RLIMIT_CORE, &none) != 0) die(&request, "core");
    if (request.has_identity) {
        if (setgroups(0, NULL) != 0) die(&request, "groups");
        if (setresgid(request.gid, request.gid, request.gid) != 0) die(&request, "gid");
        if (setresuid(request.uid, request.uid, request.uid) != 0) die(&request, "uid");
        if (setuid(0) == 0) die(&request, "uid could be regained");
    }
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) die(&request, "no_new_privs");
    // 0 to 3 (bootstrap, output, log, lifeline) and the report survive; the report closes itself at exec.
    if (request.report >= 0) fcntl(request.report, F_SETFD, FD_CLOEXEC);
    for (int fd = 4; fd < 1024; fd++)
        if (fd != request.report) close(fd);
    syscall(__NR_close_range, 1024, ~0U, 0);
    int abi = restrict_self(&request);
    if (request.report >= 0)
        dprintf(
            request.report, "level %s landlock %d uid %s\n", abi > 0 ? "L1" : "L0", abi, request.has_identity ? "own" : "shared");
    char *environment[] = { "PATH=/usr/bin:/bin", "LANG=C.UTF-8", "RES_OPTIONS=use-vc", NULL };
    execve(program[0], program, environment);
    die(&request, "exec");
}
