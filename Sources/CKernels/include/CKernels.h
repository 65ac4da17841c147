#pragma once
// The few kernels that Swift cannot express at full speed: elementwise work over rows of 32-bit floats.
//
// Each is compiled three times (AVX-512, AVX2 with FMA, plain) and chosen once at run time by what the processor has.
// Matrices are row-major; `stride` counts floats from one row to the next. Arguments are checked by the callers.

#include <stddef.h>
#include <stdint.h>

#include "team.h"

/// Which variant runs: 3 AVX-512 with bfloat16 products, 2 AVX-512, 1 AVX2, 0 plain. The environment variable
/// MURMUR_KERNELS (`avx512`, `avx2` or `plain`), read once at start, holds it to a lower one: results differ in their last
/// bits between variants.
int murmur_kernel_level(void);

/// y = x / rms(x) * weight per row; inverse[r] = 1 / sqrt(mean(x^2) + epsilon).
void murmur_rms_norm(const float *x, ptrdiff_t x_stride, const float *weight, float *y, ptrdiff_t y_stride,
                     float *inverse, ptrdiff_t rows, ptrdiff_t columns, float epsilon);

/// dx += the gradient of the RMSNorm above.
void murmur_rms_norm_backward(const float *dy, ptrdiff_t dy_stride, const float *x, ptrdiff_t x_stride,
                              const float *weight, const float *inverse, float *dx, ptrdiff_t dx_stride,
                              ptrdiff_t rows, ptrdiff_t columns);

/// y = silu(gate) * up, where a row of `gate_up` is gate, then up, `columns` each.
void murmur_swiglu(const float *gate_up, ptrdiff_t gate_up_stride, float *y, ptrdiff_t y_stride, ptrdiff_t rows,
                   ptrdiff_t columns);

/// d_gate_up = the gradient of the SwiGLU above; may not overlap its inputs.
void murmur_swiglu_backward(const float *dy, ptrdiff_t dy_stride, const float *gate_up, ptrdiff_t gate_up_stride,
                            float *d_gate_up, ptrdiff_t d_stride, ptrdiff_t rows, ptrdiff_t columns);

/// Rotates `heads` heads of width `head_size` in place: pairs are (i, i + head_size / 2). `cosines` and `sines` have
/// head_size / 2 values a position; `direction` is 1, or -1 for the backward pass.
void murmur_rotate(float *x, ptrdiff_t x_stride, const int32_t *positions, const float *cosines, const float *sines,
                   ptrdiff_t rows, ptrdiff_t heads, ptrdiff_t head_size, float direction);

/// losses[r] = -log softmax(logits[r])[labels[r]]; logits become (softmax - onehot) * scale unless scale is 0.
void murmur_cross_entropy(float *logits, ptrdiff_t stride, const int32_t *labels, float *losses, ptrdiff_t rows,
                          ptrdiff_t columns, float scale);

/// y = x with values dropped (to zero) where a counter-based hash of (key, row * columns + column) is below
/// `threshold`, the others times `scale`; y += where `adding` is not 0. Rows count from `first_row`.
void murmur_dropout(const float *x, ptrdiff_t x_stride, float *y, ptrdiff_t y_stride, ptrdiff_t first_row,
                    ptrdiff_t rows, ptrdiff_t columns, uint64_t key, uint32_t threshold, float scale, int adding);

/// One step of AdamW over `count` parameters: decoupled decay first, then the bias-corrected update.
void murmur_adamw(float *parameters, const float *gradients, float *first, float *second, ptrdiff_t count,
                  float learning_rate, float decay, float beta1, float beta2, float correction1,
                  float correction2_root, float epsilon, float gradient_scale);

// Products. C = X W' (forward) or C = X W (backward) with a stored weight W: X is packed into left tiles of
// MURMUR_TILE_ROWS rows, W into panels of MURMUR_TILE_COLUMNS columns of the result, a panel at a time. With `pairs` the
// values become bfloat16 and lie in pairs in 32-bit words; sums are 32-bit floats in any case. Inner values can be taken
// a range at a time. A tile of n inner values has MURMUR_TILE_ROWS * words 32-bit words, a panel MURMUR_TILE_COLUMNS *
// words, where words is n, or (n + 1) / 2 with `pairs`.

