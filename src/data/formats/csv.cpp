/// Tables of text, read a block at a time without a copy of the fields.
#include "data/formats/csv.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "core/calendar.hpp"
#include "data/formats/file_kind.hpp"
#include "data/formats/numbers.hpp"
#include "sda/core/error.hpp"

namespace sda::io {
namespace {

constexpr std::string_view byte_order_mark = "\xEF\xBB\xBF";
constexpr std::string_view blanks = " \t";

bool is_blank(char c) {
  return c == ' ' || c == '\t';
}

std::string_view without_blanks(std::string_view text) {
  while (!text.empty() && is_blank(text.front())) text.remove_prefix(1);
  while (!text.empty() && is_blank(text.back())) text.remove_suffix(1);
  return text;
}

/// Bytes of the character that begins at `at`, 0 if it is none of UTF-8.
std::size_t length_of_character(std::string_view text, std::size_t at) {
  const auto byte = [&](std::size_t i) { return at + i < text.size() ? static_cast<unsigned char>(text[at + i]) : 0U; };
  const auto first = byte(0);
  if (first < 0x80) return 1;
  const std::size_t length = first >= 0xF0 ? 4 : first >= 0xE0 ? 3 : 2;
  if (first < 0xC2 || first > 0xF4) return 0;
  for (std::size_t i = 1; i < length; ++i) {
    if (byte(i) < 0x80 || byte(i) > 0xBF) return 0;
  }
  // Characters written longer than they need be, halves of pairs, and beyond the last.
  const auto second = byte(1);
  const bool wrong = (first == 0xE0 && second < 0xA0) || (first == 0xED && second > 0x9F) ||
                     (first == 0xF0 && second < 0x90) || (first == 0xF4 && second > 0x8F);
  return wrong ? 0 : length;
}

/// Lines end in \n, \r\n, or \r alone.
bool is_line_end(char c) {
  return c == '\n' || c == '\r';
}

/// Ends of lines in a text.
std::size_t lines_in(std::string_view text) {
  std::size_t lines = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\n' || (text[i] == '\r' && (i + 1 >= text.size() || text[i + 1] != '\n'))) ++lines;
  }
  return lines;
}

/// The one of , ; and tab that the first line has most of; a blank where it has none of them.
char separator_of(std::string_view line) {
  char best = line.find_first_of(blanks) == std::string_view::npos ? ',' : ' ';
  for (const char c : {',', ';', '\t'}) {
    if (std::count(line.begin(), line.end(), c) > (best == ' ' ? 0 : std::count(line.begin(), line.end(), best)))
      best = c;
  }
  return best;
}

/// What stands between the separators of a line that has no quotes.
std::vector<std::string> split(std::string_view line, char separator) {
  std::vector<std::string> fields;
  const bool by_blanks = separator == ' ';
  while (true) {
    line = without_blanks(line);
    const auto end = std::min(by_blanks ? line.find_first_of(blanks) : line.find(separator), line.size());
    fields.emplace_back(without_blanks(line.substr(0, end)));
    if (end == line.size()) return fields;
    line.remove_prefix(end + 1);
  }
}

bool is_datum(std::string_view field) {
  return number_in(field) || looks_like_date(field);
}

}  // namespace

CsvReader::CsvReader(const std::string& path, std::size_t block) : block_(block), path_(path) {
  file_.emplace(path);
  if (!take_block()) throw FileError({.what = "empty file", .where = path});
  refuse_foreign_format(path, "CSV, or NetCDF");
  require_text(!file_.has_value());
  begin();
}

CsvReader::CsvReader(std::string text, std::string path) : text_(std::move(text)), path_(std::move(path)) {
  begin();
}

void CsvReader::begin() {
  while (text_.size() < byte_order_mark.size() && take_block()) {
  }
  had_byte_order_mark_ = text_.starts_with(byte_order_mark);
  if (had_byte_order_mark_) at_ = byte_order_mark.size();
  take_separator_line();
  take_names(skip_comments());
  for (auto name = names_.begin(); name != names_.end(); ++name) {
    if (std::find(names_.begin(), name, *name) != name) {
      throw FileError({.what = "two columns of one name", .where = where(), .found = *name});
    }
  }
}

/// Appends a block, larger where a row is: so that what is read again of it does not add up. False at the end.
bool CsvReader::take_block() {
  if (!file_) return false;
  const bool is_first = text_.empty() && next_line_ == 1;
  const bool is_more = file_->append_to(text_, std::max(block_, text_.size()));
  if (!is_more) file_.reset();
  if (!is_first) require_text(!is_more);
  return is_more;
}

void CsvReader::drop_what_was_read() {
  if (!file_ || at_ < block_) return;
  text_.erase(0, at_);
  checked_ -= at_;
  at_ = 0;
}

