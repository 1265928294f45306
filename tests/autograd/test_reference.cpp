// Values and gradients of the operations against real PyTorch, in float64: tests/data/README.md
// says how the reference file is made and what its keys are.

#include <cmath>
#include <functional>
#include <map>
#include <set>

#include "catch.h"
#include "glissade/autograd/variable.h"
#include "support/reference.h"

using namespace glissade;
using V = Variable<double>;
using Vars = std::vector<V>;

namespace {

using Operation = std::function<V(const Vars&, const std::string& key)>;

double option(const std::string& key, const char* name) {
  return reference<double>(key + "/" + name).item();
}
Tensor<std::int32_t> index_of(const std::string& key) {
  return reference<std::int32_t>(key + "/index");
}

// "sum_dim-1_keepdim": the part that says which axis, and whether it stays
V reduce(const std::string& key, const V& x, const std::function<V(const V&)>& all,
         const std::function<V(const V&, int, bool)>& axis) {
  if (key.find("_all_keepdim") != std::string::npos) return reshape(all(x), Shape{1, 1, 1});
  if (key.find("_all") != std::string::npos) return all(x);
  const std::size_t at = key.find("_dim") + 4;
  const int dim = std::stoi(key.substr(at));
  return axis(x, dim, key.find("_keepdim") != std::string::npos);
}

// linear with an activation in the same node
Operation fused(Activation::Kind kind, const char* alpha = nullptr) {
  return [=](const Vars& v, const std::string& key) {
    return linear(v[0], v[1], v[2], {kind, alpha == nullptr ? 0.0 : option(key, alpha)});
  };
}

// By the part of the name before the variant: "pow_2" is a case of "pow".
const std::map<std::string, Operation>& operations() {
  static const std::map<std::string, Operation> table{
      {"add", [](const Vars& v, const auto&) { return v[0] + v[1]; }},
      {"sub", [](const Vars& v, const auto&) { return v[0] - v[1]; }},
      {"mul", [](const Vars& v, const auto&) { return v[0] * v[1]; }},
      {"addcmul", [](const Vars& v, const auto&) { return addcmul(v[0], v[1], v[2]); }},
      {"div", [](const Vars& v, const auto&) { return v[0] / v[1]; }},
      {"neg", [](const Vars& v, const auto&) { return -v[0]; }},
      {"exp", [](const Vars& v, const auto&) { return exp(v[0]); }},
      {"log", [](const Vars& v, const auto&) { return log(v[0]); }},
      {"log1p", [](const Vars& v, const auto&) { return log1p(v[0]); }},
      {"sqrt", [](const Vars& v, const auto&) { return sqrt(v[0]); }},
      {"abs", [](const Vars& v, const auto&) { return abs(v[0]); }},
      {"square", [](const Vars& v, const auto&) { return square(v[0]); }},
      {"erf", [](const Vars& v, const auto&) { return erf(v[0]); }},
      {"sin", [](const Vars& v, const auto&) { return sin(v[0]); }},
      {"cos", [](const Vars& v, const auto&) { return cos(v[0]); }},
      {"pow", [](const Vars& v, const auto& key) { return pow(v[0], option(key, "exponent")); }},
      {"sum",
       [](const Vars& v, const auto& key) {
         return reduce(
             key, v[0], [](const V& x) { return sum(x); },
             [](const V& x, int axis, bool keep) { return sum(x, axis, keep); });
       }},
      {"mean",
       [](const Vars& v, const auto& key) {
         return reduce(
             key, v[0], [](const V& x) { return mean(x); },
             [](const V& x, int axis, bool keep) { return mean(x, axis, keep); });
       }},
      {"max",
       [](const Vars& v, const auto& key) {
         return reduce(
             key, v[0], [](const V& x) { return max(x); },
             [](const V& x, int axis, bool keep) { return max(x, axis, keep); });
       }},
      {"min",
       [](const Vars& v, const auto& key) {
         return reduce(
             key, v[0], [](const V& x) { return min(x); },
             [](const V& x, int axis, bool keep) { return min(x, axis, keep); });
       }},
      {"logsumexp",
       [](const Vars& v, const auto& key) {
         return reduce(
             key, v[0], [](const V& x) { return logsumexp(reshape(x, {-1}), 0); },
             [](const V& x, int axis, bool keep) { return logsumexp(x, axis, keep); });
       }},
      {"softmax",
       [](const Vars& v, const auto& key) {
         return softmax(v[0], key.find("dim0") != std::string::npos ? 0 : 1);
       }},
      {"log_softmax",
       [](const Vars& v, const auto& key) {
         return log_softmax(v[0], key.find("dim0") != std::string::npos ? 0 : 1);
       }},
      {"relu", [](const Vars& v, const auto&) { return relu(v[0]); }},
      {"leaky_relu",
       [](const Vars& v, const auto& key) {
         return leaky_relu(v[0], option(key, "negative_slope"));
       }},
      {"elu", [](const Vars& v, const auto& key) { return elu(v[0], option(key, "alpha")); }},
      {"gelu_erf", [](const Vars& v, const auto&) { return gelu(v[0]); }},
      {"silu", [](const Vars& v, const auto&) { return silu(v[0]); }},
      {"tanh", [](const Vars& v, const auto&) { return tanh(v[0]); }},
      {"sigmoid", [](const Vars& v, const auto&) { return sigmoid(v[0]); }},
      {"softplus", [](const Vars& v, const auto&) { return softplus(v[0]); }},
      {"matmul", [](const Vars& v, const auto&) { return matmul(v[0], v[1]); }},
      {"transpose", [](const Vars& v, const auto&) { return transpose(v[0]); }},
      {"reshape",
       [](const Vars& v, const auto& key) {
         return reshape(v[0], reference<double>(key + "/out").shape());
       }},
      {"broadcast_to",
       [](const Vars& v, const auto& key) {
         return broadcast_to(v[0], reference<double>(key + "/out").shape());
       }},
      {"slice_rows",
       [](const Vars& v, const auto& key) {
         return slice_rows(v[0], static_cast<Index>(option(key, "begin")),
                           static_cast<Index>(option(key, "end")));
       }},
      {"concat",
       [](const Vars& v, const auto& key) {
         return concat(v, key.find("dim0") != std::string::npos ? 0 : 1);
       }},
      {"gather",
       [](const Vars& v, const auto& key) {
         return gather(v[0], key.find("dim0") != std::string::npos ? 0 : 1, index_of(key));
       }},
      {"index_select",
       [](const Vars& v, const auto& key) {
         return index_select(v[0], key.find("dim0") != std::string::npos ? 0 : 1, index_of(key));
       }},
      {"linear", [](const Vars& v, const auto&) { return linear(v[0], v[1], v[2]); }},
      {"linear_no_bias", [](const Vars& v, const auto&) { return linear(v[0], v[1], V()); }},
      {"linear_relu", fused(Activation::Kind::relu)},
      {"linear_tanh", fused(Activation::Kind::tanh)},
      {"linear_sigmoid", fused(Activation::Kind::sigmoid)},
      {"linear_leaky_relu", fused(Activation::Kind::leaky_relu, "negative_slope")},
      {"linear_elu", fused(Activation::Kind::elu, "alpha")},
      {"linear_gelu_erf",
       [](const Vars& v, const auto&) { return gelu(linear(v[0], v[1], v[2])); }},
      {"linear_silu", [](const Vars& v, const auto&) { return silu(linear(v[0], v[1], v[2])); }},
      {"linear_softplus",
       [](const Vars& v, const auto&) { return softplus(linear(v[0], v[1], v[2])); }},
  };
  return table;
}

// The operation whose name is the longest beginning of `name`, up to an underscore.
const Operation* find(const std::string& name) {
  for (std::size_t end = name.size(); end != std::string::npos && end > 0;
       end = name.rfind('_', end - 1)) {
    const auto found = operations().find(name.substr(0, end));
    if (found != operations().end()) return &found->second;
  }
  return nullptr;
}

}  // namespace

