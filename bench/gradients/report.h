#pragma once

// What bench_gradients and its peers share: names, counters and the main function.

#include <benchmark/benchmark.h>

#include <functional>
#include <string>

#include "methods.h"

namespace glissade::bench {

/// The problem of this name, made when first asked for and kept: Google Benchmark runs each name
/// several times.
template <class T>
Subject<T>& subject(const std::string& name);

/// A name and what it runs, timed in microseconds.
benchmark::internal::Benchmark* add(const std::string& name,
                                    const std::function<void(benchmark::State&)>& function);

/// A gradient that is checked, and then timed together with the value alone and with the
/// hand-written gradient. `make` is called when the name first runs.
template <class T>
void add_gradient(const std::string& name, const std::string& problem,
                  const std::function<Method(Subject<T>&)>& make);

/// Runs the names that the options of Google Benchmark choose. `flags` are those of the compiler,
/// if other than the library's.
int run_benchmarks(int argc, char** argv, const char* flags = nullptr);

}  // namespace glissade::bench