/// Of what was not looked at so far; `is_end`: no character goes on in the next block. To be called where a row begins.
void CsvReader::require_text(bool is_end) {
  const std::string_view text = text_;
  if (text.find('\0', checked_) != std::string_view::npos) {
    const bool wide = text.starts_with("\xFF\xFE") || text.starts_with("\xFE\xFF");
    throw FileError({.what = "not a table of text in UTF-8",
                     .where = path_ + ":1",
                     .found = wide ? "UTF-16" : "zero bytes",
                     .expected = "UTF-8",
                     .hint = wide ? fmt::format("iconv -f UTF-16 -t UTF-8 {} > utf8.csv", path_) : ""});
  }
  while (checked_ < text.size()) {
    const auto length = length_of_character(text, checked_);
    constexpr std::size_t longest = 4;
    const auto rest = text.substr(checked_);
    const bool may_go_on = !is_end && rest.size() < longest && std::all_of(rest.begin(), rest.end(), [](char c) {
      return static_cast<signed char>(c) < 0;
    });
    if (length == 0 && may_go_on) return;
    if (length == 0) {
      const auto before = text.substr(0, checked_);
      const auto last_end = before.find_last_of("\r\n");
      const auto line = before.substr(last_end == std::string_view::npos ? 0 : last_end + 1);
      const auto column =
          1 + std::count_if(line.begin(), line.end(), [](char c) { return c == ',' || c == ';' || c == '\t'; });
      throw FileError(
          {.what = "not UTF-8, perhaps Latin-1",
           .where = fmt::format("{}:{}: column {}", path_, next_line_ + lines_in(before.substr(at_)), column),
           .found = fmt::format("the byte {:#04x}", static_cast<unsigned char>(text[checked_])),
           .expected = "UTF-8",
           .hint = fmt::format("iconv -f LATIN1 -t UTF-8 {} > utf8.csv", path_)});
    }
    checked_ += length;
  }
}

void CsvReader::set_separator(char separator) {
  separator_ = separator;
  ends_field_ = {};
  for (const char c : {separator, '\r', '\n', separator == ' ' ? '\t' : separator}) {
    ends_field_[static_cast<unsigned char>(c)] = true;
  }
}

/// Up to its end, which is there too.
std::string_view CsvReader::peek_line() {
  while (true) {
    const auto end = std::min(text_.find_first_of("\r\n", at_), text_.size());
    const bool is_whole = end + 1 < text_.size();  // a \r may be half of an end
    if (is_whole || !take_block()) return std::string_view(text_).substr(at_, end - at_);
  }
}

void CsvReader::skip_line_end() {
  if (at_ >= text_.size()) return;
  at_ += text_.compare(at_, 2, "\r\n") == 0 ? 2 : 1;
  ++next_line_;
}

/// "sep=;", as Excel has it and reads it.
void CsvReader::take_separator_line() {
  const auto line = peek_line();
  if (line.size() != 5 || !(line.starts_with("sep=") || line.starts_with("SEP="))) return;
  set_separator(line.back());
  at_ += line.size();
  skip_line_end();
}

/// Goes to the first line that is none of comments, and sets the separator by it. The comments that stand together
/// right before it.
std::vector<CsvReader::Comment> CsvReader::skip_comments() {
  std::vector<Comment> comments;
  while (true) {
    drop_what_was_read();
    const auto line = without_blanks(peek_line());
    if (at_ >= text_.size()) break;
    if (!line.empty() && line.front() != '#') {
      if (separator_ == '\0') set_separator(separator_of(line));
      break;
    }
    had_comments_ = had_comments_ || !line.empty();
    if (line.empty()) {
      comments.clear();
    } else {
      comments.push_back({next_line_, std::string(line.substr(1))});
    }
    at_ += peek_line().size();
    skip_line_end();
  }
  return comments;
}

/// From the row at which the reader is; or, where that is data, from the comments before it: the last one, or the last
/// but one where both are alike and the last is of units.
void CsvReader::take_names(const std::vector<Comment>& comments) {
  if (!read_fields())
    throw FileError({.what = "there are no rows", .where = path_, .expected = "a line of names first"});
  const auto fits = [&](const Comment& comment) { return split(comment.text, separator_).size() == fields_.size(); };
  if (!is_datum(fields_.front()) || comments.empty() || !fits(comments.back())) {
    names_.assign(fields_.begin(), fields_.end());
    return;
  }
  auto named = comments.end() - 1;
  const auto is_alike = [&](const Comment& other) {
    return other.text.starts_with(' ') == named->text.starts_with(' ');
  };
  if (comments.size() > 1 && fits(named[-1]) && is_alike(named[-1])) {
    units_ = split(named->text, separator_);
    --named;
  }
  names_ = split(named->text, separator_);
  line_of_first_row_ = line_;
  line_ = named->line;
}

std::string CsvReader::where() const {
  return fmt::format("{}:{}", path_, line_);
}