TEST_CASE("values and gradients of the operations agree with PyTorch to 1e-10") {
  // What the file has and Glissade has not, or not under that name.
  const std::set<std::string> absent{"gelu_tanh", "linear_gelu_tanh"};
  std::set<std::string> names;
  for (const std::string& key : reference_file().names()) {
    if (key.starts_with("ops/")) names.insert(key.substr(4, key.find('/', 4) - 4));
  }
  REQUIRE(names.size() > 60);
  std::size_t tested = 0;
  for (const std::string& name : names) {
    if (absent.count(name) > 0) continue;
    const std::string key = "ops/" + name;
    INFO(key);
    const Operation* operation = find(name);
    REQUIRE(operation != nullptr);
    Vars inputs;
    for (int i = 0; has_reference(key + "/in" + std::to_string(i)); ++i) {
      inputs.push_back(parameter(reference<double>(key + "/in" + std::to_string(i))));
    }
    const V output = (*operation)(inputs, key);
    CHECK(relative_error(output.value(), reference<double>(key + "/out")) <= 1e-10);
    output.backward(V(reference<double>(key + "/grad_out")));
    for (std::size_t i = 0; i < inputs.size(); ++i) {
      INFO("gradient of input " << i);
      const auto expected = reference<double>(key + "/grad" + std::to_string(i));
      CHECK(relative_error(inputs[i].grad().value(), expected) <= 1e-10);
    }
    ++tested;
  }
  CHECK(tested > 60);
}

