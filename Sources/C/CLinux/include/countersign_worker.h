// Starting a worker: four pipes at fixed descriptors, nothing else inherited.
#ifndef COUNTERSIGN_WORKER_H
#define COUNTERSIGN_WORKER_H

#include <sys/types.h>

/// Forks and executes `words[0]` with an empty environment; `descriptors[i]` becomes descriptor i (0 bootstrap, 1 output, 2 log,
/// 3 lifeline, 4 report), all others are closed. 0 with the child's pid, or an errno.
int cs_spawn_worker(char *const *words, const int descriptors[5], pid_t *child);

/// Reaps `child` without waiting: 1 with its exit code (128 + signal when killed), 0 while it lives, -1 when it is no child.
int cs_reap(pid_t child, int *status);

/// Two ends of a pipe, both close-on-exec. 0, or -1 with errno.
int cs_pipe(int ends[2]);

#endif
