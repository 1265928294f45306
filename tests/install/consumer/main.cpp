// What a user's first program does with an installed Glissade: it uses each of the four libraries.
#include <fmt/format.h>
#include <glissade/glissade.h>

#include <filesystem>

using namespace glissade;

int main() {
  // core: a tensor, and a file written and read (zlib and JSON behind it)
  const Tensor<float> a({2, 3}, {1, 2, 3, 4, 5, 6});
  fmt::print("core: {} elements, {}\n", a.size(), a.shape());

  // autograd: the derivative of x^2 sum over a matrix product (OpenBLAS behind it)
  Variable<double> x(Tensor<double>({1, 2}, {3, 4}), true);
  matmul(x, transpose(x)).backward();
  fmt::print("autograd: {} {}\n", x.grad().value()[0], x.grad().value()[1]);

  // nn and optim: a line through two points (vectorised kernels behind it)
  Rng rng(1);
  nn::Sequential model{nn::Linear(1, 1, rng)};
  optim::SGD sgd(model.parameters(), {.lr = 0.1});
  const Tensor<float> inputs({2, 1}, {-1, 1});
  const Tensor<float> targets({2, 1}, {1, 5});
  for (int step = 0; step < 200; ++step) {
    sgd.zero_grad();
    nn::mse_loss(model(inputs), targets).backward();
    sgd.step();
  }
  const std::filesystem::path path = "consumer.safetensors";
  nn::save(model, path);
  nn::Sequential loaded{nn::Linear(1, 1, rng)};
  nn::load(loaded, path);
  fmt::print("nn and optim: {:.3f}\n", loaded(Tensor<float>({1, 1}, {10})).value()[0]);
}
