// The derivative tools on networks with every activation, against torch.func
// (tests/data/README.md).
#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "catch.h"
#include "glissade/autograd/functional.h"
#include "glissade/autograd/grad.h"
#include "glissade/autograd/per_example.h"
#include "support/reference.h"

using namespace glissade;

namespace {

using Parts = std::vector<Variable<double>>;

struct Case {
  std::string name;
  Activation activation;
};

const std::vector<Case> kCases = {
    {"relu", {.kind = Activation::Kind::relu}},
    {"leaky_relu", {.kind = Activation::Kind::leaky_relu, .alpha = 0.2}},
    {"elu", {.kind = Activation::Kind::elu, .alpha = 0.7}},
    {"gelu", {.kind = Activation::Kind::gelu}},
    {"silu", {.kind = Activation::Kind::silu}},
    {"tanh", {.kind = Activation::Kind::tanh}},
    {"sigmoid", {.kind = Activation::Kind::sigmoid}},
    {"softplus", {.kind = Activation::Kind::softplus}},
};

// 3-5-4-2, the parameters in the order of `parts`.
Variable<double> network(const Activation& act, const Parts& p, const Variable<double>& x) {
  const auto layer = [&](const Variable<double>& in, std::size_t i) {
    return act.from_output() ? linear(in, p[i], p[i + 1], act)
                             : activation(linear(in, p[i], p[i + 1]), act);
  };
  return linear(layer(layer(x, 0), 2), p[4], p[5]);
}

// `flat` (n), cut into the shapes of `like`.
std::vector<Tensor<double>> cut(const Tensor<double>& flat,
                                const std::vector<Tensor<double>>& like) {
  std::vector<Tensor<double>> parts;
  Index begin = 0;
  for (const Tensor<double>& part : like) {
    Tensor<double> piece(part.shape());
    std::copy_n(flat.data() + begin, part.size(), piece.data());
    begin += part.size();
    parts.push_back(std::move(piece));
  }
  return parts;
}

// The parts (rows, ...) next to each other: (rows, n).
Tensor<double> join(const std::vector<Tensor<double>>& parts, Index rows) {
  std::vector<Variable<double>> columns;
  for (const Tensor<double>& part : parts) {
    columns.push_back(reshape(Variable<double>(part), Shape{rows, part.size() / rows}));
  }
  return concat(columns, 1).value();
}

}  // namespace

TEST_CASE("derivative tools on networks, against torch.func") {
  const SafetensorsFile file(GLISSADE_TEST_DATA_DIR "/torch_functional_reference.safetensors");
  for (const auto& [name, act] : kCases) {
    CAPTURE(name);
    const auto get = [&, &key = name](const std::string& part) {
      return file.get<double>("functional/" + key + "/" + part);
    };
    const auto agrees = [&](const Tensor<double>& actual, const std::string& part) {
      CAPTURE(part);
      CHECK(relative_error(actual, get(part), 1.0) < 1e-10);
    };
    std::vector<Tensor<double>> p;
    for (int i = 0; i < 6; ++i) p.push_back(get("p" + std::to_string(i)));
    const Tensor<double> x = get("x");
    const Tensor<double> target = get("target");
    const auto f = [&, &a = act](const Parts& parts) { return network(a, parts, x); };
    const auto losses = [&](const Parts& parts) {
      return sum(square(f(parts) - Variable<double>(target)), 1);
    };
    const auto loss = [&](const Parts& parts) { return mean(losses(parts)); };
    const std::vector<Tensor<double>> v = cut(get("v"), p);

    const auto [value, gradient] = value_and_grad(loss, p);
    CHECK(value == Approx(get("loss").item()).epsilon(1e-12));
    agrees(join(gradient, 1).reshape(Shape{54}), "grad");
    agrees(jacobian(f, p, JacobianBy::rows), "jacobian");
    agrees(jacobian(f, p, JacobianBy::columns), "jacobian");
    agrees(hessian(loss, p), "hessian");
    agrees(join(hvp(loss, p, v).product, 1).reshape(Shape{54}), "hvp");
    const auto forward = jvp(f, p, v);
    agrees(forward.value, "out");
    agrees(forward.product, "jvp");
    agrees(join(vjp(f, p, get("u")).product, 1).reshape(Shape{54}), "vjp");

    Parts parameters;
    for (const Tensor<double>& part : p) parameters.push_back(parameter(Tensor<double>(part)));
    agrees(join(per_example_gradients(losses(parameters), parameters), 6), "per_example");

    const auto of_x = [&, &a = act](const Variable<double>& in) {
      return network(a, parameters, in);
    };
    agrees(batched_jacobian(of_x, x, JacobianBy::rows), "batched_jacobian");
    agrees(batched_jacobian(of_x, x, JacobianBy::columns), "batched_jacobian");
    const auto first = [&](const Variable<double>& in) {
      return reshape(slice(of_x(in), 1, 0, 1), Shape{6});
    };
    agrees(laplacian(first, x), "laplacian");

    // The third derivative along a line, by three gradients.
    const Variable<double> s = parameter(Tensor<double>::scalar(0.0));
    const Variable<double> direction(Tensor<double>(Shape{3}, {0.5, -0.25, 1.0}));
    Variable<double> d = sum(of_x(Variable<double>(x) + s * direction));
    for (int order = 1; order <= 3 && d.requires_grad(); ++order) {
      d = grad(d, {s}, {.create_graph = true, .allow_unused = true}).front();
    }
    agrees(d.value(), "third");
  }
}
