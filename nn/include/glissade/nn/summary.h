// A table of what a model consists of.
#pragma once

#include <string>

#include "glissade/nn/module.h"

namespace glissade::nn {

/// A table with a line for each module: its name, its description, the shapes of its own parameters
/// and their number of elements, a shared parameter where it comes first; below it the totals:
/// parameters, those that are trained, and their memory.
template <class T>
std::string summary(const Module<T>& model);

/// The same with the shape of each module's output for an input of the given shape, batch included:
/// `summary(model, {128, 784})`. The model is applied, in evaluation mode, to zeros. A module that
/// is not called in this has no output shape; for one called repeatedly the last is given.
template <class T>
std::string summary(Module<T>& model, const Shape& input);

}  // namespace glissade::nn
