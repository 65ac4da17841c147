#include "CRecordCipher.h"

#if defined(__x86_64__)
#include <cpuid.h>
#include <immintrin.h>
#include <string.h>

#define WIDE __attribute__((target("avx512f,avx512bw,avx512vl,vaes,vpclmulqdq,aes,pclmul,sse4.1,ssse3")))
#define INLINE WIDE static inline __attribute__((always_inline))

// Blocks are numbers here with the bytes in reverse, and products are those of POLYVAL, which differs from GHASH in one
// multiplication of the hash key (RFC 8452, appendix A): a dot b = a * b * x^-128 modulo x^128 + x^127 + x^126 + x^121 + 1.

int murmur_gcm_is_available(void) {
    unsigned a, b, c, d;
    if (!__builtin_cpu_supports("avx512f") || !__builtin_cpu_supports("avx512bw") ||
        !__builtin_cpu_supports("avx512vl") || !__builtin_cpu_supports("pclmul") || !__builtin_cpu_supports("ssse3"))
        return 0;
    if (!__get_cpuid_count(7, 0, &a, &b, &c, &d)) return 0;
    const unsigned vaes = 1u << 9, vpclmulqdq = 1u << 10;
    if ((c & vaes) == 0 || (c & vpclmulqdq) == 0) return 0;
    return __get_cpuid(1, &a, &b, &c, &d) && (c & (1u << 25)) != 0;
}

INLINE __m128i reversed(__m128i block) {
    return _mm_shuffle_epi8(block, _mm_set_epi8(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15));
}

/// A product of 256 bits, the middle part apart, times x^-128, as one of 128 bits.
INLINE __m128i reduced(__m128i low, __m128i middle, __m128i high) {
    const __m128i top = _mm_set_epi64x(0, (long long)0xc200000000000000ull);
    low = _mm_xor_si128(low, _mm_slli_si128(middle, 8));
    high = _mm_xor_si128(high, _mm_srli_si128(middle, 8));
    low = _mm_xor_si128(_mm_shuffle_epi32(low, 0x4e), _mm_clmulepi64_si128(low, top, 0x00));
    low = _mm_xor_si128(_mm_shuffle_epi32(low, 0x4e), _mm_clmulepi64_si128(low, top, 0x00));
    return _mm_xor_si128(high, low);
}

INLINE __m128i dot(__m128i a, __m128i b) {
    const __m128i middle = _mm_xor_si128(_mm_clmulepi64_si128(a, b, 0x01), _mm_clmulepi64_si128(a, b, 0x10));
    return reduced(_mm_clmulepi64_si128(a, b, 0x00), middle, _mm_clmulepi64_si128(a, b, 0x11));
}

/// Sums of products, four blocks side by side, that are yet to be added up and reduced.
struct sums {
    __m512i low, middle, high;
};

INLINE void add_products(struct sums *sums, __m512i blocks, __m512i powers) {
    sums->low = _mm512_xor_si512(sums->low, _mm512_clmulepi64_epi128(blocks, powers, 0x00));
    sums->high = _mm512_xor_si512(sums->high, _mm512_clmulepi64_epi128(blocks, powers, 0x11));
    sums->middle = _mm512_ternarylogic_epi64(
        sums->middle, _mm512_clmulepi64_epi128(blocks, powers, 0x01), _mm512_clmulepi64_epi128(blocks, powers, 0x10),
        0x96);
}

INLINE __m128i added_up(__m512i lanes) {
    const __m256i two = _mm256_xor_si256(_mm512_castsi512_si256(lanes), _mm512_extracti64x4_epi64(lanes, 1));
    return _mm_xor_si128(_mm256_castsi256_si128(two), _mm256_extracti128_si256(two, 1));
}

INLINE __m128i round_key(const struct murmur_gcm *cipher, int round) {
    return _mm_loadu_si128((const __m128i *)(cipher->rounds + 16 * round));
}

INLINE void put_round_key(struct murmur_gcm *cipher, int round, __m128i key) {
    _mm_storeu_si128((__m128i *)(cipher->rounds + 16 * round), key);
}

INLINE __m128i encrypted(const struct murmur_gcm *cipher, __m128i block) {
    block = _mm_xor_si128(block, round_key(cipher, 0));
    for (int round = 1; round < 14; round++) block = _mm_aesenc_si128(block, round_key(cipher, round));
    return _mm_aesenclast_si128(block, round_key(cipher, 14));
}

