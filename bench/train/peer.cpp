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

using Json = nlohmann::ordered_json;
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
Json train(Trained& trained, double seconds) {
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

// The program's networks, made when they are first asked for.
class Server {
 public:
  explicit Server(const Peer& peer) : peer_(&peer) {}

  Json answer(const Json& request) {
    if (!ready_) peer_->set_threads(request.at("threads").get<int>());
    ready_ = true;
    Json result = request.contains("fashion") ? epoch(request.at("fashion")) : steps(request);
    result["peak_bytes"] = peak_bytes();
    result["about"] = peer_->about;
    return result;
  }

 private:
  Json steps(const Json& request) {
    const Workload workload = workload_from_json(request.at("workload").dump());
    auto found = networks_.find(workload.name);
    if (found == networks_.end()) {
      found = networks_.emplace(workload.name, start(*peer_, workload)).first;
    }
    Trained& network = found->second;
    const double seconds = request.at("seconds").get<double>();
    Json result = seconds > 0.0 ? train(network, seconds) : Json::object();
    result["first_loss"] = network.first_loss;
    result["loss"] = network.trainer->loss();
    return result;
  }

  Json epoch(const Json& task) {
    if (!peer_->make_epochs) throw std::invalid_argument("this program has no epochs");
    if (!epochs_) {
      epochs_ = peer_->make_epochs(
          {task.at("folder").get<std::string>(), task.at("sizes").get<std::vector<std::int64_t>>(),
           task.at("batch").get<std::int64_t>(), task.at("lr").get<double>()});
    }
    const auto begin = Clock::now();
    epochs_->run();
    const double seconds = seconds_since(begin);
    return {{"seconds", seconds}, {"accuracy", epochs_->accuracy()}};
  }

  const Peer* peer_;
  bool ready_ = false;
  std::map<std::string, Trained> networks_;
  std::unique_ptr<Epochs> epochs_;
};

}  // namespace

int serve(const Peer& peer) {
  Server server(peer);
  for (std::string line; std::getline(std::cin, line);) {
    Json answer;
    try {
      answer = server.answer(Json::parse(line));
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
