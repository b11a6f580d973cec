/// Tables: as text for a terminal, and as CSV files that grow row by row, so that work that was stopped goes on.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "sda/core/provenance.hpp"

namespace sda {

using TableRow = std::vector<std::string>;

/// Lines of columns two spaces apart: the first `left` columns to the left, the others to the right. All rows are as
/// long as the first.
std::string aligned(const std::vector<TableRow>& rows, std::size_t left);

/// A CSV file. Lines before its header begin with # and say where it came from: version, command, seed, configuration.
/// The first columns of a row are its key: no two rows have the same.
class CsvTable {
 public:
  /// Reads what `path` holds, which may be nothing yet. Throws UsageError if that is a table of other columns, of
  /// another configuration or of another seed; FileError if it is no table of ours, or cannot be read or written.
  CsvTable(std::string path, TableRow columns, std::size_t keys, Provenance provenance);

  /// The row of this key, as long as nothing is added; null if there is none.
  const TableRow* find(const TableRow& key) const;
  /// Adds a row and writes the file anew, whole or not at all. Throws FileError; ValueError for a row of another
  /// length, of a key that is there, or of cells with commas, quotes or line ends.
  void add(const TableRow& row);
  const std::vector<TableRow>& rows() const { return rows_; }

 private:
  void read();
  std::string head() const;

  std::string path_;
  TableRow columns_;
  std::size_t keys_;
  Provenance provenance_;
  std::vector<TableRow> rows_;
};

}  // namespace sda