namespace {

// Values at the ends of the range: zeros, denormals, infinities, NaN, very large and small.
template <class T>
void check_special(const std::string& group) {
  using F = std::function<Variable<T>(const Variable<T>&)>;
  const std::map<std::string, F> functions{
      {"exp", [](const auto& x) { return exp(x); }},
      {"log", [](const auto& x) { return log(x); }},
      {"log1p", [](const auto& x) { return log1p(x); }},
      {"sqrt", [](const auto& x) { return sqrt(x); }},
      {"tanh", [](const auto& x) { return tanh(x); }},
      {"sigmoid", [](const auto& x) { return sigmoid(x); }},
      {"softplus", [](const auto& x) { return softplus(x); }},
      {"gelu_erf", [](const auto& x) { return gelu(x); }},
      {"silu", [](const auto& x) { return silu(x); }},
      {"erf", [](const auto& x) { return erf(x); }},
      {"elu_1", [](const auto& x) { return elu(x); }},
      {"logsumexp", [](const auto& x) { return logsumexp(x, 1); }},
      {"softmax", [](const auto& x) { return softmax(x, 1); }},
      {"log_softmax", [](const auto& x) { return log_softmax(x, 1); }},
  };
  for (const auto& [name, f] : functions) {
    const auto in = reference<T>(group + "/" + name + "/in");
    const auto expected = reference<T>(group + "/" + name + "/out");
    Variable<T> x(in, true);
    const Tensor<T> out = f(x).value();
    REQUIRE(out.shape() == expected.shape());
    for (Index i = 0; i < out.size(); ++i) {
      INFO(group << " " << name << " at " << (in.size() == out.size() ? in[i] : T{}) << ", element "
                 << i << ": " << out[i] << ", PyTorch " << expected[i]);
      if (std::isnan(expected[i])) {
        // silu and gelu at -infinity: PyTorch has NaN, the limit is 0
        CHECK((std::isnan(out[i]) || in[i] == -std::numeric_limits<T>::infinity()));
        continue;
      }
      const double tolerance = sizeof(T) == 8 ? 3e-9 : 2e-6;  // softplus: PyTorch cuts at x = 20
      // PyTorch's gelu is 0.5 (1 + erf), which loses the lower tail that erfc keeps; its silu is
      // x / (1 + e^-x), which is 0 where e^-x overflows.
      const double size = std::fabs(static_cast<double>(in.size() == out.size() ? in[i] : T{1}));
      const double small = static_cast<double>(std::numeric_limits<T>::min());
      const double lost = name == "gelu_erf"
                              ? size * static_cast<double>(std::numeric_limits<T>::epsilon())
                          : name == "silu" ? size * small
                                           : small;
      const auto difference =
          std::fabs(static_cast<double>(out[i]) - static_cast<double>(expected[i]));
      CHECK((out[i] == expected[i] ||
             difference <= tolerance * std::fabs(static_cast<double>(expected[i])) ||
             difference <= lost));
    }
  }
}

}  // namespace

TEST_CASE("functions at the ends of their ranges give what PyTorch gives") {
  check_special<double>("special");
  check_special<float>("special_f32");
}
