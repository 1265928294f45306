// Embedding: rows of a table by their index.
#include "glissade/nn/embedding.h"

#include <cmath>
#include <limits>
#include <span>
#include <utility>
#include <vector>

#include "glissade/autograd/operation.h"
#include "glissade/core/move.h"
#include "glissade/nn/init.h"

namespace glissade::nn {
namespace {

constexpr Index kNoPadding = -1;

// Adds row i of `rows` (indices.size(), n) to the row of index i of `table` (..., n), for all i but
// padding.
template <class T>
void add_rows(std::span<const std::int32_t> indices, Index padding, const T* rows, Index n,
              T* table) {
  for (const Index index : indices) {
    const T* const from = std::exchange(rows, rows + n);
    if (index == padding) continue;
    T* const to = table + index * n;
    for (Index j = 0; j < n; ++j) to[j] += from[j];
  }
}

template <class T>
Variable<T> rows_of(const Variable<T>& table, const Tensor<std::int32_t>& indices, Index padding);

// The sums of the rows by index, (count, n): the table's gradient. Its own derivative takes rows
// again, with zeros for the padding.
template <class T>
Variable<T> sums_by_index(const Variable<T>& rows, const Tensor<std::int32_t>& indices,
                          Index padding, Index count) {
  Tensor<T> table({count, rows.dim(-1)});
  add_rows(indices.span(), padding, rows.value().data(), rows.dim(-1), table.data());
  return operation("embedding_gradient", std::move(table), {rows},
                   [indices, padding](const auto& grad, const auto&, const auto& in) {
                     const auto taken = rows_of(grad, indices, padding);
                     if (padding == kNoPadding) return taken;
                     auto kept = Tensor<T>::full(in.shape().with(in.rank() - 1, 1), T{1});
                     for (Index i = 0; i < indices.size(); ++i) {
                       if (indices[i] == padding) kept[i] = T{0};
                     }
                     return taken * Variable<T>(std::move(kept));
                   });
}

template <class T>
class EmbeddingNode final : public Node<T> {
 public:
  EmbeddingNode(Tensor<T>&& value, const Variable<T>& table, Tensor<std::int32_t> indices,
                Index padding)
      : Node<T>(std::move(value), true),
        table_(table),
        indices_(std::move(indices)),
        padding_(padding) {
    this->set_inputs(&table_, 1);
  }

  const char* name() const override { return "embedding"; }

  void backward(const Variable<T>& grad, const Variable<T>&, GradientSink<T>& sink) override {
    sink.give(0, sums_by_index(grad, indices_, padding_, table_.dim(0)));
  }

  bool backward_in_place(Variable<T>& grad, GradientSink<T>& sink) override {
    sink.write(0, [&](Tensor<T>& gradient, T beta) {
      if (beta == T{}) gradient.fill(T{});
      add_rows(indices_.span(), padding_, grad.value().data(), table_.dim(1), gradient.data());
    });
    return true;
  }

  bool begins_batch() const override { return true; }

  bool backward_per_example(const Variable<T>& grad, PerExampleSink<T>& sink) override {
    if (indices_.size() % sink.examples() != 0) return false;
    const Index count = indices_.size() / sink.examples();
    const Index n = table_.dim(1);
    sink.write(0, [&](Tensor<T>& gradients, T beta) {
      if (beta == T{}) gradients.fill(T{});
      for (Index i = 0; i < sink.examples(); ++i) {
        const auto indices = indices_.span().subspan(static_cast<std::size_t>(i * count),
                                                     static_cast<std::size_t>(count));
        add_rows(indices, padding_, grad.value().data() + i * count * n, n,
                 gradients.data() + i * table_.size());
      }
    });
    return true;
  }

