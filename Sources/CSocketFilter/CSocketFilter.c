#include "CSocketFilter.h"

#include <stdlib.h>

#if defined(__linux__) && __SIZEOF_POINTER__ == 8 && __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
#include <linux/filter.h>

_Static_assert(sizeof(struct sock_fprog) == sizeof(struct murmur_filter), "the layouts agree");

struct murmur_filter murmur_make_filter(const uint32_t *addresses, const uint16_t *ports, int count, int is_v6) {
    struct murmur_filter result = {0, 0};
    if (count < 0 || count > MURMUR_FILTER_SOURCES) return result;
    struct sock_filter *program = malloc(sizeof(struct sock_filter) * (size_t)(7 + 5 * count));
    if (!program) return result;
    // A UDP socket's filter sees the UDP header, then the payload. The source address is in the IP header: its last 32 bits
    // end at byte 16 of the fourth version's and at byte 24 of the sixth's.
    const uint32_t address_offset = (uint32_t)SKF_NET_OFF + (is_v6 ? 20 : 12);
    int n = 0;
    program[n++] = (struct sock_filter)BPF_STMT(BPF_LD | BPF_B | BPF_ABS, 8);
    program[n++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 1, 1, 0);
    program[n++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, 0xffffffff);
    program[n++] = (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, (uint32_t)(SKF_AD_OFF + SKF_AD_RANDOM));
    program[n++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, 15, 1, 0);
    program[n++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, 0xffffffff);
    for (int k = 0; k < count; k++) {
        program[n++] = (struct sock_filter)BPF_STMT(BPF_LD | BPF_H | BPF_ABS, 0);
        program[n++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, ports[k], 0, 3);
        program[n++] = (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, address_offset);
        program[n++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, addresses[k], 0, 1);
        program[n++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, 0xffffffff);
    }
    program[n++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, 0);
    result.count = (uint64_t)n;
    result.address = (uint64_t)program;
    return result;
}

void murmur_free_filter(struct murmur_filter filter) { free((void *)filter.address); }

#else

struct murmur_filter murmur_make_filter(const uint32_t *addresses, const uint16_t *ports, int count, int is_v6) {
    (void)addresses, (void)ports, (void)count, (void)is_v6;
    struct murmur_filter result = {0, 0};
    return result;
}

void murmur_free_filter(struct murmur_filter filter) { (void)filter; }

#endif
