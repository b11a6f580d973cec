/// Observations in a table of text.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <optional>
#include <utility>

#include "core/calendar.hpp"
#include "data/formats/csv.hpp"
#include "data/formats/numbers.hpp"
#include "data/observations/decode.hpp"
#include "data/observations/missing.hpp"
#include "data/observations/places.hpp"
#include "data/observations/times.hpp"
#include "data/observations/units.hpp"
#include "sda/core/error.hpp"
#include "sda/core/fields.hpp"

namespace sda::io {
namespace {

/// The columns of a file of observations and what they mean.
class ObservationColumns {
 public:
  ObservationColumns(const CsvReader& reader, const ExpectedObservations& expected)
      : reader_(reader), expected_(expected), layout_(expected.layout) {
    const StateLayout& layout = layout_;
    time_ = require("time", fmt::format("times in {}", time_units_of(layout)));
    on_globe_ = are_on_globe(layout, reader.names());
    for (const auto& coordinate : place_coordinates(layout, on_globe_)) {
      const auto name = on_globe_ ? name_among(reader.names(), coordinate) : std::nullopt;
      place_.push_back(require(name.value_or(coordinate.name), "each observation's place along " + coordinate.name));
    }
    variable_ = find("variable");
    if (!variable_ && expected.observables.size() > 1) require("variable", "the name of what was observed");
    value_ = require("value", "what was observed, in its variable's units");
    error_ = find("error");
    if (!error_ && !expected.gives_errors()) {
      require("error", "each observation's standard deviation, in its variable's units",
              "or give one for all: --error 0.1, say");
    }
    flag_ = find("flag");
    units_ = find("units");
  }

  /// Whether places are latitudes and longitudes of a curvilinear grid.
  bool on_globe() const { return on_globe_; }

  /// Whether the row at which the reader is says in which units the columns are, as ERDDAP's second line does. The
  /// units of values are then kept.
  bool take_units_row() {
    const auto time = reader_.field(time_), value = reader_.field(value_);
    const bool is_data = number_in(time) || looks_like_date(time) || number_in(value) || value.empty();
    const bool is_of_time = time.empty() || time == "UTC" || is_unit(std::string(time));
    if (is_data || !is_of_time) return false;
    stated_units_ = std::string(value);
    return true;
  }

  std::vector<std::string> not_used() const {
    std::vector<std::string> names;
    for (std::size_t column = 0; column < reader_.names().size(); ++column) {
      if (!used_[column]) names.push_back(reader_.names()[column]);
    }
    return names;
  }

  /// Appends the row at which the reader is.
  void append(ObservationTable& table) {
    const bool flagged = flag_ && number(*flag_, "a number, 0 for a good observation") > expected_.parameters.max_flag;
    table.append_empty(static_cast<std::int64_t>(reader_.line()), flagged);
    if (flagged || stands_for_none(reader_.field(value_))) return;
    table.value.back() = number(value_, "a number");
    if (error_ && !(expected_.gives_errors() && reader_.field(*error_).empty())) {
      table.error.back() = number(*error_, "a standard deviation > 0");
    }
    table.time.back() = time();
    if (variable_) table.variable.back() = variable();
    const UnitConversion& convert = conversion(table);
    table.value.back() = convert(table.value.back());
    table.error.back() *= convert.scale;
    for (std::size_t axis = 0; axis < place_.size(); ++axis)
      table.place[axis].back() = number(place_[axis], "a number");
  }

 private:
  std::optional<std::size_t> find(const std::string& name) {
    const auto& names = reader_.names();
    const auto at = std::find(names.begin(), names.end(), name);
    if (at == names.end()) return std::nullopt;
    used_.resize(names.size());
    used_[static_cast<std::size_t>(at - names.begin())] = true;
    return static_cast<std::size_t>(at - names.begin());
  }

  std::size_t require(const std::string& name, const std::string& meaning, const std::string& hint = "") {
    if (const auto column = find(name)) return *column;
    const auto nearest = nearest_name(name, reader_.names());
    throw FileError({.what = fmt::format("column {} is missing", name),
                     .where = reader_.where(),
                     .found = fmt::format("{}", fmt::join(reader_.names(), ", ")),
                     .expected = fmt::format("a column {}: {}", name, meaning),
                     .hint = nearest.empty() ? hint_of_layout(hint) : fmt::format("is it {}?", nearest)});
  }

