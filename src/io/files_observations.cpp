/// Observations: what was read, when, through which operator and with which noise; the truth beside them if known.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "io/artefact.hpp"

namespace sda {

using namespace io;

namespace {

std::vector<std::string> reading_axes(std::int64_t count) {
  std::vector<std::string> axes{"time"};
  for (std::int64_t axis = 0; axis < count; ++axis) axes.push_back(fmt::format("reading_{}", axis));
  return axes;
}

std::string truth_name(const Variable& variable) {
  return "truth_" + variable.name;
}

void write_truth(WritableGroup& file, const Observations& observations) {
  const StateLayout& layout = observations.layout;
  file.dimension("truth_time", observations.length);
  write_times(file, layout, "truth_time",
              at::arange(observations.length, at::kDouble) * layout.dt + observations.start_time);
  const Shape space = layout.space();
  std::vector<std::string> dimensions{"truth_time"};
  for (std::size_t axis = 0; axis < space.size(); ++axis) {
    file.dimension(layout.space_names[axis], space[axis]);
    dimensions.push_back(layout.space_names[axis]);
  }
  for (std::size_t i = 0; i < layout.variables.size(); ++i) {
    const auto& variable = layout.variables[i];
    file.variable(truth_name(variable), dimensions, channel(observations.truth, layout, i),
                  {{"long_name", "true " + variable.long_name}, {"units", variable.units}});
  }
}

Tensor read_truth(const ReadableGroup& file, const StateLayout& layout, std::int64_t length) {
  std::vector<std::string> axes{"time"};
  axes.insert(axes.end(), layout.space_names.begin(), layout.space_names.end());
  Tensor truth;
  for (std::size_t i = 0; i < layout.variables.size(); ++i) {
    const std::string name = truth_name(layout.variables[i]);
    const Tensor values = file.read(name, prepend({length}, layout.space()));
    require_finite(values, axes, file.where(name));
    if (!truth.defined()) truth = at::empty(prepend({length}, layout.event), values.options());
    channel(truth, layout, i).copy_(values);
  }
  return truth;
}

std::vector<double> read_sigma(const ReadableGroup& file) {
  const Tensor values = file.read("sigma").to(at::kDouble).flatten().contiguous();
  const std::vector<double> sigma(values.data_ptr<double>(), values.data_ptr<double>() + values.numel());
  const auto bad = std::find_if(sigma.begin(), sigma.end(), [](double s) { return !(s > 0) || !std::isfinite(s); });
  if (bad != sigma.end()) {
    throw FileError({.what = "observation noise σ is not a standard deviation",
                     .where = file.where("sigma"),
                     .found = fmt::format("{}", *bad),
                     .wanted = "numbers > 0"});
  }
  return sigma;
}

void require_same_times(const ReadableGroup& file, const Observations& observations) {
  const auto times = observations.op->times(observations.length);
  const Tensor wanted = at::tensor(times, at::kLong);
  const Tensor found = file.read("time_index").to(at::kLong);
  if (at::equal(found, wanted)) return;
  throw FileError({.what = "observed states are not those that the operator reads",
                   .where = file.where("time_index"),
                   .found = fmt::format("{} states", found.numel()),
                   .wanted = fmt::format("{} states: {}", wanted.numel(), observations.op->describe())});
}

}  // namespace

void write_observations(const std::string& path, const Observations& observations, const std::string& dynamics_toml,
                        const Provenance& provenance) {
  observations.check();
  NetcdfWriter writer(path);
  WritableGroup file = writer.root();
  write_head(file, FileKind::observations, "Observations of a trajectory", provenance);
  file.attributes({{"sda_dynamics", dynamics_toml},
                   {"sda_name", observations.name},
                   {"sda_operator", to_toml(observations.chain)},
                   {"sda_length", observations.length},
                   {"sda_start_time", observations.start_time}});
  const StateLayout& layout = observations.layout;
  write_layout(file, layout);

  file.unlimited_dimension("time");
  const Tensor index = at::tensor(observations.op->times(observations.length), at::kLong);
  write_times(file, layout, "time", index.to(at::kDouble) * layout.dt + observations.start_time);
  file.variable("time_index", {"time"}, index.to(at::kInt),
                {{"long_name", "index of the observed state within the trajectory, from 0"}, {"units", "1"}});
  const auto axes = reading_axes(observations.values.dim() - 1);
  for (std::size_t axis = 1; axis < axes.size(); ++axis) {
    file.dimension(axes[axis], observations.values.size(static_cast<std::int64_t>(axis)));
  }
  file.variable("observation", axes, observations.values,
                {{"long_name", "observed values: " + observations.op->describe()}, {"units", "1"}});

  const auto& sigma = observations.noise.values();
  file.dimension("sigma", static_cast<std::int64_t>(sigma.size()));
  file.variable("sigma", {"sigma"}, at::tensor(sigma, at::kDouble),
                {{"long_name", "standard deviation of the observation noise"}, {"units", "1"}});
  write_normalisation(file, layout, observations.normalisation);
  if (observations.truth.defined()) write_truth(file, observations);
  writer.commit();
}

ObservationFile read_observations(const std::string& path) {
  return reading(path, [&] {
    const NetcdfReader reader(path);
    const ReadableGroup file = reader.root();
    require_kind(file, FileKind::observations);
    ObservationFile result;
    result.provenance = read_provenance(file);
    result.dynamics = file.text_or_empty("sda_dynamics");
    Observations& observations = result.observations;
    observations.layout = read_layout(file);
    observations.normalisation = read_normalisation(file, observations.layout);
    observations.name = file.text_or_empty("sda_name");
    observations.length = file.integer("sda_length");
    observations.start_time = file.number("sda_start_time");
    observations.chain = read_operator(file.text("sda_operator"), "attribute sda_operator");
    observations.op = make_operator(observations.chain, observations.layout, observations.normalisation);
    observations.noise = GaussianNoise(read_sigma(file));
    observations.values = file.read("observation").to(at::kDouble);
    require_finite(observations.values, reading_axes(observations.values.dim() - 1), file.where("observation"));
    require_same_times(file, observations);
    const std::string first_truth = truth_name(observations.layout.variables.front());
    if (file.has_variable(first_truth)) {
      observations.truth = read_truth(file, observations.layout, observations.length);
    }
    observations.check();
    return result;
  });
}

}  // namespace sda
