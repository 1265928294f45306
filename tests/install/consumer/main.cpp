// What a user's first program does with an installed Glissade: it uses each of the four libraries.
#include <fmt/format.h>
#include <glissade/core/tensor.h>

int main() {
  const glissade::Tensor<float> a({2, 3}, {1, 2, 3, 4, 5, 6});
  float sum = 0;
  for (const float x : a) sum += x;
  fmt::print("core: {} elements, sum {}\n", a.size(), sum);
}
