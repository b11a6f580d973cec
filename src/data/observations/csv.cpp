/// Observations in a table of text.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <optional>
#include <string_view>
#include <utility>

#include "core/calendar.hpp"
#include "data/formats/csv.hpp"
#include "data/formats/numbers.hpp"
#include "data/observations/columns.hpp"
#include "data/observations/decode.hpp"
#include "data/observations/missing.hpp"
#include "data/observations/names.hpp"
#include "data/observations/times.hpp"
#include "data/observations/units.hpp"
#include "sda/core/error.hpp"
#include "sda/core/fields.hpp"

namespace sda::io {
namespace {

/// Goes through the rows of a table and appends observations.
class ObservationRows {
 public:
  ObservationRows(CsvReader& reader, const ExpectedObservations& expected)
      : reader_(reader), expected_(expected), columns_(find_columns(reader, expected)) {}

  void read(ObservationTable& table) {
    table.remarks.insert(table.remarks.end(), columns_.remarks.begin(), columns_.remarks.end());
    if (!reader_.next()) return;
    const bool has_units_row = take_units_row();
    take_stated_units();
    if (!has_units_row) append(table);
    while (reader_.next()) append(table);
    take_bare_times(table);
    for (const auto& [column, count] : sentinels_) {
      table.remarks.push_back(fmt::format("{} of {} are NDBC's mark of a missing value", count, column));
    }
  }

  /// Whether places are latitudes and longitudes of a curvilinear grid.
  bool on_globe() const { return columns_.on_globe; }

  /// The name of the column that an observable's values, errors, … are in.
  std::string name_of(std::size_t observable, const std::string& column) const {
    if (!columns_.is_wide || (column != "value" && column != "error")) return column;
    for (const auto& value : columns_.values) {
      if (value.observable == observable) {
        return column == "value" ? value.name : value.error ? reader_.names()[*value.error] : value.name + "_error";
      }
    }
    return column;
  }

 private:
  /// Whether the row at which the reader is says in which units the columns are, as ERDDAP's second line does. The
  /// units are then kept.
  bool take_units_row() {
    if (columns_.time.columns.size() > 1) return false;
    const auto is_datum = [&](std::size_t column) {
      const auto field = reader_.field(column);
      return number_in(field) || looks_like_date(field);
    };
    const auto time = reader_.field(columns_.time.columns.front());
    const bool is_of_time = time.empty() || time == "UTC" || is_unit(parse_time_units(std::string(time)).unit);
    bool has_units = false;
    for (std::size_t column = 0; column < reader_.names().size(); ++column) {
      if (is_datum(column)) return false;
    }
    for (const auto& value : columns_.values) has_units = has_units || !reader_.field(value.value).empty();
    if (!is_of_time || !has_units) return false;
    for (std::size_t column = 0; column < reader_.names().size(); ++column) {
      columns_.stated_units[column] = std::string(reader_.field(column));
    }
    return true;
  }

  /// Of places and times, for the whole file.
  void take_stated_units() {
    const auto where = [&](std::size_t column) {
      return fmt::format("{}: units of {}", reader_.where(), reader_.names()[column]);
    };
    for (std::size_t axis = 0; axis < columns_.place.size(); ++axis) {
      const auto column = columns_.place[axis];
      places_.push_back(conversion_of_places(columns_.stated_units[column], columns_.coordinates[axis], where(column)));
    }
    const auto column = columns_.time.columns.front();
    const auto& units = columns_.stated_units[column];
    if (columns_.time.are_parts || !units || units->empty() || *units == "UTC") return;
    if (parse_time_units(*units).origin.empty()) return;
    try {
      times_ = conversion_of_times(*units, "", expected_.layout);
    } catch (const ValueError& error) {
      Fault fault = error.fault();
      fault.where = where(column);
      throw FileError(fault);
    }
  }

  /// Appends the observations of the row at which the reader is.
  void append(ObservationTable& table) {
    time_of_row_.reset();
    for (const auto& column : columns_.values) append(table, column);
  }

  void append(ObservationTable& table, const ValueColumn& column) {
    const double flag = column.flag ? flag_of(*column.flag) : 0;
    const bool flagged = column.flag && !expected_.is_good(flag);
    table.append_empty(static_cast<std::int64_t>(reader_.line()), flagged);
    if (flagged) table.count_flag(flag);
    if (column.observable) table.variable.back() = *column.observable;
    if (flagged || is_missing(column.value)) return;
    table.value.back() = number(column.value, "a number");
    if (column.error && !(expected_.gives_errors() && is_missing(*column.error))) {
      table.error.back() = number(*column.error, "a standard deviation > 0");
    }
    table.time.back() = time(table);
    if (columns_.variable) table.variable.back() = variable();
    const UnitConversion& convert = conversion(table, column);
    table.value.back() = convert(table.value.back());
    table.error.back() *= convert.scale;
    for (std::size_t axis = 0; axis < columns_.place.size(); ++axis) {
      if (is_missing(columns_.place[axis])) continue;
      table.place[axis].back() = places_[axis](number(columns_.place[axis], "a number"));
    }
  }

  double flag_of(std::size_t column) {
    if (is_missing(column)) return std::numeric_limits<double>::quiet_NaN();
    return number(column, "a number, 0 for a good observation");
  }

  /// The same with NDBC's numbers, which are counted.
  bool is_missing(std::size_t column) {
    const auto field = reader_.field(column);
    if (stands_for_none(field)) return true;
    if (!columns_.is_ndbc || !is_sentinel_of_ndbc(reader_.names()[column], field)) return false;
    ++sentinels_[reader_.names()[column]];
    return true;
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
    const bool is_value = column == columns_.values.front().value;
    const std::string leave = is_value ? "leave the value empty where there is none" : "leave the row out";
    if (!found) refuse(column, "not a number", expected, number_hint(text));
    if (!std::isfinite(*found)) refuse(column, "not a finite number", expected, leave);
    return *found;
  }

