/// Files of the public Python reference of Rozet & Louppe (2023): `state.pth` with its `config.json`, and trajectories.
#include "sda/data/import/reference.hpp"

#include <fmt/format.h>

#include <cmath>
#include <fstream>
#include <nlohmann/json.hpp>
#include <numbers>

#include "data/formats/netcdf_file.hpp"
#include "data/formats/reading.hpp"
#include "data/formats/torch_archive.hpp"

namespace sda {

using namespace io;

namespace {

using Json = nlohmann::json;

/// What the reference's wrapper around the network was.
struct Wrapper {
  std::string prefix;
  bool global = false;
};

Wrapper find_wrapper(const std::vector<ArchivedTensor>& state, const std::string& path) {
  const std::string& first = state.front().name;
  if (first.starts_with("kernel.")) return {"kernel.", false};
  if (first.starts_with("score.")) return {"score.", true};
  throw FileError({.what = "not a network of the reference",
                   .where = path,
                   .found = "parameter " + first,
                   .expected = "names that begin with kernel. (local) or score. (global)"});
}

Json read_json(const std::string& path) {
  std::ifstream file(path);
  if (!file) throw FileError({.what = "no such file, or it cannot be read", .where = path, .hint = "check the path"});
  Json json = Json::parse(file, nullptr, /*allow_exceptions=*/false);
  if (!json.is_object()) throw FileError({.what = "not a JSON object", .where = path});
  return json;
}

/// Typed values of config.json.
class ReferenceConfig {
 public:
  explicit ReferenceConfig(const std::string& path) : path_(path), json_(read_json(path)) {}

  bool has(const std::string& key) const { return json_.contains(key); }
  std::int64_t integer(const std::string& key) const { return natural(at(key), key); }
  std::int64_t integer(const std::string& key, std::int64_t fallback) const {
    return has(key) ? integer(key) : fallback;
  }
  std::string text(const std::string& key) const {
    if (!at(key).is_string()) refuse(key, "text in quotes");
    return at(key).get<std::string>();
  }
  std::vector<std::int64_t> integers(const std::string& key) const {
    if (!at(key).is_array() || at(key).empty()) refuse(key, "a list of integers > 0");
    std::vector<std::int64_t> values;
    for (const auto& value : at(key)) values.push_back(natural(value, key));
    return values;
  }
  [[noreturn]] void refuse(const std::string& key, const std::string& expected) const {
    throw FileError(
        {.what = "bad value", .where = path_ + ": " + key, .found = json_[key].dump(), .expected = expected});
  }
  const std::string& path() const { return path_; }

 private:
  const Json& at(const std::string& key) const {
    if (!has(key)) throw FileError({.what = "key " + key + " is missing", .where = path_});
    return json_.at(key);
  }
  std::int64_t natural(const Json& value, const std::string& key) const {
    if (!value.is_number_integer() || value.get<std::int64_t>() < 1) refuse(key, "an integer > 0");
    return value.get<std::int64_t>();
  }

