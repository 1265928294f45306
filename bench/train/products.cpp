#include "products.h"

#include <cblas.h>

#include <algorithm>
#include <random>

#if defined(__SSE2__)
#include <immintrin.h>
#endif

namespace glissade::bench {
namespace {

Buffer random_buffer(std::int64_t count, std::mt19937& random) {
  const auto size = static_cast<std::size_t>(count);
  std::normal_distribution<float> distribution(0.0F, 0.1F);
  Buffer buffer = zeros(size);
  for (std::size_t i = 0; i < size; ++i) buffer[i] = distribution(random);
  return buffer;
}

void pause_briefly() {
#if defined(__SSE2__)
  _mm_pause();
#endif
}

// Gives way to other programs if it takes unusually long.
template <class Condition>
void spin_until(const Condition& condition) {
  for (int spins = 0; !condition(); ++spins) {
    if (spins < 100'000) {
      pause_briefly();
    } else {
      std::this_thread::yield();
    }
  }
}

}  // namespace

Products::Products(const Workload& workload, std::int64_t batch) : batch_(static_cast<int>(batch)) {
  std::mt19937 random(1);
  const auto& sizes = workload.sizes;
  for (const std::int64_t size : sizes) {
    sizes_.push_back(static_cast<int>(size));
    activations_.push_back(random_buffer(batch * size, random));
    gradients_.push_back(random_buffer(batch * size, random));
  }
  for (std::size_t i = 0; i < workload.layers(); ++i) {
    weights_.push_back(random_buffer(sizes[i + 1] * sizes[i], random));
    weight_gradients_.push_back(random_buffer(sizes[i + 1] * sizes[i], random));
  }
}

void Products::operator()() {
  const std::size_t layers = weights_.size();
  for (std::size_t i = 0; i < layers; ++i) {  // Y = X Wᵀ
    cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasTrans, batch_, sizes_[i + 1], sizes_[i], 1.0F,
                activations_[i].get(), sizes_[i], weights_[i].get(), sizes_[i], 0.0F,
                activations_[i + 1].get(), sizes_[i + 1]);
  }
  for (std::size_t i = layers; i-- > 0;) {
    // dW = dYᵀ X
    cblas_sgemm(CblasRowMajor, CblasTrans, CblasNoTrans, sizes_[i + 1], sizes_[i], batch_, 1.0F,
                gradients_[i + 1].get(), sizes_[i + 1], activations_[i].get(), sizes_[i], 0.0F,
                weight_gradients_[i].get(), sizes_[i]);
    if (i == 0) break;  // nobody needs the gradient of the input
    // dX = dY W
    cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasNoTrans, batch_, sizes_[i], sizes_[i + 1], 1.0F,
                gradients_[i + 1].get(), sizes_[i + 1], weights_[i].get(), sizes_[i], 0.0F,
                gradients_[i].get(), sizes_[i]);
  }
}

// An odd example goes to the first thread; a batch of one is a product of one row in both.
SplitProducts::SplitProducts(const Workload& workload)
    : first_(workload, (workload.batch + 1) / 2),
      second_(workload, std::max<std::int64_t>(1, workload.batch / 2)),
      thread_([this] { work(); }) {}

SplitProducts::~SplitProducts() {
  stop_ = true;
  repetitions_ = -1;
  ++awake_;
  awake_.notify_all();
  thread_.join();
}

void SplitProducts::prepare() {
  ++awake_;
  awake_.notify_all();
}

void SplitProducts::step(Products& products) {
  products();
  const std::int64_t before = arrived_.fetch_add(1);
  const std::int64_t both = before - before % 2 + 2;
  spin_until([this, both] { return arrived_.load() >= both; });
}

void SplitProducts::run(int repetitions) {
  repetitions_ = repetitions;
  for (int i = 0; i < repetitions; ++i) step(first_);
}

void SplitProducts::work() {
  for (int turn = 0;;) {
    awake_.wait(turn);
    turn = awake_.load();
    int repetitions = 0;
    spin_until([&] { return (repetitions = repetitions_.exchange(0)) != 0; });
    if (stop_) return;
    for (int i = 0; i < repetitions; ++i) step(second_);
  }
}

}  // namespace glissade::bench
