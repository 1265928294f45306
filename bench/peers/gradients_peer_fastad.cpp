// FastAD (Yang, https://github.com/JamesYang007/FastAD), whose graphs are types that the compiler
// sees, on those problems of bench_gradients that it can express: it builds no matrix of
// components, which the Gaussian mixture needs.
//
// Each expression is made and bound to its buffers once, outside the time. Matrices are stored by
// columns, so that a weight (out, in) of bench_gradients is a matrix (in, out) here.

#include <fastad>
#include <functional>
#include <utility>
#include <vector>

#include "gradients/peer.h"

namespace {

using namespace glissade;
using namespace glissade::bench;
using Matrix = Eigen::MatrixXd;
using Vector = Eigen::VectorXd;
using VectorView = ad::VarView<double, ad::vec>;
using MatrixView = ad::VarView<double, ad::mat>;

Vector vector_of(const Tensor<double>& x) { return Eigen::Map<const Vector>(x.data(), x.size()); }

// A row-major (rows, columns) tensor as a matrix of the same shape.
Matrix matrix_of(const Tensor<double>& x) {
  return Eigen::Map<const Matrix>(x.data(), x.dim(1), x.dim(0)).transpose();
}

// The parameters, their adjoints, and the bound expression behind a callable.
class FastAdPeer final : public Peer {
 public:
  explicit FastAdPeer(const Definition& definition)
      : values_(vector_of(point(definition))), adjoints_(Vector::Zero(values_.size())) {}

  template <class Expression>
  void bind(const Expression& expression) {
    run_ = [bound = std::make_shared<decltype(ad::bind(expression))>(ad::bind(expression))] {
      return ad::autodiff(*bound);
    };
  }

  double run() override {
    adjoints_.setZero();
    for (auto& placeholder : vectors_) placeholder->reset_adj();
    for (auto& placeholder : matrices_) placeholder->reset_adj();
    return run_();
  }
  const double* gradient() const override { return adjoints_.data(); }

  VectorView vector(Index offset, Index size) {
    return VectorView(values_.data() + offset, adjoints_.data() + offset,
                      static_cast<std::size_t>(size));
  }
  MatrixView matrix(Index offset, Index rows, Index columns) {
    return MatrixView(values_.data() + offset, adjoints_.data() + offset,
                      static_cast<std::size_t>(rows), static_cast<std::size_t>(columns));
  }
  // For intermediate values that are used more than once.
  ad::Var<double, ad::vec>& vector_placeholder(Index size) {
    vectors_.push_back(std::make_shared<ad::Var<double, ad::vec>>(static_cast<std::size_t>(size)));
    return *vectors_.back();
  }
  ad::Var<double, ad::mat>& placeholder(Index rows, Index columns) {
    matrices_.push_back(std::make_shared<ad::Var<double, ad::mat>>(
        static_cast<std::size_t>(rows), static_cast<std::size_t>(columns)));
    return *matrices_.back();
  }

 private:
  Vector values_;
  Vector adjoints_;
  std::vector<std::shared_ptr<ad::Var<double, ad::vec>>> vectors_;
  std::vector<std::shared_ptr<ad::Var<double, ad::mat>>> matrices_;
  std::function<double()> run_;
};

void express(FastAdPeer& peer, const Quadratic& problem) {
  const VectorView x = peer.vector(0, problem.b.size());
  const auto a = ad::constant(matrix_of(problem.a));
  const auto b = ad::constant(vector_of(problem.b));
  peer.bind(ad::sum(x * (0.5 * ad::dot(a, x) - b)));
}

void express(FastAdPeer& peer, const Rosenbrock& problem) {
  const Index n = problem.point.size();
  const VectorView head = peer.vector(0, n - 1);
  const VectorView tail = peer.vector(1, n - 1);
  peer.bind(ad::sum(100.0 * ad::pow<2>(tail - ad::pow<2>(head)) + ad::pow<2>(1.0 - head)));
}

void express(FastAdPeer& peer, const Regression& problem) {
  const VectorView w = peer.vector(0, problem.point.size());
  const auto x = ad::constant(matrix_of(problem.x));
  const auto y = ad::constant(vector_of(problem.y));
  const double scale = 1.0 / static_cast<double>(problem.y.size());
  if (problem.kind == Regression::Kind::linear) {
    peer.bind(scale * ad::norm(ad::dot(x, w) - y));
  } else {
    auto& z = peer.vector_placeholder(problem.y.size());
    peer.bind((z = ad::dot(x, w), scale * ad::sum(ad::log(1.0 + ad::exp(z)) - y * z)));
  }
}

// X W + 1 b: rows of the batch, and the bias for each of them.
template <class X>
auto dense(FastAdPeer& peer, const X& x, Index batch, Index& offset, Index from, Index to) {
  const MatrixView weight = peer.matrix(offset, from, to);
  const MatrixView bias = peer.matrix(offset + from * to, 1, to);
  offset += (from + 1) * to;
  return ad::dot(x, weight) + ad::dot(ad::constant(Matrix(Matrix::Ones(batch, 1))), bias);
}

void express(FastAdPeer& peer, const Perceptron& problem) {
  const auto& sizes = problem.sizes;
  const Index batch = problem.batch;
  const double scale = 1.0 / static_cast<double>(batch);
  const auto x = ad::constant(matrix_of(problem.x));
  Index offset = 0;
  if (problem.classifies()) {
    auto& z = peer.placeholder(batch, sizes[1]);
    auto& logits = peer.placeholder(batch, sizes[2]);
    Matrix one_hot = Matrix::Zero(batch, sizes[2]);
    for (Index row = 0; row < batch; ++row) one_hot(row, problem.labels[row]) = 1.0;
    const auto ones = ad::constant(Matrix(Matrix::Ones(sizes[2], 1)));
    const auto first = dense(peer, x, batch, offset, sizes[0], sizes[1]);
    const auto hidden = 0.5 * (z + ad::sqrt(z * z));  // ReLU, which FastAD has not
    const auto second = dense(peer, hidden, batch, offset, sizes[1], sizes[2]);
    peer.bind((z = first, logits = second,
               scale * (ad::sum(ad::log(ad::dot(ad::exp(logits), ones))) -
                        ad::sum(logits * ad::constant(one_hot)))));
  } else {
    const auto first = ad::tanh(dense(peer, x, batch, offset, sizes[0], sizes[1]));
    const auto second = ad::tanh(dense(peer, first, batch, offset, sizes[1], sizes[2]));
    const auto out = dense(peer, second, batch, offset, sizes[2], sizes[3]);
    peer.bind(scale * ad::norm(out - ad::constant(matrix_of(problem.y))));
  }
}

void express(FastAdPeer&, const GaussianMixture&) { fail("FastAD: no Gaussian mixture"); }

}  // namespace

int main(int argc, char** argv) {
  for (const std::string& problem : problem_names()) {
    if (problem == "gmm") continue;
    add_peer("fastad", problem, [](const Definition& definition) {
      auto peer = std::make_shared<FastAdPeer>(definition);
      std::visit([&](const auto& p) { express(*peer, p); }, definition);
      return peer;
    });
  }
  return run_benchmarks(argc, argv, GLISSADE_BENCH_PEER_FLAGS);
}
