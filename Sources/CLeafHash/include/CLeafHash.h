#pragma once
// BLAKE2b (RFC 7693) over several messages at once, one in each lane of the processor's vector registers: the compression
// of one message is a chain of dependent steps, those of eight messages are not.

#include <stddef.h>
#include <stdint.h>

/// Messages that one call hashes best: 8 with AVX-512, 4 with AVX2, 0 where there is nothing to gain.
int murmur_leaf_lanes(void);

/// The 32-byte digests of `murmur_leaf_lanes()` messages of `length` bytes each, a multiple of 128 and not 0; no key, no
/// salt, a personalisation of 16 bytes. `digests` has 32 bytes for each.
void murmur_leaf_hashes(const uint8_t *const *messages, size_t length, const uint8_t *personalisation,
                        uint8_t *digests);
