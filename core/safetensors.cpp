#include "glissade/core/safetensors.h"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <new>
#include <nlohmann/json.hpp>
#include <numeric>
#include <span>
#include <unordered_map>
#include <unordered_set>

#include "glissade/core/atomic_file.h"
#include "glissade/core/bounded_reader.h"
#include "numbers_in_files.h"
#include "safetensors_header.h"

namespace glissade {
namespace {

constexpr std::uint64_t kLengthBytes = 8;

// The dtype and the bytes of a tensor that is to be written.
struct Bytes {
  const char* dtype;
  std::size_t width;
  const Shape& shape;
  std::span<const std::byte> data;
};

Bytes bytes_of(const NamedTensor& named) {
  static_assert(std::endian::native == std::endian::little,
                "safetensors files are little-endian; writing them here needs a conversion");
  return std::visit(
      []<class T>(const Tensor<T>* tensor) {
        const char* dtype = std::is_same_v<T, float>          ? "F32"
                            : std::is_same_v<T, double>       ? "F64"
                            : std::is_same_v<T, std::int32_t> ? "I32"
                                                              : "I64";
        return Bytes{dtype, sizeof(T), tensor->shape(), std::as_bytes(tensor->span())};
      },
      named.tensor());
}

void check_names(const std::vector<NamedTensor>& tensors) {
  std::unordered_set<std::string_view> seen;
  for (const NamedTensor& named : tensors) {
    check(named.name() != kMetadataKey, "write_safetensors: a tensor cannot be named {}",
          in_quotes(kMetadataKey));
    check(seen.insert(named.name()).second, "write_safetensors: two tensors are named {}",
          in_quotes(named.name()));
  }
}

// The positions of the tensors, those of wider elements first and otherwise as given: every tensor
// is then aligned to its elements.
std::vector<std::size_t> order_of_data(const std::vector<NamedTensor>& tensors) {
  std::vector<std::size_t> order(tensors.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
    return bytes_of(tensors[a]).width > bytes_of(tensors[b]).width;
  });
  return order;
}

// The header, padded with spaces so that the data begin at a multiple of 8 bytes.
std::string header_text(const std::vector<NamedTensor>& tensors,
                        const std::vector<std::size_t>& order,
                        const std::map<std::string, std::string>& metadata) {
  std::vector<std::pair<std::uint64_t, std::uint64_t>> offsets(tensors.size());
  std::uint64_t position = 0;
  for (const std::size_t i : order) {
    const std::uint64_t end = position + bytes_of(tensors[i]).data.size();
    offsets[i] = {std::exchange(position, end), end};
  }
  nlohmann::ordered_json::object_t header;  // push_back: its own look-up is linear
  if (!metadata.empty()) header.push_back({std::string(kMetadataKey), metadata});
  for (std::size_t i = 0; i < tensors.size(); ++i) {
    const Bytes bytes = bytes_of(tensors[i]);
    nlohmann::ordered_json entry;
    entry["dtype"] = bytes.dtype;
    entry["shape"] = std::vector<Index>(bytes.shape.begin(), bytes.shape.end());
    entry["data_offsets"] = offsets[i];
    header.push_back({tensors[i].name(), std::move(entry)});
  }
  std::string text;
  try {
    text = nlohmann::ordered_json(std::move(header)).dump();
  } catch (const nlohmann::json::type_error&) {  // all that dump complains of
    fail("write_safetensors: the names and the metadata must be valid UTF-8");
  }
  text.append((kLengthBytes - text.size() % kLengthBytes) % kLengthBytes, ' ');
  check(text.size() <= kMaxSafetensorsHeader,
        "write_safetensors: the header takes {} bytes, the format allows {}", text.size(),
        kMaxSafetensorsHeader);
  return text;
}

}  // namespace

// The open file, its header, and where its data begin.
class SafetensorsFile::Contents {
 public:
  explicit Contents(const std::filesystem::path& path) : reader_(path) {
    const auto length = reader_.read_little_endian<std::uint64_t>();
    const std::uint64_t rest = reader_.file_size() - kLengthBytes;
    if (length > kMaxSafetensorsHeader) {
      reader_.fail(
          "not a safetensors file: its first 8 bytes claim a header of {} bytes, more than "
          "the {} that the format allows",
          length, kMaxSafetensorsHeader);
    }
    if (length > rest) {
      reader_.fail("truncated: the header takes {} bytes, the file has {} after its length", length,
                   rest);
    }
    std::string text(length, '\0');
    reader_.read(std::as_writable_bytes(std::span(text.data(), text.size())));
    header_ = parse_safetensors_header(reader_, text, rest - length);
    data_start_ = kLengthBytes + length;
    for (std::size_t i = 0; i < header_.names.size(); ++i) positions_[header_.names[i]] = i;
  }

