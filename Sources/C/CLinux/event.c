#define _GNU_SOURCE
#include "countersign_event.h"

#include <errno.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

_Static_assert(EPOLLIN == 0x001 && EPOLLOUT == 0x004, "the event bits in the header are the kernel's");

enum { batch_max = 64 };

int cs_epoll_create(void) { return epoll_create1(EPOLL_CLOEXEC); }

static int control(int epoll, int operation, int fd, uint32_t events, uint64_t token) {
    struct epoll_event event = {.events = events, .data = {.u64 = token}};
    return epoll_ctl(epoll, operation, fd, &event);
}

int cs_epoll_add(int epoll, int fd, uint32_t events, uint64_t token) { return control(epoll, EPOLL_CTL_ADD, fd, events, token); }

int cs_epoll_change(int epoll, int fd, uint32_t events, uint64_t token) {
    return control(epoll, EPOLL_CTL_MOD, fd, events, token);
}

int cs_epoll_remove(int epoll, int fd) { return control(epoll, EPOLL_CTL_DEL, fd, 0, 0); }

int cs_epoll_wait(int epoll, uint64_t *tokens, uint32_t *events, int capacity, int timeout_ms) {
    struct epoll_event ready[batch_max];
    int count = epoll_wait(epoll, ready, capacity < batch_max ? capacity : batch_max, timeout_ms);
    if (count < 0) return errno == EINTR ? 0 : -1;
    for (int i = 0; i < count; i++) {
        tokens[i] = ready[i].data.u64;
        events[i] = ready[i].events;
    }
    return count;
}

int cs_eventfd_create(void) { return eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK); }

void cs_eventfd_signal(int fd) {
    uint64_t one = 1;
    // A full counter already wakes the reader, so a failed write loses nothing.
    ssize_t written = write(fd, &one, sizeof one);
    (void)written;
}

void cs_eventfd_clear(int fd) {
    uint64_t count;
    // An empty counter answers EAGAIN, which is what clearing asks for.
    ssize_t taken = read(fd, &count, sizeof count);
    (void)taken;
}
