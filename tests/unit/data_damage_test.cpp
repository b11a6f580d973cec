/// Damage is noticed and never crashes; a file that cannot be written leaves nothing and harms nothing.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <functional>

#include "io_examples.hpp"
#include "scratch_folder.hpp"
#include "sda/core/error.hpp"
#include "sda/data/formats/atomic_file.hpp"

namespace sda::test {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

/// Writes one file of a kind, and says whether reading it gives what was written.
struct Kind {
  std::string name;
  std::function<void(const std::string&)> write;
  std::function<bool(const std::string&)> reads_the_same;
};

void PrintTo(const Kind& kind, std::ostream* out) {
  *out << kind.name;
}

const std::string dynamics = "system = \"lorenz63\"\n";

void write_example_model(const std::string& path, bool checkpoint) {
  const auto prior = example_prior();
  const auto training = example_training(prior);
  write_model(path, prior, checkpoint ? &training : nullptr, example_provenance());
}

bool reads_example_model(const std::string& path, bool checkpoint) {
  const auto prior = example_prior();
  const auto training = checkpoint ? std::optional(example_training(prior)) : std::nullopt;
  return same(read_model(path), {prior, training, example_provenance()});
}

const std::vector<Kind> kinds{
    {"trajectories",
     [](const std::string& path) {
       write_trajectories(path, example_trajectories(), lorenz_normalisation(), dynamics, example_provenance());
     },
     [](const std::string& path) {
       return same(read_trajectories(path),
                   {example_trajectories(), lorenz_normalisation(), dynamics, example_provenance()});
     }},
    {"observations",
     [](const std::string& path) { write_observations(path, example_observations(), dynamics, example_provenance()); },
     [](const std::string& path) {
       return same(read_observations(path), {example_observations(), dynamics, example_provenance()});
     }},
    {"ensemble",
     [](const std::string& path) {
       write_ensemble(path, example_ensemble(), {2, 3}, example_provenance());
     },
     [](const std::string& path) {
       return same(read_ensemble(path), {example_ensemble(), {2, 3}, example_provenance()});
     }},
    {"model", [](const std::string& path) { write_example_model(path, false); },
     [](const std::string& path) { return reads_example_model(path, false); }},
    {"checkpoint", [](const std::string& path) { write_example_model(path, true); },
     [](const std::string& path) { return reads_example_model(path, true); }}};

class IoDamage : public testing::TestWithParam<Kind> {
 protected:
  ScratchFolder folder_;
  const std::string path_ = folder_.file("a.nc");
};

TEST_P(IoDamage, AFlippedBitIsRefusedOrHarmless) {
  GetParam().write(path_);
  const std::string whole = read_bytes(path_);
  const std::size_t step = std::max<std::size_t>(1, whole.size() / 200);
  std::size_t refused = 0, flips = 0;
  for (std::size_t at = 0; at<whole.size(); at += at + 20> whole.size() ? 1 : step) {  // and each byte of the seal
    std::string damaged = whole;
    damaged[at] = static_cast<char>(damaged[at] ^ (1 << (at % 8)));
    write_bytes(path_, damaged);
    ++flips;
    try {
      EXPECT_TRUE(GetParam().reads_the_same(path_)) << "bit " << at % 8 << " of byte " << at << " of " << whole.size();
    } catch (const FileError&) {
      ++refused;
    }
  }
  EXPECT_GT(refused, flips - 20) << "only flips within the name of the seal are harmless";
}

TEST_P(IoDamage, ATruncatedFileIsRefused) {
  GetParam().write(path_);
  const std::string whole = read_bytes(path_);
  const std::size_t seal = 16;
  for (const std::size_t size : {whole.size() - seal - 1, whole.size() / 2, std::size_t{1000}, std::size_t{9}}) {
    write_bytes(path_, whole.substr(0, size));
    try {
      GetParam().reads_the_same(path_);
      ADD_FAILURE() << size << " of " << whole.size() << " bytes were read";
    } catch (const FileError& error) {
      EXPECT_THAT(error.what(), HasSubstr("a.nc: the file is damaged or truncated"));
    }
  }
  write_bytes(path_, whole.substr(0, whole.size() - 1));
  EXPECT_TRUE(GetParam().reads_the_same(path_)) << "only a part of the seal was cut off";
}

TEST_P(IoDamage, AFullDiskLeavesTheOldFileAndNothingElse) {
  write_bytes(path_, "the old file");
  struct rlimit before {};
  ASSERT_EQ(::getrlimit(RLIMIT_FSIZE, &before), 0);
  const auto handler = ::signal(SIGXFSZ, SIG_IGN);
  for (const rlim_t max : {0, 100, 4096, 10000}) {
    const struct rlimit full { max, before.rlim_max };
    ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &full), 0);
    std::string message = "no error";
    try {
      GetParam().write(path_);
    } catch (const FileError& error) {
      message = error.what();
    }
    ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &before), 0);
    EXPECT_THAT(message, HasSubstr("a.nc: cannot be written: File too large; free some space"));
    EXPECT_EQ(read_bytes(path_), "the old file");
    EXPECT_THAT(folder_.names(), ElementsAre("a.nc"));
  }
  ::signal(SIGXFSZ, handler);
  GetParam().write(path_);
  EXPECT_TRUE(GetParam().reads_the_same(path_));
  EXPECT_THAT(folder_.names(), ElementsAre("a.nc"));
}

