// One open safetensors file serves several threads.

#include <glissade/core/safetensors.h>

#include <array>
#include <string>
#include <thread>
#include <vector>

#include "catch.h"
#include "core/files.h"

using glissade::Index;
using glissade::Tensor;

TEST_CASE("safetensors: several threads read from one open file", "[threads]") {
  const files::TemporaryFolder folder;
  constexpr std::size_t kTensors = 16;
  std::vector<Tensor<float>> tensors;
  std::vector<glissade::NamedTensor> named;
  for (std::size_t i = 0; i < kTensors; ++i) {
    tensors.push_back(Tensor<float>::full({20'000 + static_cast<Index>(i)}, static_cast<float>(i)));
  }
  for (std::size_t i = 0; i < kTensors; ++i) named.push_back({std::to_string(i), tensors[i]});
  glissade::write_safetensors(folder / "x", named);

  const glissade::SafetensorsFile file(folder / "x");
  std::array<int, 4> equal{};
  std::vector<std::thread> threads;
  for (int& count : equal) {
    threads.emplace_back([&] {
      for (std::size_t i = 0; i < kTensors; ++i) {
        const std::string name = std::to_string(i);
        // float is read in one piece, double is converted in several.
        const Tensor<double> wide = file.get<double>(name);
        if (file.get<float>(name) == tensors[i] &&
            wide[wide.size() - 1] == static_cast<double>(i)) {
          ++count;
        }
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  for (const int count : equal) CHECK(count == kTensors);
}
