#include "glissade/core/tensor.h"

#include <cstdint>
#include <iterator>
#include <type_traits>

namespace glissade {
namespace {

// Writes the sub-tensor of the axes from `axis` on that starts at `data`.
template <class T>
void write(fmt::memory_buffer& out, const Shape& shape, int axis, const T* data, Index edge) {
  auto end = std::back_inserter(out);
  if (axis == shape.rank()) {
    if constexpr (std::is_integral_v<T>) {
      fmt::format_to(end, "{}", *data);
    } else {
      fmt::format_to(end, "{:.6g}", *data);
    }
    return;
  }
  // In an empty tensor the product of the other extents may be too large for a number.
  Index stride = shape.size() == 0 ? 0 : 1;
  for (int i = axis + 1; i < shape.rank() && stride > 0; ++i) stride *= shape[i];
  const Index extent = shape[axis];
  const bool innermost = axis + 1 == shape.rank();
  const std::string indent(static_cast<std::size_t>(axis) + 1, ' ');
  const std::string separator = innermost ? ", " : ",\n" + indent;
  fmt::format_to(end, "[");
  for (Index i = 0; i < extent; ++i) {
    if (i > 0) fmt::format_to(end, "{}", separator);
    if (extent > 2 * edge && i == edge) {
      fmt::format_to(end, "...");
      i = extent - edge - 1;
      continue;
    }
    write(out, shape, axis + 1, data + i * stride, edge);
  }
  fmt::format_to(end, "]");
}

}  // namespace

template <class T>
std::string to_string(const Tensor<T>& tensor, Index edge) {
  fmt::memory_buffer out;
  write(out, tensor.shape(), 0, tensor.data(), edge);
  return fmt::to_string(out);
}

template std::string to_string(const Tensor<float>&, Index);
template std::string to_string(const Tensor<double>&, Index);
template std::string to_string(const Tensor<std::int32_t>&, Index);

}  // namespace glissade
