// Models as safetensors files.
#include "glissade/nn/serialize.h"

#include <cstring>
#include <set>
#include <stdexcept>
#include <utility>
#include <vector>

#include "glissade/core/safetensors.h"
#include "walk.h"

namespace glissade::nn {
namespace {

// As ==, but NaN is the same as itself. The shapes are equal.
template <class T>
bool same_bytes(const Tensor<T>& a, const Tensor<T>& b) {
  return a.size() == 0 || std::memcmp(a.data(), b.data(), a.span().size_bytes()) == 0;
}

}  // namespace

template <class T>
void save(const Module<T>& model, const std::filesystem::path& path) {
  std::vector<NamedTensor> tensors;
  for (const detail::StateTensor<T>& state : detail::state_tensors(model)) {
    tensors.emplace_back(state.names.front(), *state.tensor);
  }
  // Python's loaders ask for this entry.
  write_safetensors(path, tensors, {{"format", "pt"}});
}

template <class T>
void load(Module<T>& model, const std::filesystem::path& path) {
  const SafetensorsFile file(path);
  const std::vector<detail::StateTensor<T>> state = detail::state_tensors(model);
  std::vector<std::string> problems;
  std::set<std::string> known;
  std::vector<std::pair<Tensor<T>*, Tensor<T>>> loaded;
  for (const detail::StateTensor<T>& target : state) {
    bool found = false;
    const Tensor<T>* first = nullptr;  // what this tensor's first name has in the file
    for (const std::string& name : target.names) {
      known.insert(name);
      if (!file.contains(name)) continue;
      if (file.shape(name) != target.tensor->shape()) {
        problems.push_back(fmt::format("{} is {} in the file and {} in the model", name,
                                       file.shape(name), target.tensor->shape()));
      } else if (Tensor<T> values = file.get<T>(name); first == nullptr) {
        first = &loaded.emplace_back(target.tensor, std::move(values)).second;
      } else if (!same_bytes(values, *first)) {
        problems.push_back(fmt::format("{} differs from {} in the file, they are one in the model",
                                       name, target.names.front()));
      }
      found = true;
    }
    if (!found) problems.push_back(target.names.front() + " is not in the file");
  }
  for (const std::string& name : file.names()) {
    if (!known.contains(name)) problems.push_back(name + " is not in the model");
  }
  if (!problems.empty()) {
    throw std::runtime_error(fmt::format("{} does not fit the model {}: {}", path.string(),
                                         model.description(), fmt::join(problems, "; ")));
  }
  for (auto& [target, values] : loaded) *target = std::move(values);
}

template void save(const Module<float>&, const std::filesystem::path&);
template void save(const Module<double>&, const std::filesystem::path&);
template void load(Module<float>&, const std::filesystem::path&);
template void load(Module<double>&, const std::filesystem::path&);

}  // namespace glissade::nn
