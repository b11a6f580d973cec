/// Columns of a table of text, by their names.
#include "data/observations/columns.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <map>

#include "data/formats/numbers.hpp"
#include "data/observations/names.hpp"
#include "data/observations/times.hpp"
#include "sda/core/error.hpp"
#include "sda/core/fields.hpp"

namespace sda::io {
namespace {

/// Looks columns up, and remembers which were found.
class Columns {
 public:
  Columns(const CsvReader& reader, const ExpectedObservations& expected) : reader_(reader), expected_(expected) {
    for (const auto& header : reader.names()) {
      auto [name, units] = expected.find(header) ? NameWithUnits{header} : split_units(header);
      names_.push_back(std::move(name));
      found_.units.push_back(std::move(units));
    }
    found_.used.resize(names_.size());
    if (!reader.units().empty()) found_.units.assign(reader.units().begin(), reader.units().end());
  }

  const std::vector<std::string>& names() const { return names_; }
  const std::vector<std::optional<std::string>>& units() const { return found_.units; }

  std::optional<std::size_t> find(const std::vector<std::string>& wanted) {
    const auto column = find_name(names_, wanted);
    if (column) found_.used[*column] = true;
    return column;
  }
  /// As it is written, and not in another case.
  std::optional<std::size_t> find_exactly(const std::string& name) {
    const auto at = std::find(names_.begin(), names_.end(), name);
    return at == names_.end() ? std::nullopt : find({name});
  }

  std::size_t require(const std::vector<std::string>& wanted, const std::string& meaning,
                      const std::string& hint = "") {
    if (const auto column = find(wanted)) return *column;
    const auto nearest = nearest_name(wanted.front(), names_);
    throw FileError({.what = fmt::format("column {} is missing", wanted.front()),
                     .where = reader_.where(),
                     .found = fmt::format("{}", fmt::join(names_, ", ")),
                     .expected = fmt::format("a column {}: {}", wanted.front(), meaning),
                     .hint = nearest.empty() ? hint_of_layout(hint) : fmt::format("is it {}?", nearest)});
  }

  std::vector<std::string> not_used() const {
    std::vector<std::string> names;
    for (std::size_t column = 0; column < names_.size(); ++column) {
      if (!found_.used[column]) names.push_back(names_[column]);
    }
    return names;
  }

 private:
  /// What makes a table out of a file whose columns are not found; `hint` where that is not the reason.
  std::string hint_of_layout(const std::string& hint) const {
    if (!hint.empty() || (names_.size() > 1 && !reader_.had_comments())) return hint;
    return reader_.had_comments() ? "lines that begin with # are passed over, unless they name the columns of a table "
                                    "whose first row begins with a number"
                                  : "columns stand between commas, semicolons, tabs or blanks";
  }

