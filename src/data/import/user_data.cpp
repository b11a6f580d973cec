/// Trajectories in files of other programs, step by step: find the files, read what they say of their states, put these
/// in the order of time and cut them into trajectories, then read the states, a part at a time.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <optional>

#include "core/calendar.hpp"
#include "core/torch.hpp"
#include "data/import/context.hpp"
#include "data/import/find.hpp"
#include "data/import/head.hpp"
#include "data/import/screen.hpp"
#include "data/import/states.hpp"
#include "sda/core/error.hpp"
#include "sda/core/runtime.hpp"
#include "sda/data/import.hpp"

namespace sda {

using namespace io;

UserData::UserData(const DataParameters& given) : source_(std::make_unique<StateSource>()) {
  require_distinct_names(given);
  source_->p = given;
  source_->paths = find_files(given);
  const auto& paths = source_->paths;
  source_->p.time = time_dimension(paths.front(), given);
  const DataParameters& p = source_->p;
  if (p.time != given.time) remarks_.push_back(fmt::format("{}: the dimension of time is {}", paths.front(), p.time));
  auto& runs = source_->runs;
  std::optional<FileHead> first;
  for (std::size_t i = 0; i < paths.size(); ++i) {
    FileHead head = read_head(paths[i], i, p);
    if (!first) {
      first = head;
      remarks_ = head.remarks;
    }
    require_agreement(*first, head, paths[i], paths.front());
    source_->conversions.push_back(conversions_to(*first, head, paths[i], remarks_));
    convert_times(head, *first);
    runs.push_back(head.run);
  }
  if (p.join == FileJoin::time && !first->has_times) {
    throw UsageError({.what = "files without a coordinate of time cannot be put in order",
                      .where = "data.join",
                      .found = "time",
                      .expected = fmt::format("a variable {0}({0}) in each file", p.time)});
  }
  if (p.join == FileJoin::time) runs = joined_in_time(std::move(runs), paths);

  const double middle = common_step(runs, p);
  const auto stretches = find_stretches(runs, middle, p, paths);
  const double step = exact_step(runs, stretches, middle, p, paths);
  if (first->has_times && p.step > 0 && std::abs(p.step - step) > time_tolerance * step) {
    throw UsageError({.what = "states are another time apart",
                      .where = "data.step",
                      .found = fmt::format("{}", p.step),
                      .expected = fmt::format("{:.9g}, as {} in {} says, or no step", step, p.time, paths.front())});
  }
  Pieces cut_up = cut(runs, stretches, p, paths);
  source_->pieces = std::move(cut_up.pieces);
  source_->length = length_ = cut_up.length;
  left_over_ = cut_up.left_over;
  for (const auto& [run, trajectory, begin] : source_->pieces)
    start_times_.push_back(runs[run].times[static_cast<std::size_t>(begin)]);
  layout_ = first->layout;
  layout_.dt = whole_seconds(step, layout_.time_units);
  set_space(layout_);
  context_ = read_context_fields(p, paths.front(), layout_);
  layout_.check();
}

UserData::~UserData() = default;

std::size_t UserData::files() const {
  return source_->paths.size();
}

Normalisation UserData::survey(std::int64_t trajectories) {
  ChannelStatistics first, all;
  Tensor gone, always;  // in the first piece, and in that which is read
  OutsideRange outside;
  const auto take = [&](std::size_t i, std::int64_t state, const Tensor& states) {
    if (state == 0) {
      always = states[0].isnan();
      if (!gone.defined()) gone = always;
      release_freed_memory();
    }
    require_missing_always(states, always, *source_, source_->pieces[i], state, layout_);
    if (!at::equal(gone, always)) {
      refuse_missing("values are missing in some files and not in others", gone.logical_xor(always), *source_, layout_,
                     "fill them first, or leave these files out");
    }
    all.add(states.unsqueeze(0));
    if (static_cast<std::int64_t>(i) < trajectories) first.add(states.unsqueeze(0));
  };
  source_->visit(0, source_->pieces.size(), layout_.event, take, &outside);
  for (const auto& [name, count] : outside)
    remarks_.push_back(fmt::format("{} values of {} outside its valid range are missing", count, name));
  if (gone.any().item<bool>()) {
    if (source_->p.missing != MissingRule::mask) {
      refuse_missing("values are missing in all states", gone, *source_, layout_,
                     "if that is land or the like, say data.missing = \"mask\"");
    }
    layout_.mask = gone.logical_not();
    filling_ = all.result(layout_).mean.to(at::kFloat);
  }
  return first.result(layout_);
}

Tensor UserData::read(std::int64_t begin, std::int64_t n) const {
  Tensor all = at::empty(prepend({n, length_}, layout_.event), at::kFloat);
  const auto first = static_cast<std::size_t>(begin);
  source_->visit(first, static_cast<std::size_t>(n), layout_.event,
                 [&](std::size_t piece, std::int64_t state, const Tensor& states) {
                   all.select(0, static_cast<std::int64_t>(piece - first))
                       .narrow(0, state, states.size(0))
                       .copy_(layout_.mask.defined() ? at::where(layout_.mask, states, filling_) : states);
                 });
  return all;
}

}  // namespace sda
