/// Ensembles by chunks of members: values as they come, moments at the end (Chan, Golub & LeVeque 1983).
#include "sda/data/files/ensemble_writer.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "core/torch.hpp"
#include "data/files/fields.hpp"
#include "data/files/head.hpp"
#include "data/files/layout.hpp"
#include "data/files/moments.hpp"
#include "data/formats/netcdf_stream.hpp"
#include "data/formats/reading.hpp"
#include "sda/core/error.hpp"

namespace sda {

using namespace io;

namespace {

/// Sizes of a chunk of (time, realization, …space): at most a megabyte, of few members rather than of a few times.
Shape chunk_of(std::int64_t length, std::int64_t members, const Shape& space, std::int64_t bytes_of_value) {
  constexpr std::int64_t max = std::int64_t{1} << 20;
  Shape chunk = prepend({length, members}, space);
  std::vector<std::size_t> order{1, 0};
  for (std::size_t axis = 2; axis < chunk.size(); ++axis) order.push_back(axis);
  for (const std::size_t axis : order)
    while (count(chunk) * bytes_of_value > max && chunk[axis] > 1) chunk[axis] = (chunk[axis] + 1) / 2;
  return chunk;
}

}  // namespace

class EnsembleWriter::File {
 public:
  File(const std::string& path, EnsembleHead head) : head_(std::move(head)), stream_(path) {
    WritableGroup file = stream_.root();
    write_head(file, FileKind::ensemble, "Posterior ensemble", head_.provenance);
    file.attributes({{"sda_method", head_.method}});
    if (!head_.inputs.empty()) file.attributes({{"sda_inputs", head_.inputs}});
    if (head_.first_member > 0) file.attributes({{"sda_first_member", head_.first_member}});
    write_layout(file, head_.layout);
    write_axes(file, head_.layout, head_.length, head_.start_time);
    write_realizations(file, head_.members, head_.first_member);
  }

  void add(const Tensor& members) {
    require_states(head_.layout, members);
    if (members.size(1) != head_.length)
      refuse(fmt::format("{} states", members.size(1)), fmt::format("{}", head_.length));
    if (done_ + waiting() + members.size(0) > head_.members) refuse("more", fmt::format("{} members", head_.members));
    if (chunk_.empty()) declare(members.scalar_type());
    // Whole chunks go to the disk; what is left waits for the next.
    const std::int64_t at_once = chunk_[1];
    std::int64_t used = 0;
    if (waiting() > 0) {
      used = std::min(at_once - waiting(), members.size(0));
      waiting_ = at::cat({waiting_, members.narrow(0, 0, used)});
      if (waiting() == at_once) {
        write(waiting_);
        waiting_ = Tensor();
      }
    }
    for (; members.size(0) - used >= at_once; used += at_once) write(members.narrow(0, used, at_once));
    if (used < members.size(0)) waiting_ = members.narrow(0, used, members.size(0) - used).clone();
  }

  void commit(const EnsembleCost& cost) {
    if (waiting() > 0) write(std::exchange(waiting_, Tensor()));
    if (done_ != head_.members) refuse(fmt::format("{}", done_), fmt::format("{} members", head_.members));
    WritableGroup file = stream_.root();
    file.attributes({{"sda_seconds", cost.seconds}, {"sda_evaluations", cost.evaluations}});
    stream_.make_room(moments_.bytes());
    moments_.write(file, head_.layout);
    stream_.commit();
  }

 private:
  std::int64_t waiting() const { return waiting_.defined() ? waiting_.size(0) : 0; }

  [[noreturn]] void refuse(const std::string& found, const std::string& expected) const {
    throw ShapeError(
        {.what = "members do not fit the ensemble", .where = stream_.path(), .found = found, .expected = expected});
  }

  void declare(at::ScalarType type) {
    const Shape space = head_.layout.space();
    chunk_ = chunk_of(head_.length, head_.members, space, static_cast<std::int64_t>(c10::elementSize(type)));
    WritableGroup file = stream_.root();
    for (std::size_t i = 0; i < head_.layout.variables.size(); ++i) {
      const Variable& variable = head_.layout.variables[i];
      Attributes attributes = attributes_of(variable);
      for (const auto& attribute : coordinates_of(head_.layout)) attributes.push_back(attribute);
      file.declare(variable.name, state_dimensions(head_.layout),
                   {.type = type,
                    .chunk = chunk_,
                    .compression = static_cast<int>(head_.compression),
                    .fill = head_.layout.mask.defined() ? std::optional(fill_value) : std::nullopt},
                   attributes);
    }
  }

  /// A chunk of members, of each variable.
  void write(const Tensor& members) {
    moments_.add(members);
    Slab part{.start = Shape(chunk_.size(), 0),
              .count = prepend({head_.length, members.size(0)}, head_.layout.space())};
    part.start[1] = done_;
    for (std::size_t i = 0; i < head_.layout.variables.size(); ++i) {
      const Tensor values = channel(members, head_.layout, i).transpose(0, 1);
      const std::string& name = head_.layout.variables[i].name;
      stream_.put(name, part,
                  storable(head_.layout, i, values, state_dimensions(head_.layout), stream_.root().where(name),
                           Masked::missing));
    }
    done_ += members.size(0);
  }

  EnsembleHead head_;
  NetcdfStream stream_;
  Shape chunk_;  ///< empty until the type of values is known
  Tensor waiting_;
  MomentsOfMembers moments_;
  std::int64_t done_ = 0;
};

EnsembleWriter::EnsembleWriter(const std::string& path, EnsembleHead head)
    : file_(std::make_unique<File>(path, std::move(head))) {}
EnsembleWriter::~EnsembleWriter() = default;

void EnsembleWriter::add(const Tensor& members) {
  file_->add(members.detach().to(at::kCPU));
}

void EnsembleWriter::commit(const EnsembleCost& cost) {
  file_->commit(cost);
}

}  // namespace sda
