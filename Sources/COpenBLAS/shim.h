#pragma once
#include <cblas.h>
#include <stddef.h>

/* Routines of LAPACK that OpenBLAS carries, as Fortran has them: everything by reference, matrices by columns, the
   lengths of texts at the end. */

/* The QR decomposition of a; R and the reflections of Q take its place. */
void dgeqrf_(const blasint *m, const blasint *n, double *a, const blasint *lda, double *tau, double *work,
             const blasint *lwork, blasint *info);

/* c = Q c, with Q as dgeqrf left it in a. */
void dormqr_(const char *side, const char *trans, const blasint *m, const blasint *n, const blasint *k, const double *a,
             const blasint *lda, const double *tau, double *c, const blasint *ldc, double *work, const blasint *lwork,
             blasint *info, size_t side_length, size_t trans_length);

/* The singular value decomposition of a, by divide and conquer. */
void dgesdd_(const char *jobz, const blasint *m, const blasint *n, double *a, const blasint *lda, double *s, double *u,
             const blasint *ldu, double *vt, const blasint *ldvt, double *work, const blasint *lwork, blasint *iwork,
             blasint *info, size_t jobz_length);
