// A chain of a million nodes: forward, backward and freed, on a thread with a stack of 256 KiB, as
// under `ulimit -s 256` (tests/autograd/deep_chain.sh runs the whole program so).

#include <pthread.h>

#include "catch.h"
#include "glissade/autograd/grad.h"
#include "glissade/autograd/variable.h"

using namespace glissade;

namespace {

struct Result {
  double value = 0.0;
  double gradient = 0.0;
};

void* chain(void* argument) {
  auto& result = *static_cast<Result*>(argument);
  Variable<double> x = parameter(Tensor<double>::scalar(1.0));
  Variable<double> y = x;
  for (int i = 0; i < 1'000'000; ++i) y = y + 1e-6;
  result.value = y.item();
  y.backward({.retain_graph = true});
  result.gradient = x.grad().item();
  Variable<double> unused = x;
  for (int i = 0; i < 1'000'000; ++i) unused = unused * 1.0;  // freed without a backward
  return nullptr;
}

}  // namespace

TEST_CASE("a chain of 1,000,000 nodes goes forward, backward and is freed on a small stack",
          "[deep]") {
  pthread_attr_t attributes;
  REQUIRE(pthread_attr_init(&attributes) == 0);
  REQUIRE(pthread_attr_setstacksize(&attributes, std::size_t{256} * 1024) == 0);
  Result result;
  pthread_t thread{};
  REQUIRE(pthread_create(&thread, &attributes, chain, &result) == 0);
  pthread_join(thread, nullptr);
  pthread_attr_destroy(&attributes);
  CHECK(result.value == Approx(2.0));
  CHECK(result.gradient == 1.0);
}

TEST_CASE("y = y * y, 60 times, takes linear time, to any order", "[deep]") {
  // y = y * y, 60 times: 2^60 paths from the end to the beginning, and 60 nodes.
  const Variable<double> x = parameter(Tensor<double>::scalar(1.0));
  Variable<double> y = x;
  for (int i = 0; i < 60; ++i) y = y * y;
  y.backward({.retain_graph = true});
  CHECK(x.grad().item() == 0x1p60);
  CHECK(grad(y, {x}, {.create_graph = true})[0].item() == 0x1p60);
}