  /// Of the row; a number without units is taken as it is, until all are known.
  double time(const ObservationTable& table) {
    const auto row = table.rows() - 1;
    if (!time_of_row_) {
      const auto column = columns_.time.columns.front();
      const auto found = columns_.time.columns.size() > 1 ? std::nullopt : number_in(reader_.field(column));
      const bool is_number = found && std::isfinite(*found);
      is_bare_ = is_number && !times_;
      time_of_row_ = !is_number ? date() : times_ ? (*times_)(*found) : *found;
    }
    if (is_bare_) bare_rows_.push_back(row);
    return *time_of_row_;
  }

  double date() const {
    const auto& [columns, are_parts] = columns_.time;
    try {
      if (are_parts) return parse_date(date_of_parts(), expected_.layout);
      const std::string text(reader_.field(columns.front()));
      if (columns.size() == 1) return parse_date(text, expected_.layout);
      const bool is_clock = text.find(':') != std::string::npos && !looks_like_date(text);
      return is_clock ? parse_date(fmt::format("{}T{}", reader_.field(columns.back()), text), expected_.layout)
                      : parse_time(text, expected_.layout);
    } catch (const ValueError& error) {
      const Fault& fault = error.fault();
      refuse(columns.front(), fault.what, fault.expected, fault.hint);
    }
  }

  /// "1998-12-31T23:50" of year, month, day, hour, minute and second; two digits are of the last century.
  std::string date_of_parts() const {
    std::vector<int> parts;
    for (const auto column : columns_.time.columns) {
      const double part = number(column, "a part of a date");
      if (part != std::floor(part) || part < 0 || part > 9999)
        refuse(column, "no part of a date", "a whole number", "");
      parts.push_back(static_cast<int>(part));
    }
    if (parts.front() < 100) parts.front() += 1900;
    parts.resize(6, 0);
    return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}", parts[0], parts[1], parts[2], parts[3], parts[4],
                       parts[5]);
  }

  /// Numbers in the column of times are all meant alike.
  void take_bare_times(ObservationTable& table) const {
    std::size_t i = 0;
    try {
      std::vector<double> times;
      times.reserve(bare_rows_.size());
      for (const auto row : bare_rows_) times.push_back(table.time[row]);
      const BareTimes meaning(times, expected_.layout);
      for (; i < bare_rows_.size(); ++i) table.time[bare_rows_[i]] = meaning(times[i]);
      if (!meaning.remark().empty()) table.remarks.push_back(meaning.remark());
    } catch (const ValueError& error) {
      Fault fault = error.fault();
      fault.where = fmt::format("{}:{}: column {}", table.path, table.origin[bare_rows_[i]],
                                reader_.names()[columns_.time.columns.front()]);
      throw FileError(fault);
    }
  }

  std::size_t variable() const {
    const auto name = reader_.field(*columns_.variable);
    if (const auto found = expected_.find(name)) return *found;
    const auto known = expected_.names();
    const auto nearest = nearest_name(std::string(name.substr(0, 80)), known);
    refuse(*columns_.variable, "no such variable", fmt::format("one of {}", fmt::join(known, ", ")),
           nearest.empty() ? "" : "did you mean " + nearest + "?");
  }

  /// Of the row's variable, from the units that the row, or the file, states.
  const UnitConversion& conversion(ObservationTable& table, const ValueColumn& column) {
    const auto observable = table.variable.back();
    const auto& of_column = columns_.stated_units[column.value];
    const bool states = columns_.units || of_column;
    std::string_view stated;  // of what lives longer: a choice of texts of two types would be a copy
    if (of_column) stated = *of_column;
    if (columns_.units) stated = reader_.field(*columns_.units);
    conversions_.resize(expected_.observables.size());
    auto& known = conversions_[observable];
    if (const auto at = known.find(stated); at != known.end()) return at->second;
    const std::string units(stated);
    const auto made = conversion_of_values(states ? std::optional(units) : std::nullopt, observable, expected_,
                                           reader_.where() + ": units", table);
    return known.emplace(units, made).first->second;
  }

  CsvReader& reader_;
  const ExpectedObservations& expected_;
  ObservationColumns columns_;
  std::vector<UnitConversion> places_{};
  std::optional<TimeConversion> times_{};  ///< of numbers, where the file states their units
  std::vector<std::map<std::string, UnitConversion, std::less<>>> conversions_{};
  std::optional<double> time_of_row_{};
  bool is_bare_ = false;                  ///< the row's time is a number without units
  std::vector<std::size_t> bare_rows_{};  ///< of the table
  std::map<std::string, std::int64_t> sentinels_{};
};

}  // namespace

ObservationTable decode_csv(const std::string& path, const ExpectedObservations& expected) {
  CsvReader reader(path);
  ObservationTable table;
  table.path = path;
  table.place.resize(expected.layout.space_names.size());
  if (reader.had_byte_order_mark()) table.remarks.emplace_back("a byte-order mark at the beginning was passed over");
  ObservationRows rows(reader, expected);
  table.on_globe = rows.on_globe();
  rows.read(table);
  std::vector<std::string> values, errors;
  for (std::size_t o = 0; o < expected.observables.size(); ++o) {
    values.push_back(rows.name_of(o, "value"));
    errors.push_back(rows.name_of(o, "error"));
  }
  table.place_in_file = [path, values, errors](std::int64_t line, std::size_t variable, const std::string& column) {
    const auto& named = column == "value" ? values[variable] : column == "error" ? errors[variable] : column;
    return fmt::format("{}:{}: column {}", path, line, named);
  };
  return table;
}

}  // namespace sda::io
