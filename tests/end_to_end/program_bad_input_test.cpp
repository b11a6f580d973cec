/// The table of bad input: each gives its exit code and one line that says what was wrong, and leaves nothing behind.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <netcdf.h>

#include <algorithm>
#include <filesystem>
#include <functional>
#include <limits>

#include "sda/core/fields.hpp"
#include "workshop.hpp"

namespace sda::test {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;
using Arguments = std::vector<std::string>;

Workshop& shop() {
  return Workshop::shared();
}

/// Where one row of the table works: damaged inputs go to one folder, what the program would write to another.
class Workspace {
 public:
  std::string out(const std::string& name) const { return outputs_.file(name); }
  std::vector<std::string> left() const { return outputs_.names(); }
  std::string text(const std::string& content) const { return changed("config.toml", content); }

  std::string truncated(const std::string& path) const {
    const auto bytes = read_bytes(path);
    return changed("truncated.nc", bytes.substr(0, bytes.size() / 2));
  }
  std::string bit_flipped(const std::string& path) const {
    auto bytes = read_bytes(path);
    bytes[bytes.size() / 2] ^= 0x10;
    return changed("flipped.nc", bytes);
  }
  /// A copy that `edit` changes through the NetCDF library.
  std::string edited(const std::string& path, const std::function<void(int)>& edit) const {
    const auto copy = changed("edited.nc", read_bytes(path));
    int file = -1;
    EXPECT_EQ(nc_open(copy.c_str(), NC_WRITE, &file), NC_NOERR);
    edit(file);
    EXPECT_EQ(nc_close(file), NC_NOERR);
    return copy;
  }
  /// The observations with the first number of `variable` replaced.
  std::string with_number(const std::string& variable, double number) const {
    return edited(shop().observations(), [&](int file) {
      int id = -1;
      EXPECT_EQ(nc_inq_varid(file, variable.c_str(), &id), NC_NOERR);
      const std::size_t first[NC_MAX_VAR_DIMS] = {};
      EXPECT_EQ(nc_put_var1_double(file, id, first, &number), NC_NOERR);
    });
  }
  std::string without_variable(const std::string& path, const std::string& variable) const {
    return edited(path, [&](int file) {
      int id = -1;
      EXPECT_EQ(nc_inq_varid(file, variable.c_str(), &id), NC_NOERR);
      EXPECT_EQ(nc_redef(file), NC_NOERR);
      EXPECT_EQ(nc_rename_var(file, id, "something_else"), NC_NOERR);
    });
  }
  /// Made by the program itself, among the inputs.
  std::string made(const std::string& name, Arguments arguments) const {
    arguments.insert(arguments.end(), {"-o", inputs_.file(name)});
    const auto run = run_program(arguments);
    EXPECT_EQ(run.code, 0) << run.err;
    return inputs_.file(name);
  }

 private:
  std::string changed(const std::string& name, const std::string& bytes) const {
    write_bytes(inputs_.file(name), bytes);
    return inputs_.file(name);
  }

