#include "glissade/autograd/anomaly.h"

#include <cmath>
#include <optional>
#include <unordered_map>

#include "glissade/autograd/node.h"
#include "glissade/core/check.h"

namespace glissade {
namespace {

thread_local constinit AnomalyMode* innermost = nullptr;

// Where the nodes of the graph were made. An entry whose node is gone is overwritten when another
// node is made in its place.
std::unordered_map<const void*, std::string>& places() {
  thread_local std::unordered_map<const void*, std::string> map;
  return map;
}

std::string place_of(const void* node) {
  const auto found = places().find(node);
  return found == places().end() ? std::string() : found->second;
}

// "inf at element 3 of shape (2, 2)".
template <class T>
std::optional<std::string> find_anomaly(const Tensor<T>& x) {
  for (Index i = 0; i < x.size(); ++i) {
    if (!std::isfinite(x[i])) {
      return fmt::format("{} at element {} of shape {}", x[i], i, x.shape());
    }
  }
  return std::nullopt;
}

[[noreturn]] void report(std::string message, const char* operation, const std::string& place) {
  if (!place.empty()) message += fmt::format(" (in {})", place);
  if (innermost->step() >= 0) message += fmt::format(", at step {}", innermost->step());
  throw AnomalyError(message, operation, place, innermost->step());
}

}  // namespace

AnomalyMode::AnomalyMode() : outer_(innermost) {
  innermost = this;
  detail::anomaly_mode = true;
}

AnomalyMode::~AnomalyMode() {
  innermost = outer_;
  detail::anomaly_mode = outer_ != nullptr;
  if (outer_ == nullptr) places().clear();
}

namespace detail {

constinit thread_local bool anomaly_mode = false;

template <class T>
void check_forward(const Node<T>& node) {
  std::string place = ErrorContext::path();  // " (in a > b)"
  if (!place.empty()) place = place.substr(5, place.size() - 6);
  places()[&node] = place;
  const auto found = find_anomaly(node.value());
  if (!found) return;
  std::size_t number = 0;
  for (const Variable<T>& input : node.inputs()) {
    const auto earlier = input.defined() ? find_anomaly(input.value()) : std::nullopt;
    if (earlier) {
      report(fmt::format("anomaly: input {} of {} was not finite before: {}", number, node.name(),
                         *earlier),
             input.operation(), place);
    }
    ++number;
  }
  report(fmt::format("anomaly: {} of finite numbers is {}", node.name(), *found), node.name(),
         place);
}

template <class T>
void check_backward(const Node<T>& node, std::size_t input, const Tensor<T>& gradient) {
  const auto found = find_anomaly(gradient);
  if (!found) return;
  report(fmt::format("anomaly: the gradient of input {} of {} is {}", input, node.name(), *found),
         node.name(), place_of(&node));
}

template void check_forward(const Node<float>&);
template void check_forward(const Node<double>&);
template void check_backward(const Node<float>&, std::size_t, const Tensor<float>&);
template void check_backward(const Node<double>&, std::size_t, const Tensor<double>&);

}  // namespace detail
}  // namespace glissade
