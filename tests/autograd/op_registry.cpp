#include "op_registry.h"

#include <array>

namespace glissade::testing {
namespace {

using Vars = std::vector<Variable<double>>;
using Make = std::function<Tensor<double>(const Shape&, Rng&)>;

Make between(double low, double high) {
  return [=](const Shape& shape, Rng& rng) { return random_tensor(shape, rng, low, high); };
}

Shape random_shape(Rng& rng, int max_rank = 3) {
  constexpr std::array<Index, 6> kExtents{0, 1, 2, 3, 4, 19};  // 19: more than a vector of lanes
  std::vector<Index> extents;
  const Index rank = rng.integer(0, max_rank + 1);
  bool large = false;
  for (Index i = 0; i < rank; ++i) {
    Index extent = kExtents[static_cast<std::size_t>(rng.integer(0, 6))];
    if (extent > 4 && large) extent = 2;
    large = large || extent > 4;
    extents.push_back(extent);
  }
  return Shape(std::span<const Index>(extents));
}

// Shapes that every operation must take, and random ones.
std::vector<Shape> shapes(Rng& rng) {
  std::vector<Shape> all{{}, {1}, {0}, {5}, {2, 3}, {1, 4}, {2, 0, 3}, {3, 17}};
  for (int i = 0; i < 4; ++i) all.push_back(random_shape(rng));
  return all;
}

OpRow unary(std::string name, std::function<Variable<double>(const Variable<double>&)> f,
            Make make) {
  return {std::move(name), [f = std::move(f), make = std::move(make)](Rng& rng) {
            std::vector<OpSample> samples;
            for (const Shape& shape : shapes(rng)) {
              samples.push_back({[f](const Vars& x) { return f(x[0]); }, {make(shape, rng)}});
            }
            // used twice, beside another use of the input
            samples.push_back(
                {[f](const Vars& x) { return f(x[0]) * x[0] + f(x[0]); }, {make({2, 3}, rng)}});
            return samples;
          }};
}

// `shape`, leading axes dropped and others set to 1 at random: it broadcasts to `shape`.
Shape squeezed(const Shape& shape, Rng& rng) {
  std::vector<Index> extents;
  for (Index i = rng.integer(0, shape.rank() + 1); i < shape.rank(); ++i) {
    extents.push_back(rng.integer(0, 3) == 0 ? 1 : shape[static_cast<int>(i)]);
  }
  return Shape(std::span<const Index>(extents));
}

OpRow binary(std::string name,
             std::function<Variable<double>(const Variable<double>&, const Variable<double>&)> f,
             Make make_a, Make make_b) {
  return {
      std::move(name),
      [f = std::move(f), make_a = std::move(make_a), make_b = std::move(make_b)](Rng& rng) {
        std::vector<OpSample> samples;
        const CheckedFunction call = [f](const Vars& x) { return f(x[0], x[1]); };
        const auto add = [&](const Shape& a, const Shape& b) {
          samples.push_back({call, {make_a(a, rng), make_b(b, rng)}});
        };
        for (const Shape& shape : shapes(rng)) {
          add(shape, shape);
          add(shape, squeezed(shape, rng));
          add(squeezed(shape, rng), shape);
        }
        add({3, 1, 4}, {2, 4});
        add({2, 1}, {1, 3});
        add({0, 1}, {1, 3});
        samples.push_back({[f](const Vars& x) { return f(x[0], x[0]); }, {make_a({2, 3}, rng)}});
        return samples;
      }};
}

// A function of one input along an axis: every axis, from either end, of several shapes.
OpRow along_axis(std::string name,
                 std::function<Variable<double>(const Variable<double>&, int, bool)> f, Make make,
                 bool empty_axis = true) {
  return {std::move(name), [=](Rng& rng) {
            std::vector<OpSample> samples;
            const std::array<Shape, 7> all{Shape{5},       Shape{2, 3},  Shape{1, 4},   Shape{3, 1},
                                           Shape{2, 3, 4}, Shape{2, 19}, Shape{2, 0, 3}};
            for (const Shape& shape : all) {
              for (int axis = -shape.rank(); axis < shape.rank(); ++axis) {
                if (!empty_axis && shape.size() == 0 && shape.dim(axis) == 0) continue;
                const bool keepdim = axis % 2 == 0;
                samples.push_back(
                    {[=](const Vars& x) { return f(x[0], axis, keepdim); }, {make(shape, rng)}});
              }
            }
            return samples;
          }};
}

// Fixed calls, for operations that are not of one of the kinds above.
OpRow calls(std::string name, std::function<std::vector<OpSample>(Rng&)> samples) {
  return {std::move(name), std::move(samples)};
}

OpSample sample(CheckedFunction function, std::vector<Tensor<double>> inputs) {
  return {std::move(function), std::move(inputs)};
}

std::vector<OpSample> addcmul_samples(Rng& rng) {
  const CheckedFunction call = [](const Vars& v) { return addcmul(v[0], v[1], v[2]); };
  std::vector<OpSample> samples;
  for (const Shape& shape : shapes(rng)) {
    samples.push_back(sample(
        call, {random_tensor(shape, rng), random_tensor(shape, rng), random_tensor(shape, rng)}));
  }
  samples.push_back(sample(
      call, {random_tensor({2, 3}, rng), random_tensor({3}, rng), random_tensor({2, 1}, rng)}));
  samples.push_back(sample([](const Vars& v) { return addcmul(v[0], v[0], v[0]); },
                           {random_tensor({2, 3}, rng)}));
  return samples;
}

std::vector<OpSample> linear_samples(Rng& rng) {
  using Kind = Activation::Kind;
  const std::array<Activation, 7> activations{
      Activation{},     {Kind::relu}, {Kind::leaky_relu, 0.2}, {Kind::leaky_relu, 0.0},
      {Kind::elu, 0.7}, {Kind::tanh}, {Kind::sigmoid}};
  std::vector<OpSample> samples;
  for (const Activation& f : activations) {
    for (const auto& [batch, in, out] :
         {std::array<Index, 3>{4, 3, 5}, {1, 1, 1}, {3, 2, 17}, {0, 3, 2}, {2, 0, 3}, {2, 3, 0}}) {
      samples.push_back({[f](const Vars& v) { return linear(v[0], v[1], v[2], f); },
                         {random_tensor({batch, in}, rng), random_tensor({out, in}, rng),
                          away_from_zero({out}, rng)}});
    }
    samples.push_back({[f](const Vars& v) { return linear(v[0], v[1], {}, f); },
                       {random_tensor({4, 3}, rng), random_tensor({2, 3}, rng)}});
  }
  // the same weight twice, and the input as the weight
  samples.push_back(sample(
      [](const Vars& v) {
        return linear(linear(v[0], v[1], v[2], {Activation::Kind::tanh}), v[1], v[2]);
      },
      {random_tensor({4, 3}, rng), random_tensor({3, 3}, rng), random_tensor({3}, rng)}));
  samples.push_back(sample([](const Vars& v) { return linear(v[0], v[0], v[1]); },
                           {random_tensor({3, 3}, rng), random_tensor({3}, rng)}));
  return samples;
}

std::vector<OpSample> matmul_samples(Rng& rng) {
  std::vector<OpSample> samples;
  const CheckedFunction call = [](const Vars& v) { return matmul(v[0], v[1]); };
  const std::vector<std::pair<Shape, Shape>> pairs{
      {{2, 3}, {3, 4}}, {{1, 1}, {1, 1}}, {{1, 5}, {5, 1}}, {{0, 3}, {3, 2}}, {{2, 0}, {0, 3}},
      {{2, 3}, {3, 0}}, {{3}, {3, 2}},    {{2, 3}, {3}},    {{4}, {4}}};
  for (const auto& [a, b] : pairs) {
    samples.push_back({call, {random_tensor(a, rng), random_tensor(b, rng)}});
  }
  samples.push_back(
      sample([](const Vars& v) { return matmul(v[0], v[0]); }, {random_tensor({3, 3}, rng)}));
  samples.push_back(sample([](const Vars& v) { return matmul(transpose(v[0]), v[0]); },
                           {random_tensor({4, 3}, rng)}));
  return samples;
}

std::vector<OpSample> gather_samples(Rng& rng) {
  std::vector<OpSample> samples;
  for (int axis = -2; axis < 2; ++axis) {
    const Shape shape = axis % 2 == 0 ? Shape{4, 3} : Shape{3, 2};  // the index has repeats
    Tensor<std::int32_t> index(shape);
    const Index extent = Shape{3, 3}.dim(axis);
    for (auto& i : index) i = static_cast<std::int32_t>(rng.integer(0, extent));
    samples.push_back(
        {[=](const Vars& v) { return gather(v[0], axis, index); }, {random_tensor({3, 3}, rng)}});
  }
  const Tensor<std::int32_t> none({0});
  samples.push_back(
      sample([=](const Vars& v) { return gather(v[0], 0, none); }, {random_tensor({3}, rng)}));
  return samples;
}

std::vector<OpSample> scatter_samples(Rng& rng) {
  std::vector<OpSample> samples;
  for (int axis = -2; axis < 2; ++axis) {
    Tensor<std::int32_t> index({3, 4});
    for (auto& i : index) i = static_cast<std::int32_t>(rng.integer(0, 5));
    samples.push_back({[=](const Vars& v) { return scatter_add(v[0], axis, index, 5); },
                       {random_tensor({3, 4}, rng)}});
  }
  return samples;
}

std::vector<OpSample> index_samples(Rng& rng, bool add) {
  std::vector<OpSample> samples;
  for (int axis = -3; axis < 3; ++axis) {
    const Shape shape{3, 2, 4};
    const Index extent = shape.dim(axis);
    Tensor<std::int32_t> index({add ? extent : 5});  // with repeats
    for (auto& i : index) i = static_cast<std::int32_t>(rng.integer(0, add ? 3 : extent));
    samples.push_back({[=](const Vars& v) {
                         return add ? index_add(v[0], axis, index, 3)
                                    : index_select(v[0], axis, index);
                       },
                       {random_tensor(shape, rng)}});
  }
  const Tensor<std::int32_t> none({0});
  if (add) {
    samples.push_back(sample([=](const Vars& v) { return index_add(v[0] * 1.0, 0, none, 2); },
                             {random_tensor({0, 3}, rng)}));
  } else {
    samples.push_back(sample([=](const Vars& v) { return index_select(v[0], 0, none); },
                             {random_tensor({3}, rng)}));
  }
  return samples;
}

std::vector<OpSample> concat_samples(Rng& rng) {
  std::vector<OpSample> samples;
  samples.push_back(
      sample([](const Vars& v) { return concat(v, 0); },
             {random_tensor({2, 3}, rng), random_tensor({1, 3}, rng), random_tensor({0, 3}, rng)}));
  samples.push_back(sample([](const Vars& v) { return concat(v, -1); },
                           {random_tensor({2, 3}, rng), random_tensor({2, 1}, rng)}));
  samples.push_back(sample([](const Vars& v) { return concat(v, 1); },
                           {random_tensor({2, 1, 3}, rng), random_tensor({2, 2, 3}, rng)}));
  samples.push_back(sample(
      [](const Vars& v) {
        return concat<double>({v[0], v[0] * 2.0, v[0]});
      },
      {random_tensor({4}, rng)}));
  return samples;
}

std::vector<OpSample> activation_samples(Rng& rng) {
  using Kind = Activation::Kind;
  std::vector<OpSample> samples;
  for (const Activation& f : {Activation{},
                              Activation{Kind::relu},
                              {Kind::leaky_relu, 0.2},
                              {Kind::leaky_relu, -0.5},
                              {Kind::elu, 0.7},
                              {Kind::elu, -0.5},
                              {Kind::gelu},
                              {Kind::silu},
                              {Kind::tanh},
                              {Kind::sigmoid},
                              {Kind::softplus}}) {
    for (const Shape& shape : {Shape{2, 3}, Shape{19}, Shape{0}, Shape{}}) {
      samples.push_back(
          {[f](const Vars& v) { return activation(v[0] * 1.0, f); }, {away_from_zero(shape, rng)}});
    }
  }
  return samples;
}

std::vector<OpSample> slice_samples(Rng& rng) {
  std::vector<OpSample> samples;
  for (int axis = -3; axis < 3; ++axis) {
    samples.push_back(sample([=](const Vars& v) { return slice(v[0], axis, 1, 3); },
                             {random_tensor({3, 4, 3}, rng)}));
  }
  samples.push_back(
      sample([](const Vars& v) { return slice(v[0], 0, 1, 1); }, {random_tensor({3}, rng)}));
  samples.push_back(
      sample([](const Vars& v) { return slice(v[0], 0, 0, 2) * slice(v[0], 0, 1, 3); },
             {random_tensor({3, 2}, rng)}));
  return samples;
}

std::vector<OpSample> pad_samples(Rng& rng) {
  std::vector<OpSample> samples;
  for (int axis = -2; axis < 2; ++axis) {
    samples.push_back(
        sample([=](const Vars& v) { return pad(v[0], axis, 1, 2); }, {random_tensor({3, 2}, rng)}));
  }
  samples.push_back(
      sample([](const Vars& v) { return pad(v[0], 0, 2, 0); }, {random_tensor({0, 2}, rng)}));
  return samples;
}

std::vector<OpSample> stretch_samples(Rng& rng, bool down) {
  const std::vector<std::pair<Shape, Shape>> pairs{
      {{}, {2, 3}},     {{1}, {4}},       {{3}, {2, 3}},    {{2, 1}, {2, 3}},
      {{1, 1}, {2, 3}}, {{2, 3}, {2, 3}}, {{1, 3}, {0, 3}}, {{2, 1, 3}, {4, 2, 5, 3}},
      {{}, {1}}};
  std::vector<OpSample> samples;
  for (const auto& [small, large] : pairs) {
    if (down) {
      const Shape to = small;
      samples.push_back(
          {[to](const Vars& v) { return sum_to(v[0] * 1.0, to); }, {random_tensor(large, rng)}});
    } else {
      const Shape to = large;
      samples.push_back({[to](const Vars& v) { return broadcast_to(v[0] * 1.0, to); },
                         {random_tensor(small, rng)}});
    }
  }
  return samples;
}

std::vector<OpRow> make_registry() {
  const Make any = between(-2.0, 2.0);
  const Make positive = between(0.3, 2.0);
  const Make nonzero = away_from_zero;
  using V = Variable<double>;
  std::vector<OpRow> rows{
      binary(
          "add", [](const V& a, const V& b) { return add(a, b); }, any, any),
      binary(
          "sub", [](const V& a, const V& b) { return sub(a, b); }, any, any),
      binary(
          "mul", [](const V& a, const V& b) { return mul(a, b); }, any, any),
      binary(
          "div", [](const V& a, const V& b) { return div(a, b); }, nonzero, nonzero),
      binary(
          "pow", [](const V& a, const V& b) { return pow(a, b); }, positive, positive),
      unary(
          "add", [](const V& x) { return add(x, 1.5); }, any),
      unary(
          "mul", [](const V& x) { return mul(x, -1.5); }, any),
      unary(
          "neg", [](const V& x) { return neg(x); }, any),
      unary(
          "pow", [](const V& x) { return pow(x, -1.5) + pow(x, 2.0) + pow(x, 0.0); }, positive),
      unary(
          "exp", [](const V& x) { return exp(x); }, any),
      unary(
          "log", [](const V& x) { return log(x); }, positive),
      unary(
          "log1p", [](const V& x) { return log1p(x); }, between(-0.7, 2.0)),
      unary(
          "sqrt", [](const V& x) { return sqrt(x); }, positive),
      unary(
          "abs", [](const V& x) { return abs(x); }, nonzero),
      unary(
          "square", [](const V& x) { return square(x); }, any),
      unary(
          "sin", [](const V& x) { return sin(x); }, any),
      unary(
          "cos", [](const V& x) { return cos(x); }, any),
      unary(
          "erf", [](const V& x) { return erf(x); }, any),
      unary(
          "relu", [](const V& x) { return relu(x); }, nonzero),
      unary(
          "leaky_relu", [](const V& x) { return leaky_relu(x, 0.2); }, nonzero),
      unary(
          "elu", [](const V& x) { return elu(x, 0.7); }, nonzero),
      unary(
          "gelu", [](const V& x) { return gelu(x); }, any),
      unary(
          "silu", [](const V& x) { return silu(x); }, any),
      unary(
          "tanh", [](const V& x) { return tanh(x); }, any),
      unary(
          "sigmoid", [](const V& x) { return sigmoid(x); }, any),
      unary(
          "softplus", [](const V& x) { return softplus(x); }, any),
      calls("activation", activation_samples),
      unary(
          "sum", [](const V& x) { return sum(x); }, any),
      along_axis(
          "sum", [](const V& x, int axis, bool keep) { return sum(x, axis, keep); }, any),
      calls("mean",
            [](Rng& rng) {
              return std::vector{
                  sample([](const Vars& v) { return mean(v[0]); }, {random_tensor({3, 4}, rng)}),
                  sample([](const Vars& v) { return mean(v[0]); }, {random_tensor({}, rng)})};
            }),
      along_axis(
          "mean", [](const V& x, int axis, bool keep) { return mean(x, axis, keep); }, any, false),
      calls("max",
            [](Rng& rng) {
              return std::vector{
                  sample([](const Vars& v) { return max(v[0]); }, {distinct({3, 4}, rng)}),
                  sample([](const Vars& v) { return max(v[0]); }, {distinct({1}, rng)})};
            }),
      along_axis(
          "max", [](const V& x, int axis, bool keep) { return max(x, axis, keep); }, distinct,
          false),
      calls("min",
            [](Rng& rng) {
              return std::vector{
                  sample([](const Vars& v) { return min(v[0]); }, {distinct({3, 4}, rng)}),
                  sample([](const Vars& v) { return min(v[0]); }, {distinct({1}, rng)})};
            }),
      along_axis(
          "min", [](const V& x, int axis, bool keep) { return min(x, axis, keep); }, distinct,
          false),
      along_axis(
          "logsumexp", [](const V& x, int axis, bool keep) { return logsumexp(x, axis, keep); },
          any, false),
      along_axis(
          "softmax", [](const V& x, int axis, bool) { return softmax(x, axis); }, any),
      along_axis(
          "log_softmax", [](const V& x, int axis, bool) { return log_softmax(x, axis); }, any),
      calls("reshape",
            [](Rng& rng) {
              std::vector<OpSample> samples;
              for (const Shape& shape : shapes(rng)) {
                samples.push_back(sample(
                    [](const Vars& v) {
                      return reshape(v[0], Shape{1, v[0].size()});
                    },
                    {random_tensor(shape, rng)}));
              }
              return samples;
            }),
      calls("reshape",
            [](Rng& rng) {
              return std::vector{sample(
                                     [](const Vars& v) {
                                       return reshape(v[0], {3, -1});
                                     },
                                     {random_tensor({2, 3, 2}, rng)}),
                                 sample([](const Vars& v) { return reshape(v[0], {-1}); },
                                        {random_tensor({2, 2}, rng)})};
            }),
      calls("transpose",
            [](Rng& rng) {
              std::vector<OpSample> samples;
              for (const Shape& shape : {Shape{2, 3}, {1, 4}, {0, 3}, {17, 19}}) {
                samples.push_back(sample([](const Vars& v) { return transpose(v[0]); },
                                         {random_tensor(shape, rng)}));
              }
              return samples;
            }),
      calls("broadcast_to", [](Rng& rng) { return stretch_samples(rng, false); }),
      calls("sum_to", [](Rng& rng) { return stretch_samples(rng, true); }),
      calls("slice", slice_samples),
      calls("slice_rows",
            [](Rng& rng) {
              return std::vector{sample([](const Vars& v) { return slice_rows(v[0], 1, 3); },
                                        {random_tensor({4, 2}, rng)})};
            }),
      calls("addcmul", addcmul_samples),
      calls("pad", pad_samples),
      calls("select",
            [](Rng& rng) {
              return std::vector{sample([](const Vars& v) { return v[0][1] * v[0][-1]; },
                                        {random_tensor({3}, rng)}),
                                 sample([](const Vars& v) { return select(v[0], 2); },
                                        {random_tensor({3, 2}, rng)})};
            }),
      calls("concat", concat_samples),
      calls("gather", gather_samples),
      calls("scatter_add", scatter_samples),
      calls("index_select", [](Rng& rng) { return index_samples(rng, false); }),
      calls("index_add", [](Rng& rng) { return index_samples(rng, true); }),
      calls("matmul", matmul_samples),
      calls("linear", linear_samples),
  };
  return rows;
}

}  // namespace

const std::vector<OpRow>& op_registry() {
  static const std::vector<OpRow> rows = make_registry();
  return rows;
}

Tensor<double> random_tensor(const Shape& shape, Rng& rng, double low, double high) {
  Tensor<double> tensor(shape);
  for (double& x : tensor) x = rng.uniform(low, high);
  return tensor;
}

Tensor<double> away_from_zero(const Shape& shape, Rng& rng) {
  Tensor<double> tensor = random_tensor(shape, rng, 0.2, 2.0);
  for (double& x : tensor) x = rng.integer(0, 2) == 0 ? x : -x;
  return tensor;
}

Tensor<double> distinct(const Shape& shape, Rng& rng) {
  Tensor<double> tensor(shape);
  std::vector<std::int32_t> order(static_cast<std::size_t>(shape.size()));
  rng.permutation(order);
  for (Index i = 0; i < tensor.size(); ++i) {
    tensor[i] = 0.1 * order[static_cast<std::size_t>(i)] - 1.0;
  }
  return tensor;
}

}  // namespace glissade::testing
