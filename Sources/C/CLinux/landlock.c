#define _GNU_SOURCE
#include "countersign_landlock.h"

#include <fcntl.h>
#include <linux/landlock.h>
#include <sys/syscall.h>
#include <unistd.h>

_Static_assert(
    LANDLOCK_ACCESS_FS_EXECUTE == 1ULL << 0 && LANDLOCK_ACCESS_FS_WRITE_FILE == 1ULL << 1
        && LANDLOCK_ACCESS_FS_READ_FILE == 1ULL << 2 && LANDLOCK_ACCESS_FS_READ_DIR == 1ULL << 3,
    "the access bits in the header are the kernel's");

int cs_landlock_abi(void) {
    long version = syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);
    return version < 0 ? 0 : (int)version;
}

int cs_landlock_create(uint64_t handled_accesses) {
    struct landlock_ruleset_attr attributes = {.handled_access_fs = handled_accesses};
    return (int)syscall(SYS_landlock_create_ruleset, &attributes, sizeof attributes, 0);
}

int cs_landlock_allow(int rules, const char *path, uint64_t accesses) {
    int fd = open(path, O_PATH | O_CLOEXEC);
    if (fd < 0) return -1;
    struct landlock_path_beneath_attr rule = {.allowed_access = accesses, .parent_fd = fd};
    int result = (int)syscall(SYS_landlock_add_rule, rules, LANDLOCK_RULE_PATH_BENEATH, &rule, 0);
    close(fd);
    return result;
}

int cs_landlock_restrict(int rules) { return (int)syscall(SYS_landlock_restrict_self, rules, 0); }
