// Counts the calls of malloc and its relatives (and so of operator new) in training steps of the
// demo's network after the first one, mini-batches and clipping included. Exits with 1 if there are
// any. A program of its own, because it replaces malloc (glibc).

#include <glissade/core/threads.h>
#include <glissade/glissade.h>

#include <cstdio>
#include <cstdlib>

extern "C" {
void* __libc_malloc(std::size_t bytes);
void* __libc_calloc(std::size_t count, std::size_t bytes);
void* __libc_realloc(void* block, std::size_t bytes);
void* __libc_memalign(std::size_t alignment, std::size_t bytes);
}

namespace {
long calls = 0;  // one thread only
}

extern "C" {
void* malloc(std::size_t bytes) {
  ++calls;
  return __libc_malloc(bytes);
}
void* calloc(std::size_t count, std::size_t bytes) {
  ++calls;
  return __libc_calloc(count, bytes);
}
void* realloc(void* block, std::size_t bytes) {
  ++calls;
  return __libc_realloc(block, bytes);
}
void* aligned_alloc(std::size_t alignment, std::size_t bytes) {
  ++calls;
  return __libc_memalign(alignment, bytes);
}
void* memalign(std::size_t alignment, std::size_t bytes) {
  ++calls;
  return __libc_memalign(alignment, bytes);
}
int posix_memalign(void** block, std::size_t alignment, std::size_t bytes) {
  ++calls;
  *block = __libc_memalign(alignment, bytes);
  return *block == nullptr ? 12 : 0;  // ENOMEM
}
}

int main() {
  using namespace glissade;
  set_num_threads(1);  // with more, OpenBLAS itself calls malloc for its jobs
  Rng rng(1);
  Tensor<float> images({12 * 128, 784});
  rng.fill_uniform(images, 0.0, 1.0);
  Tensor<std::int32_t> labels({12 * 128});
  for (auto& label : labels) label = static_cast<std::int32_t>(rng.integer(0, 10));
  const nn::Dataset<> data(std::move(images), std::move(labels));

  nn::Sequential model{nn::Linear(784, 512, rng), nn::ReLU(), nn::Dropout(0.2, rng),
                       nn::Linear(512, 256, rng), nn::ReLU(), nn::Dropout(0.2, rng),
                       nn::Linear(256, 10, rng)};
  const auto parameters = model.parameters();
  optim::AdamW adam(parameters, {.lr = optim::warmup(3, optim::cosine(1e-3, 100))});
  auto batches = nn::batches(data, 128, rng);

  int step = 0;
  long before = 0;
  for (int epoch = 0; epoch < 2; ++epoch) {
    for (const auto& [x, y] : batches) {
      adam.zero_grad();
      const auto loss = nn::cross_entropy(model(x), y);
      loss.backward();
      optim::clip_grad_norm(parameters, 1.0);
      adam.step();
      if (++step == 1) before = calls;
    }
  }
  const long during = calls - before;
  std::printf("%ld calls of malloc in the first step, %ld in the %d after it\n", before, during,
              step - 1);
  return before > 0 && during == 0 ? 0 : 1;
}
