#include "blocks.h"

#include <string.h>

// Blocks of 256 values of the K types: those of a file taken apart, and 32-bit floats made into such blocks.

// Writes the quanta of 256 values, counted from zero, into their two units.
static void pack(int kind, const uint8_t quanta[256], uint8_t *to) {
    int upper = UPPER_SHIFT(kind);
    memset(to, 0, (size_t)(2 * UNIT_BYTES(kind)));
    for (int unit = 0; unit < 2; unit++, to += UNIT_BYTES(kind), quanta += 128) {
        uint8_t *pairs = to + PAIRS_START(kind), *bits = to + BITS_START(kind);
        for (int n = 0; n < 64; n++) {
            int low = quanta[n / 16 * 32 + n % 16], high = quanta[n / 16 * 32 + n % 16 + 16];
            if (HAS_NIBBLES(kind)) to[n] = (uint8_t)((low & 15) | (high & 15) << 4);
            if (HAS_PAIRS(kind)) {
                int one = HAS_NIBBLES(kind) ? low >> upper : low & 3;
                int other = HAS_NIBBLES(kind) ? high >> upper : high & 3;
                pairs[n % 32] |= (uint8_t)((one | other << 4) << n / 32 * 2);
            }
            if (HAS_BITS(kind)) {
                bits[n / 8] |= (uint8_t)((low >> upper) << n % 8);
                bits[8 + n / 8] |= (uint8_t)((high >> upper) << n % 8);
            }
        }
    }
}

// The scale and the minimum of a group of Q4_K or Q5_K, six bits each. The first four groups have a byte each for both;
// the last four have half a byte each, and their two high bits are the top bits of those bytes.
static void six_bits(const uint8_t *from, uint8_t *scales, uint8_t *minima) {
    for (int g = 0; g < 4; g++) {
        scales[g] = from[g] & 63;
        minima[g] = from[g + 4] & 63;
        scales[g + 4] = (uint8_t)((from[g + 8] & 15) | (from[g] >> 2 & 48));
        minima[g + 4] = (uint8_t)(from[g + 8] >> 4 | (from[g + 4] >> 2 & 48));
    }
}

// The layouts of files are those of GGUFTensorType's decoding, which is held against the gguf package.
int murmur_take_k_block(int kind, const uint8_t *block, uint8_t *values, uint8_t *scales) {
    uint8_t quanta[256];
    uint8_t *small = scales + SMALL_START(kind);
    const uint8_t *halves = block;
    switch (kind) {
    case MURMUR_Q2_K:
        halves = block + 80;
        memcpy(small, block, 16);
        for (int i = 0; i < 256; i++) quanta[i] = block[16 + i / 128 * 32 + i % 32] >> i % 128 / 32 * 2 & 3;
        break;
    case MURMUR_Q3_K:
        halves = block + 108;
        for (int g = 0; g < 16; g++) {
            int low = block[96 + g % 8] >> g / 8 * 4 & 15, high = block[104 + g % 4] >> g / 4 * 2 & 3;
            small[g] = (uint8_t)((low | high << 4) - 32);
        }
        for (int i = 0; i < 256; i++) {
            int low = block[32 + i / 128 * 32 + i % 32] >> i % 128 / 32 * 2 & 3;
            quanta[i] = (uint8_t)(low | (block[i % 32] >> i / 32 & 1) << 2);
        }
        break;
    case MURMUR_Q4_K:
    case MURMUR_Q5_K: {
        const uint8_t *low = block + (kind == MURMUR_Q4_K ? 16 : 48);
        six_bits(block + 4, small, small + 8);
        for (int i = 0; i < 256; i++) {
            quanta[i] = low[i / 64 * 32 + i % 32] >> i / 32 % 2 * 4 & 15;
            if (kind == MURMUR_Q5_K) quanta[i] |= (uint8_t)((block[16 + i % 32] >> i / 32 & 1) << 4);
        }
        break;
    }
    default:
        halves = block + 208;
        memcpy(small, block + 192, 16);
        for (int i = 0; i < 256; i++) {
            int low = block[i / 128 * 64 + i % 64] >> i % 128 / 64 * 4 & 15;
            quanta[i] = (uint8_t)(low | (block[128 + i / 128 * 32 + i % 32] >> i % 128 / 32 * 2 & 3) << 4);
        }
    }
    for (int n = 0; n < (HAS_MINIMA(kind) ? 2 : 1); n++) {
        memcpy(scales + 2 * n, halves + 2 * n, 2);
        if ((halves[2 * n + 1] & 0x7c) == 0x7c) return 0;
    }
    pack(kind, quanta, values);
    return 1;
}

