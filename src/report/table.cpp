/// Tables as text and as CSV (RFC 4180, without quotes) with # lines before the header.
#include "sda/report/table.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <filesystem>
#include <sstream>

#include "report/files.hpp"
#include "sda/core/error.hpp"
#include "sda/data/formats/atomic_file.hpp"

namespace sda {
namespace {

/// Columns of a UTF-8 text in which each character takes one.
std::size_t width_of(const std::string& text) {
  return static_cast<std::size_t>(
      std::count_if(text.begin(), text.end(), [](unsigned char byte) { return (byte & 0xC0) != 0x80; }));
}

TableRow cells_of(const std::string& line) {
  TableRow cells;
  std::istringstream in(line);
  for (std::string cell; std::getline(in, cell, ',');) cells.push_back(cell);
  if (line.ends_with(',')) cells.emplace_back();
  return cells;
}

std::string line_of(const TableRow& row) {
  return fmt::format("{}\n", fmt::join(row, ","));
}

bool has_key(const TableRow& row, const TableRow& key) {
  return row.size() >= key.size() && std::equal(key.begin(), key.end(), row.begin());
}

/// The configuration as lines of the head.
std::string remarked(const std::string& config) {
  std::string text;
  std::istringstream in(config);
  for (std::string line; std::getline(in, line);) text += line.empty() ? "#\n" : "#   " + line + "\n";
  return text;
}

}  // namespace

std::string aligned(const std::vector<TableRow>& rows, std::size_t left) {
  std::vector<std::size_t> widths(rows.front().size());
  for (const auto& row : rows) {
    for (std::size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], width_of(row[i]));
  }
  std::string text;
  for (const auto& row : rows) {
    std::string line;
    for (std::size_t i = 0; i < row.size(); ++i) {
      const std::string padding(widths[i] - width_of(row[i]), ' ');
      line += (i == 0 ? "" : "  ") + (i < left ? row[i] + padding : padding + row[i]);
    }
    text += line.substr(0, line.find_last_not_of(' ') + 1) + "\n";
  }
  return text;
}

CsvTable::CsvTable(std::string path, TableRow columns, std::size_t keys, Provenance provenance)
    : path_(std::move(path)), columns_(std::move(columns)), keys_(keys), provenance_(std::move(provenance)) {
  if (std::filesystem::exists(path_)) read();
}

std::string CsvTable::head() const {
  return fmt::format("# sda {}, {}\n# command: {}\n# seed: {}\n# configuration:\n{}{}", provenance_.version,
                     provenance_.created, provenance_.command, provenance_.seed, remarked(provenance_.config),
                     line_of(columns_));
}

void CsvTable::read() {
  std::istringstream in(report::read_text(path_));
  const std::string hint = "give another name, or take the file away";
  std::string line, config, seed;
  bool in_config = false;
  while (std::getline(in, line) && line.starts_with("#")) {
    if (in_config) config += line + "\n";
    if (line.starts_with("# seed: ")) seed = line.substr(8);
    if (line == "# configuration:") in_config = true;
  }
  if (!in_config) {
    throw FileError({.what = "not a table that this program wrote", .where = path_, .hint = hint});
  }
  if (cells_of(line) != columns_) {
    throw UsageError({.what = "a table of other columns is there",
                      .where = path_,
                      .found = line,
                      .expected = fmt::format("{}", fmt::join(columns_, ",")),
                      .hint = hint});
  }
  if (config != remarked(provenance_.config)) {
    const auto [found, expected] = first_difference(config, remarked(provenance_.config));
    throw UsageError({.what = "a table of another configuration is there",
                      .where = path_,
                      .found = found,
                      .expected = expected,
                      .hint = hint});
  }
  if (seed != fmt::format("{}", provenance_.seed)) {
    throw UsageError({.what = "a table of another seed is there",
                      .where = path_,
                      .found = seed,
                      .expected = fmt::format("{}", provenance_.seed),
                      .hint = hint});
  }
  while (std::getline(in, line)) {
    const TableRow row = cells_of(line);
    if (row.size() != columns_.size()) {
      throw FileError({.what = "the table is damaged",
                       .where = path_,
                       .found = line,
                       .expected = fmt::format("{} cells", columns_.size()),
                       .hint = "take that line out"});
    }
    rows_.push_back(row);
  }
}

const TableRow* CsvTable::find(const TableRow& key) const {
  const auto found = std::find_if(rows_.begin(), rows_.end(), [&](const auto& row) { return has_key(row, key); });
  return found == rows_.end() ? nullptr : &*found;
}

void CsvTable::add(const TableRow& row) {
  const auto refuse = [&](const std::string& what) {
    throw ValueError({.what = what, .where = path_, .found = fmt::format("{}", fmt::join(row, ","))});
  };
  if (row.size() != columns_.size()) refuse("a row of another length than the table's");
  for (const auto& cell : row) {
    if (cell.find_first_of(",\"\n\r") != std::string::npos) refuse("a cell that CSV would have to quote");
  }
  if (find(TableRow(row.begin(), row.begin() + static_cast<std::ptrdiff_t>(keys_))) != nullptr) {
    refuse("a row that is there already");
  }
  rows_.push_back(row);
  std::string text = head();
  for (const auto& each : rows_) text += line_of(each);
  write_file(path_, text);
}

}  // namespace sda
