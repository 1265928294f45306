// The Gaussian mixture.

#include <glissade/core/softmax.h>

#include "blas.h"
#include "problem.h"

namespace glissade::bench {
namespace {

// With the inverse Cholesky factors of all components in one matrix L (k d, d), one below the
// other: Z = X Lᵀ - L mu, a row (k d) for each point, and the squares of its parts are the
// distances.
template <class T>
class MixtureProblem final : public Problem<T> {
 public:
  explicit MixtureProblem(const GaussianMixture& definition)
      : Problem<T>(definition.point, {{definition.k},
                                      {definition.k, definition.d},
                                      {definition.k, definition.d},
                                      {definition.k, definition.d * (definition.d - 1) / 2}}),
        n_(definition.n),
        d_(definition.d),
        k_(definition.k),
        triangle_(d_ * (d_ - 1) / 2),
        prior_(static_cast<T>(0.5 * definition.gamma[0] * definition.gamma[0])),
        m_(static_cast<T>(definition.m[0])),
        constant_(definition.constant()),
        x_(converted<T>(definition.x)),
        on_diagonal_(Tensor<T>({d_, d_ * d_})),
        below_diagonal_(Tensor<T>({triangle_, d_ * d_})),
        factors_(workspace_.take({k_ * d_, d_})),
        offsets_(workspace_.take({k_, d_})),
        z_(workspace_.take({n_, k_ * d_})),
        terms_(workspace_.take({n_, k_})),
        log_sums_(workspace_.take({n_})),
        weights_(workspace_.take({k_})),
        factor_gradients_(workspace_.take({k_ * d_, d_})),
        offset_gradients_(workspace_.take({k_ * d_})) {
    for (Index i = 0; i < d_; ++i) on_diagonal_.mutable_value()[i * d_ * d_ + i * d_ + i] = 1;
    Index entry = 0;
    for (Index j = 0; j < d_; ++j) {
      for (Index i = j + 1; i < d_; ++i, ++entry) {
        below_diagonal_.mutable_value()[entry * d_ * d_ + i * d_ + j] = 1;
      }
    }
  }

  T function(const T* parameters) override { return forward(parameters, nullptr); }

  T analytic(const T* alpha, T* gradient) override {
    const T value = forward(alpha, terms_.data());
    const T* const mu = alpha + k_;
    const T* const q = mu + k_ * d_;
    const T* const l = q + k_ * d_;
    T* const d_alpha = gradient;
    T* const d_mu = d_alpha + k_;
    T* const d_q = d_mu + k_ * d_;
    T* const d_l = d_q + k_ * d_;

    // terms_ are now the responsibilities r: dZ = -r Z, by blocks of d columns.
    std::fill(weights_.begin(), weights_.end(), T{});
    std::fill(offset_gradients_.begin(), offset_gradients_.end(), T{});
    for (Index row = 0; row < n_; ++row) {
      T* z = z_.data() + row * k_ * d_;
      for (Index c = 0; c < k_; ++c) {
        const T r = terms_[row * k_ + c];
        weights_[c] += r;
        for (Index i = 0; i < d_; ++i, ++z) {
          *z *= -r;
          offset_gradients_[c * d_ + i] -= *z;
        }
      }
    }
    // L has a part from X (dZᵀ X), and one from the offsets L mu.
    blas::gemm(CblasTrans, CblasNoTrans, k_ * d_, d_, n_, T{1}, z_.data(), x_.value().data(), T{0},
               factor_gradients_.data());
    T sum_alpha{};
    for (Index c = 0; c < k_; ++c) sum_alpha += std::exp(alpha[c]);
    for (Index c = 0; c < k_; ++c) {
      const T* const factor = factors_.data() + c * d_ * d_;
      const T* const offset = offset_gradients_.data() + c * d_;
      const T* const dl = factor_gradients_.data() + c * d_ * d_;
      d_alpha[c] = weights_[c] - static_cast<T>(n_) * std::exp(alpha[c]) / sum_alpha;
      Index entry = c * triangle_;
      for (Index j = 0; j < d_; ++j) {
        T to_mean = factor[j * d_ + j] * offset[j];
        const T diagonal = factor[j * d_ + j];
        const T along = dl[j * d_ + j] + offset[j] * mu[c * d_ + j];
        d_q[c * d_ + j] = weights_[c] + m_ + (along - 2 * prior_ * diagonal) * diagonal;
        for (Index i = j + 1; i < d_; ++i, ++entry) {
          to_mean += factor[i * d_ + j] * offset[i];
          d_l[entry] = dl[i * d_ + j] + offset[i] * mu[c * d_ + j] - 2 * prior_ * l[entry];
        }
        d_mu[c * d_ + j] = to_mean;
      }
    }
    return value;
  }