bool CsvReader::next() {
  if (line_of_first_row_) {
    line_ = *line_of_first_row_;
    line_of_first_row_.reset();
  } else if (!read_fields()) {
    return false;
  }
  if (fields_.size() == names_.size()) return true;
  const bool more = fields_.size() > names_.size();
  std::vector<std::string> shown(
      fields_.begin(), fields_.begin() + static_cast<std::ptrdiff_t>(std::min<std::size_t>(fields_.size(), 16)));
  throw FileError(
      {.what = fmt::format("a row with too {} fields", more ? "many" : "few"),
       .where = fmt::format("{}: column {}", where(), std::min(fields_.size(), names_.size()) + 1),
       .found = fmt::format("{} ({}{})", fields_.size(), fmt::join(shown, " | "),
                            shown.size() < fields_.size() ? " | …" : ""),
       .expected = fmt::format("{}: {}", names_.size(), fmt::join(names_, ", ")),
       .hint = more
                   ? "write numbers without thousands separators and with a decimal point; put text that has commas in "
                     "quotes"
                   : "leave fields empty where there is nothing, but keep their separators"});
}

bool CsvReader::read_fields() {
  while (true) {
    drop_what_was_read();
    const auto begin = at_, line = next_line_;
    const bool is_row = read_line();
    const bool reads_to_end = at_ >= text_.size();
    if (reads_to_end) at_ = begin, next_line_ = line;  // what is read may go on in the next block
    if (reads_to_end && take_block()) continue;
    if (reads_to_end) return read_line();
    if (is_row) return true;
  }
}

/// One line, or several where quotes hold their ends; false where it has no fields.
bool CsvReader::read_line() {
  fields_.clear();
  unquoted_.clear();
  if (at_ >= text_.size()) return false;
  line_ = next_line_;
  if (text_[at_] == '#') {
    at_ = std::min(text_.find_first_of("\r\n", at_), text_.size());
    skip_line_end();
    return false;
  }
  fields_.push_back(read_field());
  while (at_ < text_.size() && (text_[at_] == separator_ || (separator_ == ' ' && text_[at_] == '\t'))) {
    ++at_;
    // Many blanks are one, and those at the end of a line are none.
    if (separator_ == ' ') at_ = std::min(text_.find_first_not_of(blanks, at_), text_.size());
    if (separator_ == ' ' && (at_ == text_.size() || is_line_end(text_[at_]))) break;
    fields_.push_back(read_field());
  }
  skip_line_end();
  return fields_.size() > 1 || !fields_.front().empty();
}

std::string_view CsvReader::read_field() {
  auto first = at_;
  while (first < text_.size() && (text_[first] == ' ' || (text_[first] == '\t' && separator_ != '\t'))) ++first;
  if (first < text_.size() && text_[first] == '"') {
    at_ = first;
    return read_quoted();
  }
  if (separator_ == ' ') at_ = first;
  auto end = at_;
  while (end < text_.size() && !ends_field_[static_cast<unsigned char>(text_[end])]) ++end;
  const auto field = without_blanks(std::string_view(text_).substr(at_, end - at_));
  at_ = end;
  return field;
}

std::string_view CsvReader::read_quoted() {
  const auto begin = ++at_;
  bool doubled = false;
  for (;; ++at_) {
    if (at_ >= text_.size() && file_) return {};  // the next block may close them
    if (at_ >= text_.size()) {
      throw FileError({.what = "quotes are opened and not closed",
                       .where = fmt::format("{}: column {}", where(), fields_.size() + 1),
                       .expected = "a \" at the end of the field"});
    }
    if (text_[at_] == '\n' || (text_[at_] == '\r' && text_.compare(at_, 2, "\r\n") != 0)) ++next_line_;
    if (text_[at_] != '"') continue;
    if (text_.compare(at_, 2, "\"\"") != 0) break;
    doubled = true;
    ++at_;
  }
  std::string_view field = std::string_view(text_).substr(begin, at_ - begin);
  at_ = std::min(text_.find_first_not_of(separator_ == '\t' ? " " : blanks, at_ + 1), text_.size());
  if (separator_ == ' ' && blanks.find(text_[at_ - 1]) != std::string_view::npos) --at_;  // the separator
  if (at_ < text_.size() && text_[at_] != separator_ && !is_line_end(text_[at_])) {
    throw FileError({.what = "text behind closing quotes",
                     .where = fmt::format("{}: column {}", where(), fields_.size() + 1),
                     .found = std::string(1, text_[at_]),
                     .expected = "a separator, or quotes within quotes doubled"});
  }
  if (!doubled) return field;
  std::string& text = unquoted_.emplace_back();
  for (std::size_t i = 0; i < field.size(); ++i) {
    text += field[i];
    if (field[i] == '"') ++i;
  }
  return text;
}

}  // namespace sda::io
