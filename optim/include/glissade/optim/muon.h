#pragma once

// Muon: momentum whose matrix is made orthogonal, so that all directions move equally fast.

#include <array>
#include <utility>
#include <vector>

#include "glissade/optim/optimizer.h"

namespace glissade::optim {

/// How `Muon` fits its rate to the shape (rows, columns) of a matrix.
enum class AdjustLr {
  original,         ///< times sqrt(max(1, rows / columns)) (Jordan et al., 2024)
  match_rms_adamw,  ///< times 0.2 sqrt(max(rows, columns)): rates as for AdamW (Liu et al., 2025)
  spectral_unclamped,  ///< times sqrt(rows / columns) (Bernstein, 2025)
};

/// Options of `Muon`.
struct MuonOptions {
  /// The learning rate.
  Schedule lr = 1e-3;
  /// The factor of the running mean of g, in [0, 1).
  double momentum = 0.95;
  /// Looks ahead: orthogonalises (1 - momentum) g + momentum m rather than m.
  bool nesterov = true;
  /// Before each step, w <- w - lr weight_decay w. At least 0.
  double weight_decay = 0.1;
  /// The number of iterations, from 1 to 99.
  int ns_steps = 5;
  /// The numbers a, b, c of the iteration; finite. These are quick rather than exact: the singular
  /// values of the result are about 0.7 to 1.2.
  std::array<double, 3> ns_coefficients{3.4445, -4.7750, 2.0315};
  /// What a smaller norm is taken as, above 0.
  double eps = 1e-7;
  /// How the rate follows the shape.
  AdjustLr adjust_lr = AdjustLr::original;
  /// Climbs: takes the opposite of the gradient. Weights still decay.
  bool maximize = false;

  /// Throws std::invalid_argument if a value is out of its range.
  void check() const;
};

/// The state of one parameter; a tensor of its shape.
template <class T>
struct MuonState {
  Tensor<T> mean;  ///< m, the running mean of g

  /// Names them, to be saved.
  void members(StateMembers<T>& m) { m.add("mean", mean); }
};

/// m <- momentum m + (1 - momentum) g; X = m, or as `nesterov` says, over its Frobenius norm;
/// ns_steps times X <- a X + b (X X^T) X + c (X X^T)^2 X, which brings all singular values near 1;
/// w <- (1 - lr weight_decay) w - lr' X, where lr' is lr as adjusted to the shape (Jordan et al.,
/// 2024, "Muon: An optimizer for hidden layers in neural networks"). As PyTorch's Muon, which
/// computes X in bfloat16, while here it is as exact as T.
///
/// For matrices only: give biases, embeddings and the last layer to another optimizer.
template <class T>
class Muon final : public OptimizerWith<T, MuonOptions, MuonState<T>> {
 public:
  /// `parameters` make group 0. Throws std::invalid_argument as `add_group` does, and if one is not
  /// of rank 2.
  explicit Muon(std::vector<Variable<T>> parameters, MuonOptions options = {})
      : OptimizerWith<T, MuonOptions, MuonState<T>>(
            "Muon", std::move(parameters), std::move(options), TakesParameters::matrices) {}

 private:
  void update_one(const MuonOptions& options, double lr, const Tensor<T>& g, MuonState<T>& state,
                  Tensor<T>& w) override;
  void orthogonalise(const MuonOptions& options);

  // Used by one parameter after the other.
  Tensor<T> matrix_;
  Tensor<T> next_;
  Tensor<T> gram_;
  Tensor<T> polynomial_;
};

/// What these options are for.
template <>
struct OptimizerOf<MuonOptions> {
  /// The optimizer.
  template <class T>
  using type = Muon<T>;
};

}  // namespace glissade::optim
