#pragma once
// A program for the system's socket filter (classic BPF, Linux) that thins out floods of handshakes' first messages before
// they reach the socket's buffer: what it drops costs the receiving process nothing.

#include <stdint.h>

/// Laid out as the system's `struct sock_fprog` on machines of 64 bits, least significant byte first: number of
/// instructions, address of the first.
struct murmur_filter {
    uint64_t count;
    uint64_t address;
};

/// A program that lets pass all but initiations (first byte 1), of these one in sixteen picked at random, and those from
/// one of `count` sources: the last 32 bits of the IP address, and the port. `is_v6` says which kind of socket it is for.
/// To be freed with `murmur_free_filter`; its count is 0 where there is no such filter, or no memory.
struct murmur_filter murmur_make_filter(const uint32_t *addresses, const uint16_t *ports, int count, int is_v6);

/// Frees what the program takes up; the system keeps a copy of its own.
void murmur_free_filter(struct murmur_filter filter);

/// Sources that a program takes at most.
#define MURMUR_FILTER_SOURCES 512
