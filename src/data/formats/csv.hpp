/// Tables of text: a line of names, then rows of as many fields, between commas, semicolons, tabs or, where there are
/// none of these, blanks (RFC 4180, UTF-8).
#pragma once

#include <array>
#include <cstddef>
#include <deque>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "data/formats/gzip.hpp"

namespace sda::io {

/// Goes through a table row by row. Empty lines and lines that begin with # are passed over; blanks around fields are
/// dropped; a field in double quotes may hold separators, line ends and doubled quotes. A byte-order mark is left out.
/// A first line "sep=;", as Excel has it, says the separator. Where the first row begins with a number or a date, names
/// are those of a line with # before it, and what they are measured in those of the next, as NDBC's tables have them.
class CsvReader {
 public:
  /// Of a file, which gzip may have packed; no more of it is held than a block and the row that is read. Reads the
  /// names. Throws FileError for what cannot be read, is empty, no UTF-8, or no text at all, naming the line; where
  /// there are no names, or one is given twice.
  explicit CsvReader(const std::string& path, std::size_t block = std::size_t{1} << 20);
  CsvReader(const CsvReader&) = delete;  // fields are views
  CsvReader& operator=(const CsvReader&) = delete;
  /// Of a text; `path` is for messages.
  CsvReader(std::string text, std::string path);

  const std::vector<std::string>& names() const { return names_; }
  /// In the line behind the names, where both begin with #; else empty.
  const std::vector<std::string>& units() const { return units_; }
  /// Reads one more row, of as many fields as there are names; false at the end. Throws FileError for another number.
  bool next();
  /// Of the row, valid until the next one is read.
  std::string_view field(std::size_t column) const { return fields_[column]; }
  /// Where the row begins, counted from 1.
  std::size_t line() const { return line_; }
  char separator() const { return separator_; }
  /// Whether lines before the names begin with #.
  bool had_comments() const { return had_comments_; }
  bool had_byte_order_mark() const { return had_byte_order_mark_; }
  /// "buoys.csv:12".
  std::string where() const;

 private:
  /// A line before the names that begins with #.
  struct Comment {
    std::size_t line;
    std::string text;
  };
  void begin();
  bool take_block();
  void drop_what_was_read();
  void require_text(bool is_end);
  void set_separator(char separator);
  std::string_view peek_line();
  void skip_line_end();
  void take_separator_line();
  std::vector<Comment> skip_comments();
  void take_names(const std::vector<Comment>& comments);
  bool read_fields();
  bool read_line();
  std::string_view read_field();
  std::string_view read_quoted();

  std::optional<UnpackedFile> file_{};  ///< none once `text_` holds its end
  std::size_t block_ = 0;
  std::string text_;  ///< from the row that is read on
  std::string path_;
  std::size_t at_ = 0, checked_ = 0, line_ = 1, next_line_ = 1;
  std::optional<std::size_t> line_of_first_row_{};  ///< where it is read already, for names before it
  char separator_ = '\0';
  std::array<bool, 256> ends_field_{};
  bool had_byte_order_mark_ = false, had_comments_ = false;
  std::vector<std::string> names_, units_;
  std::vector<std::string_view> fields_;
  std::deque<std::string> unquoted_;  ///< fields whose text is not the file's
};

}  // namespace sda::io