  Variable<T> loss() override {
    const Variable<T>& alpha = this->parameter(0);
    const Variable<T>& mu = this->parameter(1);
    const Variable<T>& q = this->parameter(2);
    const Variable<T>& l = this->parameter(3);
    const Variable<T> diagonal = exp(q);
    const Variable<T> factors = matmul(diagonal, on_diagonal_) + matmul(l, below_diagonal_);
    const Variable<T> offsets =
        sum(reshape(factors, {k_, d_, d_}) * reshape(mu, {k_, 1, d_}), 2);  // L mu, (k, d)
    const Variable<T> z = linear(x_, reshape(factors, {k_ * d_, d_}), reshape(-offsets, {k_ * d_}));
    const Variable<T> distances = sum(reshape(square(z), {n_, k_, d_}), 2);
    const Variable<T> log_determinants = sum(q, 1);
    const Variable<T> terms = alpha + log_determinants - 0.5 * distances;
    const Variable<T> likelihood =
        sum(logsumexp(terms, 1)) - static_cast<double>(n_) * logsumexp(alpha, 0);
    const Variable<T> squares = sum(square(diagonal)) + sum(square(l));
    return likelihood - static_cast<double>(prior_) * squares +
           static_cast<double>(m_) * sum(log_determinants) + constant_;
  }

  std::size_t workspace_bytes() const override { return workspace_.bytes(); }

 private:
  // The value. Unless null, `responsibilities` gets the softmax of the terms.
  T forward(const T* alpha, T* responsibilities) {
    const T* const mu = alpha + k_;
    const T* const q = mu + k_ * d_;
    const T* const l = q + k_ * d_;
    T squares{};
    T log_determinants{};
    for (Index c = 0; c < k_; ++c) {
      T* const factor = factors_.data() + c * d_ * d_;
      T log_determinant{};
      Index entry = c * triangle_;
      for (Index j = 0; j < d_; ++j) {
        const T diagonal = std::exp(q[c * d_ + j]);
        factor[j * d_ + j] = diagonal;
        squares += diagonal * diagonal;
        log_determinant += q[c * d_ + j];
        for (Index i = j + 1; i < d_; ++i, ++entry) {
          factor[i * d_ + j] = l[entry];
          squares += l[entry] * l[entry];
        }
      }
      weights_[c] = alpha[c] + log_determinant;
      log_determinants += log_determinant;
      for (Index i = 0; i < d_; ++i) {
        T offset{};
        for (Index j = 0; j <= i; ++j) offset += factor[i * d_ + j] * mu[c * d_ + j];
        offsets_[c * d_ + i] = -offset;
      }
    }
    for (Index row = 0; row < n_; ++row) {
      std::copy(offsets_.begin(), offsets_.end(), z_.data() + row * k_ * d_);
    }
    blas::gemm(CblasNoTrans, CblasTrans, n_, k_ * d_, d_, T{1}, x_.value().data(), factors_.data(),
               T{1}, z_.data());
    const T* z = z_.data();
    for (Index row = 0; row < n_; ++row) {
      for (Index c = 0; c < k_; ++c) {
        T distance{};
        for (Index i = 0; i < d_; ++i, ++z) distance += *z * *z;
        terms_[row * k_ + c] = weights_[c] - T{0.5} * distance;
      }
    }
    kernels::softmax_rows<T>(n_, k_, terms_.data(), responsibilities, log_sums_.data());
    double total = constant_;
    for (const T x : log_sums_) total += static_cast<double>(x);
    T log_sum{};
    kernels::softmax_rows<T>(1, k_, alpha, nullptr, &log_sum);
    total += static_cast<double>(m_ * log_determinants - prior_ * squares) -
             static_cast<double>(n_) * static_cast<double>(log_sum);
    return static_cast<T>(total);
  }

  Index n_, d_, k_, triangle_;
  T prior_;  // gamma^2 / 2
  T m_;
  double constant_;
  Variable<T> x_;               // (n, d)
  Variable<T> on_diagonal_;     // (d, d d): puts d numbers on the diagonal of a matrix
  Variable<T> below_diagonal_;  // (triangle, d d): puts the others below it
  Workspace<T> workspace_;
  Tensor<T> factors_, offsets_, z_, terms_, log_sums_, weights_;
  Tensor<T> factor_gradients_, offset_gradients_;
};

}  // namespace

template <class T>
std::unique_ptr<Problem<T>> make_problem(const GaussianMixture& definition) {
  return std::make_unique<MixtureProblem<T>>(definition);
}

template std::unique_ptr<Problem<float>> make_problem(const GaussianMixture&);
template std::unique_ptr<Problem<double>> make_problem(const GaussianMixture&);

}  // namespace glissade::bench
