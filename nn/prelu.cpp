// PReLU: a leaky ReLU whose slope is learned.
#include "glissade/nn/prelu.h"

#include <array>
#include <utility>
#include <vector>

#include "glissade/autograd/operation.h"

namespace glissade::nn {
namespace {

// x seen as (outer, slopes, inner).
struct SlopeView {
  Index outer = 1;
  Index slopes = 1;
  Index inner = 1;

  SlopeView(const Shape& x, Index slope_count) : slopes(slope_count) {
    if (slopes == 1) {
      inner = x.size();
      return;
    }
    outer = x[0];
    for (int axis = 2; axis < x.rank(); ++axis) inner *= x[axis];
  }
};

// f(begin, count, slope) for runs of elements, slope(j) being that of element begin + j: runs with
// one slope, or, where these would have one element each, rows with all slopes.
template <class T, class F>
void for_each_run(const SlopeView& view, const T* weight, const F& f) {
  if (view.inner == 1) {
    for (Index i = 0; i < view.outer; ++i) {
      f(i * view.slopes, view.slopes, [weight](Index j) { return weight[j]; });
    }
    return;
  }
  for (Index run = 0; run < view.outer * view.slopes; ++run) {
    const T slope = weight[run % view.slopes];
    f(run * view.inner, view.inner, [slope](Index) { return slope; });
  }
}

// What an element adds to the derivative of its slope: g min(x, 0), where 0 is not multiplied by
// infinity.
template <class T>
double slope_term(T g, T x) {
  return static_cast<double>(g) * static_cast<double>(x > T{0} ? T{0} : x);
}

// The sums of these, for each slope.
template <class T>
std::vector<double> slope_sums(const SlopeView& view, const T* g, const T* x) {
  std::vector<double> sums(static_cast<std::size_t>(view.slopes), 0.0);
  double* const to = sums.data();
  if (view.inner == 1) {
    for (Index i = 0; i < view.outer; ++i, g += view.slopes, x += view.slopes) {
      for (Index k = 0; k < view.slopes; ++k) to[k] += slope_term(g[k], x[k]);
    }
    return sums;
  }
  for (Index run = 0; run < view.outer * view.slopes; ++run, g += view.inner, x += view.inner) {
    std::array<double, 4> chains{};
    Index i = 0;
    for (; i + 4 <= view.inner; i += 4) {
      for (Index k = 0; k < 4; ++k) {
        chains[static_cast<std::size_t>(k)] += slope_term(g[i + k], x[i + k]);
      }
    }
    for (; i < view.inner; ++i) chains[0] += slope_term(g[i], x[i]);
    to[run % view.slopes] += (chains[0] + chains[1]) + (chains[2] + chains[3]);
  }
  return sums;
}

template <class T>
class PReLUNode final : public Node<T> {
 public:
  PReLUNode(Tensor<T>&& y, const Variable<T>& x, const Variable<T>& weight)
      : Node<T>(std::move(y), true), inputs_{x, weight} {
    this->set_inputs(inputs_.data(), inputs_.size());
  }

  const char* name() const override { return "prelu"; }

  void backward(const Variable<T>& grad, const Variable<T>&, GradientSink<T>& sink) override {
    const Variable<T>& x = inputs_[kX];
    const Variable<T>& weight = inputs_[kWeight];
    // The weight's shape as it broadcasts to x: along axis 1.
    Shape along = weight.shape();
    if (weight.size() > 1) {
      std::vector<Index> extents(static_cast<std::size_t>(x.rank() - 1), 1);
      extents[0] = weight.size();
      along = Shape(std::span<const Index>(extents));
    } else if (x.rank() == 0) {
      along = Shape{};
    }
    if (sink.needed(kWeight)) {
      // min(x, 0), so that 0 is not multiplied by infinity
      sink.give(kWeight, reshape(sum_to(grad * -relu(-x), along), weight.shape()));
    }
    if (!sink.needed(kX)) return;
    auto positive = Tensor<T>::uninitialized(x.shape());
    for (Index i = 0; i < x.size(); ++i) positive[i] = x.value()[i] > T{0} ? T{1} : T{0};
    const Variable<T> above(std::move(positive));
    sink.give(kX, grad * (above + (1.0 - above) * reshape(weight, along)));
  }

