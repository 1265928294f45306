#pragma once

// Finding the operation that made the first NaN or infinity.

#include <cstdint>
#include <stdexcept>
#include <string>
#include <utility>

#include "glissade/autograd/variable.h"

namespace glissade {

/// What anomaly mode throws: the operation that made a NaN or an infinity out of finite numbers, or
/// the leaf that had one already.
class AnomalyError : public std::runtime_error {
 public:
  /// With the message, and what the functions below return.
  AnomalyError(const std::string& message, std::string operation, std::string where,
               std::int64_t step)
      : std::runtime_error(message),
        operation_(std::move(operation)),
        where_(std::move(where)),
        step_(step) {}

  /// The name of the operation: "log"; "leaf" if a parameter or the data had it.
  const std::string& operation() const { return operation_; }
  /// The path of modules in which it was called: "Sequential > 2: Linear(10, 1)"; empty outside.
  const std::string& where() const { return where_; }
  /// The step that `AnomalyMode::set_step` was told last; -1 if none.
  std::int64_t step() const { return step_; }

 private:
  std::string operation_;
  std::string where_;
  std::int64_t step_;
};

/// While it lives, on its thread, the result of every recorded operation and every gradient is
/// searched for NaN and infinities; the first one throws an AnomalyError that names the operation,
/// the layer and the step. For finding errors: it reads every number once more, and writes paths.
///
///     AnomalyMode anomaly;
///     for (std::int64_t step = 0; ...; ++step) {
///       anomaly.set_step(step);
///       ... forward, backward ...
///     }
///
/// PyTorch's detect_anomaly does the same for the backward pass only.
class AnomalyMode {
 public:
  AnomalyMode();
  ~AnomalyMode();
  AnomalyMode(const AnomalyMode&) = delete;
  AnomalyMode& operator=(const AnomalyMode&) = delete;

  /// The number of the step, for the message.
  void set_step(std::int64_t step) { step_ = step; }
  /// What `set_step` was told last; -1 if nothing.
  std::int64_t step() const { return step_; }

 private:
  AnomalyMode* outer_;
  std::int64_t step_ = -1;
};

}  // namespace glissade
