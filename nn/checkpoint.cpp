// Recomputing the activations of modules.
#include "glissade/nn/checkpoint.h"

#include <cstdint>
#include <string_view>
#include <vector>

namespace glissade::nn {
namespace {

template <class T>
class GeneratorFinder final : public Members<T> {
 public:
  static std::vector<Rng*> find(Module<T>& module) {
    GeneratorFinder finder;
    module.members(finder);
    return finder.found_;
  }

 private:
  void on_parameter(std::string_view, Variable<T>&) override {}
  void on_buffer(std::string_view, Tensor<T>&) override {}
  void on_counter(std::string_view, Tensor<std::int64_t>&) override {}
  void on_child(std::string_view, Module<T>& child) override { child.members(*this); }
  void on_generator(std::string_view, Rng& generator) override { found_.push_back(&generator); }

  std::vector<Rng*> found_;
};

}  // namespace

template <class T>
Variable<T> checkpoint(Module<T>& module, const Variable<T>& x) {
  return glissade::checkpoint(
      CheckpointOptions{.generators = GeneratorFinder<T>::find(module)},
      [&module](const Variable<T>& input) { return module(input); }, x);
}

template <class T>
Variable<T> checkpoint_sequential(const Sequential<T>& model, std::size_t segments,
                                  const Variable<T>& x) {
  check(segments >= 1 && segments <= model.size(),
        "checkpoint_sequential: the segments must be 1 to the number of modules, {}, got {}",
        model.size(), segments);
  const std::size_t length = model.size() / segments;
  Variable<T> y = x;
  std::size_t begin = 0;
  for (std::size_t i = 1; i < segments; ++i) {
    std::size_t end = i * length;
    if (model.is_fused(end - 1)) ++end;
    if (end <= begin) continue;
    Sequential<T> segment = model.slice(begin, end);
    std::vector<Rng*> generators = GeneratorFinder<T>::find(segment);
    y = glissade::checkpoint(
        CheckpointOptions{.generators = std::move(generators)},
        [segment = std::move(segment)](const Variable<T>& input) mutable { return segment(input); },
        y);
    begin = end;
  }
  // The activations of the last segment would be needed again at once.
  Sequential<T> last = model.slice(begin, model.size());
  return last(y);
}

#define GLISSADE_INSTANTIATE(T)                                    \
  template Variable<T> checkpoint(Module<T>&, const Variable<T>&); \
  template Variable<T> checkpoint_sequential(const Sequential<T>&, std::size_t, const Variable<T>&);
GLISSADE_INSTANTIATE(float)
GLISSADE_INSTANTIATE(double)
#undef GLISSADE_INSTANTIATE

}  // namespace glissade::nn
