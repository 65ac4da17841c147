#include "CLeafHash.h"

#include <string.h>

#if defined(__x86_64__)

typedef uint64_t lanes8 __attribute__((vector_size(64)));
typedef uint64_t lanes8u __attribute__((vector_size(64), aligned(1)));
typedef uint64_t lanes4 __attribute__((vector_size(32)));
typedef uint64_t lanes4u __attribute__((vector_size(32), aligned(1)));

static const uint64_t start_values[8] = {
    0x6a09e667f3bcc908u, 0xbb67ae8584caa73bu, 0x3c6ef372fe94f82bu, 0xa54ff53a5f1d36f1u,
    0x510e527fade682d1u, 0x9b05688c2b3e6c1fu, 0x1f83d9abfb41bd6bu, 0x5be0cd19137e2179u,
};

#define ROUND(s0, s1, s2, s3, s4, s5, s6, s7, s8, s9, s10, s11, s12, s13, s14, s15) \
    MIX(0, 4, 8, 12, s0, s1) MIX(1, 5, 9, 13, s2, s3) MIX(2, 6, 10, 14, s4, s5) MIX(3, 7, 11, 15, s6, s7) \
    MIX(0, 5, 10, 15, s8, s9) MIX(1, 6, 11, 12, s10, s11) MIX(2, 7, 8, 13, s12, s13) MIX(3, 4, 9, 14, s14, s15)

#define ROTATED(x, n) (((x) >> (n)) | ((x) << (64 - (n))))

#define MIX(a, b, c, d, x, y)      \
    v[a] += v[b] + m[x];           \
    v[d] = ROTATED(v[d] ^ v[a], 32); \
    v[c] += v[d];                  \
    v[b] = ROTATED(v[b] ^ v[c], 24); \
    v[a] += v[b] + m[y];           \
    v[d] = ROTATED(v[d] ^ v[a], 16); \
    v[c] += v[d];                  \
    v[b] = ROTATED(v[b] ^ v[c], 63);

// The message's words are permuted from round to round as the RFC's table says.
#define ROUNDS                                                          \
    ROUND(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15)         \
    ROUND(14, 10, 4, 8, 9, 15, 13, 6, 1, 12, 0, 2, 11, 7, 5, 3)         \
    ROUND(11, 8, 12, 0, 5, 2, 15, 13, 10, 14, 3, 6, 7, 1, 9, 4)         \
    ROUND(7, 9, 3, 1, 13, 12, 11, 14, 2, 6, 5, 10, 4, 0, 15, 8)         \
    ROUND(9, 0, 5, 7, 2, 4, 10, 15, 14, 1, 11, 12, 6, 8, 3, 13)         \
    ROUND(2, 12, 6, 10, 0, 11, 8, 3, 4, 13, 7, 5, 15, 14, 1, 9)         \
    ROUND(12, 5, 1, 15, 14, 13, 4, 10, 0, 7, 6, 3, 9, 2, 8, 11)         \
    ROUND(13, 11, 7, 14, 12, 1, 3, 9, 5, 0, 15, 4, 8, 6, 2, 10)         \
    ROUND(6, 15, 14, 9, 11, 3, 0, 8, 12, 2, 13, 7, 1, 4, 10, 5)         \
    ROUND(10, 2, 8, 4, 7, 6, 1, 5, 15, 11, 9, 14, 3, 12, 13, 0)         \
    ROUND(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15)         \
    ROUND(14, 10, 4, 8, 9, 15, 13, 6, 1, 12, 0, 2, 11, 7, 5, 3)

// Reads eight words of each message and turns them, so that m[k] has word k of every message.
#define TURNED8(m, offset)                                                                                   \
    {                                                                                                        \
        lanes8 r[8], s[8], t[8];                                                                             \
        for (int k = 0; k < 8; k++) r[k] = *(const lanes8u *)(messages[k] + (offset));                       \
        for (int k = 0; k < 8; k += 2) {                                                                     \
            s[k] = __builtin_shufflevector(r[k], r[k + 1], 0, 8, 2, 10, 4, 12, 6, 14);                       \
            s[k + 1] = __builtin_shufflevector(r[k], r[k + 1], 1, 9, 3, 11, 5, 13, 7, 15);                   \
        }                                                                                                    \
        for (int k = 0; k < 8; k += 4)                                                                       \
            for (int j = 0; j < 2; j++) {                                                                    \
                t[k + j] = __builtin_shufflevector(s[k + j], s[k + 2 + j], 0, 1, 8, 9, 4, 5, 12, 13);        \
                t[k + 2 + j] = __builtin_shufflevector(s[k + j], s[k + 2 + j], 2, 3, 10, 11, 6, 7, 14, 15);  \
            }                                                                                                \
        for (int j = 0; j < 4; j++) {                                                                        \
            (m)[j] = __builtin_shufflevector(t[j], t[4 + j], 0, 1, 2, 3, 8, 9, 10, 11);                      \
            (m)[4 + j] = __builtin_shufflevector(t[j], t[4 + j], 4, 5, 6, 7, 12, 13, 14, 15);                \
        }                                                                                                    \
    }

