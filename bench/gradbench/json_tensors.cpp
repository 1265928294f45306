#include <vector>

#include "evaluation.h"

namespace gradbench {

using namespace glissade;

namespace {

double* read(const Json& array, const Shape& shape, int axis, double* to) {
  if (axis == shape.rank()) {
    *to = array.get<double>();
    return to + 1;
  }
  check(array.is_array() && static_cast<Index>(array.size()) == shape[axis],
        "gradbench: an array does not have the {} entries of its neighbours", shape[axis]);
  for (const Json& entry : array) to = read(entry, shape, axis + 1, to);
  return to;
}

Json write(const Shape& shape, int axis, const double*& from) {
  if (axis == shape.rank()) return *from++;
  Json array = Json::array();
  for (Index i = 0; i < shape[axis]; ++i) array.push_back(write(shape, axis + 1, from));
  return array;
}

}  // namespace

Real to_tensor(const Json& array) {
  std::vector<Index> extents;
  for (const Json* entry = &array; entry->is_array(); entry = &entry->front()) {
    extents.push_back(static_cast<Index>(entry->size()));
    if (entry->empty()) break;
  }
  Real tensor = Real::uninitialized(Shape(std::span<const Index>(extents)));
  read(array, tensor.shape(), 0, tensor.data());
  return tensor;
}

Json to_json(const Real& tensor) {
  const double* from = tensor.data();
  return write(tensor.shape(), 0, from);
}

}  // namespace gradbench
