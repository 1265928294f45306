// check, fail and the contexts that their messages carry.

#include <glissade/core/check.h>

#include <stdexcept>
#include <string>
#include <thread>

#include "catch.h"

using glissade::check;
using glissade::ErrorContext;
using glissade::fail;

namespace {

// A layer that counts how often it was asked for its name.
struct Layer {
  std::string name;
  mutable int asked = 0;

  static std::string describe(const void* object) {
    const auto* layer = static_cast<const Layer*>(object);
    ++layer->asked;
    return layer->name;
  }
};

template <class F>
std::string message_of(const F& f) {
  try {
    f();
  } catch (const std::invalid_argument& error) {
    return error.what();
  }
  return "nothing was thrown";
}

}  // namespace

TEST_CASE("check does nothing when its condition holds") {
  CHECK_NOTHROW(check(true, "never {}", 1));
}

TEST_CASE("check and fail throw invalid_argument with the formatted message") {
  CHECK(message_of([] { check(false, "add: {} and {} differ", 1, "two"); }) ==
        "add: 1 and two differ");
  CHECK(message_of([] { fail("no {:.2f}", 0.5); }) == "no 0.50");
  CHECK(message_of([] { fail("braces {{}}"); }) == "braces {}");
}

TEST_CASE("messages end with the open contexts, outermost first") {
  const Layer outer{"model"};
  const Layer inner{"2: Linear(256, 10)"};
  const auto failing = [] { fail("bad"); };
  CHECK(ErrorContext::path().empty());
  {
    const ErrorContext a(&outer, Layer::describe);
    CHECK(message_of(failing) == "bad (in model)");
    {
      const ErrorContext b(&inner, Layer::describe);
      CHECK(message_of(failing) == "bad (in model > 2: Linear(256, 10))");
      CHECK(ErrorContext::path() == " (in model > 2: Linear(256, 10))");
    }
    CHECK(message_of(failing) == "bad (in model)");
  }
  CHECK(message_of(failing) == "bad");
}

TEST_CASE("a context is asked for its name only when something fails") {
  const Layer layer{"layer"};
  const ErrorContext context(&layer, Layer::describe);
  check(true, "fine");
  CHECK(layer.asked == 0);
  CHECK_THROWS(check(false, "wrong"));
  CHECK(layer.asked == 1);
}

TEST_CASE("a context that an exception leaves is closed") {
  const Layer layer{"layer"};
  CHECK(message_of([&] {
          const ErrorContext context(&layer, Layer::describe);
          fail("first");
        }) == "first (in layer)");
  CHECK(message_of([] { fail("second"); }) == "second");
}

TEST_CASE("each thread has its own contexts", "[threads]") {
  const Layer mine{"mine"};
  const Layer theirs{"theirs"};
  const ErrorContext context(&mine, Layer::describe);
  std::string other;
  std::thread([&] {
    const ErrorContext inside(&theirs, Layer::describe);
    other = message_of([] { fail("bad"); });
  }).join();
  CHECK(other == "bad (in theirs)");
  CHECK(message_of([] { fail("bad"); }) == "bad (in mine)");
}
