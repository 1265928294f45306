// States as safetensors files.
#include "glissade/optim/state.h"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <deque>
#include <map>
#include <optional>
#include <set>
#include <span>
#include <stdexcept>

#include "glissade/core/safetensors.h"

namespace glissade::optim {
namespace {

// Whose state a file holds, in its metadata.
constexpr const char* kKindKey = "glissade.optim";

using Counts = Tensor<std::int64_t>;

Counts counts_of(std::span<const std::int64_t> values) {
  return Counts(Shape{static_cast<Index>(values.size())}, values);
}

Counts counts_of(const Rng& rng) {
  const Rng::State state = rng.state();
  const std::int64_t words[] = {std::bit_cast<std::int64_t>(state.key),
                                std::bit_cast<std::int64_t>(state.stream),
                                std::bit_cast<std::int64_t>(state.position)};
  return counts_of(words);
}

// `members` only names what is there, so that collecting from a constant object does not change it.
template <class T>
StateMembers<T> members_of(const Stateful<T>& object) {
  StateMembers<T> members;
  const_cast<Stateful<T>&>(object).members(members);
  return members;
}

// Reads one member after the other, and changes none of them before `commit`.
template <class T>
class Loader {
 public:
  Loader(const SafetensorsFile& file, std::string kind) : file_(file), kind_(std::move(kind)) {}

  void read(const typename StateMembers<T>::Member& member) {
    known_.insert(member.name);
    if (!file_.contains(member.name)) {
      problem("{} is not in the file", member.name);
      return;
    }
    std::visit([&](const auto& value) { read(member, value); }, member.value);
  }

  void find_unknown() {
    for (const std::string& name : file_.names()) {
      if (!known_.contains(name)) problem("{} is not in this {}", name, kind_);
    }
  }

  const std::vector<std::string>& problems() const { return problems_; }

  void commit() {
    for (auto& [target, value] : counts_) *target = value;
    for (auto& [target, value] : numbers_) *target = value;
    for (auto& [target, value] : generators_) target->set_state(value);
    for (auto& [target, value] : tensors_) *target = std::move(value);
  }

 private:
  using Member = typename StateMembers<T>::Member;

  template <class... Args>
  void problem(fmt::format_string<Args...> message, Args&&... args) {
    problems_.push_back(fmt::format(message, std::forward<Args>(args)...));
  }

  // The values under a name, unless their shape is wrong.
  template <class Value>
  std::optional<Tensor<Value>> get(const std::string& name, const Shape& shape) {
    if (file_.shape(name) != shape) {
      problem("{} is of shape {} in the file and {} in this {}", name, file_.shape(name), shape,
              kind_);
      return std::nullopt;
    }
    return file_.get<Value>(name);
  }

  void read(const Member& member, const typename Member::Constant& values) {
    const Counts expected = counts_of(values);
    const Counts found = file_.get<std::int64_t>(member.name);
    if (found == expected) return;
    problem("{} is ({}) in the file and ({}) in this {}", member.name,
            fmt::join(found.span(), ", "), fmt::join(values, ", "), kind_);
  }
  void read(const Member& member, std::int64_t* target) {
    const auto found = get<std::int64_t>(member.name, Shape{});
    if (!found) return;
    if (found->item() < 0) problem("{} is {}, which is negative", member.name, found->item());
    counts_.push_back({target, found->item()});
  }
  void read(const Member& member, double* target) {
    const auto found = get<double>(member.name, Shape{});
    if (found) numbers_.push_back({target, found->item()});
  }
  void read(const Member& member, Rng* target) {
    const auto found = get<std::int64_t>(member.name, Shape{3});
    if (!found) return;
    generators_.push_back({target,
                           {.key = std::bit_cast<std::uint64_t>((*found)[0]),
                            .stream = std::bit_cast<std::uint64_t>((*found)[1]),
                            .position = std::bit_cast<std::uint64_t>((*found)[2])}});
  }
  void read(const Member& member, Tensor<T>* target) {
    const bool is_empty = !member.always && file_.shape(member.name) == Shape::empty();
    auto found = get<T>(member.name, is_empty ? Shape::empty() : member.shape);
    if (found) tensors_.push_back({target, std::move(*found)});
  }

  const SafetensorsFile& file_;
  std::string kind_;
  std::set<std::string> known_;
  std::vector<std::string> problems_;
  std::vector<std::pair<std::int64_t*, std::int64_t>> counts_;
  std::vector<std::pair<double*, double>> numbers_;
  std::vector<std::pair<Rng*, Rng::State>> generators_;
  std::vector<std::pair<Tensor<T>*, Tensor<T>>> tensors_;
};

}  // namespace

template <class T>
void save(const Stateful<T>& object, const std::filesystem::path& path) {
  const StateMembers<T> members = members_of(object);
  std::vector<NamedTensor> tensors;
  std::deque<Counts> counts;  // whose elements stay where they are
  std::deque<Tensor<double>> numbers;
  for (const auto& [name, value, shape, always] : members.list()) {
    if (const auto* constant = std::get_if<std::vector<std::int64_t>>(&value)) {
      tensors.emplace_back(name, counts.emplace_back(counts_of(*constant)));
    } else if (const auto* count = std::get_if<std::int64_t*>(&value)) {
      tensors.emplace_back(name, counts.emplace_back(Counts::scalar(**count)));
    } else if (const auto* number = std::get_if<double*>(&value)) {
      tensors.emplace_back(name, numbers.emplace_back(Tensor<double>::scalar(**number)));
    } else if (const auto* rng = std::get_if<Rng*>(&value)) {
      tensors.emplace_back(name, counts.emplace_back(counts_of(**rng)));
    } else {
      tensors.emplace_back(name, *std::get<Tensor<T>*>(value));
    }
  }
  write_safetensors(path, tensors, {{"format", "pt"}, {kKindKey, object.kind()}});
}

template <class T>
void load(Stateful<T>& object, const std::filesystem::path& path) {
  const SafetensorsFile file(path);
  const auto fail = [&](const std::string& message) {
    throw std::runtime_error(fmt::format("{} {}", path.string(), message));
  };
  const auto kind = file.metadata().find(kKindKey);
  if (kind == file.metadata().end()) fail("is no state of an optimizer, written by optim::save");
  if (kind->second != object.kind()) {
    fail(fmt::format("holds the state of {}, not of {}", kind->second, object.kind()));
  }
  Loader<T> loader(file, object.kind());
  const StateMembers<T> members = members_of(object);
  for (const auto& member : members.list()) loader.read(member);
  loader.find_unknown();
  if (const auto& problems = loader.problems(); !problems.empty()) {
    constexpr std::size_t kMost = 10;
    const std::span shown(problems.data(), std::min(kMost, problems.size()));
    const std::size_t hidden = problems.size() - shown.size();
    fail(fmt::format("does not fit: {}{}", fmt::join(shown, "; "),
                     hidden > 0 ? fmt::format("; and {} more", hidden) : ""));
  }
  loader.commit();
}

template void save(const Stateful<float>&, const std::filesystem::path&);
template void save(const Stateful<double>&, const std::filesystem::path&);
template void load(Stateful<float>&, const std::filesystem::path&);
template void load(Stateful<double>&, const std::filesystem::path&);

}  // namespace glissade::optim