#define MURMUR_TILE_ROWS 12
#define MURMUR_TILE_COLUMNS 32

/// How a weight's values are stored: 32-bit floats; bfloat16; 8-bit integers with a scale a row; or blocks of 32 values of a
/// row with a scale each in half precision. Of these Q4_0 and Q4_1 have values of four bits, a block's value i in the low
/// half of byte i and value i + 16 in the high half; Q8_0 and Q8_1 have signed bytes. In Q4_0 four-bit values count from
/// -8; Q4_1 and Q8_1 have a minimum beside each scale, which is added. Rows of blocks have a multiple of 32 values.
///
/// The K types have blocks of 256 values of two to six bits in groups of 32 (Q4_K, Q5_K) or 16, whose scales are small
/// whole multiples of the block's own; Q2_K, Q4_K and Q5_K have minima, which are subtracted. Rows have a multiple of 256
/// values, whose bits lie in planes of 128 values: see blocks.h.
enum {
    MURMUR_FLOAT32 = 0,
    MURMUR_BFLOAT16 = 1,
    MURMUR_INT8 = 2,
    MURMUR_Q4_0 = 3,
    MURMUR_Q4_1 = 4,
    MURMUR_Q8_0 = 5,
    MURMUR_Q8_1 = 6,
    MURMUR_Q2_K = 7,
    MURMUR_Q3_K = 8,
    MURMUR_Q4_K = 9,
    MURMUR_Q5_K = 10,
    MURMUR_Q6_K = 11
};

/// Stores `count` rows of 32-bit floats in the form `kind` as the rows from `first` on of a matrix; `scales` are its
/// scales, floats for 8-bit rows, 16-bit floats for blocks, and 20 or 18 bytes for each 256 values of a K type.
void murmur_store(int kind, const float *rows, ptrdiff_t columns, ptrdiff_t first, ptrdiff_t count, void *values,
                  void *scales);

/// Row `row` of a stored matrix as 32-bit floats.
void murmur_recall(int kind, const void *values, ptrdiff_t columns, const void *scales, ptrdiff_t row, float *out);

/// Blocks of the GGUF type `type` (2 Q4_0, 3 Q4_1, 6 Q5_0, 7 Q5_1, 8 Q8_0, 10 to 14 Q2_K to Q6_K) as they stand in a file,
/// taken apart into values and scales of the form that murmur_block_kind names. Returns 0 where a scale is not a finite number.
int murmur_store_blocks(int type, const uint8_t *blocks, ptrdiff_t count, uint8_t *values, uint16_t *scales);

/// The form in which blocks of a GGUF type are kept, which has every value exactly; -1 for types that are not kept so.
int murmur_block_kind(int type);

/// y += x.
void murmur_add(const float *x, ptrdiff_t x_stride, float *y, ptrdiff_t y_stride, ptrdiff_t rows, ptrdiff_t columns);

/// The left tiles of `rows` rows of x, whose columns from `start` to `end` are the inner values.
void murmur_pack_left(int pairs, const float *x, ptrdiff_t stride, ptrdiff_t rows, ptrdiff_t start, ptrdiff_t end,
                      void *tiles);

/// The panel of result columns `first` and the following, `count` of them: rows of the weight if `transposed` (forward),
/// else columns (backward). Columns from `count` on are zero.
void murmur_pack_panel(int kind, int pairs, int transposed, const void *values, ptrdiff_t stride, const void *scales,
                       ptrdiff_t first, ptrdiff_t count, ptrdiff_t start, ptrdiff_t end, void *panel);

/// Memory that will be read soon: `rows` rows of `bytes` bytes, `stride` bytes apart.
typedef struct {
    const void *start;
    ptrdiff_t rows, bytes, stride;
} murmur_block;

/// `columns` columns of C = base + tiles * panel, or without `base` where that is null; C may be its own base. Meanwhile
/// `next` is brought near.
void murmur_panel_product(int pairs, const void *tiles, const void *panel, ptrdiff_t words, ptrdiff_t rows, float *c,
                          ptrdiff_t ldc, const float *base, ptrdiff_t base_stride, ptrdiff_t columns,
                          const murmur_block *next);

