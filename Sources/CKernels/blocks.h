#pragma once
// What kinds of stored weights consist of: see CKernels.h for the forms. Every form of blocks has its values in units
// of 128, one after another, and a unit is one or two planes of bits:
//
// - nibbles, 64 bytes: byte 16 b + i has value i of the unit's block b in its low half, value i + 16 in its high half.
// - pairs, 32 bytes: byte j has two bits each of the values in the low halves of nibble bytes j and j + 32, and then in
//   their high halves, the lowest bits first.
// - single bits, 16 bytes: bit n of the first 64 is of the value in the low half of nibble byte n; the other 64 are of
//   the high halves.
//
// Planes lie in this order. Rows of blocks of 32 can end within a unit, as nibbles alone are 16 bytes a block.

#include "CKernels.h"

#define IS_BLOCK(kind) ((kind) >= MURMUR_Q4_0)
#define IS_K(kind) ((kind) >= MURMUR_Q2_K)
#define HAS_BYTES(kind) ((kind) == MURMUR_Q8_0 || (kind) == MURMUR_Q8_1)
#define HAS_NIBBLES(kind)                                                                                              \
    ((kind) == MURMUR_Q4_0 || (kind) == MURMUR_Q4_1 || (kind) == MURMUR_Q4_K || (kind) == MURMUR_Q5_K ||              \
     (kind) == MURMUR_Q6_K)
#define HAS_PAIRS(kind) ((kind) == MURMUR_Q2_K || (kind) == MURMUR_Q3_K || (kind) == MURMUR_Q6_K)
#define HAS_BITS(kind) ((kind) == MURMUR_Q3_K || (kind) == MURMUR_Q5_K)
#define HAS_MINIMA(kind)                                                                                               \
    ((kind) == MURMUR_Q4_1 || (kind) == MURMUR_Q8_1 || (kind) == MURMUR_Q2_K || (kind) == MURMUR_Q4_K ||              \
     (kind) == MURMUR_Q5_K)
// Whether the two halves of a block of 32 have scales of their own.
#define HAS_HALVES(kind) HAS_PAIRS(kind)

// The bytes of a unit, and where its planes begin.
#define PAIRS_START(kind) (HAS_NIBBLES(kind) ? 64 : 0)
#define BITS_START(kind) (PAIRS_START(kind) + (HAS_PAIRS(kind) ? 32 : 0))
#define UNIT_BYTES(kind) (HAS_BYTES(kind) ? 128 : BITS_START(kind) + (HAS_BITS(kind) ? 16 : 0))

// What is subtracted from values, and where the bits of the second plane stand in them.
#define CENTRE(kind) ((kind) == MURMUR_Q4_0 ? 8 : (kind) == MURMUR_Q6_K ? 32 : (kind) == MURMUR_Q3_K ? 4 : 0)
#define UPPER_SHIFT(kind) (HAS_NIBBLES(kind) ? 4 : 2)

// The scales of 256 values of a K type: their own in half precision and perhaps their minimum's, and then the small
// ones of their groups: bytes, with halves two a block; minima follow, but in Q2_K both share a byte, the scale in its
// low half.
#define SMALL_START(kind) (HAS_MINIMA(kind) ? 4 : 2)
#define K_SCALE_BYTES(kind) (SMALL_START(kind) + 16)

// A number in half precision, not infinite. Moved into a float's place, the exponent is 112 too small.
static inline float from_half(uint16_t bits) {
    union { uint32_t u; float f; } wide = {(uint32_t)(bits & 0x7fff) << 13}, sign = {(uint32_t)(bits & 0x8000) << 16};
    wide.f *= 0x1p112f;
    wide.u |= sign.u;
    return wide.f;
}

// The nearest number in half precision, ties to even; what is too large becomes the largest.
static inline uint16_t to_half(float x) {
    union { float f; uint32_t u; } bits = {x};
    uint32_t sign = bits.u >> 16 & 0x8000, size = bits.u & 0x7fffffff;
    if (size >= 0x477ff000u) return (uint16_t)(sign | 0x7bff);
    if (size < 0x38800000u) {
        // Below the smallest normal number: adding a number whose last place is 2^-24 rounds to such steps.
        union { uint32_t u; float f; } small = {size};
        small.f += 0.5f;
        return (uint16_t)(sign | (small.u - 0x3f000000u));
    }
    size += 0xfff + (size >> 13 & 1);
    return (uint16_t)(sign | (size - 0x38000000u) >> 13);
}

/// Stores 256 values of 32-bit floats as block `block` of a K type.
void murmur_store_k_block(int kind, const float *from, uint8_t *values, uint8_t *scales, ptrdiff_t block);

/// Takes a block of 256 values of a GGUF file apart into values and scales of its K type. Returns 0 where a scale is
/// not a finite number.
int murmur_take_k_block(int kind, const uint8_t *block, uint8_t *values, uint8_t *scales);
