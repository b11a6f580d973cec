/// Observations: what was observed, when, through which operator and with which noise; the truth beside them if known.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <span>
#include <sstream>

#include "core/torch.hpp"
#include "data/files/fields.hpp"
#include "data/files/head.hpp"
#include "data/files/layout.hpp"
#include "data/files/rejected.hpp"
#include "data/formats/reading.hpp"
#include "experiment/toml_fields.hpp"
#include "sda/core/code.hpp"
#include "sda/observation/operator_toml.hpp"

namespace sda {

using namespace io;

namespace {

/// Names of the variables and dimensions of a part: "observation", "time"; where there are several parts,
/// "averages_time".
class PartNames {
 public:
  explicit PartNames(const std::string& part)
      : prefix_(part.empty() ? "" : part + "_"), suffix_(part.empty() ? "" : "_" + part) {}
  std::string operator()(const std::string& name) const { return prefix_ + name; }
  /// Of the observed values.
  std::vector<std::string> axes(std::int64_t count) const {
    std::vector<std::string> axes{prefix_ + "time"};
    for (std::int64_t axis = 1; axis < count; ++axis)
      axes.push_back(fmt::format("{}observation_{}", prefix_, axis - 1));
    return axes;
  }
  /// Of the points of an operator, which where they have times are the observations too.
  std::string points() const { return prefix_ + "point"; }
  std::string column(const std::string& name) const { return prefix_ + "point_" + name; }
  std::string operator_attribute() const { return "sda_operator" + suffix_; }
  std::string noise_attribute() const { return "sda_noise" + suffix_; }

