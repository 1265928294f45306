// The workloads by dlib, whose networks are types: widths are known when it runs, depths when it is
// compiled, and those are two and twenty hidden layers.

#include <dlib/dnn.h>
#include <dlib/revision.h>

#include <stdexcept>

#if defined(__SSE2__)
#include <xmmintrin.h>
#endif

#include "train/peer.h"

namespace {

using namespace glissade::bench;

template <class Below>
using ReLULayer = dlib::relu<dlib::fc<1, Below>>;
template <class Below>
using TanhLayer = dlib::htan<dlib::fc<1, Below>>;
using Input = dlib::input<dlib::matrix<float>>;
using Regression = dlib::loss_mean_squared<dlib::fc<1, TanhLayer<TanhLayer<Input>>>>;
using Shallow = dlib::loss_multiclass_log<dlib::fc<1, ReLULayer<ReLULayer<Input>>>>;
// (A repetition cannot stand on the input itself.)
using Deep = dlib::loss_multiclass_log<dlib::fc<1, dlib::repeat<19, ReLULayer, ReLULayer<Input>>>>;

// Calls a function with each dense layer; dlib goes from the output to the input.
template <class Function>
class DenseLayers {
 public:
  explicit DenseLayers(Function& function) : function_(&function) {}

  template <unsigned long outputs, dlib::fc_bias_mode mode>
  void operator()(dlib::fc_<outputs, mode>& layer) {
    (*function_)(layer);
  }
  template <class Other>
  void operator()(Other& /*no dense layer*/) {}

 private:
  Function* function_;
};

template <class Net, class Function>
void for_each_dense(Net& net, Function function) {
  dlib::visit_computational_layers(net, DenseLayers<Function>(function));
}

// The weight (out, in) and the bias become one matrix (in + 1, out).
void copy_parameters(const Problem& problem, std::size_t layer, float* to) {
  const auto in = static_cast<std::size_t>(problem.workload.sizes[layer]);
  const auto out = static_cast<std::size_t>(problem.workload.sizes[layer + 1]);
  const float* const weight = problem.parameters.data() + problem.weight_at(layer);
  const float* const bias = problem.parameters.data() + problem.bias_at(layer);
  for (std::size_t i = 0; i < out; ++i) {
    for (std::size_t j = 0; j < in; ++j) to[j * out + i] = weight[i * in + j];
    to[in * out + i] = bias[i];
  }
}

template <class Net, class Solver>
class DlibTrainer final : public Trainer {
 public:
  DlibTrainer(const Problem& problem, const Solver& solver)
      : lr_(problem.workload.lr()), solvers_(Net::num_computational_layers, solver) {
    const auto& sizes = problem.workload.sizes;
    std::size_t layer = sizes.size();
    for_each_dense(net_,
                   [&](auto& dense) { dense.set_num_outputs(static_cast<long>(sizes[--layer])); });
    std::vector<dlib::matrix<float>> inputs;
    const float* next = problem.inputs.data();
    for (std::int64_t i = 0; i < problem.workload.batch; ++i) {
      inputs.emplace_back(static_cast<long>(sizes.front()), 1L);
      for (float& value : inputs.back()) value = *next++;
    }
    net_.to_tensor(inputs.begin(), inputs.end(), inputs_);
    for (const auto label : problem.labels) {
      labels_.push_back(static_cast<typename Net::training_label_type>(label));
    }
    for (const float target : problem.targets) {
      labels_.push_back(static_cast<typename Net::training_label_type>(target));
    }
    net_.forward(inputs_);  // makes the parameters
    layer = problem.workload.layers();
    for_each_dense(net_, [&](auto& dense) {
      copy_parameters(problem, --layer, dense.get_layer_params().host());
    });
  }

  void step() override {
    loss_ = net_.compute_parameter_gradients(inputs_, labels_.begin());
    net_.update_parameters(solvers_, lr_);
  }
  double loss() override { return loss_; }

 private:
  Net net_;
  double lr_;
  std::vector<Solver> solvers_;
  dlib::resizable_tensor inputs_;
  std::vector<typename Net::training_label_type> labels_;
  double loss_ = 0.0;
};

template <class Net>
std::unique_ptr<Trainer> trainer(const Problem& problem) {
  if (problem.workload.optimizer == Workload::Optimizer::adam) {
    return std::make_unique<DlibTrainer<Net, dlib::adam>>(problem, dlib::adam(0.0F, 0.9F, 0.999F));
  }
  const auto momentum = static_cast<float>(problem.workload.momentum());
  return std::make_unique<DlibTrainer<Net, dlib::sgd>>(problem, dlib::sgd(0.0F, momentum));
}

std::unique_ptr<Trainer> make(const Problem& problem) {
  const Workload& workload = problem.workload;
  const std::size_t hidden = workload.layers() - 1;
  const bool relu = workload.activation == Workload::Activation::relu;
  const bool classifies = workload.loss == Workload::Loss::cross_entropy;
  if (hidden == 2 && relu && classifies) return trainer<Shallow>(problem);
  if (hidden == 20 && relu && classifies) return trainer<Deep>(problem);
  if (hidden == 2 && !relu && !classifies && workload.sizes.back() == 1) {
    return trainer<Regression>(problem);
  }
  throw std::invalid_argument("dlib's networks are types; this one was not compiled");
}

}  // namespace

int main() {
  Peer peer;
  peer.about = "dlib " + std::to_string(DLIB_MAJOR_VERSION) + "." +
               std::to_string(DLIB_MINOR_VERSION) + ", its BLAS the system's";
  // Threads are those of its BLAS, set in the environment. Averages of dead units become denormal,
  // and all arithmetic on them slow.
  peer.set_threads = [](int) {
#if defined(__SSE2__)
    _mm_setcsr(_mm_getcsr() | 0x8040);
#endif
  };
  peer.make = make;
  return serve(peer);
}
