/// A tiny experiment from one end to the other, each file made by the program when a test first asks for it. The files
/// are kept beside the tests for as long as program and library are the same, for CTest runs every test as a process of
/// its own.
#pragma once

#include <dlfcn.h>
#include <gtest/gtest.h>
#include <sys/file.h>

#include <filesystem>

#include "program.hpp"
#include "sda/core/provenance.hpp"

namespace sda::test {

class Workshop {
 public:
  static Workshop& shared() {
    static Workshop workshop;
    return workshop;
  }

  std::string config() const { return file("tiny.toml"); }
  std::string data() { return made("data", {"simulate", config(), "-o", file("data")}); }
  std::string model() { return made("model.nc", {"train", "--data", data(), "-o", file("model.nc")}); }
  std::string observations() {
    return made("lo.nc", {"observe", "--data", data() + "/test.nc", "--name", "lo", "-o", file("lo.nc")});
  }
  std::string posterior() {
    return made("posterior.nc", {"assimilate", "--keep-diverged", "--model", model(), "--obs", observations(), "-o",
                                 file("posterior.nc")});
  }
  std::string filter() { return made("filter.nc", {"filter", "--obs", observations(), "-o", file("filter.nc")}); }

 private:
  /// About a second of work in all.
  static constexpr const char* tiny = R"(
[simulation]
trajectories = 10
length = 24
spin_up = 8
[network]
order = 1
embedding = 4
width = 16
depth = 1
[training]
epochs = 200
batch = 4
learning_rate = 1e-2
[observation.lo]
operator = [{every = 4}, {select = [0]}]
sigma = 0.05
length = 9
[observation.hi]
operator = [{select = [0]}]
sigma = 0.25
length = 9
# So weak a prior needs soft guidance: else a few coarse steps diverge.
[guidance]
rule = "sda"
gamma = 1
[sampler]
steps = 32
grid = "uniform"
churn = 0
corrections = 1
[assimilation]
members = 6
bound = 0
[filter]
particles = 64
members = 16
spin_up = 8
)";

  /// Held while files are made, so that tests that run at once make each of them once.
  class Lock {
   public:
    explicit Lock(const std::string& path) : file_(open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600)) {
      flock(file_, LOCK_EX);
    }
    ~Lock() { close(file_); }
    Lock(const Lock&) = delete;
    Lock& operator=(const Lock&) = delete;

   private:
    int file_;
  };

  Workshop() : folder_(std::filesystem::path(SDA_PROGRAM).parent_path().parent_path() / "tests" / "workshop") {
    std::filesystem::create_directories(folder_);
    const Lock lock(lock_path());
    const std::string stamp = written_at(SDA_PROGRAM) + written_at(library()) + tiny;
    if (read_bytes(file("stamp")) == stamp) return;
    for (const auto& entry : std::filesystem::directory_iterator(folder_)) {
      if (entry.path() != lock_path()) std::filesystem::remove_all(entry.path());
    }
    write_bytes(config(), tiny);
    write_bytes(file("stamp"), stamp);
  }

  static std::string library() {
    Dl_info info{};
    dladdr(reinterpret_cast<const void*>(&sda::version), &info);
    return info.dli_fname;
  }
  static std::string written_at(const std::string& path) {
    return path + " " + std::to_string(std::filesystem::last_write_time(path).time_since_epoch().count()) + "\n";
  }
  std::string lock_path() const { return file("lock"); }
  std::string file(const std::string& name) const { return (folder_ / name).string(); }

  /// The file of this name; made by running the program if it is not there yet.
  std::string made(const std::string& name, const std::vector<std::string>& arguments) {
    const Lock lock(lock_path());
    if (!std::filesystem::exists(file(name))) {
      const auto run = run_program(arguments);
      EXPECT_EQ(run.code, 0) << arguments.front() << ": " << run.err;
    }
    return file(name);
  }

  std::filesystem::path folder_;
};

}  // namespace sda::test