  ScratchFolder inputs_, outputs_;
};

struct Row {
  const char* name;
  int code;
  std::function<Arguments(const Workspace&)> arguments;
  std::vector<std::string> fragments;
  RunOptions options{};
};

void PrintTo(const Row& row, std::ostream* out) {
  *out << row.name;
}

Arguments assimilate(const Workspace& workspace, const std::string& model, const std::string& observations) {
  return {"assimilate", "--model", model, "--obs", observations, "-o", workspace.out("posterior.nc")};
}
Arguments filter(const Workspace& workspace, const std::string& observations) {
  return {"filter", "--obs", observations, "-o", workspace.out("filter.nc")};
}
Arguments train(const Workspace& workspace, Arguments more = {}) {
  Arguments all{"train", "--data", shop().data(), "-o", workspace.out("model.nc")};
  all.insert(all.end(), more.begin(), more.end());
  return all;
}
Arguments observe(const Workspace& workspace, Arguments more) {
  Arguments all{"observe", "--data", shop().data() + "/test.nc", "-o", workspace.out("obs.nc")};
  all.insert(all.end(), more.begin(), more.end());
  return all;
}
Arguments simulate(const Workspace& workspace, const std::string& config, Arguments more = {}) {
  Arguments all{"simulate", config, "-o", workspace.out("data")};
  all.insert(all.end(), more.begin(), more.end());
  return all;
}
/// Lorenz 1996 on a ring of 8, where the model knows the 3 states of Lorenz 1963.
std::string observations_of_another_system(const Workspace& workspace) {
  const auto data = workspace.made(
      "data", {"simulate", shop().config(), "--set", "dynamics.system=lorenz96", "--set", "dynamics.sites=8"});
  return workspace.made("other.nc", {"observe", "--data", data + "/test.nc", "--name", "lo"});
}

constexpr double nan = std::numeric_limits<double>::quiet_NaN();
constexpr double infinity = std::numeric_limits<double>::infinity();
/// Bytes that no artefact of the tiny experiment fits in.
const RunOptions full_disk{.largest_file = 2048};

const std::vector<Row> table{
    // What is typed
    {"UnknownSubcommand", 2, [](auto&) { return Arguments{"asimilate"}; }, {"asimilate", "did you mean assimilate?"}},
    {"UnknownSubcommandOfNoKind", 2, [](auto&) { return Arguments{"frobnicate"}; }, {"frobnicate", "--help"}},
    {"UnknownFlag",
     2,
     [](auto&) {
       return Arguments{"train", "--dta", "x"};
     },
     {"unknown flag --dta", "--data?"}},
    {"UnknownFlagWithValue",
     2,
     [](auto&) {
       return Arguments{"filter", "--particels=3"};
     },
     {"--particles?"}},
    {"FlagMissing", 2, [](auto&) { return Arguments{"train"}; }, {"--data is required", "train --help"}},
    {"ValueMissing",
     2,
     [](auto&) {
       return Arguments{"train", "--data"};
     },
     {"train", "--data"}},
    {"TooManyArguments",
     2,
     [](auto&) {
       return Arguments{"inspect", "a", "b"};
     },
     {"unexpected argument b"}},
    {"SeedIsNoNumber",
     2,
     [](auto&) {
       return Arguments{"keys", "--seed", "x"};
     },
     {"--seed", "x"}},
    {"NoThreads",
     2,
     [](auto&) {
       return Arguments{"keys", "--threads", "0"};
     },
     {"--threads", "0", "1 to 4096"}},
    {"NoSuchDevice",
     2,
     [](auto& workspace) {
       auto arguments = assimilate(workspace, shop().model(), shop().observations());
       arguments.insert(arguments.end(), {"--device", "gpu"});
       return arguments;
     },
     {"--device", "gpu", "cpu, cuda or cuda:N"}},
    {"NoMemory",
     2,
     [](auto& workspace) {
       auto arguments = assimilate(workspace, shop().model(), shop().observations());
       arguments.insert(arguments.end(), {"--memory", "lots"});
       return arguments;
     },
     {"--memory", "\"lots\"", "512M"}},
    {"FlagOutOfRange",
     2,
     [](auto& workspace) {
       return train(workspace, {"--epochs", "0"});
     },
     {"--epochs 0: training.epochs", "found 0", "an integer ≥ 1"}},
    {"SetOutOfRange",
     2,
     [](auto& workspace) {
       return train(workspace, {"--set", "training.batch=0"});
     },
     {"--set training.batch=0", "found 0", "an integer ≥ 1"}},
    {"SetOfUnknownKey",
     2,
     [](auto& workspace) {
       return train(workspace, {"--set", "training.bach=2"});
     },
     {"training.bach", "did you mean batch?"}},
    {"SetWithoutValue",
     2,
     [](auto& workspace) {
       return train(workspace, {"--set", "training.batch"});
     },
     {"--set training.batch", "section.key=value"}},
    {"SetWhatTheInputFixes",
     2,
     [](auto& workspace) {
       return train(workspace, {"--set", "dynamics.rho=30"});
     },
     {"--set dynamics.rho=30", "cannot be changed here"}},
    {"NegativeNoise",
     2,
     [](auto& workspace) {
       return observe(workspace, {"--name", "lo", "--set", "observation.lo.sigma=-0.05"});
     },
     {"observation.lo.sigma", "found -0.05", "a number > 0"}},
    {"UnknownObservation",
     2,
     [](auto& workspace) {
       return observe(workspace, {"--name", "high"});
     },
     {"--name", "found high", "one of hi, lo"}},
    {"NoObservationNamed", 2, [](auto& workspace) { return observe(workspace, {}); }, {"--name", "one of hi, lo"}},
    {"NoSuchTrajectory",
     2,
     [](auto& workspace) {
       return observe(workspace, {"--name", "lo", "--trajectory", "1"});
     },
     {"--trajectory", "test.nc", "found 1", "0 to 0"}},
    {"StretchBeyondTheEnd",
     2,
     [](auto& workspace) {
       return observe(workspace, {"--name", "lo", "--start", "16"});
     },
     {"--start", "9 states", "found 16", "0 to 15"}},
    {"OperatorBeyondTheState",
     1,
     [](auto& workspace) {
       return observe(workspace, {"--set", "observation.lo.operator=[{select = [3]}]", "--name", "lo"});
     },
     {"select", "3"}},
    {"OperatorUnknown",
     2,
     [](auto& workspace) {
       return observe(workspace, {"--set", "observation.lo.operator=[{evry = 3}]", "--name", "lo"});
     },
     {"evry", "every"}},
    {"ImportOfNothing",
     2,
     [](auto& workspace) {
       return Arguments{"import", "-o", workspace.out("m.nc")};
     },
     {"--state"}},
    {"ReportOfUnequalNumbers",
     2,
     [](auto& workspace) {
       return Arguments{"report", "--obs", "a.nc", "--obs", "b.nc", "c.nc", "-o", workspace.out("report")};
     },
     {"ENSEMBLE", "found 1", "expected 2"}},

    // Configuration
    {"ConfigMissing",
     1,
     [](auto& workspace) { return simulate(workspace, "nowhere.toml"); },
     {"nowhere.toml", "No such file"}},
    {"ConfigIsAFolder", 1, [](auto& workspace) { return simulate(workspace, "/"); }, {"/: cannot read", "directory"}},
    {"ConfigIsNoToml",
     2,
     [](auto& workspace) { return simulate(workspace, workspace.text("[sampler]\nsteps = = 3\n")); },
     {"config.toml:2", "not TOML"}},
    {"ConfigOfUnknownKey",
     2,
     [](auto& workspace) { return simulate(workspace, workspace.text("[sampler]\nstep = 3\n")); },
     {"config.toml:2: sampler.step", "did you mean steps?"}},
    {"ConfigOfUnknownSection",
     2,
     [](auto& workspace) { return simulate(workspace, workspace.text("[smapler]\n")); },
     {"config.toml:1: smapler", "[sampler]?"}},
    {"ConfigOutOfRange",
     2,
     [](auto& workspace) { return simulate(workspace, workspace.text("[schedule]\neta = 2\n")); },
     {"config.toml:2: schedule.eta", "found 2", "a number > 0 and < 1"}},
    {"ConfigOfUnknownSystem",
     2,
     [](auto& workspace) { return simulate(workspace, workspace.text("[dynamics]\nsystem = 'x'\n")); },
     {"dynamics.system", "lorenz63"}},
    {"ConfigOfTooFewTrajectories",
     2,
     [](auto& workspace) { return simulate(workspace, shop().config(), {"--trajectories=3"}); },
     {"simulation.trajectories", "valid.nc", "found 3"}},

    // Files
    {"ModelMissing",
     1,
     [](auto& workspace) { return assimilate(workspace, "nowhere.nc", shop().observations()); },
     {"nowhere.nc", "no such file"}},
    {"ObservationsMissing",
     1,
     [](auto& workspace) { return filter(workspace, "nowhere.nc"); },
     {"nowhere.nc", "no such file"}},
    {"DataMissing",
     1,
     [](auto& workspace) {
       return Arguments{"train", "--data", "nowhere", "-o", workspace.out("m.nc")};
     },
     {"nowhere/train.nc", "no such file"}},
    {"EnsembleMissing",
     1,
     [](auto&) {
       return Arguments{"evaluate", "--obs", shop().observations(), "nowhere.nc"};
     },
     {"nowhere.nc", "no such file"}},
    {"FileToInspectMissing",
     1,
     [](auto&) {
       return Arguments{"inspect", "nowhere.nc"};
     },
     {"nowhere.nc"}},
    {"CheckpointMissing",
     2,
     [](auto& workspace) { return train(workspace, {"--resume"}); },
     {"model.checkpoint.nc", "nothing to go on from"}},
    {"NotNetcdf",
     1,
     [](auto& workspace) { return filter(workspace, workspace.text("Dear diary")); },
     {"config.toml", "NetCDF"}},
    {"Empty", 1, [](auto& workspace) { return filter(workspace, workspace.text("")); }, {"config.toml", "empty"}},
    {"AFolder", 1, [](auto& workspace) { return filter(workspace, "/"); }, {"/", "not a file"}},
    {"TrajectoriesTruncated",
     1,
     [](auto& workspace) {
       return Arguments{"observe", "--data", workspace.truncated(shop().data() + "/test.nc"), "-o",
                        workspace.out("o.nc")};
     },
     {"truncated.nc", "damaged"}},
    {"ModelTruncated",
     1,
     [](auto& workspace) { return assimilate(workspace, workspace.truncated(shop().model()), shop().observations()); },
     {"truncated.nc", "damaged"}},
    {"ObservationsTruncated",
     1,
     [](auto& workspace) { return filter(workspace, workspace.truncated(shop().observations())); },
     {"truncated.nc", "damaged"}},
    {"EnsembleTruncated",
     1,
     [](auto& workspace) {
       return Arguments{"evaluate", "--obs", shop().observations(), workspace.truncated(shop().posterior())};
     },
     {"truncated.nc", "damaged"}},
    {"TrajectoriesBitFlipped",
     1,
     [](auto& workspace) {
       return Arguments{"observe", "--data", workspace.bit_flipped(shop().data() + "/test.nc"), "-o",
                        workspace.out("o.nc")};
     },
     {"flipped.nc", "damaged"}},
    {"ModelBitFlipped",
     1,
     [](auto& workspace) {
       return assimilate(workspace, workspace.bit_flipped(shop().model()), shop().observations());
     },
     {"flipped.nc", "damaged"}},
    {"ObservationsBitFlipped",
     1,
     [](auto& workspace) { return filter(workspace, workspace.bit_flipped(shop().observations())); },
     {"flipped.nc", "damaged"}},
    {"EnsembleBitFlipped",
     1,
     [](auto& workspace) {
       return Arguments{"evaluate", "--obs", shop().observations(), workspace.bit_flipped(shop().posterior())};
     },
     {"flipped.nc", "damaged"}},
    {"ModelOfAnotherKind",
     1,
     [](auto& workspace) { return assimilate(workspace, shop().observations(), shop().observations()); },
     {"lo.nc", "observations", "model"}},
    {"ObservationsOfAnotherKind",
     1,
     [](auto& workspace) { return filter(workspace, shop().model()); },
     {"model.nc", "model", "observations"}},
    {"EnsembleOfAnotherKind",
     1,
     [](auto&) {
       return Arguments{"evaluate", "--obs", shop().observations(), shop().data() + "/test.nc"};
     },
     {"test.nc", "trajectories", "ensemble"}},
    {"VariableMissing",
     1,
     [](auto& workspace) {
       return filter(workspace, workspace.without_variable(shop().observations(), "observation"));
     },
     {"edited.nc", "observation", "missing"}},
    {"TrajectoryVariableMissing",
     1,
     [](auto& workspace) {
       return Arguments{"observe", "--data", workspace.without_variable(shop().data() + "/test.nc", "y"), "-o",
                        workspace.out("o.nc")};
     },
     {"edited.nc", "y", "missing"}},
    {"MoreObservationsThanTheOperatorGives",
     1,
     [](auto& workspace) {
       return filter(workspace, workspace.edited(shop().observations(), [](int file) {
         int id = -1;
         EXPECT_EQ(nc_inq_varid(file, "time_index", &id), NC_NOERR);
         const std::size_t beyond[] = {3};
         const int state = 8;
         EXPECT_EQ(nc_put_var1_int(file, id, beyond, &state), NC_NOERR);
       }));
     },
     {"edited.nc"}},
    {"NanObserved",
     1,
     [](auto& workspace) { return filter(workspace, workspace.with_number("observation", nan)); },
     {"edited.nc", "observation", "NaN"}},
    {"InfinityObserved",
     1,
     [](auto& workspace) {
       return assimilate(workspace, shop().model(), workspace.with_number("observation", infinity));
     },
     {"edited.nc", "observation", "infinite"}},
    {"NegativeNoiseInFile",
     1,
     [](auto& workspace) { return filter(workspace, workspace.with_number("sigma", -0.05)); },
     {"edited.nc", "sigma", "found -0.05", "> 0"}},

    // Things that do not fit together
    {"WindowLongerThanTheData",
     2,
     [](auto& workspace) {
       return train(workspace, {"--order", "12"});
     },
     {"network", "25 states", "24 states"}},
    {"WindowLongerThanTheTrajectory",
     2,
     [](auto& workspace) {
       const auto model = workspace.made("k5.nc", {"train", "--data", shop().data(), "--order", "5"});
       return assimilate(workspace, model, shop().observations());
     },
     {"window", "11", "9"}},
    {"StrideLongerThanTheWindow",
     2,
     [](auto& workspace) {
       auto arguments = assimilate(workspace, shop().model(), shop().observations());
       arguments.insert(arguments.end(), {"--set", "assimilation.stride=4"});
       return arguments;
     },
     {"stride", "4", "3"}},
    {"ModelOfAnotherEvent",
     1,
     [](auto& workspace) { return assimilate(workspace, shop().model(), observations_of_another_system(workspace)); },
     {"model.nc", "found 3", "expected 8"}},
    {"EnsembleOfAnotherEvent",
     1,
     [](auto& workspace) {
       return Arguments{"evaluate", "--obs", observations_of_another_system(workspace), shop().posterior()};
     },
     {"posterior.nc", "found 3", "expected 8"}},
    {"EnsembleOfAnotherLength",
     1,
     [](auto& workspace) {
       const auto longer = workspace.made("long.nc", {"observe", "--data", shop().data() + "/test.nc", "--name", "lo",
                                                      "--set", "observation.lo.length=11"});
       return Arguments{"evaluate", "--obs", longer, shop().posterior()};
     },
     {"posterior.nc", "found 9 states", "expected 11"}},
    {"EnsembleOfAnotherTime",
     1,
     [](auto& workspace) {
       const auto later = workspace.made(
           "later.nc", {"observe", "--data", shop().data() + "/test.nc", "--name", "lo", "--start", "2"});
       return Arguments{"evaluate", "--obs", later, shop().posterior()};
     },
     {"posterior.nc", "begin at another time", "found 0", "expected 0.05"}},
    {"FilterOfDeterministicDynamics",
     1,
     [](auto& workspace) {
       auto arguments = filter(workspace, shop().observations());
       arguments.insert(arguments.end(), {"--set", "dynamics.noise=0"});
       return arguments;
     },
     {"without noise", "dynamics.noise"}},
    {"NoiseWithoutItsParameters",
     2,
     [](auto& workspace) {
       return observe(workspace, {"--name", "lo", "--set", "observation.lo.noise=mixture"});
     },
     {"--set observation.lo.noise=mixture: observation.lo.weights", "a weight for each Gaussian"}},
    {"RuleThatCannotTakeTheNoise",
     2,
     [](auto& workspace) {
       const auto laplace = workspace.made("laplace.nc", {"observe", "--data", shop().data() + "/test.nc", "--name",
                                                          "lo", "--set", "observation.lo.noise=laplace"});
       auto arguments = assimilate(workspace, shop().model(), laplace);
       arguments.insert(arguments.end(), {"--rule", "dps"});
       return arguments;
     },
     {"guidance.rule: dps", "found Laplace noise", "use sda, mmps or pigdm"}},
    {"GammaOfAnotherLength",
     2,
     [](auto& workspace) {
       auto arguments = assimilate(workspace, shop().model(), shop().observations());
       arguments.insert(arguments.end(), {"--gamma", "[0.1, 0.2]"});
       return arguments;
     },
     {"gamma", "2 values"}},

    // Where results go
    {"FullDiskForTrajectories",
     1,
     [](auto& workspace) { return simulate(workspace, shop().config()); },
     {"train.nc", "cannot be written"},
     full_disk},
    {"FullDiskForAModel",
     1,
     [](auto& workspace) { return train(workspace); },
     {"model.nc", "cannot be written"},
     full_disk},
    {"FullDiskForObservations",
     1,
     [](auto& workspace) {
       return observe(workspace, {"--name", "lo"});
     },
     {"obs.nc", "cannot be written"},
     full_disk},
    {"FullDiskForAnEnsemble",
     1,
     [](auto& workspace) { return filter(workspace, shop().observations()); },
     {"filter.nc", "cannot be written"},
     full_disk},
    {"FullDiskForAReport",
     1,
     [](auto& workspace) {
       return Arguments{"report", "--obs", shop().observations(), shop().posterior(), "-o", workspace.out("report")};
     },
     {"cannot"},
     full_disk},
    {"FullDiskForStdout", 1, [](auto&) { return Arguments{"keys"}; }, {"standard output"}, {.out_file = "/dev/full"}},
    {"OutputBelowAFile",
     1,
     [](auto& workspace) {
       auto arguments = filter(workspace, shop().observations());
       arguments[4] = shop().config() + "/filter.nc";
       return arguments;
     },
     {"tiny.toml/filter.nc", "Not a directory"}},
    {"OutputInNoFolder",
     1,
     [](auto& workspace) {
       auto arguments = filter(workspace, shop().observations());
       arguments[4] = workspace.out("nowhere/filter.nc");
       return arguments;
     },
     {"nowhere/filter.nc", "No such file or directory"}},
    {"OutputIsAFolder",
     1,
     [](auto& workspace) {
       auto arguments = filter(workspace, shop().observations());
       arguments[4] = "/";
       return arguments;
     },
     {"/: cannot", "Is a directory"}},
    {"OutputNotPermitted",
     1,
     [](auto& workspace) {
       auto arguments = train(workspace);
       arguments[4] = "/proc/model.nc";
       return arguments;
     },
     {"/proc/model.nc", "cannot"}},
    {"OutputFolderBelowAFile",
     1,
     [](auto&) {
       return Arguments{"simulate", "-o", shop().config() + "/data"};
     },
     {"tiny.toml/data", "Not a directory"}},
    {"OutputFolderNotPermitted",
     1,
     [](auto&) {
       return Arguments{"simulate", "-o", "/proc/data"};
     },
     {"/proc/data"}},

    // Files of others
    {"WeightsDamaged",
     1,
     [](auto& workspace) {
       return Arguments{"import",
                        "--state",
                        workspace.truncated(SDA_GOLDEN_DIR "/lorenz_local.pth"),
                        "--config",
                        workspace.text("{}"),
                        "-o",
                        workspace.out("m.nc")};
     },
     {"truncated.nc", "archive"}},
    {"WeightsWithoutConfig",
     1,
     [](auto& workspace) {
       return Arguments{"import",
                        "--state",
                        SDA_GOLDEN_DIR "/lorenz_local.pth",
                        "--config",
                        "nowhere.json",
                        "-o",
                        workspace.out("m.nc")};
     },
     {"nowhere.json"}},
    {"WeightsOfAnotherConfig",
     1,
     [](auto& workspace) {
       return Arguments{
           "import",
           "--state",
           SDA_GOLDEN_DIR "/lorenz_local.pth",
           "--config",
           workspace.text(R"({"window": 5, "embedding": 16, "width": 64, "depth": 3, "activation": "SiLU"})"),
           "-o",
           workspace.out("m.nc")};
     },
     {"config.toml", "64"}},
    {"TrajectoriesOfNoHdf5",
     1,
     [](auto& workspace) {
       return Arguments{"import", "--trajectories", workspace.text("Dear diary"), "-o", workspace.out("t.nc")};
     },
     {"config.toml"}},
};

class BadInput : public testing::TestWithParam<Row> {};

TEST_P(BadInput, GivesOneClearLineAndLeavesNothing) {
  const Row& row = GetParam();
  const Workspace workspace;
  const auto run = run_program(row.arguments(workspace), row.options);
  EXPECT_EQ(run.code, row.code) << run.err;
  EXPECT_EQ(run.out, "");
  const auto error = run.err.find("sda: error: ");
  ASSERT_NE(error, std::string::npos) << run.err;
  const auto line = run.err.substr(error);
  EXPECT_EQ(std::count(line.begin(), line.end(), '\n'), 1) << run.err;
  EXPECT_EQ(line.back(), '\n');
  for (const auto& fragment : row.fragments) EXPECT_THAT(line, HasSubstr(fragment));
  EXPECT_THAT(workspace.left(), IsEmpty());
}

INSTANTIATE_TEST_SUITE_P(Table, BadInput, testing::ValuesIn(table),
                         [](const auto& row) { return std::string(row.param.name); });

}  // namespace
}  // namespace sda::test