  /// What makes a table out of a file whose columns are not found; `hint` where that is not the reason.
  std::string hint_of_layout(const std::string& hint) const {
    const auto& names = reader_.names();
    const bool has_blanks = names.size() == 1 && names.front().find_first_of(" \t") != std::string::npos;
    if (!has_blanks && !reader_.had_comments()) return hint;
    const std::string comments = "lines that begin with # are passed over: names stand in a line without it";
    if (!has_blanks) return comments;
    return (reader_.had_comments() ? comments + "; " : "") + "columns stand between commas, semicolons or tabs";
  }

  [[noreturn]] void refuse(std::size_t column, const std::string& what, const std::string& expected,
                           const std::string& hint) const {
    const auto field = reader_.field(column);
    throw FileError({.what = what,
                     .where = fmt::format("{}: column {}", reader_.where(), reader_.names()[column]),
                     .found = field.empty() ? "nothing" : std::string(field.substr(0, 80)),
                     .expected = expected,
                     .hint = hint});
  }

  double number(std::size_t column, const std::string& expected) const {
    const auto text = reader_.field(column);
    const auto found = number_in(text);
    if (!found) refuse(column, "not a number", expected, number_hint(text));
    if (!std::isfinite(*found)) {
      refuse(column, "not a finite number", expected,
             column == value_ ? "leave the value empty where there is none" : "leave the row out");
    }
    return *found;
  }

  double time() const {
    const auto text = reader_.field(time_);
    try {
      return parse_time(text, layout_);
    } catch (const ValueError& error) {
      const Fault& fault = error.fault();
      refuse(time_, fault.what, fault.expected, fault.hint);
    }
  }

  std::size_t variable() const {
    const auto name = reader_.field(*variable_);
    if (const auto found = expected_.find(name)) return *found;
    const auto known = expected_.names();
    const auto nearest = nearest_name(std::string(name.substr(0, 80)), known);
    refuse(*variable_, "no such variable", fmt::format("one of {}", fmt::join(known, ", ")),
           nearest.empty() ? "" : "did you mean " + nearest + "?");
  }

  /// Of the row's variable, from the units that the row, or the file, states.
  const UnitConversion& conversion(ObservationTable& table) {
    const auto observable = table.variable.back();
    const auto stated = units_ ? std::optional(std::string(reader_.field(*units_))) : stated_units_;
    const auto known = conversions_.find({observable, stated});
    if (known != conversions_.end()) return known->second;
    const auto made = conversion_of_values(stated, observable, expected_, reader_.where() + ": units", table);
    return conversions_.emplace(std::pair{observable, stated}, made).first->second;
  }

  const CsvReader& reader_;
  const ExpectedObservations& expected_;
  const StateLayout& layout_;
  std::vector<bool> used_;
  std::size_t time_ = 0, value_ = 0;
  std::vector<std::size_t> place_;
  bool on_globe_ = false;
  std::optional<std::size_t> variable_, error_, flag_, units_;
  std::optional<std::string> stated_units_{};  ///< of values, in a row of units
  std::map<std::pair<std::size_t, std::optional<std::string>>, UnitConversion> conversions_{};
};

}  // namespace

ObservationTable decode_csv(const std::string& path, const ExpectedObservations& expected) {
  CsvReader reader(read_csv_text(path), path);
  ObservationColumns columns(reader, expected);
  ObservationTable table;
  table.path = path;
  table.place.resize(expected.layout.space_names.size());
  table.on_globe = columns.on_globe();
  if (reader.had_byte_order_mark()) table.remarks.emplace_back("a byte-order mark at the beginning was passed over");
  if (const auto names = columns.not_used(); !names.empty()) {
    table.remarks.push_back(fmt::format("columns not used: {}", fmt::join(names, ", ")));
  }
  bool is_first = true;
  while (reader.next()) {
    if (!std::exchange(is_first, false) || !columns.take_units_row()) columns.append(table);
  }
  table.where = [path, lines = table.origin](std::size_t row, const std::string& column) {
    return fmt::format("{}:{}: column {}", path, lines[row], column);
  };
  return table;
}

}  // namespace sda::io
