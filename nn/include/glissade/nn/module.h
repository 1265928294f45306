// Module: a function with parameters. What all layers and models are.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include "glissade/autograd/variable.h"
#include "glissade/core/check.h"

namespace glissade {
class Rng;
}  // namespace glissade

namespace glissade::nn {

template <class T = float>
class Module;

namespace detail {
template <class T>
class Replicas;
}  // namespace detail

/// Receives the members of a module, by name; see `Module::members`.
template <class T = float>
class Members {
 public:
  /// A trainable variable; an undefined one (the bias of a layer without bias) is passed over.
  void parameter(std::string_view name, Variable<T>& parameter) {
    if (parameter.defined()) on_parameter(name, parameter);
  }
  /// A tensor that belongs to the module's state but is not trained.
  void buffer(std::string_view name, Tensor<T>& buffer) { on_buffer(name, buffer); }
  /// The same for a counter, which is saved exactly however far it counts.
  void buffer(std::string_view name, Tensor<std::int64_t>& counter) { on_counter(name, counter); }
  /// A source of random numbers that `forward` draws from.
  void generator(std::string_view name, Rng& generator) { on_generator(name, generator); }
  /// A module inside the module: its members follow, under the name "name.".
  void child(std::string_view name, Module<T>& child) { on_child(name, child); }

 protected:
  ~Members() = default;

 private:
  virtual void on_parameter(std::string_view name, Variable<T>& parameter) = 0;
  virtual void on_buffer(std::string_view name, Tensor<T>& buffer) = 0;
  virtual void on_counter(std::string_view name, Tensor<std::int64_t>& counter) = 0;
  virtual void on_child(std::string_view name, Module<T>& child) = 0;
  virtual void on_generator(std::string_view, Rng&) {}
};

/// A parameter in `Module::named_parameters`.
template <class T>
struct NamedParameter {
  std::string name;       ///< the path from the outermost module: "encode.bias"
  Variable<T> parameter;  ///< shares its node with the module
};
/// A buffer in `Module::named_buffers`.
template <class T>
struct NamedBuffer {
  std::string name;   ///< the path from the outermost module
  Tensor<T>* buffer;  ///< inside the module; never null
};
/// A module in `Module::named_modules`.
template <class T>
struct NamedModule {
  std::string name;   ///< the path from the outermost module, which is "" itself
  Module<T>* module;  ///< never null
};

/// A function of one variable with parameters, and possibly modules inside. A module of one's own
/// says what it computes and what its members are called:
///
///     struct Autoencoder : nn::Module<> {
///       nn::Linear<> encode, decode;
///       explicit Autoencoder(Rng& rng) : encode(784, 32, rng), decode(32, 784, rng) {}
///       Variable<float> forward(const Variable<float>& x) override {
///         return decode(relu(encode(x)));
///       }
///       void members(nn::Members<>& m) override {
///         m.child("encode", encode);
///         m.child("decode", decode);
///       }
///     };
///
/// Nothing is registered, so a module can be moved and copied like any value. But variables are
/// handles: a copy has the same parameters as the original, not copies of them (see
/// `copy_parameters_from`).
template <class T>
class Module {
 public:
  using value_type = T;

  virtual ~Module() = default;

  /// The module's output for `x`. Call the module itself (`model(x)`), which adds the module's name
  /// to the message of an error.
  virtual Variable<T> forward(const Variable<T>& x) = 0;

  /// forward(x). Errors in it end with the path of modules: "(in Sequential > 2: Linear(256, 10))".
  Variable<T> operator()(const Variable<T>& x);

  /// Names the module's own members, in the order of PyTorch's module, and changes nothing. Every
  /// list of parameters, buffers and modules is made by it. The default has no members.
  virtual void members(Members<T>& members);

  /// Replaces the modules that this one shares with its copies by modules of its own, copied from
  /// them; the parameters stay shared. For a class that holds modules by pointer, as Sequential
  /// does; modules that are members by value are a copy's own anyway, and the default does nothing.
  /// Throws std::invalid_argument if a module cannot be copied.
  virtual void unshare_modules();

  /// The module in a few words: "Linear(784, 256)". The default is the name of the class.
  virtual std::string description() const;