  const CsvReader& reader_;
  const ExpectedObservations& expected_;
  std::vector<std::string> names_;
  struct Found {
    std::vector<bool> used;
    std::vector<std::optional<std::string>> units;
  } found_;
};

/// Year, month, day and as many of hour, minute and second as there are; none without the first three. Month and minute
/// of NDBC differ by their case alone.
std::vector<std::size_t> find_parts_of_date(Columns& columns) {
  static const std::array<std::vector<std::string>, 6> parts{{{"YY", "YYYY", "yr", "year", "yyyy"},
                                                              {"MM", "mo", "month"},
                                                              {"DD", "dy", "day"},
                                                              {"hh", "hr", "hour"},
                                                              {"mm", "mn", "min", "minute"},
                                                              {"ss", "sec", "second"}}};
  std::vector<std::size_t> found;
  for (const auto& part : parts) {
    std::optional<std::size_t> column;
    for (const auto& name : part) {
      if (!column) column = columns.find_exactly(name);
    }
    if (!column) break;
    found.push_back(*column);
  }
  return found.size() < 3 ? std::vector<std::size_t>() : found;
}

TimeColumns find_time(Columns& columns, const StateLayout& layout) {
  const bool has_date = columns.find({"date"}).has_value();
  if (const auto time = columns.find_exactly("time"); time && has_date) return {{*time, *columns.find({"date"})}};
  if (const auto time = columns.find(names_of_time())) return {{*time}};
  if (auto parts = find_parts_of_date(columns); !parts.empty()) return {std::move(parts), true};
  return {{columns.require({"time"}, fmt::format("times in {}", time_units_of(layout)))}};
}

/// Columns that bear the name of an observable; where none is written so, one in another case.
std::vector<ValueColumn> find_wide(Columns& columns, const ExpectedObservations& expected,
                                   std::vector<std::string>& remarks) {
  std::vector<ValueColumn> values;
  for (std::size_t o = 0; o < expected.observables.size(); ++o) {
    const std::string& name = expected.observables[o].name;
    const auto column = columns.find({name});
    if (!column) continue;
    const std::string& written = columns.names()[*column];
    if (written != name && expected.find(written)) continue;
    if (written != name) remarks.push_back(fmt::format("column {} is read as {}", written, name));
    ValueColumn value{.value = *column, .observable = o, .name = written};
    value.error = columns.find(with_suffixes(written, suffixes_of_errors()));
    value.flag = columns.find(with_suffixes(written, suffixes_of_flags()));
    if (!value.error) value.error = columns.find_exactly("error");
    if (!value.flag) value.flag = columns.find_exactly("flag");
    values.push_back(value);
  }
  return values;
}

}  // namespace

ObservationColumns find_columns(const CsvReader& reader, const ExpectedObservations& expected) {
  Columns columns(reader, expected);
  const StateLayout& layout = expected.layout;
  ObservationColumns found;
  found.time = find_time(columns, layout);
  found.on_globe = are_on_globe(layout, reader.names());
  found.coordinates = place_coordinates(layout, found.on_globe);
  for (const auto& coordinate : found.coordinates) {
    found.place.push_back(columns.require(names_of(coordinate), "each observation's place along " + coordinate.name));
  }
  if (!columns.find_exactly("value")) found.values = find_wide(columns, expected, found.remarks);
  found.is_wide = !found.values.empty();
  if (!found.is_wide) {
    found.variable = columns.find_exactly("variable");
    if (!found.variable && expected.observables.size() > 1)
      columns.require({"variable"}, "the name of what was observed",
                      fmt::format("or a column for each variable: {}", fmt::join(expected.names(), ", ")));
    ValueColumn value{.value = columns.require({"value"}, "what was observed, in its variable's units")};
    value.error = columns.find_exactly("error");
    value.flag = columns.find_exactly("flag");
    found.values.push_back(value);
    found.units = columns.find_exactly("units");
  }
  for (const auto& value : found.values) {
    if (value.error || expected.gives_errors()) continue;
    columns.require({value.name.empty() ? "error" : value.name + "_error"},
                    "each observation's standard deviation, in its variable's units",
                    "or give one for all: --error 0.1, say");
  }
  found.stated_units = columns.units();
  const auto& names = columns.names();
  found.is_ndbc = found.time.are_parts && names[found.time.columns.front()].starts_with("YY");
  if (const auto others = columns.not_used(); !others.empty()) {
    found.remarks.push_back(fmt::format("columns not used: {}", fmt::join(others, ", ")));
  }
  return found;
}

bool is_sentinel_of_ndbc(const std::string& column, std::string_view text) {
  // https://www.ndbc.noaa.gov/faq/measdes.shtml: as many nines as the column is wide.
  static const std::map<std::string, double> sentinels{{"WDIR", 999},  {"WD", 999},   {"WSPD", 99},  {"GST", 99},
                                                       {"WVHT", 99},   {"DPD", 99},   {"APD", 99},   {"MWD", 999},
                                                       {"PRES", 9999}, {"BAR", 9999}, {"ATMP", 999}, {"WTMP", 999},
                                                       {"DEWP", 999},  {"VIS", 99},   {"TIDE", 99}};
  for (const auto& [name, sentinel] : sentinels) {
    if (same_but_for_case(name, column)) return number_in(text) == sentinel;
  }
  return false;
}

}  // namespace sda::io
