#include "glissade/optim/optimizer.h"

#include <string>

#include "flush_denormals.h"
#include "glissade/core/check.h"
#include "kernels.h"

namespace glissade::optim {
namespace {

// Says in the errors of a schedule whose it is.
struct GroupName {
  const char* optimizer;
  std::size_t group;

  static std::string describe(const void* object) {
    const auto& name = *static_cast<const GroupName*>(object);
    return fmt::format("{}, group {}", name.optimizer, name.group);
  }
};

double rate_at(const Schedule& schedule, std::int64_t step, const GroupName& name) {
  const ErrorContext context(&name, &GroupName::describe);
  return schedule(step);
}

}  // namespace

template <class T>
void Optimizer<T>::step() {
  prepare_step();
  {
    const FlushDenormals flush;
    const bool is_transformed = transform_.get() != nullptr;
    if (is_transformed && !transform_gradients()) return;
    std::size_t number = 0;
    const kernels::UpdateBatch<T> batch(elements_);
    for (std::size_t k = 0; k < groups_.size(); ++k) {
      Group& group = groups_[k];
      for (std::size_t i = 0; i < group.parameters.size(); ++i) {
        Variable<T>& parameter = group.parameters[i];
        if (is_transformed) {
          const Update<T>& own = updates_[number++];
          if (own.present) update(k, i, group.rate, own.value, parameter.mutable_value());
          continue;
        }
        Node<T>& node = *parameter.node();
        if (!node.requires_grad() || !node.has_grad()) continue;
        update(k, i, group.rate, node.grad_value(), node.value());
      }
    }
  }
  ++step_count_;
}

// The gradients into updates_, and these through the transformation.
template <class T>
bool Optimizer<T>::transform_gradients() {
  std::size_t number = 0;
  for (const Group& group : groups_) {
    for (const Variable<T>& parameter : group.parameters) {
      Update<T>& own = updates_[number++];
      own.parameter = &parameter.value();
      own.frozen = !parameter.requires_grad();
      own.present = !own.frozen && parameter.has_grad();
      if (!own.present) continue;
      const Variable<T> gradient = parameter.grad();
      own.value = gradient.value();
    }
  }
  return transform_.get()->apply(updates_);
}

template <class T>
void Optimizer<T>::set_gradient_transformation(const GradientTransformation& transformation) {
  transform_ = OwnTransform(transformation.make<T>());
  updates_.clear();
  for (const Group& group : groups_) add_updates(group.shapes);
}

template <class T>
void Optimizer<T>::add_updates(const std::vector<Shape>& shapes) {
  if (transform_.get() == nullptr) return;
  transform_.get()->add_parameters(shapes);
  for (const Shape& shape : shapes) updates_.push_back({.value = Tensor<T>(shape)});
}

// All that can go wrong, before anything changes.
template <class T>
void Optimizer<T>::prepare_step() {
  for (std::size_t k = 0; k < groups_.size(); ++k) {
    Group& group = groups_[k];
    group.rate = rate_at(schedule(k), step_count_, {name_, k});
    for (std::size_t i = 0; i < group.parameters.size(); ++i) {
      const Node<T>& parameter = *group.parameters[i].node();
      const Shape& shape = group.shapes[i];
      if (parameter.value().shape() != shape) [[unlikely]] {
        fail("{}: parameter {} of group {} had the shape {} and now has {}; make a new optimizer",
             name_, i, k, shape, parameter.value().shape());
      }
      if (!parameter.has_grad()) continue;
      if (parameter.grad_value().shape() != shape) [[unlikely]] {
        fail("{}: parameter {} of group {} has the shape {}, its gradient {}", name_, i, k, shape,
             parameter.grad_value().shape());
      }
    }
  }
  if (transform_.get() != nullptr) transform_.get()->prepare();
}

template <class T>
void Optimizer<T>::members(StateMembers<T>& members) {
  std::vector<std::int64_t> sizes;
  for (const Group& group : groups_) {
    sizes.push_back(static_cast<std::int64_t>(group.parameters.size()));
  }
  members.add_constant("group_sizes", std::move(sizes));
  members.add("step_count", step_count_);
  for (std::size_t k = 0; k < groups_.size(); ++k) {
    for (std::size_t i = 0; i < groups_[k].parameters.size(); ++i) {
      const Shape& shape = groups_[k].shapes[i];
      members.in(fmt::format("state.{}.{}", k, i), shape, [&] {
        members.add_constant("shape", {shape.begin(), shape.end()});
        name_state(k, i, members);
      });
    }
  }
  if (Transform<T>* transform = transform_.get(); transform != nullptr) {
    members.in("transformation." + transform->name(), [&] { transform->members(members); });
  }
}

template <class T>
void Optimizer<T>::zero_grad() {
  for (Group& group : groups_) {
    for (Variable<T>& parameter : group.parameters) parameter.zero_grad();
  }
}

template <class T>
void Optimizer<T>::set_step_count(std::int64_t count) {
  check(count >= 0, "{}: the step count must not be negative, got {}", name_, count);
  step_count_ = count;
}

template <class T>
const std::vector<Variable<T>>& Optimizer<T>::parameters(std::size_t group) const {
  check_group(group);
  return groups_[group].parameters;
}

template <class T>
double Optimizer<T>::lr(std::size_t group) const {
  check_group(group);
  return rate_at(schedule(group), step_count_, {name_, group});
}

template <class T>
void Optimizer<T>::check_group(std::size_t group) const {
  check(group < groups_.size(), "{}: there is no group {}, only {} from 0", name_, group,
        groups_.size());
}

template <class T>
std::size_t Optimizer<T>::add_parameters(std::vector<Variable<T>> parameters) {
  const std::size_t number = groups_.size();
  check(!parameters.empty(), "{}: group {} has no parameters", name_, number);
  Group group;
  for (std::size_t i = 0; i < parameters.size(); ++i) {
    const Variable<T>& parameter = parameters[i];
    check(parameter.defined(), "{}: parameter {} of group {} is undefined", name_, i, number);
    check(parameter.is_leaf(),
          "{}: parameter {} of group {} is the result of the operation {}; only leaves are "
          "parameters",
          name_, i, number, parameter.operation());
    check(takes_ == TakesParameters::all || parameter.rank() == 2,
          "{}: parameter {} of group {} has the shape {}, and only matrices can be optimized here; "
          "give the others to another optimizer",
          name_, i, number, parameter.shape());
    const auto check_against = [&](const std::vector<Variable<T>>& others, std::size_t count,
                                   std::size_t other_group) {
      for (std::size_t j = 0; j < count; ++j) {
        check(others[j].node() != parameter.node(),
              "{}: parameter {} of group {}, of shape {}, is given twice: it is parameter {} of "
              "group {} too",
              name_, i, number, parameter.shape(), j, other_group);
      }
    };
    check_against(parameters, i, number);
    for (std::size_t k = 0; k < number; ++k) {
      check_against(groups_[k].parameters, groups_[k].parameters.size(), k);
    }
    group.shapes.push_back(parameter.shape());
  }
  for (const Shape& shape : group.shapes) elements_ += shape.size();
  group.parameters = std::move(parameters);
  groups_.push_back(std::move(group));
  add_updates(groups_.back().shapes);
  return number;
}

template <class T>
void prepare_state(Tensor<T>& state, const Shape& shape) {
  if (state.shape() == shape) return;
  check(state.size() == 0, "optimizer: a state of shape {} does not fit a parameter of shape {}",
        state.shape(), shape);
  state = Tensor<T>(shape);
}

template class Optimizer<float>;
template class Optimizer<double>;
template void prepare_state(Tensor<float>&, const Shape&);
template void prepare_state(Tensor<double>&, const Shape&);

}  // namespace glissade::optim
