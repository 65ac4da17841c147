#include "CKernels.h"

#include <stdlib.h>
#include <string.h>

// Three copies of every kernel, one dispatch table. x86-64 only has variants; elsewhere the plain copy is what the
// compiler makes of it for the machine.

#define NAME(x) plain_##x
#include "kernels.inc"
#undef NAME

#if defined(__x86_64__)
#pragma clang attribute push(__attribute__((target("avx2,fma"))), apply_to = function)
#define NAME(x) avx2_##x
#include "kernels.inc"
#undef NAME
#pragma clang attribute pop

#pragma clang attribute push(__attribute__((target("avx512f,avx512dq,avx512bw,avx512vl,avx2,fma"))), apply_to = function)
#define NAME(x) avx512_##x
#include "kernels.inc"
#undef NAME
#pragma clang attribute pop
#endif

static int detected_level(void) {
#if defined(__x86_64__)
    __builtin_cpu_init();
    int has_avx2 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
    int has_avx512 = __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq") &&
                     __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl");
    return has_avx2 ? (has_avx512 ? 2 : 1) : 0;
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
}

int murmur_kernel_level(void) { return level; }

#if defined(__x86_64__)
#define DISPATCH(kernel, ...)            \
    switch (level) {                     \
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

void murmur_causal_softmax(float *scores, ptrdiff_t stride, float *log_sums, ptrdiff_t sum_stride, ptrdiff_t rows,
                           ptrdiff_t columns, ptrdiff_t visible, ptrdiff_t window, float scale) {
    DISPATCH(causal_softmax, scores, stride, log_sums, sum_stride, rows, columns, visible, window, scale)
}

void murmur_causal_probabilities(float *scores, ptrdiff_t stride, const float *log_sums, ptrdiff_t sum_stride,
                                 ptrdiff_t rows, ptrdiff_t columns, ptrdiff_t visible, ptrdiff_t window, float scale) {
    DISPATCH(causal_probabilities, scores, stride, log_sums, sum_stride, rows, columns, visible, window, scale)
}

void murmur_softmax_backward(const float *p, ptrdiff_t p_stride, float *d, ptrdiff_t d_stride, const float *sums,
                             ptrdiff_t rows, ptrdiff_t columns, float scale) {
    DISPATCH(softmax_backward, p, p_stride, d, d_stride, sums, rows, columns, scale)
}

void murmur_row_dots(const float *a, ptrdiff_t a_stride, const float *b, ptrdiff_t b_stride, float *sums, ptrdiff_t
                     rows, ptrdiff_t columns) {
    DISPATCH(row_dots, a, a_stride, b, b_stride, sums, rows, columns)
}

void murmur_cross_entropy(float *logits, ptrdiff_t stride, const int32_t *labels, float *losses, ptrdiff_t rows,
                          ptrdiff_t columns, float scale) {
    DISPATCH(cross_entropy, logits, stride, labels, losses, rows, columns, scale)
}

void murmur_dropout(const float *x, ptrdiff_t x_stride, float *y, ptrdiff_t y_stride, ptrdiff_t rows, ptrdiff_t
                    columns, uint64_t key, uint32_t threshold, float scale, int adding) {
    DISPATCH(dropout, x, x_stride, y, y_stride, rows, columns, key, threshold, scale, adding)
}

void murmur_adamw(float *parameters, const float *gradients, float *first, float *second, ptrdiff_t count, float
                  learning_rate, float decay, float beta1, float beta2, float correction1, float correction2_root,
                  float epsilon, float gradient_scale) {
    DISPATCH(adamw, parameters, gradients, first, second, count, learning_rate, decay, beta1, beta2,
             correction1, correction2_root, epsilon, gradient_scale)
}
