#include "glissade/core/tensor.h"

#include <cstdint>
#include <iterator>
#include <type_traits>

namespace glissade {
namespace {

constexpr Index kEdge = 3;  // entries written at either end of a long axis

// Writes the sub-tensor of the axes from `axis` on that starts at `data`; `element` is a format
// string for one element.
template <class T>
void write(fmt::memory_buffer& out, const Shape& shape, int axis, const T* data,
           const std::string& element) {
  if (axis == shape.rank()) {
    fmt::format_to(std::back_inserter(out), fmt::runtime(element), *data);
    return;
  }
  // In an empty tensor the product of the other extents may be too large for a number.
  Index stride = shape.size() == 0 ? 0 : 1;
  for (int i = axis + 1; i < shape.rank() && stride > 0; ++i) stride *= shape[i];
  const Index extent = shape[axis];
  const bool innermost = axis + 1 == shape.rank();
  const std::string separator =
      innermost ? ", " : ",\n" + std::string(static_cast<std::size_t>(axis) + 1, ' ');
  out.push_back('[');
  for (Index i = 0; i < extent; ++i) {
    if (i > 0) out.append(separator);
    if (extent > 2 * kEdge && i == kEdge) {
      out.append(std::string_view("..."));
      i = extent - kEdge - 1;
      continue;
    }
    write(out, shape, axis + 1, data + i * stride, element);
  }
  out.push_back(']');
}

}  // namespace

template <class T>
std::string to_string(const Tensor<T>& tensor, std::string_view element) {
  if (element.empty() && std::is_floating_point_v<T>) element = ".6g";
  fmt::memory_buffer out;
  write(out, tensor.shape(), 0, tensor.data(), fmt::format("{{:{}}}", element));
  return fmt::to_string(out);
}

template std::string to_string(const Tensor<float>&, std::string_view);
template std::string to_string(const Tensor<double>&, std::string_view);
template std::string to_string(const Tensor<std::int32_t>&, std::string_view);
template std::string to_string(const Tensor<std::int64_t>&, std::string_view);

}  // namespace glissade
