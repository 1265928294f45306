// Every loss, with its gradients, against PyTorch.
#include <functional>
#include <string>
#include <vector>

#include "catch.h"
#include "glissade/nn/loss.h"
#include "support/reference.h"

using namespace glissade;

namespace {

template <class T>
using Loss = std::function<Variable<T>(const Variable<T>& input, const std::string& key,
                                       nn::Reduction reduction)>;

template <class T>
Tensor<T> optional(const std::string& key) {
  return has_reference(key) ? reference<T>(key) : Tensor<T>();
}

// Both ways to compute gradients: rules in place, and rules that can be differentiated again.
template <class T>
Tensor<T> gradient(const Variable<T>& out, const Variable<T>& input, const Tensor<T>& cotangent,
                   bool create_graph) {
  Variable<T> leaf = input;
  leaf.zero_grad();
  out.backward(Variable<T>(cotangent), {.retain_graph = true, .create_graph = create_graph});
  Tensor<T> result = leaf.grad().value();
  leaf.zero_grad();
  return result;
}

template <class T>
void compare(const std::string& group, const Loss<T>& loss) {
  const std::vector<std::pair<std::string, nn::Reduction>> reductions = {
      {"mean", nn::Reduction::mean}, {"sum", nn::Reduction::sum}, {"none", nn::Reduction::none}};
  for (const auto& [name, reduction] : reductions) {
    const std::string key = group + "/" + name;
    INFO(key);
    const Variable<T> input(reference<T>(key + "/input"), true);
    const Variable<T> out = loss(input, key, reduction);
    CHECK(relative_error(out.value(), reference<T>(key + "/out")) < kTolerance<T>);
    const auto ones = Tensor<T>::full(out.shape(), T{1});
    for (const bool create_graph : {false, true}) {
      INFO("create_graph " << create_graph);
      CHECK(relative_error(gradient(out, input, ones, create_graph), reference<T>(key + "/grad")) <
            kTolerance<T>);
      if (!has_reference(key + "/cotangent")) continue;
      CHECK(relative_error(gradient(out, input, reference<T>(key + "/cotangent"), create_graph),
                           reference<T>(key + "/cotangent_grad")) < kTolerance<T>);
    }
  }
}

// Losses whose targets may need a gradient too.
template <class T>
void compare_target_gradients(const std::string& group, const Loss<T>& loss_of_target) {
  const std::string key = group + "/mean";
  INFO(key);
  const Variable<T> target(reference<T>(key + "/target"), true);
  const Variable<T> out = loss_of_target(target, key, nn::Reduction::mean);
  const auto one = Tensor<T>::full(out.shape(), T{1});
  for (const bool create_graph : {false, true}) {
    CHECK(relative_error(gradient(out, target, one, create_graph),
                         reference<T>(key + "/grad_target")) < kTolerance<T>);
  }
}

template <class T>
void compare_cross_entropy(const std::string& group, double smoothing, std::int32_t ignore_index) {
  compare<T>(group, [=](const Variable<T>& input, const std::string& key, nn::Reduction reduction) {
    return nn::cross_entropy(input, reference<std::int32_t>(key + "/target"),
                             {.weight = optional<T>(key + "/weight"),
                              .label_smoothing = smoothing,
                              .ignore_index = ignore_index,
                              .reduction = reduction});
  });
}

}  // namespace

TEST_CASE("mse_loss, l1_loss and huber_loss agree with PyTorch") {
  const auto mse = [](const auto& input, const auto& target, nn::Reduction reduction) {
    return nn::mse_loss(input, target, {.reduction = reduction});
  };
  compare<double>("losses/mse/plain", [&](const auto& input, const auto& key, auto reduction) {
    return mse(input, reference<double>(key + "/target"), reduction);
  });
  compare<float>("losses_f32/mse/plain", [&](const auto& input, const auto& key, auto reduction) {
    return mse(input, reference<float>(key + "/target"), reduction);
  });
  compare_target_gradients<double>(
      "losses/mse/plain", [&](const auto& target, const auto& key, auto reduction) {
        return mse(Variable<double>(reference<double>(key + "/input")), target, reduction);
      });
  compare<double>("losses/mae/plain", [](const auto& input, const auto& key, auto reduction) {
    return nn::l1_loss(input, reference<double>(key + "/target"), {.reduction = reduction});
  });
  compare_target_gradients<double>(
      "losses/mae/plain", [](const auto& target, const auto& key, auto reduction) {
        return nn::l1_loss(Variable<double>(reference<double>(key + "/input")), target,
                           {.reduction = reduction});
      });
  for (const double delta : {1.0, 0.5}) {
    const std::string group = delta == 1.0 ? "losses/huber/delta1" : "losses/huber/delta0.5";
    compare<double>(group, [=](const auto& input, const auto& key, auto reduction) {
      return nn::huber_loss(input, reference<double>(key + "/target"),
                            {.delta = delta, .reduction = reduction});
    });
    compare_target_gradients<double>(
        group, [=](const auto& target, const auto& key, auto reduction) {
          return nn::huber_loss(Variable<double>(reference<double>(key + "/input")), target,
                                {.delta = delta, .reduction = reduction});
        });
  }
}

