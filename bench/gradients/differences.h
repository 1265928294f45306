#pragma once

// The numerical methods, on all elements of a gradient or on a sample of them.

#include <string>
#include <vector>

#include "methods.h"

namespace glissade::bench {

/// forward, central, five_point, complex_step, ladder, projection.
const std::vector<std::string>& difference_names();

/// A numerical gradient of the subject. If all elements would take more than about a second, `run`
/// computes a sample of them, evenly spread, and `scale` says how many times longer all take.
/// Throws std::invalid_argument if there is no such method.
Method difference(const std::string& name, Subject<double>& subject);

}  // namespace glissade::bench
