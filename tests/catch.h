// Catch2, version 2 (Debian 12) or 3, with the same names: Approx, Contains, StartsWith, EndsWith.
#pragma once

#include <string>

#if __has_include(<catch2/catch_test_macros.hpp>)
#include <catch2/catch_approx.hpp>
#include <catch2/catch_template_test_macros.hpp>
#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators_all.hpp>
#include <catch2/matchers/catch_matchers_all.hpp>

using Approx = Catch::Approx;
inline auto Contains(const std::string& text) { return Catch::Matchers::ContainsSubstring(text); }
#else
#include <catch2/catch.hpp>

using Approx = Catch::Detail::Approx;
inline auto Contains(const std::string& text) { return Catch::Matchers::Contains(text); }
#endif

using Catch::Matchers::EndsWith;
using Catch::Matchers::StartsWith;