TEST_CASE("cross_entropy agrees with PyTorch, with all combinations of its options") {
  const std::string name = "losses/cross_entropy/";
  compare_cross_entropy<double>(name + "plain", 0.0, -100);
  compare_cross_entropy<double>(name + "extreme", 0.0, -100);
  compare_cross_entropy<double>(name + "smoothing", 0.1, -100);
  compare_cross_entropy<double>(name + "weight", 0.0, -100);
  compare_cross_entropy<double>(name + "ignore", 0.0, -100);
  compare_cross_entropy<double>(name + "ignore_class", 0.0, 2);
  compare_cross_entropy<double>(name + "smoothing_weight", 0.1, -100);
  compare_cross_entropy<double>(name + "smoothing_ignore", 0.1, -100);
  compare_cross_entropy<double>(name + "weight_ignore", 0.0, -100);
  compare_cross_entropy<double>(name + "all", 0.1, -100);
  compare_cross_entropy<double>(name + "all_class", 0.1, 2);
}

TEST_CASE("cross_entropy in float32 agrees with PyTorch") {
  const std::string name = "losses_f32/cross_entropy/";
  compare_cross_entropy<float>(name + "plain", 0.0, -100);
  compare_cross_entropy<float>(name + "smoothing", 0.1, -100);
  compare_cross_entropy<float>(name + "weight", 0.0, -100);
  compare_cross_entropy<float>(name + "ignore", 0.0, -100);
  compare_cross_entropy<float>(name + "all", 0.1, -100);
  compare_cross_entropy<float>(name + "extreme", 0.0, -100);
}

TEST_CASE("nll_loss agrees with PyTorch") {
  const std::vector<std::pair<std::string, std::int32_t>> cases = {{"plain", -100},
                                                                   {"weight", -100},
                                                                   {"ignore", -100},
                                                                   {"ignore_class", 2},
                                                                   {"weight_ignore", -100}};
  for (const auto& [variant, ignored] : cases) {
    const std::int32_t ignore_index = ignored;
    compare<double>("losses/nll/" + variant,
                    [=](const auto& input, const auto& key, auto reduction) {
                      return nn::nll_loss(input, reference<std::int32_t>(key + "/target"),
                                          {.weight = optional<double>(key + "/weight"),
                                           .ignore_index = ignore_index,
                                           .reduction = reduction});
                    });
  }
}

TEST_CASE("binary_cross_entropy_with_logits agrees with PyTorch") {
  const auto loss = [](const auto& input, const auto& target, const std::string& key,
                       nn::Reduction reduction) {
    return nn::binary_cross_entropy_with_logits(
        input, target,
        {.weight = optional<double>(key + "/weight"),
         .pos_weight = optional<double>(key + "/pos_weight"),
         .reduction = reduction});
  };
  for (const char* variant :
       {"plain", "soft", "weight", "pos_weight", "weight_pos_weight", "extreme"}) {
    const std::string group = std::string("losses/bce_with_logits/") + variant;
    compare<double>(group, [&](const auto& input, const auto& key, auto reduction) {
      return loss(input, Variable<double>(reference<double>(key + "/target")), key, reduction);
    });
    compare_target_gradients<double>(
        group, [&](const auto& target, const auto& key, auto reduction) {
          return loss(Variable<double>(reference<double>(key + "/input")), target, key, reduction);
        });
  }
}
