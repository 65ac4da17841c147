#pragma once
// The few kernels that Swift cannot express at full speed: elementwise work over rows of 32-bit floats.
//
// Each is compiled three times (AVX-512, AVX2 with FMA, plain) and chosen once at run time by what the processor has.
// Matrices are row-major; `stride` counts floats from one row to the next. Arguments are checked by the callers.

#include <stddef.h>
#include <stdint.h>

/// Which variant runs: 2 AVX-512, 1 AVX2, 0 plain. The environment variable MURMUR_KERNELS (`avx2` or `plain`), read once
/// at start, holds it to a lower one: results differ in their last bits between variants.
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

/// Row r of scores becomes softmax(scale * scores) over the last `window` of its first `visible + r` columns and zero
/// elsewhere; log_sums[r * sum_stride] = log of the sum of the exponentials.
void murmur_causal_softmax(float *scores, ptrdiff_t stride, float *log_sums, ptrdiff_t sum_stride, ptrdiff_t rows,
                           ptrdiff_t columns, ptrdiff_t visible, ptrdiff_t window, float scale);

/// The probabilities of the softmax above again, from raw scores and the saved sums.
void murmur_causal_probabilities(float *scores, ptrdiff_t stride, const float *log_sums, ptrdiff_t sum_stride,
                                 ptrdiff_t rows, ptrdiff_t columns, ptrdiff_t visible, ptrdiff_t window, float scale);

/// d = p * (d - sums[r]) * scale: from the gradient of the probabilities to that of the raw scores.
void murmur_softmax_backward(const float *p, ptrdiff_t p_stride, float *d, ptrdiff_t d_stride, const float *sums,
                             ptrdiff_t rows, ptrdiff_t columns, float scale);

/// sums[r] = the dot product of row r of a and row r of b.
void murmur_row_dots(const float *a, ptrdiff_t a_stride, const float *b, ptrdiff_t b_stride, float *sums,
                     ptrdiff_t rows, ptrdiff_t columns);

/// losses[r] = -log softmax(logits[r])[labels[r]]; logits become (softmax - onehot) * scale unless scale is 0.
void murmur_cross_entropy(float *logits, ptrdiff_t stride, const int32_t *labels, float *losses, ptrdiff_t rows,
                          ptrdiff_t columns, float scale);

/// y = x with values dropped (to zero) where a counter-based hash of (key, row * columns + column) is below
/// `threshold`, the others times `scale`; y += where `adding` is not 0.
void murmur_dropout(const float *x, ptrdiff_t x_stride, float *y, ptrdiff_t y_stride, ptrdiff_t rows,
                    ptrdiff_t columns, uint64_t key, uint32_t threshold, float scale, int adding);

/// One step of AdamW over `count` parameters: decoupled decay first, then the bias-corrected update.
void murmur_adamw(float *parameters, const float *gradients, float *first, float *second, ptrdiff_t count,
                  float learning_rate, float decay, float beta1, float beta2, float correction1,
                  float correction2_root, float epsilon, float gradient_scale);