INSTANTIATE_TEST_SUITE_P(EachKind, IoDamage, testing::ValuesIn(kinds),
                         [](const auto& instance) { return instance.param.name; });

class IoWriting : public testing::Test {
 protected:
  void write(const std::string& path) { write_ensemble(path, example_ensemble(), {}, example_provenance()); }
  std::string message_of_write(const std::string& path) {
    try {
      write(path);
    } catch (const FileError& error) {
      return error.what();
    }
    return "no error";
  }
  ScratchFolder folder_;
};

TEST_F(IoWriting, RefusesAFolderThatIsNotThere) {
  EXPECT_THAT(message_of_write(folder_.file("none/a.nc")), HasSubstr("there is no folder"));
  EXPECT_THAT(message_of_write(""), HasSubstr("no file name"));
}

TEST_F(IoWriting, RefusesToReplaceWhatIsNoFile) {
  EXPECT_THAT(message_of_write(folder_.file("")), HasSubstr("found a folder"));
  EXPECT_THAT(message_of_write("/dev/full"), HasSubstr("found a device or pipe"));
  EXPECT_TRUE(std::filesystem::is_character_file("/dev/full"));
}

TEST_F(IoWriting, RefusesAFolderItMayNotWriteTo) {
  if (::geteuid() == 0) GTEST_SKIP() << "root may write to every folder";
  write(folder_.file("a.nc"));
  const std::string before = read_bytes(folder_.file("a.nc"));
  ::chmod(folder_.file("").c_str(), 0555);
  EXPECT_THAT(message_of_write(folder_.file("a.nc")), HasSubstr("cannot be written: Permission denied"));
  ::chmod(folder_.file("").c_str(), 0755);
  EXPECT_EQ(read_bytes(folder_.file("a.nc")), before);
  EXPECT_THAT(folder_.names(), ElementsAre("a.nc"));
}

TEST_F(IoWriting, IsKnownToFailBeforeTheWorkIsDone) {
  EXPECT_THROW(require_writable(folder_.file("none/a.nc")), FileError);
  EXPECT_NO_THROW(require_writable(folder_.file("a.nc")));
  EXPECT_THAT(folder_.names(), testing::IsEmpty());
}

TEST_F(IoWriting, RefusesAReadOnlyDisk) {
  // /proc lets not even root make files.
  EXPECT_THAT(message_of_write("/proc/a.nc"), HasSubstr("/proc/a.nc: cannot be written"));
}

TEST_F(IoWriting, WritesThroughASymbolicLink) {
  write_bytes(folder_.file("real.nc"), "old");
  std::filesystem::create_symlink("real.nc", folder_.file("link.nc"));
  write(folder_.file("link.nc"));
  EXPECT_TRUE(std::filesystem::is_symlink(folder_.file("link.nc")));
  EXPECT_NO_THROW(read_ensemble(folder_.file("real.nc")));
}

}  // namespace
}  // namespace sda::test