/// C = scale * A B, or C += that with `add`, where A's value (i, k) is a[i * row_step + k * inner_step]. Reads up to 31
/// floats beyond the columns of B.
void murmur_narrow_product(const float *a, ptrdiff_t row_step, ptrdiff_t inner_step, const float *b, ptrdiff_t ldb,
                           ptrdiff_t inner, float *c, ptrdiff_t ldc, ptrdiff_t rows, ptrdiff_t columns, float scale,
                           int add);

/// C [rows, outs] = scale * X W', for few rows of W.
void murmur_row_products(const float *x, ptrdiff_t ldx, const float *w, ptrdiff_t ldw, ptrdiff_t inner, float *c,
                         ptrdiff_t ldc, ptrdiff_t rows, ptrdiff_t outs, float scale);

/// y[j] = x . row j of a stored weight, or y[j] += that with `add`, for rows from `first` up to `last`.
void murmur_vector_product(int kind, const void *values, ptrdiff_t stride, const void *scales, const float *x,
                           float *y, ptrdiff_t first, ptrdiff_t last, ptrdiff_t columns, int add);

/// The same for `rows` rows of x, each written to a row of y, with the weight read once for all. A row's results have the
/// bits that murmur_vector_product gives it.
void murmur_rows_product(int kind, const void *values, ptrdiff_t stride, const void *scales, const float *x,
                         ptrdiff_t ldx, float *y, ptrdiff_t ldy, ptrdiff_t rows, ptrdiff_t first, ptrdiff_t last,
                         ptrdiff_t columns, int add);

// Attention of one head over one sequence of `keys` positions, the last `queries` of which have queries; a query sees
// the last `window` positions up to its own. Keys, values and what is computed have `size` columns, an even number. With
// `pairs` the factors of all products are rounded to bfloat16.

/// Query rows that the backward pass takes at a time; a piece of work is best cut there.
#define MURMUR_QUERY_BLOCK 48

/// Keys and values in the form that the passes read: 2 * m * n floats, 4 with `backward`, where m and n are `size` and
/// `keys` rounded up to MURMUR_TILE_COLUMNS, and 32 more that are never used.
void murmur_attention_pack(int pairs, const float *k, const float *v, ptrdiff_t stride, ptrdiff_t keys, ptrdiff_t size,
                           void *packed, int backward);

/// The output and the logarithms of the softmax sums of query rows `first` up to `last`. `scratch`: MURMUR_TILE_ROWS *
/// (m + 2 * n + 16) floats.
void murmur_attention_forward(int pairs, const float *q, ptrdiff_t q_stride, float *out, ptrdiff_t out_stride,
                              float *log_sums, ptrdiff_t sum_stride, ptrdiff_t queries, ptrdiff_t keys,
                              ptrdiff_t first, ptrdiff_t last, ptrdiff_t size, ptrdiff_t window, float scale,
                              const void *packed, float *scratch);

/// The gradients of query rows `first` up to `last`, written to `dq`, and their part of those of keys and values, added
/// to `dk` and `dv`, which have a row for every key. `scratch`: MURMUR_QUERY_BLOCK * (3 * (n + 16) + 2 * m) floats.
void murmur_attention_backward(int pairs, const float *q, ptrdiff_t q_stride, const float *out, const float *d_out,
                               ptrdiff_t out_stride, const float *log_sums, ptrdiff_t sum_stride, float *dq,
                               ptrdiff_t dq_stride, float *dk, float *dv, ptrdiff_t kv_stride, ptrdiff_t queries,
                               ptrdiff_t keys, ptrdiff_t first, ptrdiff_t last, ptrdiff_t size, ptrdiff_t window,
                               float scale, const void *packed, float *scratch);

/// The same for the one query of the last position, in 32-bit floats, without packing. `scores`: `keys` floats.
void murmur_attention_row(const float *q, const float *k, const float *v, ptrdiff_t stride, ptrdiff_t keys,
                          ptrdiff_t size, ptrdiff_t window, float scale, float *out, float *log_sum, float *scores);