// What a K type's quanta and small scales reach to.
static int most_quantum(int kind) {
    return (HAS_NIBBLES(kind) ? 15 : 3) | (kind == MURMUR_Q6_K ? 48 : HAS_BITS(kind) ? 1 << UPPER_SHIFT(kind) : 0);
}

static int most_small(int kind) {
    return kind == MURMUR_Q6_K ? 127 : kind == MURMUR_Q2_K ? 15 : kind == MURMUR_Q3_K ? 31 : 63;
}

// The nearest whole number from 0, or from -most, to `most`; what is not a number becomes the least.
static int whole(float x, int least, int most) {
    x = __builtin_rintf(x);
    return x >= (float)most ? most : x >= (float)least ? (int)x : least;
}

// Each group's step is what gives the value furthest from zero the end of the range or, with minima, what spans the
// range from the smallest value, or zero, to the largest. The largest step and minimum are the block's own scales' full
// range.
void murmur_store_k_block(int kind, const float *from, uint8_t *values, uint8_t *scales, ptrdiff_t block) {
    const int length = HAS_HALVES(kind) ? 16 : 32, groups = 256 / length, most = most_quantum(kind);
    float steps[16], minima[16], largest[2] = {0};
    for (int g = 0; g < groups; g++) {
        float low = 0, high = 0;
        for (int i = 0; i < length; i++) {
            float x = from[g * length + i];
            low = x < low ? x : low;
            high = x > high ? x : high;
        }
        steps[g] = HAS_MINIMA(kind) ? (high - low) / (float)most : (-low > high ? low : high) / (float)-CENTRE(kind);
        minima[g] = HAS_MINIMA(kind) ? -low : 0;
        float size = steps[g] < 0 ? -steps[g] : steps[g];
        largest[0] = size > largest[0] ? size : largest[0];
        largest[1] = minima[g] > largest[1] ? minima[g] : largest[1];
    }
    scales += block * K_SCALE_BYTES(kind);
    float own[2];
    for (int n = 0; n < (HAS_MINIMA(kind) ? 2 : 1); n++) {
        uint16_t half = to_half(largest[n] / (float)most_small(kind));
        memcpy(scales + 2 * n, &half, 2);
        own[n] = from_half(half);
    }
    uint8_t quanta[256], *small = scales + SMALL_START(kind);
    for (int g = 0; g < groups; g++) {
        int limit = most_small(kind), step = 0, minimum = 0;
        if (own[0] > 0) step = whole(steps[g] / own[0], HAS_MINIMA(kind) ? 0 : -limit, limit);
        if (HAS_MINIMA(kind) && own[1] > 0) minimum = whole(minima[g] / own[1], 0, limit);
        if (kind == MURMUR_Q2_K) {
            small[g] = (uint8_t)(step | minimum << 4);
        } else {
            small[g] = (uint8_t)step;
            if (HAS_MINIMA(kind)) small[8 + g] = (uint8_t)minimum;
        }
        float scale = own[0] * (float)step, offset = HAS_MINIMA(kind) ? own[1] * (float)minimum : 0;
        for (int i = g * length; i < (g + 1) * length; i++) {
            float steps_up = scale != 0 ? (from[i] + offset) / scale : 0;
            quanta[i] = (uint8_t)whole(steps_up + (float)CENTRE(kind), 0, most);
        }
    }
    pack(kind, quanta, values + 2 * block * UNIT_BYTES(kind));
}
