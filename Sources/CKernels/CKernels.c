#include "blocks.h"

#include <stdlib.h>
#include <string.h>

#define TILE_ROWS MURMUR_TILE_ROWS
#define TILE_COLUMNS MURMUR_TILE_COLUMNS
#define INLINE static inline __attribute__((always_inline))

// Several copies of every kernel, one dispatch table. x86-64 only has variants; elsewhere the plain copy is what the
// compiler makes of it for the machine.

#define NAME(x) plain_##x
#define LEVEL 0
#define WIDTH 4
#define BLOCK_ROWS 4
#include "variant.inc"

#if defined(__x86_64__)
#include <immintrin.h>

#pragma clang attribute push(__attribute__((target("avx2,fma"))), apply_to = function)
#define NAME(x) avx2_##x
#define LEVEL 1
#define WIDTH 8
#define BLOCK_ROWS 6
#include "variant.inc"
#pragma clang attribute pop

#define AVX512 "avx512f,avx512dq,avx512bw,avx512vl,avx2,fma"
#pragma clang attribute push(__attribute__((target(AVX512))), apply_to = function)
#define NAME(x) avx512_##x
#define LEVEL 2
#define WIDTH 16
#define BLOCK_ROWS 12
#include "variant.inc"
#pragma clang attribute pop

#pragma clang attribute push(__attribute__((target(AVX512 ",avx512bf16,avx512vnni"))), apply_to = function)
#define NAME(x) bf16_##x
#define LEVEL 3
#define WIDTH 16
#define BLOCK_ROWS 12
#include "variant.inc"
#pragma clang attribute pop
#endif

static int detected_level(void) {
#if defined(__x86_64__)
    __builtin_cpu_init();
    int has_avx2 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
    int has_avx512 = __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq") &&
                     __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl");
    if (!has_avx2) return 0;
    int has_more = __builtin_cpu_supports("avx512bf16") && __builtin_cpu_supports("avx512vnni");
    return has_avx512 ? (has_more ? 3 : 2) : 1;
#else
    return 0;
#endif
}

// Set before main runs, hence before any thread that calls a kernel.
static int level = 0;

__attribute__((constructor)) static void choose_level(void) {
    level = detected_level();
    const char *wish = getenv("MURMUR_KERNELS");
    if (wish && strcmp(wish, "plain") == 0) level = 0;
    if (wish && strcmp(wish, "avx2") == 0 && level > 1) level = 1;
    if (wish && strcmp(wish, "avx512") == 0 && level > 2) level = 2;
}

int murmur_kernel_level(void) { return level; }

#if defined(__x86_64__)
#define DISPATCH(kernel, ...)                    \
    switch (level) {                             \
    case 3: bf16_##kernel(__VA_ARGS__); break;   \
    case 2: avx512_##kernel(__VA_ARGS__); break; \
    case 1: avx2_##kernel(__VA_ARGS__); break;   \
    default: plain_##kernel(__VA_ARGS__); break; \
    }
#else
#define DISPATCH(kernel, ...) plain_##kernel(__VA_ARGS__);
#endif

void murmur_rms_norm(const float *x, ptrdiff_t x_stride, const float *weight, float *y, ptrdiff_t y_stride, float
                     *inverse, ptrdiff_t rows, ptrdiff_t columns, float epsilon) {
    DISPATCH(rms_norm, x, x_stride, weight, y, y_stride, inverse, rows, columns, epsilon)
}

void murmur_rms_norm_backward(const float *dy, ptrdiff_t dy_stride, const float *x, ptrdiff_t x_stride, const float
                              *weight, const float *inverse, float *dx, ptrdiff_t dx_stride, ptrdiff_t rows, ptrdiff_t
                              columns) {
    DISPATCH(rms_norm_backward, dy, dy_stride, x, x_stride, weight, inverse, dx, dx_stride, rows, columns)
}

void murmur_swiglu(const float *gate_up, ptrdiff_t gate_up_stride, float *y, ptrdiff_t y_stride, ptrdiff_t rows,
                   ptrdiff_t columns) {
    DISPATCH(swiglu, gate_up, gate_up_stride, y, y_stride, rows, columns)
}

