/// Files of every kind come back bit for bit with their origin, and what does not belong is refused in words.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <netcdf.h>

#include <functional>
#include <limits>

#include "io_examples.hpp"
#include "scratch_folder.hpp"
#include "sda/core/error.hpp"

namespace sda::test {
namespace {

using testing::AllOf;
using testing::HasSubstr;

/// The message of the FileError that `action` throws.
std::string file_error(const std::function<void()>& action) {
  try {
    action();
  } catch (const FileError& error) {
    EXPECT_EQ(error.exit_code(), 1);
    EXPECT_EQ(std::string(error.what()).find('\n'), std::string::npos) << error.what();
    return error.what();
  } catch (const std::exception& error) {
    return std::string("another error: ") + error.what();
  }
  return "no error";
}

/// Changes a file with the NetCDF library itself, as other programs would.
void edit(const std::string& path, const std::function<void(int)>& change) {
  int id = -1;
  ASSERT_EQ(nc_open(path.c_str(), NC_WRITE, &id), NC_NOERR);
  change(id);
  ASSERT_EQ(nc_close(id), NC_NOERR);
}

void set_value(const std::string& path, const std::string& variable, std::vector<std::size_t> index, double value) {
  edit(path, [&](int id) {
    int number = -1;
    ASSERT_EQ(nc_inq_varid(id, variable.c_str(), &number), NC_NOERR);
    // NetCDF says "out of range" of an infinity in a float, and writes it.
    EXPECT_THAT(nc_put_var1_double(id, number, index.data(), &value), testing::AnyOf(NC_NOERR, NC_ERANGE));
  });
}

void rename_variable(const std::string& path, const std::string& from, const std::string& to) {
  edit(path, [&](int id) {
    int number = -1;
    ASSERT_EQ(nc_inq_varid(id, from.c_str(), &number), NC_NOERR);
    ASSERT_EQ(nc_rename_var(id, number, to.c_str()), NC_NOERR);
  });
}

void set_text(const std::string& path, const std::string& attribute, const std::string& text) {
  edit(path, [&](int id) {
    ASSERT_EQ(nc_put_att_text(id, NC_GLOBAL, attribute.c_str(), text.size(), text.data()), NC_NOERR);
  });
}

class IoFiles : public testing::Test {
 protected:
  void write_trajectories_to(const std::string& path) {
    write_trajectories(path, example_trajectories(), lorenz_normalisation(), "system = \"lorenz63\"\n",
                       example_provenance());
  }
  void write_observations_to(const std::string& path) {
    write_observations(path, example_observations(), "system = \"lorenz63\"\n", example_provenance());
  }
  void write_ensemble_to(const std::string& path) {
    write_ensemble(path, example_ensemble(), {.seconds = 1.25, .evaluations = 512}, example_provenance());
  }