  /// The parameters of this module and of the modules in it, each once, also if several modules
  /// share it.
  std::vector<Variable<T>> parameters() const;
  /// The same with their names, as in PyTorch: "0.weight", "encode.bias". A shared parameter has
  /// the name it comes under first.
  std::vector<NamedParameter<T>> named_parameters() const;
  /// The buffers with their names, those that are counters not among them. The pointers are valid
  /// as long as the module is not moved.
  std::vector<NamedBuffer<T>> named_buffers();
  ///@{
  /// The buffers, and those that are counters, without their names: for `optim::EarlyStopping`.
  std::vector<Tensor<T>*> buffers();
  std::vector<Tensor<std::int64_t>*> counters();
  ///@}
  /// This module, named "", and all modules in it, each once, outer ones first. The pointers are
  /// valid as long as the module is not moved.
  std::vector<NamedModule<T>> named_modules();

  /// The number of elements of all parameters, frozen ones included.
  Index parameter_count() const;

  /// Sets the mode of this module and of all modules in it: some layers (Dropout) work differently
  /// in training. Modules begin in training mode.
  void train(bool training = true);
  /// train(false): for validation and use.
  void eval() { train(false); }
  /// Whether this module is in training mode.
  bool is_training() const { return training_; }

  /// Freezes (false) or unfreezes all parameters in this module: backward neither computes
  /// gradients for frozen ones nor passes through what leads only to them. Existing gradients stay.
  void set_requires_grad(bool requires_grad);
  /// Forgets the gradients of all parameters.
  void zero_grad();

  /// Copies the values of all parameters and buffers of `other`. Throws std::invalid_argument, and
  /// changes nothing, unless both have the same names with the same shapes.
  void copy_parameters_from(const Module& other);

 protected:
  Module() = default;
  Module(const Module&) = default;
  Module(Module&&) noexcept = default;
  Module& operator=(const Module&) = default;
  Module& operator=(Module&&) noexcept = default;

 private:
  friend class detail::Replicas<T>;

  bool training_ = true;
};

namespace detail {

/// How a module that is known only as a Module<T> is copied.
template <class T>
using CopyModule = std::shared_ptr<Module<T>> (*)(const Module<T>&);

/// A copy of a module of class M; null if it cannot be copied.
template <class M>
std::shared_ptr<Module<typename M::value_type>> copy_module(
    const Module<typename M::value_type>& module) {
  if constexpr (std::is_copy_constructible_v<M>) {
    return std::make_shared<M>(static_cast<const M&>(module));
  } else {
    return nullptr;
  }
}

template <class T>
class Call;

/// Sees the calls of modules as they return; for `summary` and `TrainingDoctor`. It begins and ends
/// on the same thread.
template <class T>
class CallObserver {
 public:
  /// From now on, on this thread, until the object's end.
  CallObserver();
  CallObserver(const CallObserver&) = delete;
  CallObserver& operator=(const CallObserver&) = delete;
  virtual void returned(const Module<T>& module, const Variable<T>& output) = 0;

 protected:
  ~CallObserver();

 private:
  friend class Call<T>;

  // Those of the thread, linked by outer_.
  static constinit inline thread_local CallObserver* innermost = nullptr;

  CallObserver* outer_;
};

/// A call of a module, for as long as it lives: gives errors the module's name and description.
template <class T>
class Call {
 public:
  explicit Call(Module<T>& module)
      : module_(module), outer_(innermost), context_(this, &Call::describe) {
    innermost = this;
  }
  ~Call() { innermost = outer_; }
  Call(const Call&) = delete;
  Call& operator=(const Call&) = delete;
  /// Tells the observers of the result, and passes it on.
  Variable<T> result(Variable<T> output) const {
    if (CallObserver<T>::innermost != nullptr) tell(output);
    return output;
  }

 private:
  static std::string describe(const void* call);
  void tell(const Variable<T>& output) const;

  // What the thread is calling.
  static constinit inline thread_local Call* innermost = nullptr;

  Module<T>& module_;
  Call* outer_;
  ErrorContext context_;
};

}  // namespace detail
}  // namespace glissade::nn
