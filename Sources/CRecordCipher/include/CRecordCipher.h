#pragma once
// AES-256-GCM (NIST SP 800-38D) for processors whose vector registers take four blocks at once (AVX-512 with VAES and
// VPCLMULQDQ). Nothing here depends on secrets but data: no branch, no address. Elsewhere OpenSSL's is used.

#include <stddef.h>
#include <stdint.h>

/// What a key is expanded to: the rounds' keys, and the powers of the hash key from the sixteenth down to the first, three
/// blocks of zeros behind them.
struct murmur_gcm {
    uint8_t rounds[15 * 16];
    uint8_t powers[19 * 16];
};

/// Whether this processor has what the other functions need.
int murmur_gcm_is_available(void);

/// Expands a key of 32 bytes.
void murmur_gcm_begin(struct murmur_gcm *cipher, const uint8_t *key);

/// Zeroes the expanded key.
void murmur_gcm_end(struct murmur_gcm *cipher);

/// Encrypts `count` bytes at `body` where they lie under a nonce of 12 bytes, `header_count` bytes at `header` being
/// authenticated with them, and writes the tag of 16 bytes.
void murmur_gcm_seal(
    const struct murmur_gcm *cipher, const uint8_t *nonce, const uint8_t *header, size_t header_count, uint8_t *body,
    size_t count, uint8_t *tag);

/// Decrypts `count` bytes at `body` to `target`, which is `body` or does not overlap it. Returns 1 if the tag is right;
/// where it is 0, `target` holds bytes that nobody vouches for.
int murmur_gcm_open(
    const struct murmur_gcm *cipher, const uint8_t *nonce, const uint8_t *header, size_t header_count,
    const uint8_t *body, size_t count, const uint8_t *tag, uint8_t *target);
