// The Glissade side of safetensors_reference.py, which compares with the reference implementation:
//   safetensors_tool write <file>             writes known tensors
//   safetensors_tool copy <from> <to>         reads F32, F64, I32 and I64 tensors and writes them
//   again safetensors_tool dump <float|double|int32> <file>   prints the metadata and every tensor
//   safetensors_tool check <file>...          prints for each file "ok" or the error

#include <fmt/format.h>
#include <glissade/core/safetensors.h>

#include <cstdint>
#include <cstdio>
#include <deque>
#include <exception>
#include <string>
#include <string_view>
#include <vector>

namespace {

using glissade::Index;
using glissade::NamedTensor;
using glissade::SafetensorsFile;
using glissade::Shape;
using glissade::Tensor;
using glissade::write_safetensors;

template <class T>
Tensor<T> counting(const Shape& shape, T step) {
  Tensor<T> tensor(shape);
  for (Index i = 0; i < tensor.size(); ++i) tensor[i] = static_cast<T>(i - 3) * step;
  return tensor;
}

void write(const std::string& path) {
  const auto weight = counting<float>({3, 5}, 0.1f);
  const auto bias = counting<float>({5}, 1e30f);
  const auto odd = counting<std::int32_t>({7}, 300'000'000);
  const auto wide = counting<double>({2, 1, 3}, 0.1);
  const auto scalar = Tensor<float>::scalar(-2.5f);
  const Tensor<double> empty(Shape{0, 3});
  write_safetensors(path,
                    {{"0.weight", weight},
                     {"0.bias", bias},
                     {"odd", odd},
                     {"wide \"quoted\" \xc3\xa9", wide},
                     {"scalar", scalar},
                     {"empty", empty}},
                    {{"format", "pt"}, {"note", "two\nlines"}});
}

void copy(const std::string& from, const std::string& to) {
  const SafetensorsFile file(from);
  std::deque<Tensor<float>> floats;  // a deque, because NamedTensor keeps a reference
  std::deque<Tensor<double>> doubles;
  std::deque<Tensor<std::int32_t>> integers;
  std::deque<Tensor<std::int64_t>> longs;
  std::vector<NamedTensor> named;
  for (const std::string& name : file.names()) {
    if (file.dtype(name) == "F32") {
      named.push_back({name, floats.emplace_back(file.get<float>(name))});
    } else if (file.dtype(name) == "F64") {
      named.push_back({name, doubles.emplace_back(file.get<double>(name))});
    } else if (file.dtype(name) == "I64") {
      named.push_back({name, longs.emplace_back(file.get<std::int64_t>(name))});
    } else {
      named.push_back({name, integers.emplace_back(file.get<std::int32_t>(name))});
    }
  }
  write_safetensors(to, named, file.metadata());
}

// One line for each tensor: name, dtype, extents and exact values, separated by tabs.
template <class T>
void dump(const std::string& path) {
  const SafetensorsFile file(path);
  for (const auto& [key, text] : file.metadata()) fmt::print("metadata\t{}\t{}\n", key, text);
  for (const std::string& name : file.names()) {
    const Tensor<T> tensor = file.get<T>(name);
    std::string values;
    for (const T value : tensor)
      values += fmt::format("{}{:a}", values.empty() ? "" : " ", static_cast<double>(value));
    fmt::print("tensor\t{}\t{}\t{}\t{}\n", name, file.dtype(name),
               fmt::join(tensor.shape().begin(), tensor.shape().end(), " "), values);
  }
}

void check_file(const std::string& path) {
  try {
    const SafetensorsFile file(path);
    fmt::print("ok\n");
  } catch (const std::runtime_error& error) {
    fmt::print("{}\n", error.what());
  }
}

int run(const std::vector<std::string>& arguments) {
  const std::size_t count = arguments.size();
  const std::string command = count > 0 ? arguments[0] : "";
  if (command == "write" && count == 2) {
    write(arguments[1]);
  } else if (command == "copy" && count == 3) {
    copy(arguments[1], arguments[2]);
  } else if (command == "dump" && count == 3 && arguments[1] == "float") {
    dump<float>(arguments[2]);
  } else if (command == "dump" && count == 3 && arguments[1] == "double") {
    dump<double>(arguments[2]);
  } else if (command == "dump" && count == 3 && arguments[1] == "int32") {
    dump<std::int32_t>(arguments[2]);
  } else if (command == "check") {
    for (std::size_t i = 1; i < count; ++i) check_file(arguments[i]);
  } else {
    fmt::print(stderr, "usage: safetensors_tool write|copy|dump|check ..., see its source\n");
    return 2;
  }
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  try {
    return run({argv + 1, argv + argc});
  } catch (const std::exception& error) {
    fmt::print(stderr, "safetensors_tool: {}\n", error.what());
    return 1;
  }
}
