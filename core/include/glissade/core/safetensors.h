#pragma once

// safetensors, the file format in which weights go to PyTorch and its relatives, and come from
// them.

#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "glissade/core/tensor.h"

namespace glissade {

/// A safetensors file that is open for reading
/// (https://github.com/huggingface/safetensors#format).
///
/// Opening reads and checks the header: all that it says has to agree with itself and with the size
/// of the file, without holes, overlaps, duplicate names or bytes left over. Tensors are read one
/// by one as they are asked for, also by several threads at once. Errors are std::runtime_error
/// with a sentence that names the file and the tensor.
class SafetensorsFile {
 public:
  /// Opens the file. Throws if it cannot be read or is not a valid safetensors file, or if it holds
  /// a tensor of more than 6 axes.
  explicit SafetensorsFile(const std::filesystem::path& path);
  ~SafetensorsFile();
  SafetensorsFile(SafetensorsFile&&) noexcept;
  SafetensorsFile& operator=(SafetensorsFile&&) noexcept;

  /// The names of the tensors in the order of the header.
  const std::vector<std::string>& names() const;
  /// Whether there is a tensor of this name.
  bool contains(std::string_view name) const;
  /// The type of the elements as the format spells it, such as "F32" or "BF16". Throws if there is
  /// no such tensor.
  std::string_view dtype(std::string_view name) const;
  /// Throws if there is no such tensor.
  const Shape& shape(std::string_view name) const;
  /// The free text that came with the tensors; empty if there is none.
  const std::map<std::string, std::string>& metadata() const;

  /// Reads a tensor as T (float, double, std::int32_t or std::int64_t). Integers and booleans have
  /// to be held exactly by T; F16, BF16, F32 and F64 are read as float or double, rounded to
  /// nearest where needed, and not as integers. Throws if there is no such tensor, if its type is
  /// none of these (8-bit and smaller floating-point numbers, complex numbers), or if a value does
  /// not fit.
  template <class T>
  Tensor<T> get(std::string_view name) const;

 private:
  class Contents;
  std::unique_ptr<Contents> contents_;
};

/// A name and a reference to the tensor that is to be written under it; the tensor has to outlive
/// this.
class NamedTensor {
 public:
  /// A tensor of one of the types that can be written; never null.
  using Reference = std::variant<const Tensor<float>*, const Tensor<double>*,
                                 const Tensor<std::int32_t>*, const Tensor<std::int64_t>*>;

  /// `tensor` to be written as `name`. Only the reference is kept, so a temporary does not compile.
  template <class T>
  NamedTensor(std::string name, const Tensor<T>& tensor)
      : name_(std::move(name)), tensor_(&tensor) {}
  template <class T>
  NamedTensor(std::string name, Tensor<T>&& tensor) = delete;

  /// The name that the tensor is written under.
  const std::string& name() const { return name_; }
  /// The tensor to be written.
  const Reference& tensor() const { return tensor_; }

 private:
  std::string name_;
  Reference tensor_;
};

/// Writes tensors as F32, F64, I32 and I64 to a safetensors file, which appears complete or not at
/// all (see AtomicFile). The header keeps the given order; the data of the wider types come first,
/// so that each tensor is aligned.
///
/// `metadata` is free text; some programs want {"format", "pt"} in it. Throws std::invalid_argument
/// if a name comes twice, is "__metadata__", or is not UTF-8, or if the header would be longer than
/// the 100,000,000 bytes that the format allows; std::runtime_error if the file cannot be written.
void write_safetensors(const std::filesystem::path& path, const std::vector<NamedTensor>& tensors,
                       const std::map<std::string, std::string>& metadata = {});

}  // namespace glissade
