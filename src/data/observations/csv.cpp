/// Observations in a table of text.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <optional>

#include "data/formats/csv.hpp"
#include "data/formats/numbers.hpp"
#include "data/observations/decode.hpp"
#include "data/observations/times.hpp"
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
    for (const auto& axis : layout.space_names)
      place_.push_back(require(axis, "each observation's place along " + axis));
    variable_ = find("variable");
    if (!variable_ && expected.observables.size() > 1) require("variable", "the name of what was observed");
    value_ = require("value", "what was observed, in its variable's units");
    error_ = find("error");
    if (!error_ && !expected.gives_errors()) {
      require("error", "each observation's standard deviation, in its variable's units",
              "or give one for all: --error 0.1, say");
    }
    flag_ = find("flag");
  }

  std::vector<std::string> not_used() const {
    std::vector<std::string> names;
    for (std::size_t column = 0; column < reader_.names().size(); ++column) {
      if (!used_[column]) names.push_back(reader_.names()[column]);
    }
    return names;
  }

  /// Appends the row at which the reader is.
  void append(ObservationTable& table) const {
    const bool flagged = flag_ && number(*flag_, "a number, 0 for a good observation") > expected_.parameters.max_flag;
    table.append_empty(static_cast<std::int64_t>(reader_.line()), flagged);
    if (flagged || reader_.field(value_).empty()) return;
    table.value.back() = number(value_, "a number");
    if (error_ && !(expected_.gives_errors() && reader_.field(*error_).empty())) {
      table.error.back() = number(*error_, "a standard deviation > 0");
    }
    table.time.back() = time();
    if (variable_) table.variable.back() = variable();
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
                     .hint = nearest.empty() ? hint : fmt::format("is it {}?", nearest)});
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

  const CsvReader& reader_;
  const ExpectedObservations& expected_;
  const StateLayout& layout_;
  std::vector<bool> used_;
  std::size_t time_ = 0, value_ = 0;
  std::vector<std::size_t> place_;
  std::optional<std::size_t> variable_, error_, flag_;
};

}  // namespace

ObservationTable decode_csv(const std::string& path, const ExpectedObservations& expected) {
  CsvReader reader(read_csv_text(path), path);
  const ObservationColumns columns(reader, expected);
  ObservationTable table;
  table.path = path;
  table.place.resize(expected.layout.space_names.size());
  if (reader.had_byte_order_mark()) table.remarks.emplace_back("a byte-order mark at the beginning was passed over");
  if (const auto names = columns.not_used(); !names.empty()) {
    table.remarks.push_back(fmt::format("columns not used: {}", fmt::join(names, ", ")));
  }
  while (reader.next()) columns.append(table);
  table.where = [path, lines = table.origin](std::size_t row, const std::string& column) {
    return fmt::format("{}:{}: column {}", path, lines[row], column);
  };
  return table;
}

}  // namespace sda::io
