#pragma once

// IDX, the file format of the MNIST family of data sets.

#include <filesystem>

#include "glissade/core/tensor.h"

namespace glissade {

/// Options of `read_idx`.
struct IdxOptions {
  /// Each value is multiplied by this; 1.0 / 255 takes bytes to [0, 1]. Only for floating-point
  /// results.
  double scale = 1;
  /// Joins all axes but the first: (60000, 28, 28) becomes (60000, 784).
  bool flatten = false;
};

/// Reads an IDX file, plain or compressed with gzip, as T (float, double or std::int32_t).
///
/// The format (Y. LeCun, C. Cortes, C. Burges, "The MNIST database of handwritten digits"): two
/// bytes 0, the type of the elements (08 unsigned byte, 09 signed byte, 0b short, 0c int, 0d float,
/// 0e double), the number of axes, each extent as a 32-bit number, then the elements in row-major
/// order, all most significant byte first.
///
/// Throws std::runtime_error, with a sentence that names the file, if it cannot be read, is not an
/// IDX file, is truncated, corrupt or too long, has more than 6 axes, or holds a value that T does
/// not: integers have to be exact, doubles are rounded to float, and floating-point numbers are not
/// read as integers. Nothing is allocated that the file's size does not warrant.
template <class T>
Tensor<T> read_idx(const std::filesystem::path& path, const IdxOptions& options = {});

}  // namespace glissade
