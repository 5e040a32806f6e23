// Memory of this process as the kernel counts it.
#ifndef COUNTERSIGN_MEMORY_H
#define COUNTERSIGN_MEMORY_H

/// Unmaps the pages of program and library text that only starting needed: symbol tables, relocations, initialisers. They stay in
/// the kernel's cache, and what is needed again comes back by a minor fault. Answers the bytes looked at, or -1 with errno.
///
/// Only mappings that nothing can have changed are touched: executable text, and the read-only segment at a file's beginning.
/// Pages that relocation has written lie elsewhere and stay.
long cs_release_startup_pages(void);

/// Keeps malloc to two arenas. Each further one reserves 64 MB of address space, of which a worker has a bounded amount, and a
/// thread per document would take up to sixteen. To be called before other threads allocate.
void cs_use_few_arenas(void);

#endif
