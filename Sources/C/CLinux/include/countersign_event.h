// epoll and eventfd for Swift, which cannot import their packed structs and macros from Glibc.
#ifndef COUNTERSIGN_EVENT_H
#define COUNTERSIGN_EVENT_H

#include <stdint.h>

static const uint32_t cs_event_readable = 0x001; // EPOLLIN
static const uint32_t cs_event_writable = 0x004; // EPOLLOUT

/// A new epoll descriptor, close-on-exec; -1 with errno.
int cs_epoll_create(void);

/// Watches `fd` (level-triggered) and reports it as `token`. 0, or -1 with errno.
int cs_epoll_add(int epoll, int fd, uint32_t events, uint64_t token);
int cs_epoll_change(int epoll, int fd, uint32_t events, uint64_t token);
int cs_epoll_remove(int epoll, int fd);

/// Waits at most `timeout_ms` (-1: for ever) and writes up to `capacity` tokens and their events.
/// Answers how many, or -1 with errno; an interrupted wait answers 0.
int cs_epoll_wait(int epoll, uint64_t *tokens, uint32_t *events, int capacity, int timeout_ms);

/// A non-blocking, close-on-exec eventfd; -1 with errno.
int cs_eventfd_create(void);
void cs_eventfd_signal(int fd);
void cs_eventfd_clear(int fd);

#endif
