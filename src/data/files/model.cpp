/// Model files: a prior's weights by name with all that is needed to use them, and the state of training in a
/// checkpoint.
#include "sda/data/files/model.hpp"

#include <fmt/format.h>

#include <span>

#include "core/torch.hpp"
#include "data/files/fields.hpp"
#include "data/files/head.hpp"
#include "data/files/layout.hpp"
#include "data/formats/reading.hpp"
#include "data/formats/sealed_file.hpp"
#include "experiment/toml_fields.hpp"
#include "sda/core/code.hpp"

namespace sda {

using namespace io;

namespace {

/// Everything that says what the weights mean.
std::string configuration_checksum(const ReadableGroup& file) {
  const std::string all =
      file.text("sda_network") + file.text("sda_schedule") + file.text("sda_layout") + file.text_or_empty("sda_config");
  return checksum(std::as_bytes(std::span(all)));
}

std::string size_name(std::int64_t size) {
  return fmt::format("size_{}", size);
}

void write_flat(WritableGroup& group, const std::string& name, const std::string& dimension, const Tensor& values,
                const std::string& long_name) {
  if (!values.defined() || values.numel() == 0) return;
  group.dimension(dimension, values.numel());
  group.variable(name, {dimension}, values, {{"long_name", long_name}});
}

void write_training(WritableGroup& file, const TrainingState& state) {
  WritableGroup group = file.make_group("training");
  group.attributes({{"epoch", state.epoch}, {"step", state.step}, {"loss_so_far", state.loss_so_far}});
  write_flat(group, "weights", "parameter", state.weights, "all parameters, in the network's order");
  write_flat(group, "first_moment", "parameter", state.first_moment, "first moment of AdamW");
  write_flat(group, "second_moment", "parameter", state.second_moment, "second moment of AdamW");
  write_flat(group, "average", "parameter", state.average, "moving average of the parameters");
  const auto series = [](const std::vector<double>& values) { return at::tensor(values, at::kDouble); };
  write_flat(group, "losses", "epoch_done", series(state.losses), "training loss of each epoch");
  write_flat(group, "validation_epochs", "validation", series(state.validation_epochs), "epochs validated after");
  write_flat(group, "validation_losses", "validation", series(state.validation_losses), "their validation losses");
}

TrainingState read_training(const ReadableGroup& group, std::int64_t parameters) {
  const auto flat = [&](const std::string& name) {
    Tensor values = group.read(name, {parameters});
    require_finite(values, {"parameter"}, group.where(name));
    return values;
  };
  const auto series = [&](const std::string& name) {
    if (!group.has_variable(name)) return std::vector<double>();
    const Tensor values = group.read(name).to(at::kDouble).flatten().contiguous();
    return std::vector<double>(values.data_ptr<double>(), values.data_ptr<double>() + values.numel());
  };
  return {.epoch = group.integer("epoch"),
          .step = group.integer("step"),
          .loss_so_far = group.has_attribute("loss_so_far") ? group.number("loss_so_far") : 0,
          .weights = flat("weights"),
          .first_moment = flat("first_moment"),
          .second_moment = flat("second_moment"),
          .average = group.has_variable("average") ? flat("average") : Tensor(),
          .losses = series("losses"),
          .validation_epochs = series("validation_epochs"),
          .validation_losses = series("validation_losses")};
}

template <class Parameters>
Parameters read_parameters(const ReadableGroup& file, const std::string& attribute) {
  const TomlOrigin origin{.name = file.path() + ": attribute " + attribute, .is_our_output = true};
  Parameters parameters;
  read_fields(parse_toml(file.text(attribute), origin), parameters, origin, "");
  return parameters;
}

std::vector<NamedTensor> read_weights(const ReadableGroup& group) {
  std::vector<NamedTensor> weights;
  for (const auto& name : group.variables()) weights.push_back({name, group.read(name)});
  if (weights.empty()) throw FileError({.what = "there are no weights", .where = group.path()});
  return weights;
}

Tensor bytes_as_tensor(const std::string& bytes) {
  Tensor values = at::empty({std::ssize(bytes)}, at::kByte);
  std::copy(bytes.begin(), bytes.end(), values.data_ptr<std::uint8_t>());
  return values;
}

std::string bytes_of(const Tensor& values) {
  const auto* first = values.data_ptr<std::uint8_t>();
  return {first, first + values.numel()};
}

}  // namespace

void write_model(const std::string& path, const Prior& prior, const TrainingState* training,
                 const Provenance& provenance) {
  NetcdfWriter writer(path);
  WritableGroup file = writer.root();
  write_head(file, FileKind::model, training == nullptr ? "Trained prior" : "Prior in training", provenance);
  file.attributes({{"sda_network", write_fields(prior.network_parameters)},
                   {"sda_schedule", write_fields(prior.schedule)},
                   {"sda_dynamics", prior.dynamics}});
  write_layout(file, prior.layout);
  file.attributes({{"sda_config_crc32", configuration_checksum(writer.written())}});
  write_normalisation(file, prior.layout, prior.normalisation);

  write_context(file, prior.layout, prior.context);
  if (const std::string script = prior.network->script(); !script.empty()) {
    file.dimension("script_byte", std::ssize(script));
    file.variable("script", {"script_byte"}, bytes_as_tensor(script),
                  {{"long_name", "the network's TorchScript module, as torch.jit.save wrote it; weights are below"}});
  }
  WritableGroup weights = file.make_group("weights");
  for (const auto& parameter : prior.network->parameters()) {
    std::vector<std::string> dimensions;
    for (const auto size : parameter.value.sizes()) {
      dimensions.push_back(size_name(size));
      weights.dimension(dimensions.back(), size);
    }
    weights.variable(parameter.name, dimensions, parameter.value);
  }
  if (training != nullptr) write_training(file, *training);
  writer.commit();
}

ModelFile read_model(const std::string& path) {
  return reading_file(path, [&] {
    const NetcdfReader reader(path);
    const ReadableGroup file = reader.root();
    require_kind(file, FileKind::model);
    const std::string expected = file.text("sda_config_crc32");
    const std::string found = configuration_checksum(file);
    if (found != expected) {
      throw FileError({.what = "the model's configuration was changed after it was written",
                       .where = path,
                       .found = "checksum " + found,
                       .expected = expected,
                       .hint = "take the model as it was written"});
    }
    ModelFile result;
    result.provenance = read_provenance(file);
    Prior& prior = result.prior;
    prior.network_parameters = read_parameters<NetworkParameters>(file, "sda_network");
    prior.schedule = read_parameters<NoiseScheduleParameters>(file, "sda_schedule");
    prior.dynamics = file.text_or_empty("sda_dynamics");
    prior.layout = read_layout(file);
    prior.normalisation = read_normalisation(file, prior.layout);
    prior.context = read_context(file);

    if (file.has_variable("script")) {
      prior.network_parameters.script_bytes = std::make_shared<const std::string>(bytes_of(file.read("script")));
    }

    if (prior.network_parameters.kind == NetworkKind::torchscript) {
      const auto& named = prior.network_parameters.script;
      require_code_allowed(path, file.has_variable("script") ? "a module in the file" : named);
    }
    const auto weights = read_weights(file.group("weights"));
    prior.network = make_network(prior.network_parameters, prior.layout.event, 0, prior.context);
    prior.network->to(weights.front().value.scalar_type());
    prior.network->load(weights, path);
    if (file.has_group("training")) {
      result.training = read_training(file.group("training"), prior.network->flat_values().numel());
    }
    return result;
  });
}

}  // namespace sda
