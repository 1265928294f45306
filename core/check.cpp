#include "glissade/core/check.h"

namespace glissade {

std::string ErrorContext::path() {
  std::string path;
  for (const ErrorContext* context = innermost; context != nullptr; context = context->outer_) {
    const std::string name = context->describe_(context->object_);
    path = path.empty() ? name : name + " > " + path;
  }
  return path.empty() ? path : " (in " + path + ")";
}

void detail::throw_invalid_argument(const std::string& message) {
  throw std::invalid_argument(message + ErrorContext::path());
}

}  // namespace glissade
