#include "peer.h"

#include <algorithm>
#include <chrono>
#include <fstream>
#include <iostream>
#include <map>
#include <nlohmann/json.hpp>
#include <stdexcept>
#include <vector>

namespace glissade::bench {
namespace {

using Clock = std::chrono::steady_clock;
constexpr double kTurn = 2e-3;

double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

// Not of getrusage: that begins with what the parent had.
std::int64_t peak_bytes() {
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);) {
    if (line.starts_with("VmHWM:")) return 1024 * std::stoll(line.substr(6));
  }
  return 0;
}

// A network and how often it was trained.
struct Trained {
  std::unique_ptr<Trainer> trainer;
  double first_loss = 0.0;
  int repetitions = 1;  // as many as fill a turn
};

Trained start(const Peer& peer, const Workload& workload) {
  Trained trained{peer.make(Problem(workload))};
  trained.trainer->step();
  trained.first_loss = trained.trainer->loss();
  return trained;
}

// Turns of steps until the time is over; the first step finds the caches of another program.
nlohmann::ordered_json train(Trained& trained, double seconds) {
  std::vector<double> times;
  const auto begin = Clock::now();
  trained.trainer->step();
  std::int64_t steps = 1;
  while (times.empty() || seconds_since(begin) < seconds) {
    const auto turn = Clock::now();
    for (int i = 0; i < trained.repetitions; ++i) trained.trainer->step();
    const double total = seconds_since(turn);
    times.push_back(total / trained.repetitions);
    steps += trained.repetitions;
    if (total < kTurn / 2) trained.repetitions *= 2;
  }
  const auto middle = times.begin() + static_cast<std::ptrdiff_t>(times.size() / 2);
  std::nth_element(times.begin(), middle, times.end());
  return {{"seconds", *middle}, {"steps", steps}};
}

}  // namespace

int serve(const Peer& peer) {
  std::map<std::string, Trained> networks;
  int threads = 0;
  for (std::string line; std::getline(std::cin, line);) {
    nlohmann::ordered_json answer;
    try {
      const auto request = nlohmann::ordered_json::parse(line);
      const Workload workload = workload_from_json(request.at("workload").dump());
      if (threads == 0) {
        threads = request.at("threads").get<int>();
        peer.set_threads(threads);
      }
      auto found = networks.find(workload.name);
      const bool is_new = found == networks.end();
      if (is_new) found = networks.emplace(workload.name, start(peer, workload)).first;
      const double seconds = request.at("seconds").get<double>();
      if (seconds > 0.0) answer = train(found->second, seconds);
      answer["first_loss"] = found->second.first_loss;
      answer["loss"] = found->second.trainer->loss();
      answer["peak_bytes"] = peak_bytes();
      answer["about"] = peer.about;
    } catch (const std::invalid_argument& error) {
      answer = {{"unsupported", error.what()}};
    } catch (const std::exception& error) {
      std::cerr << error.what() << '\n';
      return 1;
    }
    std::cout << answer.dump() << std::endl;
  }
  return 0;
}

}  // namespace glissade::bench
