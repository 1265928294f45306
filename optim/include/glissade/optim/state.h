#pragma once

// What optimizers remember, by name: to save it, and to go on from it later.

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "glissade/core/rng.h"
#include "glissade/core/tensor.h"

namespace glissade::optim {

/// Receives the names and the places of all that a state consists of.
template <class T>
class StateMembers {
 public:
  /// One member. `constant` ones are written, and must be the same in a file that is read.
  struct Member {
    using Constant = std::vector<std::int64_t>;  ///< whole numbers
    std::string name;                            ///< in the file
    /// What it is, or where.
    std::variant<Constant, std::int64_t*, double*, Tensor<T>*, Rng*> value;
    Shape shape;          ///< of a tensor that is not empty
    bool always = false;  ///< whether a tensor is there from the beginning
  };

  /// A number of steps, or of other things that are counted; not negative.
  void add(std::string_view name, std::int64_t& count) { push(name, &count); }
  /// A number.
  void add(std::string_view name, double& number) { push(name, &number); }
  /// A tensor of the shape that `in` was told; empty, of shape (0), before its first use.
  void add(std::string_view name, Tensor<T>& tensor) { push(name, &tensor); }
  /// A generator of random numbers.
  void add(std::string_view name, Rng& rng) { push(name, &rng); }
  /// A tensor of the shape that it has, which is never empty.
  void add_whole(std::string_view name, Tensor<T>& tensor) {
    push(name, &tensor);
    members_.back().shape = tensor.shape();
    members_.back().always = true;
  }
  /// Something that a file must have in common with the object into which it is loaded.
  void add_constant(std::string_view name, std::vector<std::int64_t> values) {
    push(name, std::move(values));
  }

  /// The names of all that `add_members()` adds begin with `name` and a dot.
  template <class F>
  void in(std::string_view name, const F& add_members) {
    const std::size_t length = prefix_.size();
    prefix_.append(name).push_back('.');
    add_members();
    prefix_.resize(length);
  }
  /// The same; tensors are of this shape.
  template <class F>
  void in(std::string_view name, const Shape& shape, const F& add_members) {
    const Shape outer = std::exchange(shape_, shape);
    in(name, add_members);
    shape_ = outer;
  }

  /// All that was added, in order.
  const std::vector<Member>& list() const { return members_; }

 private:
  template <class Value>
  void push(std::string_view name, Value value) {
    members_.push_back({prefix_ + std::string(name), std::move(value), shape_});
  }

  std::string prefix_;
  Shape shape_ = Shape::empty();
  std::vector<Member> members_;
};

/// Something with a state that can be saved: an optimizer, an average of weights.
template <class T>
class Stateful {
 public:
  virtual ~Stateful() = default;
  /// What files and messages call it: "Adam".
  virtual std::string kind() const = 0;
  /// Names the members of the state, always the same ones in the same order.
  virtual void members(StateMembers<T>& members) = 0;

 protected:
  Stateful() = default;
  Stateful(const Stateful&) = default;
  Stateful(Stateful&&) noexcept = default;
  Stateful& operator=(const Stateful&) = default;
  Stateful& operator=(Stateful&&) noexcept = default;
};

/// Writes the state of an optimizer (or of another object with a state) to a safetensors file,
/// which appears complete or not at all: the counts as I64, the tensors as F32 or F64, exactly.
/// Neither parameters (see nn::save) nor options and schedules are in it. Throws
/// std::invalid_argument if a state of one's own does not name its members; std::runtime_error if
/// the file cannot be written.
template <class T>
void save(const Stateful<T>& object, const std::filesystem::path& path);

/// Reads what `save` wrote into an object of the same kind, with groups of parameters of the same
/// number and shapes; training then goes on as if it had not been interrupted, bit by bit, if the
/// parameters and options are the same. Throws std::runtime_error, naming the file and all that
/// does not fit, unless it fits entirely, and if the file cannot be read; the object is unchanged
/// then.
template <class T>
void load(Stateful<T>& object, const std::filesystem::path& path);

}  // namespace glissade::optim
