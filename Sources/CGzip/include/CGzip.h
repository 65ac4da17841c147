#pragma once
// Unpacking of gzip through the system's zlib, for callers that have no pointers: the state is an address, and a step says
// how much it took and gave.

#include <stdint.h>

/// What a step did.
struct murmur_gunzip_step {
    /// 0: more can come; 1: a member is whole, and another may follow; -1: the bytes are damaged; -2: there is no memory.
    int64_t status;
    /// The bytes of the input that were taken, and those of the output that were filled.
    int64_t consumed, produced;
};

/// A state at the start of a member, to be ended with `murmur_gunzip_end`; 0 where there is no memory.
uint64_t murmur_gunzip_begin(void);

/// Unpacks `input[start..<end]` into `output`, which has room for `capacity` bytes.
struct murmur_gunzip_step murmur_gunzip(
    uint64_t state, const uint8_t *input, int64_t start, int64_t end, uint8_t *output, int64_t capacity);

/// Frees a state.
void murmur_gunzip_end(uint64_t state);