 private:
  Variable<T> table_;
  Tensor<std::int32_t> indices_;
  Index padding_;
};

template <class T>
Variable<T> rows_of(const Variable<T>& table, const Tensor<std::int32_t>& indices, Index padding) {
  std::vector<Index> extents(indices.shape().begin(), indices.shape().end());
  extents.push_back(table.dim(1));
  Tensor<T> rows;
  kernels::gather_rows(table.value(), indices.span(), rows);
  rows = std::move(rows).reshape(Shape(std::span<const Index>(extents)));
  if (!must_record(table)) return Variable<T>(std::move(rows));
  return Variable<T>::adopt(new EmbeddingNode<T>(std::move(rows), table, indices, padding));
}

Index checked_padding(const EmbeddingOptions& options, Index count) {
  if (!options.padding_idx) return kNoPadding;
  const Index given = *options.padding_idx;
  check(given >= -count && given < count,
        "Embedding: padding_idx {} is out of range for {} embeddings", given, count);
  return given < 0 ? given + count : given;
}

}  // namespace

template <class T>
Embedding<T>::Embedding(Index num_embeddings, Index embedding_dim, Rng& rng,
                        const EmbeddingOptions& options) {
  check(num_embeddings >= 1 && embedding_dim >= 1,
        "Embedding: the numbers must be at least 1, got {} embeddings of {}", num_embeddings,
        embedding_dim);
  weight = glissade::parameter(Tensor<T>(Shape{num_embeddings, embedding_dim}));
  init::normal(weight, rng);
  const Index padding = checked_padding(options, num_embeddings);
  if (padding == kNoPadding) return;
  padding_ = padding;
  T* const row = weight.mutable_value().data() + padding * embedding_dim;
  std::fill(row, row + embedding_dim, T{});
}

template <class T>
Embedding<T>::Embedding(Variable<T> given, const EmbeddingOptions& options)
    : weight(std::move(given)) {
  check(weight.rank() == 2,
        "Embedding: the weight must have two axes, (num_embeddings, embedding_dim), got {}",
        weight.shape());
  const Index padding = checked_padding(options, num_embeddings());
  if (padding != kNoPadding) padding_ = padding;
}

template <class T>
Variable<T> Embedding<T>::forward(const Tensor<std::int32_t>& indices) {
  check(indices.rank() < Shape::kMaxRank,
        "Embedding: the indices {} have too many axes, at most {} fit", indices.shape(),
        Shape::kMaxRank - 1);
  for (Index i = 0; i < indices.size(); ++i) {
    check(indices[i] >= 0 && indices[i] < num_embeddings(),
          "Embedding: element {} is the index {}, but there are {} embeddings", i, indices[i],
          num_embeddings());
  }
  return rows_of(weight, indices, padding_.value_or(kNoPadding));
}

template <class T>
Variable<T> Embedding<T>::forward(const Variable<T>& x) {
  auto indices = Tensor<std::int32_t>::uninitialized(x.shape());
  for (Index i = 0; i < x.size(); ++i) {
    const auto value = static_cast<double>(x.value()[i]);
    check(value == std::floor(value), "Embedding: element {} is {}, not a whole number", i, value);
    check(value >= 0.0 && value < static_cast<double>(num_embeddings()),
          "Embedding: element {} is the index {}, but there are {} embeddings", i, value,
          num_embeddings());
    indices[i] = static_cast<std::int32_t>(value);
  }
  return forward(indices);
}

template <class T>
Variable<T> Embedding<T>::operator()(const Tensor<std::int32_t>& indices) {
  const detail::Call<T> call(*this);
  return call.result(forward(indices));
}

template <class T>
void Embedding<T>::members(Members<T>& members) {
  members.parameter("weight", weight);
}

template <class T>
std::string Embedding<T>::description() const {
  return fmt::format("Embedding({}, {}{})", num_embeddings(), embedding_dim(),
                     padding_ ? fmt::format(", padding {}", *padding_) : "");
}

template class Embedding<float>;
template class Embedding<double>;

}  // namespace glissade::nn
