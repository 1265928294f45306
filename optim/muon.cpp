#include "glissade/optim/muon.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "glissade/core/gemm.h"
#include "glissade/core/reduce.h"
#include "option_checks.h"

namespace glissade::optim {
namespace {

double factor_of(AdjustLr adjust, const Shape& shape) {
  const auto rows = static_cast<double>(shape[0]);
  const auto columns = static_cast<double>(shape[1]);
  switch (adjust) {
    case AdjustLr::original:
      return std::sqrt(std::max(1.0, rows / columns));
    case AdjustLr::match_rms_adamw:
      return 0.2 * std::sqrt(std::max(rows, columns));
    case AdjustLr::spectral_unclamped:
      return std::sqrt(rows / columns);
  }
  fail("Muon: adjust_lr is no AdjustLr: {}", static_cast<int>(adjust));
}

}  // namespace

void MuonOptions::check() const {
  check_decay_factor("Muon", "momentum", momentum);
  check_not_negative("Muon", "weight_decay", weight_decay);
  glissade::check(ns_steps >= 1 && ns_steps < 100, "Muon: ns_steps must be in [1, 99], got {}",
                  ns_steps);
  for (const double coefficient : ns_coefficients) {
    glissade::check(std::isfinite(coefficient), "Muon: ns_coefficients must be finite, got {}",
                    coefficient);
  }
  glissade::check(std::isfinite(eps) && eps > 0.0, "Muon: eps must be a finite number > 0, got {}",
                  eps);
  (void)factor_of(adjust_lr, {1, 1});
}

// The Newton-Schulz iteration on matrix_. It works with the smaller of X X^T and X^T X, which gives
// the same: (X X^T) X = X (X^T X).
template <class T>
void Muon<T>::orthogonalise(const MuonOptions& options) {
  const Index rows = matrix_.dim(0);
  const Index columns = matrix_.dim(1);
  const Index side = std::min(rows, columns);
  const bool is_wide = rows <= columns;
  const T norm =
      static_cast<T>(std::max(std::sqrt(glissade::kernels::sum_of_squares(matrix_)), options.eps));
  for (T& value : matrix_) value /= norm;

  const T a = static_cast<T>(options.ns_coefficients[0]);
  const T b = static_cast<T>(options.ns_coefficients[1]);
  const T c = static_cast<T>(options.ns_coefficients[2]);
  for (int i = 0; i < options.ns_steps; ++i) {
    const T* x = matrix_.data();
    gram_.resize({side, side});
    gemm(is_wide ? Transpose::no : Transpose::yes, is_wide ? Transpose::yes : Transpose::no, side,
         side, std::max(rows, columns), T{1}, x, x, T{0}, gram_.data());
    polynomial_ = gram_;
    gemm(Transpose::no, Transpose::no, side, side, side, c, gram_.data(), gram_.data(), b,
         polynomial_.data());
    next_ = matrix_;
    const T* left = is_wide ? polynomial_.data() : x;
    const T* right = is_wide ? x : polynomial_.data();
    gemm(Transpose::no, Transpose::no, rows, columns, side, T{1}, left, right, a, next_.data());
    std::swap(matrix_, next_);
  }
}

template <class T>
void Muon<T>::update_one(const MuonOptions& options, double lr, const Tensor<T>& g,
                         MuonState<T>& state, Tensor<T>& w) {
  prepare_state(state.mean, w.shape());
  if (w.size() == 0) return;
  matrix_.resize(w.shape());
  const T sign = static_cast<T>(sign_of(options));
  const T add = static_cast<T>(1.0 - options.momentum);
  const T ahead = options.nesterov ? add : T{0};
  for (Index i = 0; i < w.size(); ++i) {
    const T gradient = sign * g[i];
    const T mean = state.mean[i] + add * (gradient - state.mean[i]);
    state.mean[i] = mean;
    matrix_[i] = mean + ahead * (gradient - mean);
  }
  orthogonalise(options);
  const T shrink = static_cast<T>(1.0 - lr * options.weight_decay);
  const T rate = static_cast<T>(lr * factor_of(options.adjust_lr, w.shape()));
  for (Index i = 0; i < w.size(); ++i) w[i] = shrink * w[i] - rate * matrix_[i];
}

template class Muon<float>;
template class Muon<double>;

}  // namespace glissade::optim
