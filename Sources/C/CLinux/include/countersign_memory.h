// Memory of this process as the kernel counts it.
#ifndef COUNTERSIGN_MEMORY_H
#define COUNTERSIGN_MEMORY_H

/// Gives freed memory back, and unmaps the pages of program and library text: after the start those of symbol tables,
/// relocations and initialisers, in a quiet moment those of the last task. They stay in the kernel's cache, and what is needed
/// again comes back by a minor fault. Answers the bytes looked at, or -1 with errno.
///
/// Only mappings that nothing can have changed are touched: executable text, and the read-only segment at a file's beginning.
/// Pages that relocation has written lie elsewhere and stay.
long cs_release_unused_pages(void);

/// Keeps malloc to one arena. Each further one reserves 64 MB of address space, of which a worker has a bounded amount, and a
/// thread per document would take up to sixteen; threads that mostly wait do not miss them. To be called before other threads
/// allocate.
void cs_use_one_arena(void);

#endif