  ScratchFolder folder_;
  const std::string path_ = folder_.file("a.nc");
};

TEST_F(IoFiles, TrajectoriesComeBack) {
  write_trajectories_to(path_);
  const TrajectoryFile expected{example_trajectories(), lorenz_normalisation(), "system = \"lorenz63\"\n",
                                example_provenance()};
  EXPECT_TRUE(same(read_trajectories(path_), expected));
}

TEST_F(IoFiles, TrajectoriesOfFieldsAndRingsComeBackInBothPrecisions) {
  for (const auto& layout : {flow_layout(), ring_layout()}) {
    for (const auto dtype : {at::kFloat, at::kDouble}) {
      const Trajectories written{.layout = layout, .states = example_states(layout, 3, 5, dtype)};
      const auto identity = Normalisation::identity(layout.event);
      write_trajectories(path_, written, identity, "", example_provenance());
      const auto read = read_trajectories(path_);
      EXPECT_TRUE(same(read.trajectories, written));
      EXPECT_TRUE(same(read.normalisation, identity));
      EXPECT_EQ(read.dynamics, "");
    }
  }
}

TEST_F(IoFiles, NormalisationByChannelKeepsItsShape) {
  const auto layout = flow_layout();
  const Normalisation by_channel{at::tensor({1.0, 2.0}, at::kDouble).reshape({2, 1, 1}),
                                 at::tensor({3.0, 4.0}, at::kDouble).reshape({2, 1, 1})};
  write_trajectories(path_, {.layout = layout, .states = example_states(layout, 2, 2)}, by_channel, "", {});
  EXPECT_TRUE(same(read_trajectories(path_).normalisation, by_channel));
}

TEST_F(IoFiles, LongTrajectoriesComeBackThroughSeveralChunks) {
  const Trajectories written{.layout = lorenz_layout(), .states = example_states(lorenz_layout(), 600, 1001)};
  write_trajectories(path_, written, lorenz_normalisation(), "", example_provenance());
  EXPECT_TRUE(same(read_trajectories(path_).trajectories, written));
}

TEST_F(IoFiles, ObservationsComeBack) {
  write_observations_to(path_);
  const auto read = read_observations(path_);
  EXPECT_TRUE(same(read, {example_observations(), "system = \"lorenz63\"\n", example_provenance()}));
  EXPECT_EQ(read.observations.parts[0].op->times(17), (std::vector<std::int64_t>{0, 8, 16}));
}

TEST_F(IoFiles, ObservationsWithoutTruthAndWithNoiseOfEachElementComeBack) {
  auto observations = example_observations();
  observations.truth = Tensor();
  auto& part = observations.parts[0];
  part.chain = {{"every", {4}}};
  part.op = make_operator(part.chain, observations.layout, observations.normalisation);
  part.values = normal({5, 3}, {.seed = 2}, at::kDouble);
  part.noise = GaussianNoise({0.1, 0.2, 0.1 + 0.2});
  write_observations(path_, observations, "", example_provenance());
  EXPECT_TRUE(same(read_observations(path_).observations, observations));
}

TEST_F(IoFiles, PartsOfObservationsComeBack) {
  write_observations(path_, example_parts(), "", example_provenance());
  const auto read = read_observations(path_).observations;
  EXPECT_TRUE(same(read, example_parts()));
  EXPECT_EQ(read.parts[1].op->times(5), std::vector<std::int64_t>{4});
  set_value(path_, "probe_2_time_index", {0}, 3);
  EXPECT_THAT(file_error([&] { read_observations(path_); }),
              AllOf(HasSubstr("a.nc: probe_2_time_index"), HasSubstr("the last state")));
}

TEST_F(IoFiles, NoiseOfEveryFormComesBack) {
  const double infinity = std::numeric_limits<double>::infinity();
  const std::vector<NoiseShape> shapes{
      {.kind = "student_t", .degrees_of_freedom = 3.1},
      {.kind = "laplace"},
      {.kind = "mixture", .weights = {0.9, 0.1}, .means = {0, 1.0 / 3.0}, .scales = {1, 10}},
      {.kind = "censored", .bounds = {-infinity, 1.5}},
      {.kind = "poisson"}};
  for (const auto& shape : shapes) {
    auto observations = example_observations();
    auto& part = observations.parts[0];
    part.noise = Noise({0.5}, shape);
    part.values = (part.values.abs() / 0.5).round() * 0.5;
    part.values.clamp_max_(1.5);
    write_observations(path_, observations, "", example_provenance());
    EXPECT_TRUE(same(read_observations(path_).observations, observations)) << shape.kind;
    EXPECT_THAT(describe_file(path_), HasSubstr(part.noise.model().describe())) << shape.kind;
  }
  auto parts = example_parts();
  parts.parts[1].noise = Noise({0.2, 0.3}, shapes[0]);
  write_observations(path_, parts, "", example_provenance());
  EXPECT_TRUE(same(read_observations(path_).observations, parts));
}

TEST_F(IoFiles, OnePartIsWrittenWithoutItsName) {
  auto observations = example_observations();
  observations.parts[0].name = "only";
  write_observations(path_, observations, "system = \"lorenz63\"\n", example_provenance());
  EXPECT_TRUE(same(read_observations(path_).observations, example_observations()));
}

TEST_F(IoFiles, EnsembleComesBack) {
  write_ensemble_to(path_);
  EXPECT_TRUE(same(read_ensemble(path_), {example_ensemble(), {1.25, 512}, example_provenance()}));
}

TEST_F(IoFiles, ModelComesBack) {
  write_model(path_, example_prior(), nullptr, example_provenance());
  EXPECT_TRUE(same(read_model(path_), {example_prior(), std::nullopt, example_provenance()}));
}

TEST_F(IoFiles, CheckpointComesBack) {
  const auto prior = example_prior();
  const auto training = example_training(prior);
  write_model(path_, prior, &training, example_provenance());
  EXPECT_TRUE(same(read_model(path_), {prior, training, example_provenance()}));
}

TEST_F(IoFiles, CheckpointWithoutAverageAndLossesComesBack) {
  const auto prior = example_prior();
  auto training = example_training(prior);
  training.average = Tensor();
  training.losses = training.validation_epochs = training.validation_losses = {};
  write_model(path_, prior, &training, example_provenance());
  EXPECT_TRUE(same(read_model(path_), {prior, training, example_provenance()}));
}

TEST_F(IoFiles, ModelWithContextAndDoublePrecisionComesBack) {
  auto prior = example_prior();
  prior.layout = flow_layout();
  prior.layout.event = {2, 8, 8};
  prior.normalisation = Normalisation::identity(prior.layout.event);
  prior.network_parameters.kind = NetworkKind::unet;
  prior.network_parameters.channels = {4, 6};
  prior.network_parameters.blocks = {1, 1};
  prior.network_parameters.padding = Padding::circular;
  prior.context = normal({1, 8, 8}, {.seed = 5});
  prior.network = make_network(prior.network_parameters, prior.layout.event, 11, prior.context);
  prior.network->to(at::kDouble);
  write_model(path_, prior, nullptr, example_provenance());
  EXPECT_TRUE(same(read_model(path_).prior, prior));
}

TEST_F(IoFiles, TimesAndDimensionsAreThoseOfCf) {
  write_ensemble_to(path_);
  int id = -1, variable = -1, rank = 0;
  ASSERT_EQ(nc_open(path_.c_str(), NC_NOWRITE, &id), NC_NOERR);
  ASSERT_EQ(nc_inq_varid(id, "x", &variable), NC_NOERR);
  ASSERT_EQ(nc_inq_varndims(id, variable, &rank), NC_NOERR);
  ASSERT_EQ(rank, 2);
  int dimensions[2] = {}, unlimited = -1;
  char first[NC_MAX_NAME + 1] = {}, second[NC_MAX_NAME + 1] = {};
  nc_inq_vardimid(id, variable, dimensions);
  nc_inq_dimname(id, dimensions[0], first);
  nc_inq_dimname(id, dimensions[1], second);
  nc_inq_unlimdim(id, &unlimited);
  EXPECT_STREQ(first, "time");
  EXPECT_STREQ(second, "realization");
  EXPECT_EQ(unlimited, dimensions[0]);
  double time = 0;
  const std::size_t third[] = {2};
  ASSERT_EQ(nc_inq_varid(id, "time", &variable), NC_NOERR);
  nc_get_var1_double(id, variable, third, &time);
  EXPECT_DOUBLE_EQ(time, 0.1 + 2 * 0.025);
  nc_close(id);
}

TEST_F(IoFiles, WhatCannotBeReadBackIsNotWritten) {
  auto trajectories = example_trajectories();
  trajectories.states[2][4][1] = std::numeric_limits<double>::quiet_NaN();
  EXPECT_THAT(file_error([&] { write_trajectories(path_, trajectories, lorenz_normalisation(), "", {}); }),
              HasSubstr("1 of 45, the first at time 4, realization 2"));
  EXPECT_THAT(folder_.names(), testing::IsEmpty());
}

TEST_F(IoFiles, RefusesAMissingFileAFolderAndOtherFormats) {
  EXPECT_THAT(file_error([&] { read_ensemble(path_); }), HasSubstr("a.nc: no such file"));
  EXPECT_THAT(file_error([&] { read_ensemble(std::filesystem::path(path_).parent_path()); }), HasSubstr("a folder"));
  write_bytes(path_, "");
  EXPECT_THAT(file_error([&] { read_ensemble(path_); }), HasSubstr("empty"));
  write_bytes(path_, "x,y,z\n1,2,3\n4,5,6\n7,8,9\n10,11,12\n");
  EXPECT_THAT(file_error([&] { read_ensemble(path_); }), HasSubstr("not a NetCDF file"));
  EXPECT_THAT(file_error([&] { describe_file(path_); }), HasSubstr("not a NetCDF file"));
}

TEST_F(IoFiles, RefusesNetcdfOfOthers) {
  int id = -1;
  ASSERT_EQ(nc_create(path_.c_str(), NC_NETCDF4, &id), NC_NOERR);
  ASSERT_EQ(nc_close(id), NC_NOERR);
  EXPECT_THAT(file_error([&] { read_observations(path_); }), HasSubstr("no attribute sda_kind"));
}

TEST_F(IoFiles, RefusesAnotherKind) {
  write_ensemble_to(path_);
  EXPECT_THAT(file_error([&] { read_model(path_); }),
              AllOf(HasSubstr("found an ensemble file, expected a model file"), HasSubstr("sda train")));
  EXPECT_THAT(file_error([&] { read_trajectories(path_); }), HasSubstr("expected a trajectories file"));
  EXPECT_THAT(file_error([&] { read_observations(path_); }), HasSubstr("expected an observations file"));
}

TEST_F(IoFiles, RefusesMissingVariables) {
  write_trajectories_to(path_);
  rename_variable(path_, "y", "why");
  EXPECT_THAT(file_error([&] { read_trajectories(path_); }),
              AllOf(HasSubstr("variable y is missing"), HasSubstr("why")));
  write_observations_to(path_);
  rename_variable(path_, "observation", "values");
  EXPECT_THAT(file_error([&] { read_observations(path_); }), HasSubstr("variable observation is missing"));
}

TEST_F(IoFiles, RefusesAnotherShape) {
  write_trajectories_to(path_);
  rename_variable(path_, "y", "old");
  rename_variable(path_, "normalisation_mean", "y");
  EXPECT_THAT(file_error([&] { read_trajectories(path_); }),
              AllOf(HasSubstr("y"), HasSubstr("found 3, expected 9 × 5")));
}

TEST_F(IoFiles, RefusesStatesThatAreNotFinite) {
  write_ensemble_to(path_);
  set_value(path_, "y", {3, 2}, std::numeric_limits<double>::infinity());
  set_value(path_, "y", {5, 0}, std::numeric_limits<double>::quiet_NaN());
  EXPECT_THAT(file_error([&] { read_ensemble(path_); }),
              AllOf(HasSubstr("a.nc: y"), HasSubstr("2 of 28, the first at time 3, realization 2")));
}

TEST_F(IoFiles, RefusesStatesThatWereNeverWritten) {
  write_ensemble_to(path_);
  set_value(path_, "z", {0, 1}, NC_FILL_FLOAT);
  EXPECT_THAT(file_error([&] { read_ensemble(path_); }), HasSubstr("1 of 28, the first at time 0, realization 1"));
}

TEST_F(IoFiles, RefusesObservationsThatAreNotFinite) {
  write_observations_to(path_);
  set_value(path_, "observation", {1, 0}, std::numeric_limits<double>::quiet_NaN());
  EXPECT_THAT(file_error([&] { read_observations(path_); }),
              AllOf(HasSubstr("observation"), HasSubstr("1 of 3, the first at time 1")));
}

TEST_F(IoFiles, RefusesNegativeNoise) {
  write_observations_to(path_);
  set_value(path_, "sigma", {0}, -0.05);
  EXPECT_THAT(file_error([&] { read_observations(path_); }),
              AllOf(HasSubstr("sigma"), HasSubstr("found -0.05, expected")));
}

TEST_F(IoFiles, RefusesAnOperatorThatReadsOtherStates) {
  write_observations_to(path_);
  set_text(path_, "sda_operator", "[{every = 4}, {select = [0]}]");
  EXPECT_THAT(file_error([&] { read_observations(path_); }), HasSubstr("time_index"));
  set_text(path_, "sda_operator", "[{evry = 8}]");
  EXPECT_THAT(file_error([&] { read_observations(path_); }), AllOf(HasSubstr("a.nc"), HasSubstr("every")));
}

TEST_F(IoFiles, RefusesUnevenTimes) {
  write_ensemble_to(path_);
  set_value(path_, "time", {3}, 7.0);
  EXPECT_THAT(file_error([&] { read_ensemble(path_); }), HasSubstr("not equally spaced"));
}

TEST_F(IoFiles, RefusesAChangedConfigurationOfAModel) {
  write_model(path_, example_prior(), nullptr, example_provenance());
  set_text(path_, "sda_schedule", "variance = \"vp\"\nalpha = \"lin\"\neta = 1e-3\n");
  EXPECT_THAT(file_error([&] { read_model(path_); }), HasSubstr("configuration was changed"));
}

TEST_F(IoFiles, AFileEditedByOthersIsReadAndSaidToBeUnsealed) {
  write_ensemble_to(path_);
  EXPECT_THAT(describe_file(path_), HasSubstr("its checksum holds"));
  set_text(path_, "comment", "looked at");
  EXPECT_THAT(describe_file(path_), HasSubstr("no checksum"));
  EXPECT_TRUE(same(read_ensemble(path_).ensemble.members, example_ensemble().members));
}

TEST_F(IoFiles, RefusesAVariableNamedAsADimension) {
  auto trajectories = example_trajectories();
  trajectories.layout.variables[0].name = "time";
  EXPECT_THROW(write_trajectories(path_, trajectories, lorenz_normalisation(), "", {}), ValueError);
  EXPECT_THAT(folder_.names(), testing::IsEmpty());
}

TEST_F(IoFiles, DescriptionsNameWhatMatters) {
  write_trajectories_to(path_);
  EXPECT_THAT(describe_file(path_),
              AllOf(HasSubstr("trajectories"), HasSubstr("9 states"), HasSubstr("mean 0, 0, 25"), HasSubstr("lorenz63"),
                    HasSubstr("18446744073709551557"), HasSubstr("--seed 7"), HasSubstr("0.1.0")));
  write_observations_to(path_);
  EXPECT_THAT(describe_file(path_), AllOf(HasSubstr("{every = 8}"), HasSubstr("3 of 17"), HasSubstr("0.05")));
  write_ensemble_to(path_);
  EXPECT_THAT(describe_file(path_), AllOf(HasSubstr("SDA"), HasSubstr("512 network passes"), HasSubstr("1.25 s")));
  const auto prior = example_prior();
  const auto training = example_training(prior);
  write_model(path_, prior, &training, example_provenance());
  EXPECT_THAT(describe_file(path_),
              AllOf(HasSubstr("k = 1"), HasSubstr("width 8"), HasSubstr("3 epochs"), HasSubstr("validation 0.75"),
                    HasSubstr(std::to_string(prior.network->flat_values().numel()) + " parameters")));
}

TEST(Provenance, TakesItsTimeFromSourceDateEpoch) {
  ::setenv("SOURCE_DATE_EPOCH", "1700000000", 1);
  const auto fixed = make_provenance("sda simulate", "a = 1", 4);
  ::unsetenv("SOURCE_DATE_EPOCH");
  EXPECT_EQ(fixed.created, "2023-11-14T22:13:20Z");
  EXPECT_EQ(fixed.version, version());
  EXPECT_EQ(fixed.seed, 4u);
  EXPECT_GT(make_provenance("", "", 0).created, "2024");
}

}  // namespace
}  // namespace sda::test