INLINE __m128i spread(__m128i key) {
    key = _mm_xor_si128(key, _mm_slli_si128(key, 4));
    return _mm_xor_si128(key, _mm_slli_si128(key, 8));
}

WIDE void murmur_gcm_begin(struct murmur_gcm *cipher, const uint8_t *key) {
    __m128i even = _mm_loadu_si128((const __m128i *)key), odd = _mm_loadu_si128((const __m128i *)(key + 16));
    put_round_key(cipher, 0, even);
    put_round_key(cipher, 1, odd);
    // The round constant must stand in the code, so that the steps are written out.
#define STEP(n, constant)                                                                                    \
    even = _mm_xor_si128(spread(even), _mm_shuffle_epi32(_mm_aeskeygenassist_si128(odd, constant), 0xff));   \
    put_round_key(cipher, 2 * n, even);                                                                              \
    if (n < 7) {                                                                                             \
        odd = _mm_xor_si128(spread(odd), _mm_shuffle_epi32(_mm_aeskeygenassist_si128(even, 0), 0xaa));       \
        put_round_key(cipher, 2 * n + 1, odd);                                                                        \
    }
    STEP(1, 0x01)
    STEP(2, 0x02)
    STEP(3, 0x04)
    STEP(4, 0x08)
    STEP(5, 0x10)
    STEP(6, 0x20)
    STEP(7, 0x40)
#undef STEP
    // The hash key times x.
    const __m128i hash = reversed(encrypted(cipher, _mm_setzero_si128()));
    const __m128i carries = _mm_srli_epi64(hash, 63);
    __m128i first = _mm_or_si128(_mm_slli_epi64(hash, 1), _mm_slli_si128(carries, 8));
    const __m128i overflow = _mm_sub_epi64(_mm_setzero_si128(), _mm_unpackhi_epi64(carries, carries));
    first = _mm_xor_si128(
        first, _mm_and_si128(overflow, _mm_set_epi64x((long long)0xc200000000000000ull, 1)));
    __m128i power = first;
    memset(cipher->powers, 0, sizeof cipher->powers);
    for (int n = 15; n >= 0; n--) {
        _mm_storeu_si128((__m128i *)(cipher->powers + 16 * n), power);
        power = dot(power, first);
    }
}

void murmur_gcm_end(struct murmur_gcm *cipher) {
    memset(cipher, 0, sizeof *cipher);
    __asm__ volatile("" : : "r"(cipher) : "memory");
}

/// Takes `count` bytes into the hash as whole blocks, the last one filled up with zeros.
INLINE __m128i absorbed(__m128i hash, const uint8_t *bytes, size_t count, __m128i first) {
    while (count > 0) {
        const size_t size = count < 16 ? count : 16;
        const __m128i block = _mm_maskz_loadu_epi8((__mmask16)((1u << size) - 1), bytes);
        hash = dot(_mm_xor_si128(hash, reversed(block)), first);
        bytes += size;
        count -= size;
    }
    return hash;
}

/// The next `wide` times four blocks of key stream; `counter` has the counters of the next four, least significant byte
/// first.
INLINE void key_stream(const struct murmur_gcm *cipher, __m512i *counter, __m512i *stream, int wide) {
    const __m512i order = _mm512_broadcast_i32x4(
        _mm_set_epi8(12, 13, 14, 15, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0));
    const __m512i four = _mm512_broadcast_i32x4(_mm_set_epi32(4, 0, 0, 0));
    const __m512i begin = _mm512_broadcast_i32x4(round_key(cipher, 0));
    for (int n = 0; n < wide; n++) {
        stream[n] = _mm512_xor_si512(_mm512_shuffle_epi8(*counter, order), begin);
        *counter = _mm512_add_epi32(*counter, four);
    }
    for (int round = 1; round < 14; round++) {
        const __m512i key = _mm512_broadcast_i32x4(round_key(cipher, round));
        for (int n = 0; n < wide; n++) stream[n] = _mm512_aesenc_epi128(stream[n], key);
    }
    const __m512i end = _mm512_broadcast_i32x4(round_key(cipher, 14));
    for (int n = 0; n < wide; n++) stream[n] = _mm512_aesenclast_epi128(stream[n], end);
}

