// Confinement that a process lays on itself before it opens an untrusted document.
#ifndef COUNTERSIGN_READER_H
#define COUNTERSIGN_READER_H

#include <stdint.h>

/// Hard ceilings: address space in bytes, no core file, no file growth, no further descriptors, no further processes.
/// 0, or -1 with errno.
int cs_reader_limit(uint64_t address_space);

/// Gives the process `seconds` of processor time from now; past them the kernel ends it with SIGXCPU. 0, or -1 with errno.
int cs_reader_grant_seconds(uint64_t seconds);

/// no_new_privs and a seccomp filter that leaves reading, writing, memory, threads' locks, clocks and exit; every other call
/// answers EPERM, so no file, socket or process can be had. 0, or -1 with errno (the kernel may have no seccomp).
int cs_reader_seal(void);

/// Makes reads and writes on a descriptor answer EAGAIN instead of blocking. 0, or -1 with errno.
int cs_reader_unblock(int descriptor);

#endif
