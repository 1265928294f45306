// One training step (forward, backward, update) as a user writes it, against its matrix products
// alone: the same cblas_sgemm calls on the same kernel in the same run.
//
//     bench_train --benchmark_filter=step/W3/threads:1
//
// Counters: x_products, the ratio of the medians of step and products; products_us and step_us,
// those medians in microseconds. The time that Google Benchmark prints is that of one turn, which
// is as many steps as fill 5 ms.

#include <benchmark/benchmark.h>
#include <cblas.h>
#include <glissade/core/blas_info.h>
#include <glissade/core/threads.h>
#include <glissade/glissade.h>

#include <algorithm>
#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "workloads.h"

namespace {

using namespace glissade;
using bench::Workload;
using Clock = std::chrono::steady_clock;

Tensor<float> random(const Shape& shape, Rng& rng) {
  Tensor<float> tensor(shape);
  rng.fill_normal(tensor, 0.0F, 0.1F);
  return tensor;
}

// A training step through the public API.
class Step {
 public:
  explicit Step(const Workload& workload) : workload_(workload) {
    Rng rng(1);
    const auto& sizes = workload.sizes;
    for (std::size_t i = 0; i + 1 < sizes.size(); ++i) {
      model_.add(nn::Linear(sizes[i], sizes[i + 1], rng, {.init = nn::Init::kaiming_uniform}));
      if (i + 2 == sizes.size()) break;
      if (workload.activation == Workload::Activation::relu) {
        model_.add(nn::ReLU());
      } else {
        model_.add(nn::Tanh());
      }
    }
    inputs_ = random({workload.batch, sizes.front()}, rng);
    targets_ = random({workload.batch, sizes.back()}, rng);
    labels_ = Tensor<std::int32_t>({workload.batch});
    for (auto& label : labels_) label = static_cast<std::int32_t>(rng.integer(0, sizes.back()));
    const auto parameters = model_.parameters();
    switch (workload.optimizer) {
      case Workload::Optimizer::sgd:
        optimizer_ = std::make_unique<optim::SGD<float>>(parameters, optim::SGDOptions{.lr = 1e-3});
        break;
      case Workload::Optimizer::momentum:
        optimizer_ = std::make_unique<optim::SGD<float>>(
            parameters, optim::SGDOptions{.lr = 1e-3, .momentum = 0.9});
        break;
      case Workload::Optimizer::adam:
        optimizer_ =
            std::make_unique<optim::Adam<float>>(parameters, optim::AdamOptions{.lr = 1e-4});
        break;
    }
  }

  void operator()() {
    optimizer_->zero_grad();
    const auto output = model_(inputs_);
    const auto loss = workload_.loss == Workload::Loss::mse ? nn::mse_loss(output, targets_)
                                                            : nn::cross_entropy(output, labels_);
    loss.backward();
    optimizer_->step();
  }

 private:
  Workload workload_;
  nn::Sequential<> model_;
  Variable<float> inputs_;
  Variable<float> targets_;
  Tensor<std::int32_t> labels_;
  std::unique_ptr<optim::Optimizer<float>> optimizer_;
};

// The matrix products of the same step and nothing else.
class Products {
 public:
  explicit Products(const Workload& workload) : batch_(static_cast<int>(workload.batch)) {
    Rng rng(1);
    const auto& sizes = workload.sizes;
    for (const auto size : sizes) {
      sizes_.push_back(static_cast<int>(size));
      activations_.push_back(random({workload.batch, size}, rng));
      gradients_.push_back(random({workload.batch, size}, rng));
    }
    for (std::size_t i = 0; i + 1 < sizes.size(); ++i) {
      weights_.push_back(random({sizes[i + 1], sizes[i]}, rng));
      weight_gradients_.push_back(random({sizes[i + 1], sizes[i]}, rng));
    }
  }

  void operator()() {
    const std::size_t layers = weights_.size();
    for (std::size_t i = 0; i < layers; ++i) {  // Y = X Wᵀ
      cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasTrans, batch_, sizes_[i + 1], sizes_[i], 1.0F,
                  activations_[i].data(), sizes_[i], weights_[i].data(), sizes_[i], 0.0F,
                  activations_[i + 1].data(), sizes_[i + 1]);
    }
    for (std::size_t i = layers; i-- > 0;) {
      // dW = dYᵀ X
      cblas_sgemm(CblasRowMajor, CblasTrans, CblasNoTrans, sizes_[i + 1], sizes_[i], batch_, 1.0F,
                  gradients_[i + 1].data(), sizes_[i + 1], activations_[i].data(), sizes_[i], 0.0F,
                  weight_gradients_[i].data(), sizes_[i]);
      if (i == 0) break;  // nobody needs the gradient of the input
      // dX = dY W
      cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasNoTrans, batch_, sizes_[i], sizes_[i + 1], 1.0F,
                  gradients_[i + 1].data(), sizes_[i + 1], weights_[i].data(), sizes_[i], 0.0F,
                  gradients_[i].data(), sizes_[i]);
    }
  }

 private:
  int batch_;
  std::vector<int> sizes_;
  std::vector<Tensor<float>> activations_;
  std::vector<Tensor<float>> gradients_;
  std::vector<Tensor<float>> weights_;
  std::vector<Tensor<float>> weight_gradients_;
};

double seconds_of(const std::function<void()>& work, int repetitions) {
  const auto start = Clock::now();
  for (int i = 0; i < repetitions; ++i) work();
  return std::chrono::duration<double>(Clock::now() - start).count() / repetitions;
}

double median(std::vector<double> values) {
  const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
  std::nth_element(values.begin(), middle, values.end());
  return *middle;
}

// The machine's clock wanders, so step and products take turns, a few milliseconds each.
void step_benchmark(benchmark::State& state, const Workload& workload, int threads) {
  set_num_threads(threads);
  Step step(workload);
  Products products(workload);
  for (int i = 0; i < 10; ++i) {
    step();
    products();
  }
  const double estimate = std::max(seconds_of([&] { step(); }, 10), 1e-7);
  const int repetitions = std::max(1, static_cast<int>(5e-3 / estimate));
  std::vector<double> step_times;
  std::vector<double> product_times;
  for (auto _ : state) {
    state.PauseTiming();
    product_times.push_back(seconds_of([&] { products(); }, repetitions));
    state.ResumeTiming();
    step_times.push_back(seconds_of([&] { step(); }, repetitions));
  }
  state.counters["step_us"] = 1e6 * median(step_times);
  state.counters["products_us"] = 1e6 * median(product_times);
  state.counters["x_products"] = median(step_times) / median(product_times);
  state.SetLabel(blas_info().kernel);
}

}  // namespace

int main(int argc, char** argv) {
  for (const Workload& workload : bench::workloads()) {
    for (const int threads : {1, 2}) {
      const std::string name = "step/" + workload.name + "/threads:" + std::to_string(threads);
      benchmark::RegisterBenchmark(name.c_str(), [workload, threads](benchmark::State& state) {
        step_benchmark(state, workload, threads);
      })->Unit(benchmark::kMicrosecond);
    }
  }
  benchmark::AddCustomContext("blas", to_string(blas_info()));
  benchmark::Initialize(&argc, argv);
  if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 1;
  benchmark::RunSpecifiedBenchmarks();
  return 0;
}
