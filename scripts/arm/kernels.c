// Runs every kernel of CKernels on numbers that are the same on every machine and writes what comes of it: a line with the
// name and the count, then the 32-bit floats. scripts/check-arm compares two machines by it.

#include "CKernels.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ROWS = 14, COLUMNS = 512, OUTS = 80, KEYS = 70, SIZE = 32 };

static uint32_t state = 1;

static uint32_t draw(void) { return (state = state * 1664525u + 1013904223u) >> 8; }

// Between -1 and 1.
static float *numbers(int count) {
    float *made = malloc(sizeof(float) * (size_t)(count + 64));
    for (int i = 0; i < count + 64; i++) made[i] = (float)draw() / 8388608.0f - 1.0f;
    return made;
}

static float *zeros(int count) { return calloc((size_t)count + 64, sizeof(float)); }

static void tell(const char *name, const float *values, int count) {
    printf("%s %d\n", name, count);
    fwrite(values, sizeof(float), (size_t)count, stdout);
    printf("\n");
}

static void rows(void) {
    int n = ROWS * COLUMNS;
    float *x = numbers(n), *weight = numbers(COLUMNS), *y = zeros(n), *inverse = zeros(ROWS), *d = zeros(n);
    murmur_rms_norm(x, COLUMNS, weight, y, COLUMNS, inverse, ROWS, COLUMNS, 1e-5f);
    tell("rms_norm", y, n);
    murmur_rms_norm_backward(y, COLUMNS, x, COLUMNS, weight, inverse, d, COLUMNS, ROWS, COLUMNS);
    tell("rms_norm_backward", d, n);
    float *both = numbers(2 * n), *d_both = zeros(2 * n);
    murmur_swiglu(both, 2 * COLUMNS, y, COLUMNS, ROWS, COLUMNS);
    tell("swiglu", y, n);
    murmur_swiglu_backward(x, COLUMNS, both, 2 * COLUMNS, d_both, 2 * COLUMNS, ROWS, COLUMNS);
    tell("swiglu_backward", d_both, 2 * n);
    int32_t positions[ROWS], labels[ROWS];
    for (int i = 0; i < ROWS; i++) {
        positions[i] = i % 7;
        labels[i] = (i * 37) % COLUMNS;
    }
    float *cosines = numbers(7 * SIZE / 2), *sines = numbers(7 * SIZE / 2);
    murmur_rotate(x, COLUMNS, positions, cosines, sines, ROWS, COLUMNS / SIZE, SIZE, 1);
    tell("rotate", x, n);
    float *losses = zeros(ROWS);
    murmur_cross_entropy(x, COLUMNS, labels, losses, ROWS, COLUMNS, 0.1f);
    tell("cross_entropy", losses, ROWS);
    tell("cross_entropy_gradient", x, n);
    murmur_dropout(both, COLUMNS, y, COLUMNS, 3, ROWS, COLUMNS, 12345, 1u << 30, 1.25f, 1);
    tell("dropout", y, n);
    float *first = zeros(n), *second = zeros(n);
    for (int i = 0; i < 3; i++)
        murmur_adamw(y, both, first, second, n, 1e-2f, 0.01f, 0.9f, 0.999f, 0.1f, 0.03f, 1e-8f, 0.5f);
    tell("adamw", y, n);
    murmur_add(x, COLUMNS, y, COLUMNS, ROWS, COLUMNS);
    tell("add", y, n);
}

// The products of a stored weight with OUTS rows of COLUMNS values.
static void products(const char *name, int kind, const void *values, const void *scales, const float *x) {
    char line[64];
    int n = OUTS * COLUMNS;
    float *recalled = zeros(n), *y = zeros(ROWS * OUTS);
    for (int row = 0; row < OUTS; row++) murmur_recall(kind, values, COLUMNS, scales, row, recalled + row * COLUMNS);
    snprintf(line, sizeof line, "recall_%s", name);
    tell(line, recalled, n);
    murmur_vector_product(kind, values, COLUMNS, scales, x, y, 0, OUTS, COLUMNS, 0);
    snprintf(line, sizeof line, "vector_product_%s", name);
    tell(line, y, OUTS);
    murmur_rows_product(kind, values, COLUMNS, scales, x, COLUMNS, y, OUTS, ROWS, 0, OUTS, COLUMNS, 0);
    snprintf(line, sizeof line, "rows_product_%s", name);
    tell(line, y, ROWS * OUTS);
    for (int pairs = 0; pairs < 2; pairs++) {
        int words = pairs ? COLUMNS / 2 : COLUMNS;
        int tiles = (ROWS + MURMUR_TILE_ROWS - 1) / MURMUR_TILE_ROWS;
        float *left = zeros(tiles * MURMUR_TILE_ROWS * words), *panel = zeros(MURMUR_TILE_COLUMNS * words);
        float *c = zeros(ROWS * MURMUR_TILE_COLUMNS);
        murmur_block next = {x, 1, 64, 64};
        murmur_pack_left(pairs, x, COLUMNS, ROWS, 0, COLUMNS, left);
        murmur_pack_panel(kind, pairs, 1, values, COLUMNS, scales, 32, MURMUR_TILE_COLUMNS, 0, COLUMNS, panel);
        murmur_panel_product(pairs, left, panel, words, ROWS, c, MURMUR_TILE_COLUMNS, 0, 0, MURMUR_TILE_COLUMNS, &next);
        snprintf(line, sizeof line, "%s_product_%s", pairs ? "bf16_panel" : "panel", name);
        tell(line, c, ROWS * MURMUR_TILE_COLUMNS);
    }
}

