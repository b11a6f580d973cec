/// Normalised states in memory, or behind mmap(2): the kernel keeps as much of them as there is memory for.
#include "sda/training/training_states.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "core/descriptor.hpp"
#include "core/torch.hpp"
#include "sda/core/error.hpp"

namespace sda {
namespace {

Tensor normalised(const Tensor& states, const Normalisation& normalisation) {
  return normalisation.normalise(states).to(at::kFloat).contiguous();
}

}  // namespace

TrainingStates::TrainingStates(const Trajectories& trajectories, const Normalisation& normalisation)
    : states_(normalised(trajectories.states, normalisation)) {}

void TrainingStates::expect(std::int64_t trajectory, std::int64_t first, std::int64_t n) const {
  if (!on_disk_) return;
  const std::int64_t state = count(states_.sizes().slice(2));
  float* begin = states_.data_ptr<float>() + (trajectory * states_.size(1) + first) * state;
  const auto page = static_cast<std::uintptr_t>(::sysconf(_SC_PAGESIZE));
  const auto before = reinterpret_cast<std::uintptr_t>(begin) % page;  // advice begins with a page
  // Where it is not taken, the states are read when they are needed.
  ::madvise(reinterpret_cast<char*>(begin) - before, before + static_cast<std::size_t>(n * state) * sizeof(float),
            MADV_WILLNEED);
}

struct StatesOnDisk::File {
  std::string folder;
  Descriptor descriptor;

  /// The file loses its name as soon as it has one.
  explicit File(const std::string& in) : folder(in), descriptor(open_unnamed(in)) {
    if (descriptor.get() < 0) refuse(errno);
  }
  static int open_unnamed(const std::string& folder) {
    std::string name = folder + "/.sda-states-XXXXXX";
    const int opened = ::mkostemp(name.data(), O_CLOEXEC);
    if (opened >= 0) ::unlink(name.c_str());
    return opened;
  }
  [[noreturn]] void refuse(int error) const {
    throw FileError({.what = fmt::format("the states to train on cannot be written: {}", std::strerror(error)),
                     .where = folder,
                     .hint = error == ENOSPC ? "free as much space as the trajectories take, or choose another folder"
                                             : "choose another folder"});
  }
};

StatesOnDisk::StatesOnDisk(const std::string& folder) : file_(std::make_unique<File>(folder)) {}

StatesOnDisk::~StatesOnDisk() = default;

void StatesOnDisk::add(const Trajectories& trajectories, const Normalisation& normalisation) {
  const Tensor& states = trajectories.states;
  if (shape_.empty()) {
    shape_ = states.sizes().vec();
    shape_.front() = 0;
  }
  if (states.sizes().slice(1) != at::IntArrayRef(shape_).slice(1)) {
    throw ShapeError({.what = "trajectories of another length or event than those before",
                      .where = "training",
                      .found = to_string(states.sizes().slice(1)),
                      .expected = to_string(at::IntArrayRef(shape_).slice(1))});
  }
  for (std::int64_t i = 0; i < states.size(0); ++i) {
    const Tensor one = normalised(states.narrow(0, i, 1), normalisation);
    if (const int failed = write_all(file_->descriptor.get(), one.data_ptr(), one.nbytes())) file_->refuse(failed);
    ++shape_.front();
  }
}

TrainingStates StatesOnDisk::map() {
  const auto bytes = static_cast<std::size_t>(count(shape_)) * sizeof(float);
  void* data = ::mmap(nullptr, bytes, PROT_READ, MAP_SHARED, file_->descriptor.get(), 0);
  if (data == MAP_FAILED) file_->refuse(errno);
  // Windows lie anywhere: what is beside one is not worth reading.
  ::madvise(data, bytes, MADV_RANDOM);
  return TrainingStates(at::from_blob(
      data, shape_, [bytes](void* mapped) { ::munmap(mapped, bytes); }, at::kFloat));
}

}  // namespace sda