  bool backward_in_place(Variable<T>& grad, GradientSink<T>& sink) override {
    const T* const x = inputs_[kX].value().data();
    const T* const w = inputs_[kWeight].value().data();
    const T* const g = grad.value().data();
    const SlopeView view(inputs_[kX].shape(), inputs_[kWeight].size());
    if (sink.needed(kWeight)) {
      const std::vector<double> sums = slope_sums(view, g, x);
      sink.write(kWeight, [&](Tensor<T>& dw, T beta) {
        for (Index k = 0; k < view.slopes; ++k) {
          const T sum = static_cast<T>(sums[static_cast<std::size_t>(k)]);
          dw[k] = beta == T{} ? sum : sum + beta * dw[k];
        }
      });
    }
    if (sink.needed(kX)) {
      sink.write(kX, [&](Tensor<T>& dx, T beta) {
        T* const out = dx.data();
        for_each_run(view, w, [&](Index begin, Index count, const auto& slope) {
          const auto term = [&](Index j) {
            const T above = g[begin + j];
            const T below = slope(j) * above;
            return x[begin + j] > T{0} ? above : below;
          };
          if (beta == T{}) {
            for (Index j = 0; j < count; ++j) out[begin + j] = term(j);
          } else {
            for (Index j = 0; j < count; ++j) out[begin + j] = term(j) + beta * out[begin + j];
          }
        });
      });
    }
    return true;
  }

  bool backward_per_example(const Variable<T>& grad, PerExampleSink<T>& sink) override {
    const Tensor<T>& x = inputs_[kX].value();
    if (sink.needed(kX)) return false;
    const Index part = x.size() / sink.examples();
    SlopeView view(x.shape(), inputs_[kWeight].size());
    if (view.slopes == 1) {
      view.inner = part;
    } else {
      if (view.outer % sink.examples() != 0) return false;
      view.outer /= sink.examples();
    }
    sink.write(kWeight, [&](Tensor<T>& dw, T beta) {
      for (Index i = 0; i < sink.examples(); ++i) {
        const std::vector<double> sums =
            slope_sums(view, grad.value().data() + i * part, x.data() + i * part);
        for (Index k = 0; k < view.slopes; ++k) {
          T& to = dw[i * view.slopes + k];
          to = static_cast<T>(sums[static_cast<std::size_t>(k)]) + (beta == T{} ? T{} : beta * to);
        }
      }
    });
    return true;
  }

 private:
  static constexpr std::size_t kX = 0;
  static constexpr std::size_t kWeight = 1;

  std::array<Variable<T>, 2> inputs_;
};

}  // namespace

template <class T>
PReLU<T>::PReLU(Index num_parameters, double init) {
  check(num_parameters >= 1, "PReLU: num_parameters must be at least 1, got {}", num_parameters);
  weight = glissade::parameter(Tensor<T>::full(Shape{num_parameters}, static_cast<T>(init)));
}

template <class T>
Variable<T> PReLU<T>::forward(const Variable<T>& x) {
  const Index slopes = weight.size();
  check(weight.rank() == 1 && (slopes == 1 || (x.rank() >= 2 && x.dim(1) == slopes)),
        "PReLU: there are {} slopes, but the input {} does not have {} positions along axis 1",
        slopes, x.shape(), slopes);
  auto y = Tensor<T>::uninitialized(x.shape());
  const T* const in = x.value().data();
  T* const out = y.data();
  const SlopeView view(x.shape(), slopes);
  for_each_run(view, weight.value().data(), [&](Index begin, Index count, const auto& slope) {
    for (Index j = 0; j < count; ++j) {
      const T v = in[begin + j];
      const T below = slope(j) * v;  // loaded in any case, so that the loop has no branch
      out[begin + j] = v > T{0} ? v : below;
    }
  });
  if (!must_record(x, weight)) return Variable<T>(std::move(y));
  return Variable<T>::adopt(new PReLUNode<T>(std::move(y), x, weight));
}

template <class T>
void PReLU<T>::members(Members<T>& members) {
  members.parameter("weight", weight);
}

template <class T>
std::string PReLU<T>::description() const {
  return fmt::format("PReLU({})", weight.size());
}

template class PReLU<float>;
template class PReLU<double>;

}  // namespace glissade::nn
