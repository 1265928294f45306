// The layers without parameters: activations, Dropout, Flatten.

#include <array>
#include <cmath>
#include <cstdint>
#include <span>

#include "glissade/autograd/operation.h"
#include "glissade/nn/activations.h"
#include "glissade/nn/dropout.h"
#include "glissade/nn/flatten.h"

namespace glissade::nn {

template <class T>
Variable<T> ActivationLayer<T>::forward(const Variable<T>& x) {
  return activation(x, function);
}

template <class T>
std::string ActivationLayer<T>::description() const {
  const std::string name = Module<T>::description();
  const bool has_parameter =
      function.kind == Activation::Kind::leaky_relu || function.kind == Activation::Kind::elu;
  return has_parameter ? fmt::format("{}({:g})", name, function.alpha) : name;
}

template <class T>
std::string Softmax<T>::description() const {
  return fmt::format("Softmax({})", axis);
}

template <class T>
std::string LogSoftmax<T>::description() const {
  return fmt::format("LogSoftmax({})", axis);
}

namespace {

// Fills the mask with 0 (with probability p) and 1 / (1 - p), from one 32-bit word per element.
template <class T>
void draw_mask(Rng& rng, double p, std::span<T> mask) {
  const auto threshold = static_cast<std::uint32_t>(p * 0x1p32);
  const T scale = static_cast<T>(1.0 / (1.0 - p));
  std::array<std::uint32_t, 1024> words;
  while (!mask.empty()) {
    const std::size_t count = std::min(mask.size(), words.size());
    rng.fill_bits(std::span(words).first(count));
    for (std::size_t i = 0; i < count; ++i) mask[i] = words[i] < threshold ? T{} : scale;
    mask = mask.subspan(count);
  }
}

}  // namespace

template <class T>
Dropout<T>::Dropout(double p, Rng& rng) : p_(p), rng_(rng.split()) {
  check(p >= 0.0 && p < 1.0, "Dropout: p must be at least 0 and less than 1, got {}", p);
}

template <class T>
Variable<T> Dropout<T>::forward(const Variable<T>& x) {
  if (!this->is_training() || p_ == 0.0) return x;
  // The mask's block comes from the allocator's cache and goes back there with the graph.
  auto mask = Tensor<T>::uninitialized(x.shape());
  draw_mask(rng_, p_, mask.span());
  return mul(x, Variable<T>(std::move(mask)));
}

template <class T>
std::string Dropout<T>::description() const {
  return fmt::format("Dropout({:g})", p_);
}

template <class T>
Variable<T> Flatten<T>::forward(const Variable<T>& x) {
  check(x.rank() >= 2, "Flatten: the input must have at least two axes, got {}", x.shape());
  Index columns = 1;
  for (int axis = 1; axis < x.rank(); ++axis) columns *= x.dim(axis);
  return reshape(x, Shape{x.dim(0), columns});
}

template class ActivationLayer<float>;
template class ActivationLayer<double>;
template class Softmax<float>;
template class Softmax<double>;
template class LogSoftmax<float>;
template class LogSoftmax<double>;
template class Dropout<float>;
template class Dropout<double>;
template class Flatten<float>;
template class Flatten<double>;

}  // namespace glissade::nn
