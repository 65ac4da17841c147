#include "blocks.h"

#include <string.h>

// Blocks of a file apart into values and scales. A file's block begins with its scale and, where it has one, its
// minimum.

int murmur_block_kind(int type) {
    switch (type) {
    case 2: return MURMUR_Q4_0;
    case 3: return MURMUR_Q4_1;
    case 6:
    case 8: return MURMUR_Q8_0;
    case 7: return MURMUR_Q8_1;
    case 10: return MURMUR_Q2_K;
    case 11: return MURMUR_Q3_K;
    case 12: return MURMUR_Q4_K;
    case 13: return MURMUR_Q5_K;
    case 14: return MURMUR_Q6_K;
    default: return -1;
    }
}

static uint16_t word(const uint8_t *at) { return (uint16_t)(at[0] | at[1] << 8); }

static int is_finite(uint16_t half) { return (half & 0x7c00) != 0x7c00; }

// Five-bit values as bytes: the fifth bits of all 32 come first, one bit each.
static void five_bits(const uint8_t *from, int centre, uint8_t *to) {
    for (int i = 0; i < 32; i++) {
        int low = i < 16 ? from[4 + i] & 15 : from[4 + i - 16] >> 4;
        to[i] = (uint8_t)((low | (from[i / 8] >> i % 8 & 1) << 4) - centre);
    }
}

// The bytes of a block of 256 values in a file.
static ptrdiff_t k_block_bytes(int kind) {
    switch (kind) {
    case MURMUR_Q2_K: return 84;
    case MURMUR_Q3_K: return 110;
    case MURMUR_Q4_K: return 144;
    case MURMUR_Q5_K: return 176;
    default: return 210;
    }
}

int murmur_store_blocks(int type, const uint8_t *blocks, ptrdiff_t count, uint8_t *values, uint16_t *scales) {
    int kind = murmur_block_kind(type);
    if (IS_K(kind)) {
        ptrdiff_t size = k_block_bytes(kind);
        for (ptrdiff_t b = 0; b < count; b++)
            if (!murmur_take_k_block(kind, blocks + b * size, values + 2 * b * UNIT_BYTES(kind),
                                     (uint8_t *)scales + b * K_SCALE_BYTES(kind)))
                return 0;
        return 1;
    }
    for (ptrdiff_t b = 0; b < count; b++) {
        *scales = word(blocks);
        if (!is_finite(*scales++)) return 0;
        blocks += 2;
        if (type == 3 || type == 7) {
            *scales = word(blocks);
            if (!is_finite(*scales++)) return 0;
            blocks += 2;
        }
        switch (type) {
        case 2:
        case 3:
            memcpy(values, blocks, 16);
            blocks += 16, values += 16;
            break;
        case 6:
        case 7:
            five_bits(blocks, type == 6 ? 16 : 0, values);
            blocks += 20, values += 32;
            break;
        default:
            memcpy(values, blocks, 32);
            blocks += 32, values += 32;
        }
    }
    return 1;
}