/// Encrypts or decrypts `count` bytes and returns the tag of header and encrypted bytes.
WIDE static __m128i pass(
    const struct murmur_gcm *cipher, const uint8_t *nonce, const uint8_t *header, size_t header_count,
    const uint8_t *source, size_t count, uint8_t *target, int opens) {
    const __m512i reverse = _mm512_broadcast_i32x4(
        _mm_set_epi8(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15));
    const __m128i first = _mm_loadu_si128((const __m128i *)(cipher->powers + 15 * 16));
    const __m128i start = _mm_maskz_loadu_epi8(0x0fff, nonce);
    __m512i counter = _mm512_add_epi32(
        _mm512_broadcast_i32x4(start), _mm512_set_epi32(5, 0, 0, 0, 4, 0, 0, 0, 3, 0, 0, 0, 2, 0, 0, 0));
    __m128i hash = absorbed(_mm_setzero_si128(), header, header_count, first);
    __m512i stream[4];
    for (size_t left = count; left > 0;) {
        const size_t size = left < 256 ? left : 256;
        const uint8_t *powers = cipher->powers + 16 * (16 - (size + 15) / 16);
        struct sums sums = {_mm512_setzero_si512(), _mm512_setzero_si512(), _mm512_setzero_si512()};
        __m512i before = _mm512_zextsi128_si512(hash);
        key_stream(cipher, &counter, stream, 4);
        for (int n = 0; n < 4; n++) {
            const size_t offset = 64 * (size_t)n;
            if (offset >= size) break;
            const size_t rest = size - offset;
            const __mmask64 mask = rest >= 64 ? ~0ull : (1ull << rest) - 1;
            const __m512i taken = _mm512_maskz_loadu_epi8(mask, source + offset);
            const __m512i given = _mm512_maskz_xor_epi64(0xff, taken, stream[n]);
            _mm512_mask_storeu_epi8(target + offset, mask, given);
            __m512i blocks = opens ? taken : _mm512_maskz_mov_epi8(mask, given);
            blocks = _mm512_xor_si512(_mm512_shuffle_epi8(blocks, reverse), before);
            before = _mm512_setzero_si512();
            add_products(&sums, blocks, _mm512_loadu_si512(powers + offset));
        }
        hash = reduced(added_up(sums.low), added_up(sums.middle), added_up(sums.high));
        source += size;
        target += size;
        left -= size;
    }
    const __m128i lengths = _mm_set_epi64x((long long)header_count * 8, (long long)count * 8);
    hash = reversed(dot(_mm_xor_si128(hash, lengths), first));
    // The first counter is the tag's.
    const __m128i one = _mm_set_epi8(1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0);
    return _mm_xor_si128(hash, encrypted(cipher, _mm_or_si128(start, one)));
}

WIDE void murmur_gcm_seal(
    const struct murmur_gcm *cipher, const uint8_t *nonce, const uint8_t *header, size_t header_count, uint8_t *body,
    size_t count, uint8_t *tag) {
    _mm_storeu_si128((__m128i *)tag, pass(cipher, nonce, header, header_count, body, count, body, 0));
}

WIDE int murmur_gcm_open(
    const struct murmur_gcm *cipher, const uint8_t *nonce, const uint8_t *header, size_t header_count,
    const uint8_t *body, size_t count, const uint8_t *tag, uint8_t *target) {
    const __m128i expected = _mm_loadu_si128((const __m128i *)tag);
    const __m128i found = pass(cipher, nonce, header, header_count, body, count, target, 1);
    const __m128i difference = _mm_xor_si128(expected, found);
    return _mm_test_all_zeros(difference, difference);
}

#else

int murmur_gcm_is_available(void) { return 0; }
void murmur_gcm_begin(struct murmur_gcm *cipher, const uint8_t *key) { (void)cipher, (void)key; }
void murmur_gcm_end(struct murmur_gcm *cipher) { (void)cipher; }
void murmur_gcm_seal(
    const struct murmur_gcm *cipher, const uint8_t *nonce, const uint8_t *header, size_t header_count, uint8_t *body,
    size_t count, uint8_t *tag) {
    (void)cipher, (void)nonce, (void)header, (void)header_count, (void)body, (void)count, (void)tag;
    __builtin_trap();
}
int murmur_gcm_open(
    const struct murmur_gcm *cipher, const uint8_t *nonce, const uint8_t *header, size_t header_count,
    const uint8_t *body, size_t count, const uint8_t *tag, uint8_t *target) {
    (void)cipher, (void)nonce, (void)header, (void)header_count, (void)body, (void)count, (void)tag, (void)target;
    return 0;
}

#endif