// The same with four words of four messages.
#define TURNED4(m, offset)                                                            \
    {                                                                                 \
        lanes4 r[4], s[4];                                                            \
        for (int k = 0; k < 4; k++) r[k] = *(const lanes4u *)(messages[k] + (offset)); \
        for (int k = 0; k < 4; k += 2) {                                              \
            s[k] = __builtin_shufflevector(r[k], r[k + 1], 0, 4, 2, 6);               \
            s[k + 1] = __builtin_shufflevector(r[k], r[k + 1], 1, 5, 3, 7);           \
        }                                                                             \
        for (int j = 0; j < 2; j++) {                                                 \
            (m)[j] = __builtin_shufflevector(s[j], s[2 + j], 0, 1, 4, 5);             \
            (m)[2 + j] = __builtin_shufflevector(s[j], s[2 + j], 2, 3, 6, 7);         \
        }                                                                             \
    }

#define HASH(lanes_type, count, read_block)                                                   \
    lanes_type h[8], v[16], m[16];                                                            \
    uint64_t parameters[8] = {0x01010020, 0, 0, 0, 0, 0, 0, 0}; /* fan-out 1, depth 1, 32 bytes */ \
    memcpy(parameters + 6, personalisation, 16);                                              \
    for (int k = 0; k < 8; k++) h[k] = (lanes_type){0} + (start_values[k] ^ parameters[k]);   \
    for (size_t done = 0; done < length; done += 128) {                                       \
        read_block;                                                                           \
        for (int k = 0; k < 8; k++) v[k] = h[k];                                              \
        for (int k = 0; k < 8; k++) v[8 + k] = (lanes_type){0} + start_values[k];             \
        v[12] ^= (lanes_type){0} + (uint64_t)(done + 128);                                    \
        if (done + 128 == length) v[14] = ~v[14];                                             \
        ROUNDS                                                                                \
        for (int k = 0; k < 8; k++) h[k] ^= v[k] ^ v[8 + k];                                  \
    }                                                                                         \
    for (int lane = 0; lane < count; lane++)                                                  \
        for (int k = 0; k < 4; k++) {                                                         \
            uint64_t word = h[k][lane];                                                       \
            memcpy(digests + 32 * lane + 8 * k, &word, 8);                                    \
        }

__attribute__((target("avx512f,avx512dq,avx512bw,avx512vl"))) static void hashes8(
    const uint8_t *const *messages, size_t length, const uint8_t *personalisation, uint8_t *digests) {
    HASH(lanes8, 8, TURNED8(m, done) TURNED8(m + 8, done + 64))
}

__attribute__((target("avx2"))) static void hashes4(
    const uint8_t *const *messages, size_t length, const uint8_t *personalisation, uint8_t *digests) {
    HASH(lanes4, 4,
         TURNED4(m, done) TURNED4(m + 4, done + 32) TURNED4(m + 8, done + 64) TURNED4(m + 12, done + 96))
}

// Set before main runs, hence before any thread that hashes.
static int lanes = 0;

__attribute__((constructor)) static void choose_lanes(void) {
    __builtin_cpu_init();
    if (__builtin_cpu_supports("avx2")) lanes = 4;
    if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq") &&
        __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl"))
        lanes = 8;
}

int murmur_leaf_lanes(void) { return lanes; }

void murmur_leaf_hashes(const uint8_t *const *messages, size_t length, const uint8_t *personalisation,
                        uint8_t *digests) {
    if (lanes == 8) hashes8(messages, length, personalisation, digests);
    if (lanes == 4) hashes4(messages, length, personalisation, digests);
}

#else

int murmur_leaf_lanes(void) { return 0; }

void murmur_leaf_hashes(const uint8_t *const *messages, size_t length, const uint8_t *personalisation,
                        uint8_t *digests) {
    (void)messages, (void)length, (void)personalisation, (void)digests;
}

#endif
