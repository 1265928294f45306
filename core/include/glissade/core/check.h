#pragma once

// Errors are part of the interface: one function to check an argument, one to fail, and the
// context (the layer's path inside a model) that their messages carry.

#include <fmt/core.h>

#include <stdexcept>
#include <string>
#include <utility>

namespace glissade {

/// What the calling code is doing, for as long as the object lives: `check` and `fail` append it to
/// their messages as "(in 2: Linear(256, 10))", outermost first. It costs two writes to
/// thread-local memory; the text is made only when something fails.
class ErrorContext {
 public:
  /// `describe(object)` is called only when an error is reported while this context is alive;
  /// `object` must outlive the context.
  ErrorContext(const void* object, std::string (*describe)(const void*))
      : object_(object), describe_(describe), outer_(innermost) {
    innermost = this;
  }
  ~ErrorContext() { innermost = outer_; }
  ErrorContext(const ErrorContext&) = delete;
  ErrorContext& operator=(const ErrorContext&) = delete;

  /// The open contexts of this thread as " (in a > b)", or an empty string.
  static std::string path();

 private:
  static constinit inline thread_local ErrorContext* innermost = nullptr;

  const void* object_;
  std::string (*describe_)(const void*);
  ErrorContext* outer_;
};

namespace detail {
[[noreturn]] void throw_invalid_argument(const std::string& message);
}  // namespace detail

/// Throws std::invalid_argument with the formatted message, followed by the open error contexts.
template <class... Args>
[[noreturn]] void fail(fmt::format_string<Args...> message, Args&&... args) {
  detail::throw_invalid_argument(fmt::format(message, std::forward<Args>(args)...));
}

/// Throws std::invalid_argument with the formatted message unless `condition` holds. Messages
/// name the operation and print what was wrong: `check(a == b, "add: {} and {} differ", a, b)`.
template <class... Args>
inline void check(bool condition, fmt::format_string<Args...> message, Args&&... args) {
  if (!condition) [[unlikely]] {
    fail<Args...>(message, std::forward<Args>(args)...);
  }
}

}  // namespace glissade