void murmur_swiglu_backward(const float *dy, ptrdiff_t dy_stride, const float *gate_up, ptrdiff_t gate_up_stride,
                            float *d_gate_up, ptrdiff_t d_stride, ptrdiff_t rows, ptrdiff_t columns) {
    DISPATCH(swiglu_backward, dy, dy_stride, gate_up, gate_up_stride, d_gate_up, d_stride, rows, columns)
}

void murmur_rotate(float *x, ptrdiff_t x_stride, const int32_t *positions, const float *cosines, const float *sines,
                   ptrdiff_t rows, ptrdiff_t heads, ptrdiff_t head_size, float direction) {
    DISPATCH(rotate, x, x_stride, positions, cosines, sines, rows, heads, head_size, direction)
}

void murmur_cross_entropy(float *logits, ptrdiff_t stride, const int32_t *labels, float *losses, ptrdiff_t rows,
                          ptrdiff_t columns, float scale) {
    DISPATCH(cross_entropy, logits, stride, labels, losses, rows, columns, scale)
}

void murmur_dropout(const float *x, ptrdiff_t x_stride, float *y, ptrdiff_t y_stride, ptrdiff_t first_row,
                    ptrdiff_t rows, ptrdiff_t columns, uint64_t key, uint32_t threshold, float scale, int adding) {
    DISPATCH(dropout, x, x_stride, y, y_stride, first_row, rows, columns, key, threshold, scale, adding)
}

void murmur_adamw(float *parameters, const float *gradients, float *first, float *second, ptrdiff_t count, float
                  learning_rate, float decay, float beta1, float beta2, float correction1, float correction2_root,
                  float epsilon, float gradient_scale) {
    DISPATCH(adamw, parameters, gradients, first, second, count, learning_rate, decay, beta1, beta2,
             correction1, correction2_root, epsilon, gradient_scale)
}

void murmur_pack_panel(int kind, int pairs, int transposed, const void *values, ptrdiff_t stride, const void *scales,
                       ptrdiff_t first, ptrdiff_t count, ptrdiff_t start, ptrdiff_t end, void *panel) {
    DISPATCH(pack_panel, kind, pairs, transposed, values, stride, scales, first, count, start, end, panel)
}

void murmur_pack_left(int pairs, const float *x, ptrdiff_t stride, ptrdiff_t rows, ptrdiff_t start, ptrdiff_t end,
                      void *tiles) {
    DISPATCH(pack_left, pairs, x, stride, rows, start, end, tiles)
}

void murmur_panel_product(int pairs, const void *tiles, const void *panel, ptrdiff_t words, ptrdiff_t rows, float *c,
                          ptrdiff_t ldc, const float *base, ptrdiff_t base_stride, ptrdiff_t columns,
                          const murmur_block *next) {
    if (pairs) {
        DISPATCH(panel_b16, tiles, panel, words, rows, c, ldc, base, base_stride, columns, next)
    } else {
        DISPATCH(panel_f32, tiles, panel, words, rows, c, ldc, base, base_stride, columns, next)
    }
}

void murmur_narrow_product(const float *a, ptrdiff_t row_step, ptrdiff_t inner_step, const float *b, ptrdiff_t ldb,
                           ptrdiff_t inner, float *c, ptrdiff_t ldc, ptrdiff_t rows, ptrdiff_t columns, float scale,
                           int add) {
    DISPATCH(narrow_product, a, row_step, inner_step, b, ldb, inner, c, ldc, rows, columns, scale, add)
}

void murmur_row_products(const float *x, ptrdiff_t ldx, const float *w, ptrdiff_t ldw, ptrdiff_t inner, float *c,
                         ptrdiff_t ldc, ptrdiff_t rows, ptrdiff_t outs, float scale) {
    DISPATCH(row_products, x, ldx, w, ldw, inner, c, ldc, rows, outs, scale)
}