  const BoundedReader& reader() const { return reader_; }
  const SafetensorsHeader& header() const { return header_; }
  std::uint64_t data_start() const { return data_start_; }
  bool contains(std::string_view name) const { return positions_.contains(name); }

  const SafetensorsEntry& entry(std::string_view name) const {
    const auto found = positions_.find(name);
    if (found == positions_.end()) {
      reader_.fail("there is no tensor {} in it; it has {}", in_quotes(name), some_names());
    }
    return header_.entries[found->second];
  }

 private:
  // The names for an error message, or the first ten of them.
  std::string some_names() const {
    constexpr std::size_t kMost = 10;
    if (header_.names.empty()) return "none";
    std::string list;
    for (std::size_t i = 0; i < std::min(kMost, header_.names.size()); ++i) {
      list += (i == 0 ? "" : ", ") + in_quotes(header_.names[i]);
    }
    if (header_.names.size() > kMost) {
      list += fmt::format(" and {} more", header_.names.size() - kMost);
    }
    return list;
  }

  BoundedReader reader_;
  SafetensorsHeader header_;
  std::uint64_t data_start_ = 0;
  std::unordered_map<std::string_view, std::size_t> positions_;  // views into header_.names
};

SafetensorsFile::SafetensorsFile(const std::filesystem::path& path)
    : contents_(std::make_unique<Contents>(path)) {}
SafetensorsFile::~SafetensorsFile() = default;
SafetensorsFile::SafetensorsFile(SafetensorsFile&&) noexcept = default;
SafetensorsFile& SafetensorsFile::operator=(SafetensorsFile&&) noexcept = default;

const std::vector<std::string>& SafetensorsFile::names() const { return contents_->header().names; }
bool SafetensorsFile::contains(std::string_view name) const { return contents_->contains(name); }
std::string_view SafetensorsFile::dtype(std::string_view name) const {
  return contents_->entry(name).type->name;
}
const Shape& SafetensorsFile::shape(std::string_view name) const {
  return contents_->entry(name).shape;
}
const std::map<std::string, std::string>& SafetensorsFile::metadata() const {
  return contents_->header().metadata;
}

template <class T>
Tensor<T> SafetensorsFile::get(std::string_view name) const {
  const SafetensorsEntry& entry = contents_->entry(name);
  const BoundedReader& reader = contents_->reader();
  if (!entry.type->format) {
    reader.fail("{} is of the dtype {}, which Glissade does not read", in_quotes(name),
                entry.type->name);
  }
  Tensor<T> tensor;
  try {
    tensor.resize(entry.shape);
  } catch (const std::bad_alloc&) {
    reader.fail("there is not enough memory for {} of shape {}", in_quotes(name), entry.shape);
  }
  std::uint64_t position = contents_->data_start() + entry.begin;
  const std::string what = fmt::format("{}: {}", reader.path().string(), in_quotes(name));
  decode_numbers<T>(
      *entry.type->format, {.order = std::endian::little, .scale = 1, .what = what},
      [&](std::span<std::byte> out) {
        reader.read_at(position, out);
        position += out.size();
      },
      tensor.span());
  return tensor;
}

template Tensor<float> SafetensorsFile::get(std::string_view) const;
template Tensor<double> SafetensorsFile::get(std::string_view) const;
template Tensor<std::int32_t> SafetensorsFile::get(std::string_view) const;
template Tensor<std::int64_t> SafetensorsFile::get(std::string_view) const;

void write_safetensors(const std::filesystem::path& path, const std::vector<NamedTensor>& tensors,
                       const std::map<std::string, std::string>& metadata) {
  check_names(tensors);
  const std::vector<std::size_t> order = order_of_data(tensors);
  const std::string header = header_text(tensors, order, metadata);
  AtomicFile file(path);
  const std::uint64_t length = header.size();
  file.write(std::as_bytes(std::span(&length, 1)));
  file.write(header);
  for (const std::size_t i : order) file.write(bytes_of(tensors[i]).data);
  file.commit();
}

}  // namespace glissade
