// The table of what a model consists of.
#include "glissade/nn/summary.h"

#include <algorithm>
#include <array>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <utility>
#include <vector>

#include "glissade/autograd/grad_mode.h"
#include "walk.h"

namespace glissade::nn {
namespace {

// The last output shape of each module that is called while this lives.
template <class T>
class OutputShapes final : public detail::CallObserver<T> {
 public:
  void returned(const Module<T>& module, const Variable<T>& output) override {
    shapes_[&module] = output.shape();
  }
  std::string of(const Module<T>& module) const {
    const auto found = shapes_.find(&module);
    return found == shapes_.end() ? "-" : to_string(found->second);
  }

 private:
  std::unordered_map<const Module<T>*, Shape> shapes_;
};

// Puts every module into evaluation mode, and at the end back into its own.
template <class T>
class EvaluationMode {
 public:
  explicit EvaluationMode(Module<T>& model) {
    detail::for_each_module(model, [this](const detail::NamePath*, Module<T>& module) {
      was_training_.emplace_back(&module, module.is_training());
    });
    model.eval();
  }
  // A module is there after each module that it is in, so that what is set for those does not stay.
  ~EvaluationMode() {
    for (const auto& [module, was_training] : was_training_) module->train(was_training);
  }
  EvaluationMode(const EvaluationMode&) = delete;
  EvaluationMode& operator=(const EvaluationMode&) = delete;

 private:
  std::vector<std::pair<Module<T>*, bool>> was_training_;
};

// 60000 -> "60,000".
std::string grouped(Index number) {
  std::string digits = std::to_string(number);
  for (auto i = static_cast<Index>(digits.size()) - 3; i > 0; i -= 3) {
    digits.insert(static_cast<std::size_t>(i), 1, ',');
  }
  return digits;
}

std::string memory(Index bytes) {
  if (bytes < 1024) return fmt::format("{} bytes", bytes);
  const auto kib = static_cast<double>(bytes) / 1024.0;
  return kib < 1024.0 ? fmt::format("{:.1f} KiB", kib) : fmt::format("{:.1f} MiB", kib / 1024.0);
}

using Row = std::vector<std::string>;

// Columns wide enough for their entries, the last one aligned to the right.
std::string table(const std::vector<Row>& rows) {
  std::vector<std::size_t> widths(rows.front().size(), 0);
  for (const Row& row : rows) {
    for (std::size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], row[i].size());
  }
  std::size_t width = 2 * (widths.size() - 1);
  for (const std::size_t column : widths) width += column;
  std::string text;
  for (const Row& row : rows) {
    for (std::size_t i = 0; i + 1 < row.size(); ++i) {
      text += fmt::format("{:<{}}  ", row[i], widths[i]);
    }
    text += fmt::format("{:>{}}\n", row.back(), widths.back());
    if (&row == &rows.front()) text += std::string(width, '-') + '\n';
  }
  return text + std::string(width, '-') + '\n';
}

template <class T>
struct Parameters {
  std::string shapes;  // "weight (256, 784), bias (256)"
  Index count = 0;
};

template <class T>
std::string make_summary(const Module<T>& model, const OutputShapes<T>* outputs) {
  // The parameters of each module, a shared one where it comes first.
  std::unordered_map<const Module<T>*, Parameters<T>> own;
  std::unordered_set<const Node<T>*> seen;
  std::vector<std::pair<std::string, const Module<T>*>> modules;
  Index trained = 0;
  std::unordered_map<const detail::NamePath*, const Module<T>*> at;  // those being walked over
  detail::walk(
      model,
      [&](const detail::NamePath& path, const Variable<T>& parameter) {
        if (!seen.insert(parameter.node()).second) return;
        Parameters<T>& parameters = own[at[path.outer]];
        parameters.shapes += fmt::format("{}{} {}", parameters.shapes.empty() ? "" : ", ",
                                         path.name, parameter.shape());
        parameters.count += parameter.size();
        if (parameter.requires_grad()) trained += parameter.size();
      },
      detail::kIgnore,
      [&](const detail::NamePath* path, const Module<T>& module) {
        at[path] = &module;
        if (own.try_emplace(&module).second) {
          modules.emplace_back(path != nullptr ? path->full() : "", &module);
        }
      });

  std::vector<Row> rows{{"Name", "Module"}};
  if (outputs != nullptr) rows.front().push_back("Output");
  rows.front().insert(rows.front().end(), {"Parameters", "Count"});
  Index total = 0;
  for (const auto& [name, module] : modules) {
    Row row{name, module->description()};
    if (outputs != nullptr) row.push_back(outputs->of(*module));
    row.insert(row.end(), {own[module].shapes, grouped(own[module].count)});
    rows.push_back(std::move(row));
    total += own[module].count;
  }
  return table(rows) + fmt::format("{} parameters, {} of them trained; {}\n", grouped(total),
                                   grouped(trained), memory(total * static_cast<Index>(sizeof(T))));
}

}  // namespace

template <class T>
std::string summary(const Module<T>& model) {
  return make_summary<T>(model, nullptr);
}

template <class T>
std::string summary(Module<T>& model, const Shape& input) {
  const EvaluationMode<T> mode(model);
  const NoGradGuard no_grad;
  OutputShapes<T> outputs;
  model(Variable<T>(Tensor<T>(input)));
  return make_summary<T>(model, &outputs);
}

template std::string summary(const Module<float>&);
template std::string summary(const Module<double>&);
template std::string summary(Module<float>&, const Shape&);
template std::string summary(Module<double>&, const Shape&);

}  // namespace glissade::nn
