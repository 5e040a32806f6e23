// Starting, watching and tidying up after child processes.
#ifndef COUNTERSIGN_PROCESS_H
#define COUNTERSIGN_PROCESS_H

#include <stdint.h>
#include <sys/types.h>

typedef struct cs_spawn_request {
    const char *path;            // absolute path of the program
    char *const *arguments;      // NULL-terminated, with the program's name first
    char *const *environment;    // NULL-terminated; nothing is inherited
    const char *directory;       // working directory, "/" when NULL
    int input, output, error;    // descriptors for 0, 1, 2; -1 is /dev/null
    int changes_identity;        // 1: become `user` and `group`, drop supplementary groups
    uid_t user;
    gid_t group;
    int starts_session;          // 1: setsid, so that a terminal's Ctrl-C stays with the parent
    int death_signal;            // sent to the child when the calling *thread* ends; 0: none
} cs_spawn_request;

/// Forks and executes; every descriptor above 2 is closed in the child, signals are reset, the umask is 077.
/// 0 with the child's pid, or the errno of what failed with the stage's name ("fork", "identity", "directory", "exec", …).
int cs_spawn(const cs_spawn_request *request, pid_t *child, const char **failed_stage);

/// A descriptor that becomes readable when the process ends; -1 with errno.
int cs_pidfd_open(pid_t process);

/// Signals the process behind the descriptor, which no reuse of its number can misdirect; 0, or -1 with errno.
int cs_pidfd_signal(int descriptor, int number);

/// 1 when `process` is gone, 0 when it runs, -1 when it is not our child; with the wait status.
int cs_reap_child(pid_t process, int *status);
int cs_exit_code(int status);    // -1 when a signal ended it
int cs_exit_signal(int status);  // 0 when it exited by itself

/// An anonymous file in memory, close-on-exec; -1 with errno.
int cs_memory_file(const char *name);

/// Deletes a directory with everything in it, following no link; 0, or -1 with errno.
int cs_remove_tree(const char *path);

/// The user's ids by name; 0, or -1 when there is no such user.
int cs_user_by_name(const char *name, uid_t *user, gid_t *group);

/// Makes this process undumpable: no core files, and /proc/self is closed to other processes of the same user.
int cs_make_undumpable(void);

/// Names the calling thread for `top -H` and debuggers; at most 15 bytes count.
void cs_name_thread(const char *name);

/// Fills `buffer` from the kernel's generator; 0, or -1 with errno.
int cs_random(void *buffer, size_t count);

#endif
