/// Killed at any moment, work goes on to the same bits and leaves nothing torn. Each command is killed SDA_KILLS times
/// (2 unless said, 50 in `./check --all`) by kill −9 or SIGTERM, after times from a fixed seed.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <functional>
#include <random>

#include "core/torch.hpp"
#include "sda/data/files.hpp"
#include "sda/data/files/model.hpp"
#include "tools.hpp"
#include "workshop.hpp"

namespace sda::test {
namespace {

namespace fs = std::filesystem;
using std::chrono::milliseconds;
using testing::AnyOf;
using testing::HasSubstr;

Workshop& shop() {
  return Workshop::shared();
}

int kills() {
  const char* asked = std::getenv("SDA_KILLS");
  return asked == nullptr ? 2 : std::atoi(asked);
}

/// A command that takes about a second and saves itself all the while.
struct Work {
  std::string name;
  std::function<std::vector<std::string>(const std::string& folder)> command;
  std::string result;                                        ///< the last of its files, within the folder
  std::vector<std::string> savings;                          ///< where it goes on from, any of them
  std::vector<std::string> left;                             ///< names in the folder once it is done
  std::function<std::string(const std::string& path)> bits;  ///< of the result
};

std::string bytes_of(const Tensor& values) {
  const Tensor all = values.contiguous();
  return {static_cast<const char*>(all.data_ptr()), all.nbytes()};
}
std::string bits_of_ensemble(const std::string& path) {
  return bytes_of(read_ensemble(path).ensemble.members);
}

const std::vector<Work>& works() {
  static const std::vector<Work> all{
      {"simulate",
       [](const std::string& folder) {
         return std::vector<std::string>{"simulate",
                                         "-o",
                                         folder + "/data",
                                         "--set",
                                         "dynamics.system=lorenz96",
                                         "--set",
                                         "dynamics.sites=16384",
                                         "--set",
                                         "simulation.trajectories=80",
                                         "--set",
                                         "simulation.length=2",
                                         "--set",
                                         "simulation.spin_up=50",
                                         "--set",
                                         "simulation.save_minutes=1e-4"};
       },
       "data/test.nc",
       {"data/partial/from_000000.nc"},
       {"data"},
       [](const std::string& path) {
         std::string bits;
         for (const char* part : {"train.nc", "valid.nc", "test.nc"})
           bits += bytes_of(read_trajectories(fs::path(path).replace_filename(part)).trajectories.states);
         return bits;
       }},
      {"train",
       [](const std::string& folder) {
         return std::vector<std::string>{"train",          "--data", shop().data(),
                                         "--epochs",       "10000",  "-o",
                                         folder + "/m.nc", "--set",  "training.save_minutes=1e-4"};
       },
       "m.nc",
       {"m.checkpoint.nc"},
       {"m.nc"},
       [](const std::string& path) {
         std::string bits;
         const ModelFile model = read_model(path);
         for (const auto& weight : model.prior.network->parameters()) bits += bytes_of(weight.value);
         return bits;
       }},
      {"assimilate",  // in chunks of members, each in a file of its own until the end
       [](const std::string& folder) {
         return std::vector<std::string>{"assimilate", "--keep-diverged",
                                         "--model",    shop().model(),
                                         "--obs",      shop().observations(),
                                         "-o",         folder + "/p.nc",
                                         "--members",  "40",
                                         "--steps",    "200",
                                         "--memory",   "50K",
                                         "--set",      "assimilation.save_minutes=1e-4"};
       },
       "p.nc",
       {"p.checkpoint.nc"},
       {"p.nc"},
       bits_of_ensemble},
      {"writing",  // next to no sampling, much to write
       [](const std::string& folder) {
         return std::vector<std::string>{"assimilate",
                                         "--keep-diverged",
                                         "--model",
                                         shop().model(),
                                         "--obs",
                                         shop().observations(),
                                         "-o",
                                         folder + "/p.nc",
                                         "--members",
                                         "60000",
                                         "--steps",
                                         "1",
                                         "--corrections",
                                         "0",
                                         "--memory",
                                         "16M",
                                         "--set",
                                         "assimilation.compression=9"};
       },
       "p.nc",
       {"p.checkpoint.nc"},
       {"p.nc"},
       bits_of_ensemble},
      {"filter",
       [](const std::string& folder) {
         return std::vector<std::string>{
             "filter", "--obs", shop().observations(), "-o",    folder + "/f.nc",          "--particles",
             "100000", "--set", "filter.spin_up=100",  "--set", "filter.save_minutes=1e-4"};
       },
       "f.nc",
       {"f.checkpoint.nc"},
       {"f.nc"},
       bits_of_ensemble},
      {"calibrate",
       [](const std::string& folder) {
         return std::vector<std::string>{"calibrate",
                                         "--model",
                                         shop().model(),
                                         "--name",
                                         "lo",
                                         "-o",
                                         folder + "/c",
                                         "--trajectories",
                                         "4",
                                         "--members",
                                         "20",
                                         "--no-filter",
                                         "--set",
                                         "sampler.steps=200",
                                         "--set",
                                         "assimilation.save_minutes=1e-4"};
       },
       "c/calibration.png",
       {"c/calibration.csv", "c/calibration.checkpoint.nc"},
       {"c"},
       [](const std::string& path) {
         const std::string table = read_bytes(fs::path(path).replace_extension(".csv"));
         return table.substr(table.find("\ntrajectory,"));  // behind the date
       }},
  };
  return all;
}

/// All files below the folder that do not say by their name that they are none of the results are whole.
void expect_whole(const fs::path& folder) {
  for (const auto& entry : fs::recursive_directory_iterator(folder)) {
    const std::string name = entry.path().filename().string();
    if (entry.is_directory()) continue;
    if (name.starts_with(".")) {
      EXPECT_TRUE(name.ends_with(".part")) << entry.path();
      continue;
    }
    if (entry.path().extension() != ".nc") continue;
    EXPECT_NO_THROW(EXPECT_THAT(describe_file(entry.path().string()), HasSubstr("whole"))) << entry.path();
  }
}

class Killed : public testing::TestWithParam<std::size_t> {
 protected:
  const Work& work() const { return works()[GetParam()]; }
  std::vector<std::string> command(const ScratchFolder& folder) const {
    auto arguments = work().command(folder.file(""));
    const bool saved = std::any_of(work().savings.begin(), work().savings.end(),
                                   [&](const auto& name) { return fs::exists(folder.file(name)); });
    if (saved) arguments.push_back("--resume");
    return arguments;
  }
};

milliseconds time_of(const std::vector<std::string>& arguments, Finished& run) {
  const auto start = std::chrono::steady_clock::now();
  run = run_program(arguments);
  return std::chrono::duration_cast<milliseconds>(std::chrono::steady_clock::now() - start);
}

TEST_P(Killed, GoesOnToTheSameBits) {
  const ScratchFolder undisturbed;
  Finished whole;
  // Most of the time before anything is done is the program's start.
  const auto startup = time_of({"inspect", shop().model()}, whole) * 3 / 4;
  const auto took = time_of(command(undisturbed), whole);
  ASSERT_EQ(whole.code, 0) << whole.err;
  const std::string expected = work().bits(undisturbed.file(work().result));

  std::mt19937 random(17);
  const auto up_to = [&](std::int64_t n) { return static_cast<std::int64_t>(random() % static_cast<unsigned>(n + 1)); };
  int hits = 0, runs = 0;
  while (hits < kills() && runs < 4 * kills() + 8) {
    const ScratchFolder folder;
    bool done = false;
    for (int kill = 0; kill < 3 && !done; ++kill, ++runs) {
      const int signal = up_to(1) == 0 ? SIGKILL : SIGTERM;
      const auto run = run_program(
          command(folder),
          {.signal = signal,
           .signal_after = startup + milliseconds(up_to(std::max<std::int64_t>(1, (took - startup).count())))});
      SCOPED_TRACE(run.err);
      EXPECT_THAT(run.code, AnyOf(0, 128 + signal));
      expect_whole(folder.file(""));
      done = run.code == 0;
      if (!done) ++hits;
    }
    if (!done) {
      const auto rest = run_program(command(folder));
      ASSERT_EQ(rest.code, 0) << rest.err;
    }
    expect_whole(folder.file(""));
    EXPECT_TRUE(work().bits(folder.file(work().result)) == expected) << "after " << runs << " runs";
    EXPECT_THAT(folder.names(), testing::UnorderedElementsAreArray(work().left));
  }
  EXPECT_GE(hits, std::min(kills(), 1));
}
INSTANTIATE_TEST_SUITE_P(, Killed, testing::Range<std::size_t>(0, 6),
                         [](const auto& row) { return works()[row.param].name; });

/// Members × states several times larger than the memory that the work is given.
TEST(Memory, DoesNotGrowWithMembers) {
  const ScratchFolder folder;
  const auto peak = [&](const std::string& members) {
    const auto run = run_program({"assimilate", "--keep-diverged", "--model", shop().model(), "--obs",
                                  shop().observations(), "-o", folder.file("p.nc"), "--members", members, "--steps",
                                  "1", "--corrections", "0", "--memory", "32M", "--threads", "1"});
    EXPECT_EQ(run.code, 0) << run.err;
    return static_cast<double>(run.peak_memory) / (1 << 20);
  };
  const double few = peak("40000"), many = peak("320000");
  const double more = 280000.0 * 9 * 3 * 4 / (1 << 20);  // 29 MB, once; it was held several times over
  EXPECT_LT(many - few, more / 3) << few << " and " << many << " MB";
}

/// A file system of one megabyte, for whoever may make one.
TEST(FullDisk, IsOneLineAndLeavesNothing) {
  const ScratchFolder folder;
  const std::string disk = folder.file("disk");
  fs::create_directory(disk);
  const auto within = [&](const std::string& size, const std::string& command) {
    return run("unshare -rm sh -c 'mount -t tmpfs -o size=" + size + " none " + disk + " && { " + command +
               "; echo code $?; ls -A " + disk + "; }'");
  };
  if (within("1M", "true").status != 0)
    GTEST_SKIP() << "no file system can be mounted here: " << within("1M", "true").output;
  const std::string program = SDA_PROGRAM, assimilate = program + " -q assimilate --keep-diverged --model " +
                                                        shop().model() + " --obs " + shop().observations() + " -o " +
                                                        disk + "/p.nc --steps 1 --corrections 0 --members ";
  for (const auto& [size, command] :
       {std::pair<std::string, std::string>{"32k", assimilate + "10"},
        {"2M", assimilate + "100000"},
        {"6M", assimilate + "100000 --memory 8M"},
        {"64k", program + " -q filter --obs " + shop().observations() + " -o " + disk + "/f.nc"},
        {"64k", program + " -q train --data " + shop().data() + " -o " + disk + "/m.nc"},
        {"256k", program + " -q simulate -o " + disk + "/data"}}) {
    const auto [status, output] = within(size, command);
    EXPECT_EQ(status, 0);
    EXPECT_THAT(output, HasSubstr("cannot be written: No space left on device")) << command;
    EXPECT_THAT(output, HasSubstr("code 1\n")) << command;
    const std::string left = output.substr(std::min(output.size(), output.find("code 1\n") + 7));
    EXPECT_THAT(left, testing::Not(HasSubstr(".part"))) << command;
    for (const char* result : {"p.nc\n", "f.nc\n", "m.nc\n", "data\n"})
      EXPECT_THAT("\n" + left, testing::Not(HasSubstr(std::string("\n") + result))) << command;
  }
}

}  // namespace
}  // namespace sda::test