static void weights(void) {
    float *w = numbers(OUTS * COLUMNS), *x = numbers(ROWS * COLUMNS);
    const char *names[] = {"float32", "bfloat16", "int8"};
    for (int kind = MURMUR_FLOAT32; kind <= MURMUR_INT8; kind++) {
        float *values = zeros(OUTS * COLUMNS), *scales = zeros(OUTS);
        murmur_store(kind, w, COLUMNS, 0, OUTS, values, scales);
        products(names[kind], kind, values, scales, x);
    }
    // The bytes of a block, and how many values it has, of each type of a GGUF file.
    const int types[][3] = {{2, 18, 32},   {3, 20, 32},    {6, 22, 32},    {7, 24, 32},   {8, 34, 32},
                            {10, 84, 256}, {11, 110, 256}, {12, 144, 256}, {13, 176, 256}, {14, 210, 256}};
    for (int i = 0; i < 10; i++) {
        int count = OUTS * COLUMNS / types[i][2], bytes = count * types[i][1];
        uint8_t *blocks = malloc((size_t)bytes);
        // No two bytes are a half-precision number that is not finite.
        for (int k = 0; k < bytes; k++) blocks[k] = draw() & 0xbf;
        float *values = zeros(OUTS * COLUMNS), *scales = zeros(OUTS * COLUMNS);
        char name[16];
        snprintf(name, sizeof name, "type%d", types[i][0]);
        if (!murmur_store_blocks(types[i][0], blocks, count, (uint8_t *)values, (uint16_t *)scales)) exit(1);
        products(name, murmur_block_kind(types[i][0]), values, scales, x);
    }
    float *c = zeros(ROWS * OUTS);
    murmur_narrow_product(x, COLUMNS, 1, w, OUTS, COLUMNS, c, OUTS, ROWS, OUTS, 0.5f, 1);
    tell("narrow_product", c, ROWS * OUTS);
    murmur_row_products(x, COLUMNS, w, COLUMNS, COLUMNS, c, OUTS, ROWS, OUTS, 0.5f);
    tell("row_products", c, ROWS * OUTS);
}

static int rounded_up(int count) {
    return (count + MURMUR_TILE_COLUMNS - 1) / MURMUR_TILE_COLUMNS * MURMUR_TILE_COLUMNS;
}

static void attention(void) {
    int n = KEYS * SIZE, m = rounded_up(SIZE), keys = rounded_up(KEYS);
    float *q = numbers(n), *k = numbers(n), *v = numbers(n), *d_out = numbers(n);
    for (int pairs = 0; pairs < 2; pairs++) {
        float *packed = zeros(4 * m * keys + 32), *scratch = zeros(MURMUR_QUERY_BLOCK * (3 * (keys + 16) + 2 * m));
        float *out = zeros(n), *sums = zeros(KEYS), *dq = zeros(n), *dk = zeros(n), *dv = zeros(n);
        murmur_attention_pack(pairs, k, v, SIZE, KEYS, SIZE, packed, 0);
        murmur_attention_forward(pairs, q, SIZE, out, SIZE, sums, 1, KEYS, KEYS, 0, KEYS, SIZE, 33, 0.2f, packed, scratch);
        tell(pairs ? "bf16_attention" : "attention", out, n);
        murmur_attention_pack(pairs, k, v, SIZE, KEYS, SIZE, packed, 1);
        murmur_attention_backward(pairs, q, SIZE, out, d_out, SIZE, sums, 1, dq, SIZE, dk, dv, SIZE, KEYS, KEYS, 0, KEYS,
                                  SIZE, 33, 0.2f, packed, scratch);
        tell(pairs ? "bf16_attention_dq" : "attention_dq", dq, n);
        tell(pairs ? "bf16_attention_dk" : "attention_dk", dk, n);
        tell(pairs ? "bf16_attention_dv" : "attention_dv", dv, n);
    }
    float *out = zeros(SIZE), *scores = zeros(KEYS), sum = 0;
    murmur_attention_row(q, k, v, SIZE, KEYS, SIZE, KEYS, 0.2f, out, &sum, scores);
    tell("attention_row", out, SIZE);
}

static void part(void *context, int part) { ((float *)context)[part] += (float)(part + 1); }

static void team(void) {
    murmur_team *four = murmur_team_new(4);
    float counts[64] = {0};
    for (int i = 0; i < 1000; i++) murmur_team_run(four, part, counts);
    tell("team", counts, murmur_team_count(four));
    murmur_team_free(four);
}

int main(void) {
    rows();
    weights();
    attention();
    team();
    return 0;
}
