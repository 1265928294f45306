#pragma once

// LAPACK's Fortran entry points, overloaded for the number type: Debian's OpenBLAS has them, but no
// header of them. Matrices are column-major. The numbers at the end are the lengths of the texts,
// which Fortran passes behind the arguments. Nothing else declares or calls these.

#include <cstddef>

extern "C" {
#define GLISSADE_LAPACK(T, p)                                                                      \
  void p##potrf_(const char* uplo, const int* n, T* a, const int* lda, int* info, std::size_t);    \
  void p##potrs_(const char* uplo, const int* n, const int* nrhs, const T* a, const int* lda,      \
                 T* b, const int* ldb, int* info, std::size_t);                                    \
  void p##geqrf_(const int* m, const int* n, T* a, const int* lda, T* tau, T* work,                \
                 const int* lwork, int* info);                                                     \
  void p##orgqr_(const int* m, const int* n, const int* k, T* a, const int* lda, const T* tau,     \
                 T* work, const int* lwork, int* info);                                            \
  void p##gelsy_(const int* m, const int* n, const int* nrhs, T* a, const int* lda, T* b,          \
                 const int* ldb, int* jpvt, const T* rcond, int* rank, T* work, const int* lwork,  \
                 int* info);                                                                       \
  void p##syevd_(const char* jobz, const char* uplo, const int* n, T* a, const int* lda, T* w,     \
                 T* work, const int* lwork, int* iwork, const int* liwork, int* info, std::size_t, \
                 std::size_t);
GLISSADE_LAPACK(float, s)
GLISSADE_LAPACK(double, d)
#undef GLISSADE_LAPACK
}

namespace glissade::detail {

/// The routines of one number type.
template <class T>
struct Lapack;

#define GLISSADE_LAPACK(T, p)                 \
  template <>                                 \
  struct Lapack<T> {                          \
    static constexpr auto potrf = &p##potrf_; \
    static constexpr auto potrs = &p##potrs_; \
    static constexpr auto geqrf = &p##geqrf_; \
    static constexpr auto orgqr = &p##orgqr_; \
    static constexpr auto gelsy = &p##gelsy_; \
    static constexpr auto syevd = &p##syevd_; \
  };
GLISSADE_LAPACK(float, s)
GLISSADE_LAPACK(double, d)
#undef GLISSADE_LAPACK

}  // namespace glissade::detail
