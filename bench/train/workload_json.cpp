#include <nlohmann/json.hpp>
#include <stdexcept>
#include <utility>

#include "workloads.h"

namespace glissade::bench {

using Json = nlohmann::ordered_json;

NLOHMANN_JSON_SERIALIZE_ENUM(Workload::Activation, {{Workload::Activation::relu, "relu"},
                                                    {Workload::Activation::tanh, "tanh"}})
NLOHMANN_JSON_SERIALIZE_ENUM(Workload::Loss, {{Workload::Loss::cross_entropy, "cross_entropy"},
                                              {Workload::Loss::mse, "mse"}})
NLOHMANN_JSON_SERIALIZE_ENUM(Workload::Optimizer, {{Workload::Optimizer::sgd, "sgd"},
                                                   {Workload::Optimizer::momentum, "momentum"},
                                                   {Workload::Optimizer::adam, "adam"}})

std::string to_json(const Workload& workload) {
  return Json{{"name", workload.name},   {"sizes", workload.sizes},
              {"batch", workload.batch}, {"activation", workload.activation},
              {"loss", workload.loss},   {"optimizer", workload.optimizer},
              {"lr", workload.lr()},     {"momentum", workload.momentum()}}
      .dump();
}

Workload workload_from_json(const std::string& text) {
  try {
    const Json json = Json::parse(text);
    Workload workload;
    json.at("name").get_to(workload.name);
    json.at("sizes").get_to(workload.sizes);
    json.at("batch").get_to(workload.batch);
    json.at("activation").get_to(workload.activation);
    json.at("loss").get_to(workload.loss);
    json.at("optimizer").get_to(workload.optimizer);
    // An unknown name is read as the first one.
    for (const auto& [key, value] : {std::pair("activation", Json(workload.activation)),
                                     std::pair("loss", Json(workload.loss)),
                                     std::pair("optimizer", Json(workload.optimizer))}) {
      if (json.at(key) != value) {
        throw std::invalid_argument(std::string("workload: unknown ") + key + " " +
                                    json.at(key).dump());
      }
    }
    if (workload.sizes.size() < 2) throw std::invalid_argument("workload: fewer than two sizes");
    return workload;
  } catch (const Json::exception& error) {
    throw std::invalid_argument(std::string("workload: ") + error.what());
  }
}

}  // namespace glissade::bench
