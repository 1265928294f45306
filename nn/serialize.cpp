// Models as safetensors files.
#include "glissade/nn/serialize.h"

#include <cstdint>
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

// What a file has for the tensors of a model, and all that does not fit.
struct Findings {
  std::set<std::string> known;  // the model's names
  std::vector<std::string> problems;
};

template <class Element>
using Loaded = std::vector<std::pair<Tensor<Element>*, Tensor<Element>>>;

template <class Element>
Loaded<Element> read(const SafetensorsFile& file,
                     const std::vector<detail::StateTensor<Element>>& state, Findings& findings) {
  Loaded<Element> loaded;
  for (const detail::StateTensor<Element>& target : state) {
    bool found = false;
    const Tensor<Element>* first = nullptr;  // what this tensor's first name has in the file
    for (const std::string& name : target.names) {
      findings.known.insert(name);
      if (!file.contains(name)) continue;
      if (file.shape(name) != target.tensor->shape()) {
        findings.problems.push_back(fmt::format("{} is {} in the file and {} in the model", name,
                                                file.shape(name), target.tensor->shape()));
      } else if (Tensor<Element> values = file.get<Element>(name); first == nullptr) {
        first = &loaded.emplace_back(target.tensor, std::move(values)).second;
      } else if (!same_bytes(values, *first)) {
        findings.problems.push_back(
            fmt::format("{} differs from {} in the file, they are one in the model", name,
                        target.names.front()));
      }
      found = true;
    }
    if (!found) findings.problems.push_back(target.names.front() + " is not in the file");
  }
  return loaded;
}

}  // namespace

template <class T>
void save(const Module<T>& model, const std::filesystem::path& path) {
  const detail::State<T> state = detail::state_of(model);
  std::vector<NamedTensor> tensors;
  for (const auto& entry : state.tensors) {
    tensors.emplace_back(entry.names.front(), *entry.tensor);
  }
  for (const auto& entry : state.counters) {
    tensors.emplace_back(entry.names.front(), *entry.tensor);
  }
  // Python's loaders ask for this entry.
  write_safetensors(path, tensors, {{"format", "pt"}});
}

template <class T>
void load(Module<T>& model, const std::filesystem::path& path) {
  const SafetensorsFile file(path);
  const detail::State<T> state = detail::state_of(model);
  Findings findings;
  Loaded<T> tensors = read(file, state.tensors, findings);
  Loaded<std::int64_t> counters = read(file, state.counters, findings);
  for (const std::string& name : file.names()) {
    if (!findings.known.contains(name)) {
      findings.problems.push_back(name + " is not in the model");
    }
  }
  if (!findings.problems.empty()) {
    throw std::runtime_error(fmt::format("{} does not fit the model {}: {}", path.string(),
                                         model.description(), fmt::join(findings.problems, "; ")));
  }
  for (auto& [target, values] : tensors) *target = std::move(values);
  for (auto& [target, values] : counters) *target = std::move(values);
}

template void save(const Module<float>&, const std::filesystem::path&);
template void save(const Module<double>&, const std::filesystem::path&);
template void load(Module<float>&, const std::filesystem::path&);
template void load(Module<double>&, const std::filesystem::path&);

}  // namespace glissade::nn
