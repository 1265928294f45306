// The copies of a model that DataParallel works with.
#include "glissade/nn/data_parallel.h"

#include <unordered_map>
#include <unordered_set>

#include "walk.h"

namespace glissade::nn::detail {
namespace {

// Elements that are worth a thread of their own.
constexpr Index kGrain = 16384;

template <class T>
void add_to(Index count, const T* from, T* to) {
  for (Index i = 0; i < count; ++i) to[i] += from[i];
}

// Whether only the parameter itself and `gradient` hold this gradient, so that it may be changed.
template <class T>
bool is_own(const Variable<T>& gradient) {
  return gradient.node()->references() == 2 && !gradient.requires_grad();
}

}  // namespace

template <class T>
struct Replicas<T>::Members {
  std::vector<Variable<T>*> slots;      // where the model has parameters, shared ones several times
  std::vector<Variable<T>> parameters;  // each once
  std::vector<const Node<T>*> nodes;    // what was in the slots
  std::vector<Tensor<T>*> buffers;
  std::vector<Tensor<std::int64_t>*> counters;
  std::vector<Module<T>*> modules;

  explicit Members(Module<T>& model) {
    walk(
        model, [this](const NamePath&, Variable<T>& slot) { slots.push_back(&slot); },
        [this](const NamePath&, Tensor<T>& buffer) { buffers.push_back(&buffer); },
        [this](const NamePath*, Module<T>& module) { modules.push_back(&module); },
        [this](const NamePath&, Tensor<std::int64_t>& counter) { counters.push_back(&counter); });
    find_parameters();
  }

  void find_parameters() {
    parameters.clear();
    nodes.clear();
    std::unordered_set<const Node<T>*> seen;
    for (Variable<T>* slot : slots) {
      nodes.push_back(slot->node());
      if (seen.insert(slot->node()).second) parameters.push_back(*slot);
    }
  }
};

template <class T>
Replicas<T>::Replicas(Module<T>& model) : model_(std::make_unique<Members>(model)) {}

template <class T>
Replicas<T>::~Replicas() = default;

template <class T>
void Replicas<T>::add(Module<T>& replica) {
  for_each_module(replica, [](const NamePath*, Module<T>& module) { module.unshare_modules(); });
  auto own = std::make_unique<Members>(replica);
  const bool same = own->nodes == model_->nodes && own->buffers.size() == model_->buffers.size() &&
                    own->counters.size() == model_->counters.size() &&
                    own->modules.size() == model_->modules.size();
  check(same, "DataParallel: a copy of {} has not the members of the original",
        replica.description());
  std::unordered_set<const Module<T>*> originals(model_->modules.begin(), model_->modules.end());
  for (const Module<T>* module : own->modules) {
    check(!originals.contains(module),
          "DataParallel: a copy of {} shares the module {} with the original; the class that holds "
          "it by a pointer has to override unshare_modules",
          replica.description(), module->description());
  }
  // New leaves; parameters that are shared within the model are so within the copy.
  std::unordered_map<const Node<T>*, Variable<T>> leaves;
  for (Variable<T>* slot : own->slots) {
    Variable<T>& leaf = leaves[slot->node()];
    if (!leaf.defined()) leaf = parameter(Tensor<T>());
    *slot = leaf;
  }
  own->find_parameters();
  replicas_.push_back(std::move(own));
}

template <class T>
void Replicas<T>::prepare(std::size_t count) {
  const Members& model = *model_;
  for (std::size_t i = 0; i < model.slots.size(); ++i) {
    if (model.slots[i]->node() == model.nodes[i]) continue;
    fail("DataParallel: a parameter of {} has been replaced by another; make a new DataParallel",
         model.modules.front()->description());
  }
  for (std::size_t r = 0; r < count; ++r) {
    Members& own = *replicas_[r];
    for (std::size_t i = 0; i < model.parameters.size(); ++i) {
      Node<T>& from = *model.parameters[i].node();
      Node<T>& to = *own.parameters[i].node();
      if (to.value().data() != from.value().data() || to.value().shape() != from.value().shape()) {
        to.value() = Tensor<T>::borrow(from.value().data(), from.value().shape());
      }
      if (to.requires_grad() != from.requires_grad()) {
        own.parameters[i].set_requires_grad(from.requires_grad());
      }
    }
    for (std::size_t i = 0; i < model.buffers.size(); ++i) *own.buffers[i] = *model.buffers[i];
    for (std::size_t i = 0; i < model.counters.size(); ++i) *own.counters[i] = *model.counters[i];
    for (std::size_t i = 0; i < model.modules.size(); ++i) {
      own.modules[i]->training_ = model.modules[i]->training_;
    }
  }
}

template <class T>
void Replicas<T>::collect(std::size_t count) {
  std::vector<Variable<T>>& parameters = model_->parameters;
  Index total = 0;
  for (std::size_t i = 0; i < parameters.size(); ++i) {
    Variable<T>& parameter = parameters[i];
    total += parameter.size();
    if (parameter.has_grad() && is_own(parameter.grad())) continue;
    // The first part has left no gradient that may be changed.
    for (std::size_t r = 0; r < count; ++r) {
      Variable<T>& other = replicas_[r]->parameters[i];
      if (!other.has_grad()) continue;
      parameter.backward(other.grad().detach());
      other.zero_grad();
    }
  }
  // All elements in one row, so that each thread has as many of them. No handle is copied there.
  parallel_for(0, total, kGrain, [&](Index begin, Index end) {
    Index first = 0;
    for (std::size_t i = 0; i < parameters.size() && first < end; ++i) {
      const Index size = parameters[i].size();
      const Index from = std::max<Index>(begin - first, 0);
      const Index to = std::min(end - first, size);
      first += size;
      if (from >= to) continue;
      for (std::size_t r = 0; r < count; ++r) {
        Variable<T>& other = replicas_[r]->parameters[i];
        if (!other.has_grad()) continue;
        add_to(to - from, other.mutable_grad().data() + from,
               parameters[i].mutable_grad().data() + from);
      }
    }
  });
  clear();
}

template <class T>
void Replicas<T>::clear() {
  for (const auto& replica : replicas_) {
    for (Variable<T>& parameter : replica->parameters) parameter.zero_grad();
  }
}

template class Replicas<float>;
template class Replicas<double>;

}  // namespace glissade::nn::detail
