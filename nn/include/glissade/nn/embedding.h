// Embedding: a row of numbers for each index.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "glissade/core/rng.h"
#include "glissade/nn/module.h"

namespace glissade::nn {

/// Options of `Embedding`.
struct EmbeddingOptions {
  /// An index whose row is not trained: it gets no gradient, and starts as 0. Negative ones count
  /// from the end.
  std::optional<Index> padding_idx = std::nullopt;
};

/// A table of rows: indices of any shape (...) give their rows, (..., embedding_dim). The gradient
/// of a row is the sum over all places where its index stands.
///
///     nn::Embedding words(10000, 64, rng);
///     const auto rows = words(Tensor<std::int32_t>({2, 3}, {4, 8, 15, 16, 23, 42}));  // (2, 3,
///     64)
template <class T = float>
class Embedding final : public Module<T> {
 public:
  /// Draws the table from the standard normal distribution, as PyTorch does. Throws
  /// std::invalid_argument unless both numbers are at least 1 and padding_idx, if given, is an
  /// index.
  Embedding(Index num_embeddings, Index embedding_dim, Rng& rng,
            const EmbeddingOptions& options = {});
  /// A layer with a given table (num_embeddings, embedding_dim), of which nothing is changed.
  explicit Embedding(Variable<T> weight, const EmbeddingOptions& options = {});

  /// The rows of these indices. Throws std::invalid_argument, naming the place, if one is not from
  /// 0 to num_embeddings - 1, or if there are more than 5 axes.
  Variable<T> forward(const Tensor<std::int32_t>& indices);
  /// The same with indices that are the whole numbers in x, so that an Embedding can be the first
  /// module of a Sequential. x gets no gradient. Throws std::invalid_argument also if a number is
  /// not whole.
  Variable<T> forward(const Variable<T>& x) override;

  using Module<T>::operator();
  /// forward(indices), with the module's name in errors.
  Variable<T> operator()(const Tensor<std::int32_t>& indices);

  void members(Members<T>& members) override;
  std::string description() const override;

  /// The number of rows.
  Index num_embeddings() const { return weight.dim(0); }
  /// The length of a row.
  Index embedding_dim() const { return weight.dim(1); }
  /// The index that is not trained, counted from 0.
  std::optional<Index> padding_idx() const { return padding_; }

  Variable<T> weight;  ///< (num_embeddings, embedding_dim)

 private:
  std::optional<Index> padding_;
};

}  // namespace glissade::nn
