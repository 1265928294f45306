// Thousands of damaged files, the same ones each time: reading one gives a tensor or an error that
// is a std::runtime_error, never anything else. To be run under the address sanitizer as well.

#include <glissade/core/idx.h>
#include <glissade/core/safetensors.h>

#include <cstdint>
#include <string>
#include <string_view>

#include "catch.h"
#include "core/files.h"

using files::TemporaryFolder;
using glissade::SafetensorsFile;
using glissade::Tensor;

namespace {

// splitmix64, so that every run and every compiler damages alike.
class Dice {
 public:
  explicit Dice(std::uint64_t seed) : state_(seed) {}
  /// From 0 to `sides` - 1.
  std::size_t roll(std::size_t sides) {
    std::uint64_t z = state_ += 0x9e3779b97f4a7c15u;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return static_cast<std::size_t>((z ^ (z >> 31)) % sides);
  }

 private:
  std::uint64_t state_;
};

// One to three changes, most of them in the first `header` bytes: other bytes, other bits, other
// digits, pieces removed, doubled or cut off.
std::string damaged(std::string bytes, std::size_t header, Dice& dice) {
  for (std::size_t changes = 1 + dice.roll(3); changes > 0 && !bytes.empty(); --changes) {
    const std::size_t at =
        dice.roll(dice.roll(4) == 0 ? bytes.size() : std::min(header, bytes.size()));
    const std::size_t length = 1 + dice.roll(8);
    switch (dice.roll(6)) {
      case 0:
        bytes[at] = static_cast<char>(dice.roll(256));
        break;
      case 1:
        bytes[at] = static_cast<char>(bytes[at] ^ (1 << dice.roll(8)));
        break;
      case 2:
        if (const auto digit = bytes.find_first_of("0123456789", at); digit != bytes.npos) {
          bytes[digit] = static_cast<char>('0' + dice.roll(10));
        }
        break;
      case 3:
        bytes.erase(at, length);
        break;
      case 4:
        bytes.insert(at, bytes.substr(dice.roll(bytes.size()), length));
        break;
      default:
        bytes.resize(at);
    }
  }
  return bytes;
}

// What became of the damaged files: a test whose files are all refused by the first check, or all
// accepted, would prove little.
struct Tally {
  int accepted = 0;
  int refused = 0;
};

template <class Action>
void count(Tally& tally, const std::filesystem::path& path, Action action) {
  try {
    action();
    ++tally.accepted;
  } catch (const std::runtime_error& error) {
    ++tally.refused;
    if (!std::string_view(error.what()).starts_with(path.string() + ": ")) FAIL(error.what());
  }
}

}  // namespace

TEST_CASE("damaged files: safetensors") {
  const TemporaryFolder folder;
  const auto path = folder / "x";
  const Tensor<float> weight({2, 3}, {1, 2, 3, 4, 5, 6});
  const Tensor<double> wide({3}, {1, 2, 3});
  const Tensor<std::int32_t> labels({2, 1, 2}, {1, 2, 3, 4});
  glissade::write_safetensors(
      path, {{"0.weight", weight}, {"wide", wide}, {"labels", labels}, {"again", weight}},
      {{"format", "pt"}});
  const std::string good = files::read(path);
  const std::size_t header = good.size() - (24 + 24 + 16 + 24);

  Dice dice(1);
  Tally tally;
  for (int i = 0; i < 6000; ++i) {
    files::write(path, damaged(good, header, dice));
    count(tally, path, [&] {
      const SafetensorsFile file(path);
      for (const std::string& name : file.names()) {
        CHECK(file.get<double>(name).shape() == file.shape(name));
      }
    });
  }
  CHECK(tally.accepted > 150);
  CHECK(tally.refused > 3000);
}

TEST_CASE("damaged files: plain and compressed IDX") {
  const TemporaryFolder folder;
  const auto path = folder / "x";
  std::string plain = files::big_endian(0x00000803, 4) + files::big_endian(5, 4) +
                      files::big_endian(3, 4) + files::big_endian(4, 4);
  const std::size_t header = plain.size();
  for (int i = 0; i < 60; ++i) plain += static_cast<char>(i * 5);
  for (const std::string& good : {plain, files::gzip(plain)}) {
    Dice dice(2);
    Tally tally;
    for (int i = 0; i < 4000; ++i) {
      files::write(path, damaged(good, header, dice));
      count(tally, path, [&] { glissade::read_idx<double>(path); });
    }
    CHECK(tally.accepted > 50);
    CHECK(tally.refused > 2000);
  }
}

TEST_CASE("damaged files: deflate data") {
  const std::filesystem::path labels =
      "/usr/share/datasets/fashion-mnist/t10k-labels-idx1-ubyte.gz";
  const std::string good = files::read(labels);
  const TemporaryFolder folder;
  const auto path = folder / "x";
  Dice dice(3);
  Tally tally;
  for (int i = 0; i < 2000; ++i) {
    files::write(path, damaged(good, good.size(), dice));
    count(tally, path, [&] { glissade::read_idx<float>(path); });
  }
  CHECK(tally.refused > 1900);
}
