// Landlock by system call; glibc has no wrappers.
#ifndef COUNTERSIGN_LANDLOCK_H
#define COUNTERSIGN_LANDLOCK_H

#include <stdint.h>

static const uint64_t cs_landlock_execute = 1ULL << 0;
static const uint64_t cs_landlock_write_file = 1ULL << 1;
static const uint64_t cs_landlock_read_file = 1ULL << 2;
static const uint64_t cs_landlock_read_directory = 1ULL << 3;

/// The kernel's Landlock ABI version; 0 when it has none or it is switched off.
int cs_landlock_abi(void);

/// A rule set that handles those file-system accesses (unknown ones of newer ABIs are the caller's to leave out); -1 with errno.
int cs_landlock_create(uint64_t handled_accesses);

/// Allows `accesses` beneath `path`; 0, or -1 with errno.
int cs_landlock_allow(int rules, const char *path, uint64_t accesses);

/// Confines the calling thread and what it starts; no_new_privs must be set. 0, or -1 with errno.
int cs_landlock_restrict(int rules);

#endif