  std::string path_;
  Json json_;
};

/// The reference trains its global networks on windows of 32 states and does not say so in config.json.
constexpr std::int64_t reference_global_window = 32;

NetworkParameters read_network_parameters(const ReferenceConfig& config, const Wrapper& wrapper) {
  NetworkParameters parameters;
  parameters.global = wrapper.global;
  parameters.embedding = config.integer("embedding");
  const std::string activation = config.text("activation");
  if (const auto known = choice_of<Activation>(activation))
    parameters.activation = *known;
  else
    config.refuse("activation", fmt::format("one of {}", fmt::join(names_of<Activation>(), ", ")));
  if (wrapper.global) {
    parameters.window = config.integer("window", reference_global_window);
  } else {
    const std::int64_t window = config.integer("window");
    if (window % 2 == 0 || window < 3) config.refuse("window", "an odd number of states, at least 3");
    parameters.order = window / 2;
  }
  if (config.has("hidden_channels")) {
    parameters.kind = NetworkKind::unet;
    parameters.channels = config.integers("hidden_channels");
    parameters.blocks = config.integers("hidden_blocks");
    parameters.kernel_size = config.integer("kernel_size", 3);
    parameters.padding =
        wrapper.global ? Padding::zeros : Padding::circular;  // time ends, the reference's space does not
  } else {
    parameters.kind = NetworkKind::residual_mlp;
    parameters.width = config.integer("width");
    parameters.depth = config.integer("depth");
  }
  return parameters;
}

/// The embedding's frequencies π j are constants of ours; others would be another network.
void require_known_frequencies(const Tensor& frequencies, const std::string& path) {
  const Tensor expected = at::arange(1, 17, at::kDouble) * std::numbers::pi;
  if (frequencies.sizes() == expected.sizes() && at::allclose(frequencies.to(at::kDouble), expected, 1e-6)) return;
  throw FileError({.what = "the time embedding has other frequencies",
                   .where = path + ": embedding.freqs",
                   .expected = "π j, j = 1 … 16"});
}

/// Says in the words of config.json what Network::load would say in those of the parameters.
void require_agreement(const NetworkParameters& parameters, const std::vector<NamedTensor>& weights,
                       const ReferenceConfig& config) {
  const auto require = [&](const std::string& key, const std::string& name, std::int64_t axis, std::int64_t expected) {
    for (const auto& weight : weights) {
      if (weight.name != name || weight.value.dim() <= axis || weight.value.size(axis) == expected) continue;
      throw FileError({.what = "does not agree with the weights",
                       .where = config.path() + ": " + key,
                       .found = fmt::format("{}, but {} has {}", expected, name, to_string(weight.value.sizes())),
                       .expected = fmt::format("{}", weight.value.size(axis))});
    }
  };
  require("embedding", "embedding.2.weight", 0, parameters.embedding);
  if (parameters.kind == NetworkKind::residual_mlp) {
    require("width", "network.0.weight", 0, parameters.width);
  } else {
    require("hidden_channels", "network.heads.0.weight", 0, parameters.channels.front());
    require("kernel_size", "network.heads.0.weight", 2, parameters.kernel_size);
  }
}

}  // namespace

Prior import_reference_model(const std::string& state_path, const std::string& config_path, const StateLayout& layout,
                             const Normalisation& normalisation) {
  const auto state = read_state_dict(state_path);
  const Wrapper wrapper = find_wrapper(state, state_path);
  const ReferenceConfig config(config_path);

  Prior prior;
  prior.network_parameters = read_network_parameters(config, wrapper);
  prior.layout = layout;
  prior.normalisation = normalisation;
  std::vector<NamedTensor> weights;
  for (const auto& [name, value] : state) {
    const std::string bare = name.starts_with(wrapper.prefix) ? name.substr(wrapper.prefix.size()) : name;
    if (bare == "embedding.freqs") {
      require_known_frequencies(value, state_path);
    } else if (bare == "forcing") {
      prior.context = value;
    } else {
      weights.push_back({bare, value});
    }
  }
  require_agreement(prior.network_parameters, weights, config);
  return reading_file(state_path, [&] {
    prior.network = make_network(prior.network_parameters, layout.event, 0, prior.context);
    prior.network->load(weights, state_path + " with " + config_path);
    return prior;
  });
}

Trajectories import_reference_trajectories(const std::string& path, const StateLayout& layout,
                                           const Normalisation& normalisation) {
  return reading_file(path, [&] {
    const NetcdfReader reader(path);
    const ReadableGroup file = reader.root();
    const Shape shape = file.shape("x");
    const Shape event(shape.begin() + std::min<std::ptrdiff_t>(2, std::ssize(shape)), shape.end());
    if (shape.size() < 2 || event != layout.event) {
      throw FileError({.what = "trajectories of another shape",
                       .where = file.where("x"),
                       .found = to_string(shape),
                       .expected = "trajectories × states × " + to_string(layout.event)});
    }
    std::vector<std::string> axes{"trajectory", "time"};
    for (std::size_t axis = 0; axis < event.size(); ++axis) axes.push_back(fmt::format("axis {} of the event", axis));
    const Tensor normalised = file.read("x");
    require_finite(normalised, axes, file.where("x"));
    return Trajectories{.layout = layout, .states = normalisation.denormalise(normalised)};
  });
}

}  // namespace sda
