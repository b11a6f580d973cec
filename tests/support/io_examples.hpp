/// A small artefact of each kind, and whether two are the same bit for bit.
#pragma once

#include "core/torch.hpp"
#include "sda/core/random.hpp"
#include "sda/data/files.hpp"
#include "sda/data/files/model.hpp"

namespace sda::test {

inline Provenance example_provenance() {
  return {.command = "sda simulate --seed 7 -o \"σ.nc\"",
          .config = "[dynamics]\nsystem = \"lorenz63\"\n",
          .seed = 18446744073709551557u,
          .version = "0.1.0",
          .created = "2023-11-14T22:13:20Z"};
}

inline StateLayout lorenz_layout() {
  return {.event = {3},
          .variables = {{"x", "convection", "1"}, {"y", "temperature difference", "1"}, {"z", "profile", "1"}},
          .space_names = {},
          .dt = 0.025};
}

inline StateLayout flow_layout() {
  return {.event = {2, 4, 6},
          .variables = {{"u", "velocity along x", "m s-1"}, {"v", "velocity along y", "m s-1"}},
          .space_names = {"row", "column"},
          .dt = 0.2,
          .time_units = "s",
          .spacing = {0.5, 0.25},
          .space_units = "m"};
}

inline StateLayout ring_layout() {
  return {.event = {8}, .variables = {{"x", "on a ring", "1"}}, .space_names = {"site"}, .dt = 0.01};
}

/// As imported from a file that says everything: dates, coordinates on a part of the axes, standard names and a mask.
inline StateLayout ocean_layout() {
  StateLayout layout{
      .event = {2, 3, 4},
      .variables = {{"sst", "surface temperature", "K", "sea_surface_temperature"}, {"ssh", "height", "m"}},
      .space_names = {"lat", "cell"},
      .dt = 6,
      .time_units = "hours"};
  layout.coordinates = {
      {.values = {60.5, 10, -40.25}, .units = "degrees_north", .long_name = "latitude", .standard_name = "latitude"},
      {}};
  layout.time_origin = "1999-12-31 18:00:00";
  layout.calendar = "noleap";
  layout.mask = at::ones({2, 3, 4}, at::kBool);
  layout.mask[0][1][2] = false;
  layout.mask[1].slice(1, 0, 2) = false;
  return layout;
}

inline Normalisation lorenz_normalisation() {
  return {at::tensor({0.0, 0.0, 25.0}, at::kDouble), at::tensor({8.0, 9.0, 8.6}, at::kDouble)};
}

inline Tensor example_states(const StateLayout& layout, std::int64_t members, std::int64_t length,
                             at::ScalarType dtype = at::kFloat) {
  return 10 * normal(prepend({members, length}, layout.event), {.seed = 1}, dtype);
}

inline TrajectoryFile ocean_file() {
  const StateLayout layout = ocean_layout();
  return {.trajectories = {layout, example_states(layout, 3, 5), 24},
          .normalisation = Normalisation::identity(layout.event),
          .dynamics = "",
          .provenance = example_provenance(),
          .context = normal({2, 3, 4}, {.seed = 4}),
          .start_times = {24, 1000, 3}};
}

inline Trajectories example_trajectories() {
  return {.layout = lorenz_layout(), .states = example_states(lorenz_layout(), 5, 9), .start_time = 1.5};
}

inline Ensemble example_ensemble() {
  return {
      .layout = lorenz_layout(), .members = example_states(lorenz_layout(), 4, 7), .start_time = 0.1, .method = "SDA"};
}

inline Observations example_observations() {
  const auto layout = lorenz_layout();
  const Tensor truth = example_states(layout, 1, 17, at::kDouble).squeeze(0);
  auto observations = observe(truth, layout, lorenz_normalisation(), {{"every", {8}}, {"select", {0}}},
                              GaussianNoise({0.05}), "lo", 3, 0);
  observations.start_time = 2.0;
  return observations;
}

/// Three parts of a field, with other times, shapes and noises.
inline Observations example_parts() {
  const auto layout = flow_layout();
  const Tensor truth = example_states(layout, 1, 5, at::kDouble).squeeze(0);
  return observe(truth, layout, Normalisation::identity(layout.event),
                 {{.name = "averages", .chain = {{"every", {2}}, {"coarsen", {2}}}, .noise = GaussianNoise({0.1})},
                  {.name = "probe_2",
                   .chain = {{"last", {1}}, {"box", {0, 0.5}, {"row", "row"}}, {"mean", {}}},
                   .noise = GaussianNoise({0.2, 0.1 + 0.2})},
                  {.name = "whole", .chain = {{"first", {2}}}, .noise = GaussianNoise({0.3})}},
                 "three", 3, 0);
}

inline Prior example_prior() {
  Prior prior;
  prior.network_parameters.order = 1;
  prior.network_parameters.embedding = 4;
  prior.network_parameters.width = 8;
  prior.network_parameters.depth = 2;
  prior.schedule.eta = 0.1 + 0.2;
  prior.layout = lorenz_layout();
  prior.normalisation = lorenz_normalisation();
  prior.dynamics = "lorenz63";
  prior.network = make_network(prior.network_parameters, prior.layout.event, 11);
  return prior;
}

inline TrainingState example_training(const Prior& prior) {
  const Tensor weights = prior.network->flat_values();
  return {.epoch = 3,
          .step = 42,
          .weights = weights + 1,
          .first_moment = weights + 2,
          .second_moment = weights + 3,
          .average = weights + 4,
          .losses = {0.5, 0.25, 0.1 + 0.2},
          .validation_epochs = {2},
          .validation_losses = {0.75}};
}

/// Same type, shape and bits; both may be undefined.
inline bool same(const Tensor& a, const Tensor& b) {
  if (!a.defined() || !b.defined()) return a.defined() == b.defined();
  return a.scalar_type() == b.scalar_type() && at::equal(a, b);
}
inline bool same(const Provenance& a, const Provenance& b) {
  return a.command == b.command && a.config == b.config && a.seed == b.seed && a.version == b.version &&
         a.created == b.created;
}
inline bool same(const Coordinate& p, const Coordinate& q) {
  return p.values == q.values && p.units == q.units && p.long_name == q.long_name && p.standard_name == q.standard_name;
}
inline bool same(const StateLayout& a, const StateLayout& b) {
  bool equal = a.event == b.event && a.space_names == b.space_names && a.dt == b.dt && a.time_units == b.time_units &&
               a.spacing == b.spacing && a.space_units == b.space_units && a.variables.size() == b.variables.size() &&
               a.coordinates.size() == b.coordinates.size() && a.time_origin == b.time_origin &&
               a.calendar == b.calendar && same(a.mask, b.mask) &&
               a.curvilinear.has_value() == b.curvilinear.has_value();
  for (std::size_t i = 0; equal && i < a.coordinates.size(); ++i) equal = same(a.coordinates[i], b.coordinates[i]);
  if (equal && a.curvilinear && b.curvilinear) {
    equal = a.curvilinear->axes == b.curvilinear->axes &&
            a.curvilinear->latitude_name == b.curvilinear->latitude_name &&
            a.curvilinear->longitude_name == b.curvilinear->longitude_name &&
            same(a.curvilinear->latitude, b.curvilinear->latitude) &&
            same(a.curvilinear->longitude, b.curvilinear->longitude);
  }
  for (std::size_t i = 0; equal && i < a.variables.size(); ++i) {
    const auto &p = a.variables[i], &q = b.variables[i];
    equal = p.name == q.name && p.long_name == q.long_name && p.units == q.units && p.standard_name == q.standard_name;
  }
  return equal;
}
inline bool same(const Normalisation& a, const Normalisation& b) {
  return same(a.mean, b.mean) && same(a.std, b.std);
}
inline bool same(const Trajectories& a, const Trajectories& b) {
  return same(a.layout, b.layout) && same(a.states, b.states) && a.start_time == b.start_time;
}
inline bool same(const TrajectoryFile& a, const TrajectoryFile& b) {
  return same(a.trajectories, b.trajectories) && same(a.normalisation, b.normalisation) && a.dynamics == b.dynamics &&
         same(a.provenance, b.provenance) && same(a.context, b.context) && a.start_times == b.start_times;
}
inline bool same(const ObservationPart& a, const ObservationPart& b) {
  return a.name == b.name && a.chain == b.chain && a.noise.values() == b.noise.values() &&
         a.noise.shape() == b.noise.shape() && same(a.values, b.values);
}
inline bool same(const Observations& a, const Observations& b) {
  return same(a.layout, b.layout) && same(a.normalisation, b.normalisation) && a.length == b.length &&
         std::equal(a.parts.begin(), a.parts.end(), b.parts.begin(), b.parts.end(),
                    [](const auto& p, const auto& q) { return same(p, q); }) &&
         same(a.truth, b.truth) && a.start_time == b.start_time && a.name == b.name;
}
inline bool same(const ObservationFile& a, const ObservationFile& b) {
  return same(a.observations, b.observations) && a.dynamics == b.dynamics && same(a.provenance, b.provenance);
}
inline bool same(const EnsembleFile& a, const EnsembleFile& b) {
  const Ensemble &p = a.ensemble, &q = b.ensemble;
  return same(p.layout, q.layout) && same(p.members, q.members) && p.start_time == q.start_time &&
         p.method == q.method && a.cost.seconds == b.cost.seconds && a.cost.evaluations == b.cost.evaluations &&
         same(a.provenance, b.provenance);
}
inline bool same(const NetworkParameters& a, const NetworkParameters& b) {
  return a.kind == b.kind && a.order == b.order && a.global == b.global && a.window == b.window &&
         a.embedding == b.embedding && a.activation == b.activation && a.width == b.width && a.depth == b.depth &&
         a.channels == b.channels && a.blocks == b.blocks && a.kernel_size == b.kernel_size && a.padding == b.padding;
}
inline bool same(const Prior& a, const Prior& b) {
  const auto &p = a.network->parameters(), &q = b.network->parameters();
  bool equal = same(a.network_parameters, b.network_parameters) && a.schedule.alpha == b.schedule.alpha &&
               a.schedule.variance == b.schedule.variance && a.schedule.eta == b.schedule.eta &&
               same(a.layout, b.layout) && same(a.normalisation, b.normalisation) && same(a.context, b.context) &&
               a.dynamics == b.dynamics && p.size() == q.size();
  for (std::size_t i = 0; equal && i < p.size(); ++i) equal = p[i].name == q[i].name && same(p[i].value, q[i].value);
  return equal;
}
inline bool same(const TrainingState& a, const TrainingState& b) {
  return a.epoch == b.epoch && a.step == b.step && same(a.weights, b.weights) && same(a.first_moment, b.first_moment) &&
         same(a.second_moment, b.second_moment) && same(a.average, b.average) && a.losses == b.losses &&
         a.validation_epochs == b.validation_epochs && a.validation_losses == b.validation_losses;
}
inline bool same(const ModelFile& a, const ModelFile& b) {
  if (a.training.has_value() != b.training.has_value()) return false;
  return same(a.prior, b.prior) && same(a.provenance, b.provenance) && (!a.training || same(*a.training, *b.training));
}

}  // namespace sda::test
