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

// f(slope number, begin, end) for each run of elements with the same slope.
template <class F>
void for_each_run(const SlopeView& view, const F& f) {
  Index begin = 0;
  for (Index i = 0; i < view.outer; ++i) {
    for (Index k = 0; k < view.slopes; ++k, begin += view.inner) f(k, begin, begin + view.inner);
  }
}

template <class T>
class PReLUNode final : public Node<T> {
 public:
  PReLUNode(Tensor<T> y, const Variable<T>& x, const Variable<T>& weight)
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
      std::vector<double> sums(static_cast<std::size_t>(view.slopes), 0.0);
      for_each_run(view, [&](Index k, Index begin, Index end) {
        double sum = 0.0;
        for (Index i = begin; i < end; ++i) {
          sum += x[i] > T{0} ? 0.0 : static_cast<double>(g[i]) * static_cast<double>(x[i]);
        }
        sums[static_cast<std::size_t>(k)] += sum;
      });
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
        if (beta == T{}) dx.fill(T{});
        for_each_run(view, [&](Index k, Index begin, Index end) {
          const T slope = w[k];
          for (Index i = begin; i < end; ++i) out[i] += x[i] > T{0} ? g[i] : slope * g[i];
        });
      });
    }
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
  for_each_run(SlopeView(x.shape(), slopes), [&](Index k, Index begin, Index end) {
    const T slope = weight.value()[k];
    for (Index i = begin; i < end; ++i) out[i] = in[i] > T{0} ? in[i] : slope * in[i];
  });
  const Variable<T> inputs[] = {x, weight};
  if (!must_record<T>(inputs)) return Variable<T>(std::move(y));
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