 private:
  std::string prefix_, suffix_;
};

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
    Attributes attributes{{"long_name", "true " + variable.long_name}, {"units", variable.units}};
    for (const auto& attribute : coordinates_of(layout)) attributes.push_back(attribute);
    file.variable(truth_name(variable), dimensions, channel(observations.truth, layout, i), attributes);
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

std::vector<double> read_sigma(const ReadableGroup& file, const std::string& name) {
  const Tensor values = file.read(name).to(at::kDouble).flatten().contiguous();
  std::vector<double> sigma(values.data_ptr<double>(), values.data_ptr<double>() + values.numel());
  const auto bad = std::find_if(sigma.begin(), sigma.end(), [](double s) { return !(s > 0) || !std::isfinite(s); });
  if (bad != sigma.end()) {
    throw FileError({.what = "observation noise σ is not a standard deviation",
                     .where = file.where(name),
                     .found = fmt::format("{}", *bad),
                     .expected = "numbers > 0"});
  }
  return sigma;
}

NoiseShape read_noise(const ReadableGroup& file, const std::string& attribute) {
  const TomlOrigin origin{.name = file.path() + ": attribute " + attribute, .is_our_output = true};
  NoiseShape shape;
  read_fields(parse_toml(file.text_or_empty(attribute), origin), shape, origin, "");
  return shape;
}

void require_same_times(const ReadableGroup& file, const std::string& name, const ObservationPart& part,
                        std::int64_t length) {
  const Tensor expected = at::tensor(part.op->times(length), at::kLong);
  const Tensor found = file.read(name).to(at::kLong);
  if (at::equal(found, expected)) return;
  throw FileError({.what = "observed states are not those that the operator reads",
                   .where = file.where(name),
                   .found = fmt::format("{} states", found.numel()),
                   .expected = fmt::format("{} states: {}", expected.numel(), part.op->describe())});
}

Tensor tensor_of(std::span<const double> numbers) {
  return at::tensor(at::ArrayRef<double>(numbers.data(), numbers.size()), at::kDouble);
}

/// The operator's TOML, but for its points: there can be a million, so each of their columns is a variable.
void write_operator(WritableGroup& file, const PartNames& named, const std::vector<OperatorLink>& chain) {
  const auto [toml, columns] = to_toml_and_columns(chain);
  if (!columns.empty()) file.dimension(named.points(), std::ssize(columns.front().numbers));
  for (const auto& column : columns) {
    file.variable(named.column(column.name), {named.points()}, tensor_of(column.numbers),
                  {{"long_name", column.meaning}, {"units", "1"}});
  }
  file.attributes({{named.operator_attribute(), toml}});
}

std::vector<OperatorLink> read_chain(const ReadableGroup& file, const PartNames& named) {
  const std::string attribute = named.operator_attribute();
  return read_operator(file.text(attribute), "attribute " + attribute, [&](const std::string& name) {
    const Tensor values = file.read(named.column(name)).to(at::kDouble).contiguous();
    return std::vector<double>(values.data_ptr<double>(), values.data_ptr<double>() + values.numel());
  });
}

/// A part's operator, times, values and noise.
/// `name`: of the part, none where it is the only one.
void write_part(WritableGroup& file, const Observations& observations, const ObservationPart& part,
                const std::string& name) {
  const PartNames named(name);
  const StateLayout& layout = observations.layout;
  write_operator(file, named, part.chain);
  const bool alone = part.op->reads_states_alone();
  const Tensor index = at::tensor(part.op->times(observations.length), at::kLong);
  if (name.empty()) {
    file.unlimited_dimension("time");
  } else {
    file.dimension(named("time"), index.numel());
  }
  write_times(file, layout, named("time"), index.to(at::kDouble) * layout.dt + observations.start_time);
  file.variable(named("time_index"), {named("time")}, index.to(at::kInt),
                {{"long_name", "index of the observed state within the trajectory, from 0"}, {"units", "1"}});
  // CDO knows one time axis in a file and warns of four axes without it.
  const Tensor values = !alone                                  ? part.values.squeeze(0)
                        : name.empty() || part.values.dim() < 4 ? part.values
                                                                : part.values.flatten(2);
  std::vector<std::string> axes{named.points()};
  if (alone) axes = named.axes(values.dim());
  for (std::size_t axis = 1; axis < axes.size(); ++axis) {
    file.dimension(axes[axis], values.size(static_cast<std::int64_t>(axis)));
  }
  file.variable(named("observation"), axes, values,
                {{"long_name", "observed values: " + part.op->describe()}, {"units", "1"}});

  // Gaussian noise is σ alone, as in files of versions that knew no other.
  const bool gaussian = part.noise.is_gaussian();
  if (!gaussian) file.attributes({{named.noise_attribute(), write_fields(part.noise.shape())}});
  const auto& sigma = part.noise.values();
  const bool of_each = !alone && std::ssize(sigma) == values.numel();
  if (!of_each) file.dimension(named("sigma"), std::ssize(sigma));
  file.variable(
      named("sigma"), {of_each ? named.points() : named("sigma")}, at::tensor(sigma, at::kDouble),
      {{"long_name", gaussian ? "standard deviation of the observation noise" : "sigma of " + part.noise.describe()},
       {"units", "1"}});
}

ObservationPart read_part(const ReadableGroup& file, const Observations& observations, const std::string& name) {
  const PartNames named(name);
  ObservationPart part{.name = name, .chain = read_chain(file, named)};
  require_no_code(part.chain, file.path());
  part.op = make_operator(part.chain, observations.layout, observations.normalisation);
  part.noise = Noise(read_sigma(file, named("sigma")), read_noise(file, named.noise_attribute()));
  part.values = file.read(named("observation")).to(at::kDouble);
  if (!part.op->reads_states_alone()) part.values = part.values.unsqueeze(0);
  require_finite(part.values, named.axes(part.values.dim()), file.where(named("observation")));
  require_same_times(file, named("time_index"), part, observations.length);
  const auto shape = prepend({part.values.size(0)}, part.op->observation_shape(observations.layout.event));
  if (!name.empty() && part.values.numel() == count(shape)) part.values = part.values.reshape(shape);
  return part;
}

/// Names of several parts, one a word; of one part none.
std::string names_of(const std::vector<ObservationPart>& parts) {
  std::string names;
  for (const auto& part : parts) names += (names.empty() ? "" : " ") + part.name;
  return names;
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
                   {"sda_length", observations.length},
                   {"sda_start_time", observations.start_time}});
  if (!observations.qc_summary.empty()) file.attributes({{"sda_qc_summary", observations.qc_summary}});
  const StateLayout& layout = observations.layout;
  write_layout(file, layout);

  const bool one = observations.parts.size() == 1;
  if (!one) file.attributes({{"sda_parts", names_of(observations.parts)}});
  for (const auto& part : observations.parts) write_part(file, observations, part, one ? "" : part.name);
  write_normalisation(file, layout, observations.normalisation);
  if (observations.truth.defined()) write_truth(file, observations);
  write_rejected(file, observations);
  writer.commit();
}

ObservationFile read_observations(const std::string& path) {
  return reading_file(path, [&] {
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
    // Files of 0.1 call it an account.
    const bool former = !file.has_attribute("sda_qc_summary");
    observations.qc_summary = file.text_or_empty(former ? "sda_account" : "sda_qc_summary");
    std::istringstream names(file.text_or_empty("sda_parts"));
    for (std::string name; names >> name;) observations.parts.push_back(read_part(file, observations, name));
    if (observations.parts.empty()) observations.parts.push_back(read_part(file, observations, ""));
    const std::string first_truth = truth_name(observations.layout.variables.front());
    if (file.has_variable(first_truth)) {
      observations.truth = read_truth(file, observations.layout, observations.length);
    }
    observations.rejected = read_rejected(file);
    observations.check();
    return result;
  });
}

}  // namespace sda
