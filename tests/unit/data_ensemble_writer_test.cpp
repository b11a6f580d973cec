/// Ensembles that are written some members at a time.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <netcdf.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <filesystem>
#include <functional>

#include "core/torch.hpp"
#include "io_examples.hpp"
#include "scratch_folder.hpp"
#include "sda/core/error.hpp"
#include "sda/data/files/ensemble_writer.hpp"
#include "sda/data/formats/atomic_file.hpp"

namespace sda::test {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;
using testing::UnorderedElementsAre;

EnsembleHead head_of(const StateLayout& layout, std::int64_t members, std::int64_t length) {
  return {.layout = layout,
          .members = members,
          .length = length,
          .start_time = 1.5,
          .method = "SDA",
          .provenance = example_provenance()};
}

/// Writes `members` in pieces of `at_once`.
void write_in_pieces(const std::string& path, const EnsembleHead& head, const Tensor& members, std::int64_t at_once) {
  EnsembleWriter writer(path, head);
  for (std::int64_t first = 0; first < members.size(0); first += at_once)
    writer.add(members.narrow(0, first, std::min(at_once, members.size(0) - first)));
  writer.commit({.seconds = 2, .evaluations = 7});
}

std::vector<std::size_t> chunk_of(const std::string& path, const std::string& variable) {
  int file = -1, id = -1, storage = 0;
  EXPECT_EQ(nc_open(path.c_str(), NC_NOWRITE, &file), NC_NOERR);
  EXPECT_EQ(nc_inq_varid(file, variable.c_str(), &id), NC_NOERR);
  std::vector<std::size_t> chunk(4);
  EXPECT_EQ(nc_inq_var_chunking(file, id, &storage, chunk.data()), NC_NOERR);
  EXPECT_EQ(nc_close(file), NC_NOERR);
  return chunk;
}

/// A chunk holds some members of all times; 40 members of 65 times on 60 × 60 points are 36 MB in chunks of a megabyte.
TEST(EnsembleWriter, GivesTheSameBytesHoweverMembersCome) {
  StateLayout layout = flow_layout();
  layout.event = {2, 20, 20};
  layout.spacing = {0.5, 0.25};
  const Tensor members = normal({41, 9, 2, 20, 20}, {.seed = 3}, at::kFloat);
  const ScratchFolder folder;
  const auto head = head_of(layout, 41, 9);
  write_in_pieces(folder.file("whole.nc"), head, members, 41);
  EXPECT_EQ(chunk_of(folder.file("whole.nc"), "u"), (std::vector<std::size_t>{9, 41, 20, 20}));
  const std::string whole = read_bytes(folder.file("whole.nc"));
  for (const std::int64_t at_once : {1, 2, 7, 40}) {
    write_in_pieces(folder.file("pieces.nc"), head, members, at_once);
    EXPECT_TRUE(read_bytes(folder.file("pieces.nc")) == whole) << at_once;
  }
  const EnsembleFile read = read_ensemble(folder.file("pieces.nc"));
  EXPECT_TRUE(at::equal(read.ensemble.members, members));
  EXPECT_EQ(read.ensemble.start_time, 1.5);
  EXPECT_EQ(read.cost.evaluations, 7);
  EXPECT_THAT(folder.names(), UnorderedElementsAre("whole.nc", "pieces.nc"));
}

TEST(EnsembleWriter, WritesLargeMembersChunkByChunk) {
  StateLayout layout = flow_layout();
  layout.event = {2, 64, 64};
  const Tensor members = normal({5, 33, 2, 64, 64}, {.seed = 3}, at::kFloat);
  const ScratchFolder folder;
  write_in_pieces(folder.file("whole.nc"), head_of(layout, 5, 33), members, 5);
  EXPECT_EQ(chunk_of(folder.file("whole.nc"), "u"), (std::vector<std::size_t>{33, 1, 64, 64}));
  write_in_pieces(folder.file("pieces.nc"), head_of(layout, 5, 33), members, 3);
  EXPECT_TRUE(read_bytes(folder.file("pieces.nc")) == read_bytes(folder.file("whole.nc")));
  EXPECT_TRUE(at::equal(read_ensemble(folder.file("pieces.nc")).ensemble.members, members));
}

Tensor read_values(const std::string& path, const std::string& variable, at::IntArrayRef shape) {
  int file = -1, id = -1;
  EXPECT_EQ(nc_open(path.c_str(), NC_NOWRITE, &file), NC_NOERR);
  EXPECT_EQ(nc_inq_varid(file, variable.c_str(), &id), NC_NOERR);
  Tensor values = at::empty(shape, at::kDouble);
  EXPECT_EQ(nc_get_var_double(file, id, values.data_ptr<double>()), NC_NOERR);
  EXPECT_EQ(nc_close(file), NC_NOERR);
  return values;
}

TEST(EnsembleWriter, SumsMeanAndDeviationOnTheWay) {
  // Three chunks, whose means differ; far from 0, where Σ x² − (Σ x)² / n would lose all its digits.
  const Tensor members =
      normal({150000, 4, 3}, {.seed = 3}, at::kFloat).mul_(0.1).add_(300) + at::linspace(0, 1, 150000).view({-1, 1, 1});
  const ScratchFolder folder;
  write_in_pieces(folder.file("e.nc"), head_of(lorenz_layout(), 150000, 4), members, 777);
  const Tensor x = members.to(at::kDouble).select(2, 1);
  EXPECT_TRUE(at::allclose(read_values(folder.file("e.nc"), "y_mean", {4}), x.mean(0), 1e-7, 0));
  EXPECT_TRUE(at::allclose(read_values(folder.file("e.nc"), "y_spread", {4}), x.std(0, true), 1e-6, 0));
}

TEST(EnsembleWriter, CompressesWithoutLoss) {
  const Tensor members = normal({500, 9, 3}, {.seed = 3}, at::kFloat).mul_(8).round_();
  const ScratchFolder folder;
  EnsembleHead head = head_of(lorenz_layout(), 500, 9);
  write_in_pieces(folder.file("plain.nc"), head, members, 100);
  head.compression = 4;
  write_in_pieces(folder.file("small.nc"), head, members, 100);
  EXPECT_TRUE(at::equal(read_ensemble(folder.file("small.nc")).ensemble.members, members));
  EXPECT_LT(std::filesystem::file_size(folder.file("small.nc")),
            std::filesystem::file_size(folder.file("plain.nc")) * 2 / 3);
}

TEST(EnsembleWriter, LeavesNothingUnlessItIsWhole) {
  const Tensor members = normal({4, 9, 3}, {.seed = 3}, at::kFloat);
  const ScratchFolder folder;
  {
    EnsembleWriter writer(folder.file("e.nc"), head_of(lorenz_layout(), 5, 9));
    writer.add(members);
    EXPECT_THROW(writer.commit({}), ShapeError);
    EXPECT_THROW(writer.add(members), ShapeError);  // nine of five
    EXPECT_THROW(writer.add(members.narrow(1, 0, 8)), ShapeError);
    writer.add(at::full({1, 9, 3}, NAN));
    EXPECT_THROW(writer.commit({}), FileError);
  }
  EXPECT_THAT(folder.names(), IsEmpty());
}

/// In a process of its own, whose files may grow to `bytes`: the message of the error.
std::string error_with_limit(std::int64_t bytes, const std::function<void()>& write) {
  int ends[2];
  EXPECT_EQ(pipe(ends), 0);
  const pid_t child = fork();
  if (child == 0) {
    at::set_num_threads(1);  // the parent's other threads are not here
    std::signal(SIGXFSZ, SIG_IGN);
    const rlimit limit{static_cast<rlim_t>(bytes), static_cast<rlim_t>(bytes)};
    setrlimit(RLIMIT_FSIZE, &limit);
    std::string message = "none";
    try {
      write();
    } catch (const FileError& error) {
      message = error.what();
    }
    [[maybe_unused]] const auto n = ::write(ends[1], message.data(), message.size());
    _exit(0);
  }
  close(ends[1]);
  std::string message(1000, '\0');
  message.resize(static_cast<std::size_t>(std::max<ssize_t>(0, read(ends[0], message.data(), message.size()))));
  close(ends[0]);
  int status = -1;
  waitpid(child, &status, 0);
  EXPECT_EQ(status, 0) << "the process itself failed";
  return message;
}

/// Wherever a disk fills up, the writer says so and leaves nothing.
TEST(EnsembleWriter, SaysWhereTheDiskIsFull) {
  StateLayout layout = flow_layout();
  layout.event = {2, 64, 64};
  const Tensor members = normal({24, 33, 2, 64, 64}, {.seed = 3}, at::kFloat);  // 26 MB
  const ScratchFolder folder;
  const auto write = [&] { write_in_pieces(folder.file("e.nc"), head_of(layout, 24, 33), members, 1); };
  for (const std::int64_t megabytes : {0, 2, 9, 17, 25}) {
    EXPECT_THAT(error_with_limit(megabytes << 20, write), HasSubstr("e.nc: cannot be written: File too large"))
        << megabytes;
    EXPECT_THAT(folder.names(), IsEmpty()) << megabytes;
  }
  EXPECT_EQ(error_with_limit(64 << 20, write), "none");
  EXPECT_THAT(folder.names(), UnorderedElementsAre("e.nc"));
}

/// A process of that number is not there; or it is; or the name is none of ours.
TEST(AtomicFile, RemovesWhatKilledProcessesLeft) {
  const ScratchFolder folder;
  const pid_t child = fork();
  if (child == 0) _exit(0);
  waitpid(child, nullptr, 0);
  const std::string gone = std::to_string(child), here = std::to_string(getppid());
  for (const auto& name : {".e.nc." + gone + ".part", ".e.nc." + here + ".part", ".f.nc." + gone + ".part",
                           std::string(".e.nc.x.part"), std::string("e.nc")})
    write_bytes(folder.file(name), "half");
  remove_leftovers(folder.file("e.nc"));
  EXPECT_THAT(folder.names(),
              UnorderedElementsAre(".e.nc." + here + ".part", ".f.nc." + gone + ".part", ".e.nc.x.part", "e.nc"));
}

}  // namespace
}  // namespace sda::test