void murmur_vector_product(int kind, const void *values, ptrdiff_t stride, const void *scales, const float *x,
                           float *y, ptrdiff_t first, ptrdiff_t last, ptrdiff_t columns, int add) {
    DISPATCH(vector_product, kind, values, stride, scales, x, y, first, last, columns, add)
}

void murmur_rows_product(int kind, const void *values, ptrdiff_t stride, const void *scales, const float *x,
                         ptrdiff_t ldx, float *y, ptrdiff_t ldy, ptrdiff_t rows, ptrdiff_t first, ptrdiff_t last,
                         ptrdiff_t columns, int add) {
    DISPATCH(rows_product, kind, values, stride, scales, x, ldx, y, ldy, rows, first, last, columns, add)
}

void murmur_attention_pack(int pairs, const float *k, const float *v, ptrdiff_t stride, ptrdiff_t keys, ptrdiff_t size,
                           void *packed, int backward) {
    if (pairs) {
        DISPATCH(attention_pack16, k, v, stride, keys, size, packed, backward)
    } else {
        DISPATCH(attention_pack, k, v, stride, keys, size, packed, backward)
    }
}

void murmur_attention_forward(int pairs, const float *q, ptrdiff_t q_stride, float *out, ptrdiff_t out_stride, float *log_sums,
                              ptrdiff_t sum_stride, ptrdiff_t queries, ptrdiff_t keys, ptrdiff_t first, ptrdiff_t last,
                              ptrdiff_t size, ptrdiff_t window, float scale, const void *packed, float *scratch) {
    if (pairs) {
        DISPATCH(attention_forward16, q, q_stride, out, out_stride, log_sums, sum_stride, queries, keys, first, last,
                 size, window, scale, packed, scratch)
    } else {
        DISPATCH(attention_forward, q, q_stride, out, out_stride, log_sums, sum_stride, queries, keys, first, last,
                 size, window, scale, packed, scratch)
    }
}

void murmur_attention_backward(int pairs, const float *q, ptrdiff_t q_stride, const float *out, const float *d_out,
                               ptrdiff_t out_stride, const float *log_sums, ptrdiff_t sum_stride, float *dq,
                               ptrdiff_t dq_stride, float *dk, float *dv, ptrdiff_t kv_stride, ptrdiff_t queries,
                               ptrdiff_t keys, ptrdiff_t first, ptrdiff_t last, ptrdiff_t size, ptrdiff_t window,
                               float scale, const void *packed, float *scratch) {
    if (pairs) {
        DISPATCH(attention_backward16, q, q_stride, out, d_out, out_stride, log_sums, sum_stride, dq, dq_stride, dk,
                 dv, kv_stride, queries, keys, first, last, size, window, scale, packed, scratch)
    } else {
        DISPATCH(attention_backward, q, q_stride, out, d_out, out_stride, log_sums, sum_stride, dq, dq_stride, dk, dv,
                 kv_stride, queries, keys, first, last, size, window, scale, packed, scratch)
    }
}

void murmur_store(int kind, const float *rows, ptrdiff_t columns, ptrdiff_t first, ptrdiff_t count, void *values,
                  void *scales) {
    DISPATCH(store_rows, kind, rows, columns, first, count, values, scales)
}

void murmur_recall(int kind, const void *values, ptrdiff_t columns, const void *scales, ptrdiff_t row, float *out) {
    DISPATCH(recall_row, kind, values, columns, scales, row, out)
}

void murmur_add(const float *x, ptrdiff_t x_stride, float *y, ptrdiff_t y_stride, ptrdiff_t rows, ptrdiff_t columns) {
    DISPATCH(add_rows, x, x_stride, y, y_stride, rows, columns)
}

void murmur_attention_row(const float *q, const float *k, const float *v, ptrdiff_t stride, ptrdiff_t keys,
                          ptrdiff_t size, ptrdiff_t window, float scale, float *out, float *log_sum, float *scores) {
    DISPATCH(attention_row, q, k, v, stride, keys, size, window, scale, out, log_sum, scores)
}
