#include "experiment/toml_fields.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <sstream>
#include <type_traits>

#include "sda/observation/operator_toml.hpp"

namespace sda::io {
namespace {

/// A node as TOML on one line, text in double quotes.
std::string to_text(const toml::node& node) {
  std::ostringstream text;
  text << toml::toml_formatter{node, toml::format_flags::allow_unicode_strings};
  std::string line = text.str();
  std::replace(line.begin(), line.end(), '\n', ' ');
  return line;
}

bool contains(const Range& range, double value) {
  const bool above_least = range.open_min ? value > range.min : value >= range.min;
  const bool below_most = range.open_max ? value < range.max : value <= range.max;
  return (std::isfinite(value) || range.infinite) && above_least && below_most;
}

std::string listed(const std::vector<std::string>& names) {
  if (names.empty()) return "nothing";
  std::string text = names.front();
  for (std::size_t i = 1; i < names.size(); ++i) text += (i + 1 == names.size() ? " or " : ", ") + names[i];
  return text;
}

std::string toml_number(double value) {
  const auto text = fmt::format("{}", value);
  return text.find_first_of(".en") == std::string::npos ? text + ".0" : text;  // n: inf
}

template <class Number>
std::string list_to_toml(const std::vector<Number>& values) {
  std::vector<std::string> texts;
  for (const Number value : values) {
    if constexpr (std::is_same_v<Number, double>) {
      texts.push_back(toml_number(value));
    } else {
      texts.push_back(std::to_string(value));
    }
  }
  return fmt::format("[{}]", fmt::join(texts, ", "));
}

KeyDescription key_of_type(const std::string& type, const std::string& value, const Range& range) {
  return {
      .name = "", .type = type, .value = value, .limits = limits_in_words(range), .choices = range.choices, .help = ""};
}

/// What a key takes: "an integer ≥ 1", "a number > 0, or a list"; empty where any text will do.
std::string expected_in_words(const KeyDescription& key) {
  if (!key.choices.empty()) return key.limits;
  if (key.type == "true or false") return key.type;
  const bool integer = key.type.find("integer") != std::string::npos;
  if (!integer && key.type.find("number") == std::string::npos) return "";
  return fmt::format("{}{}{}{}", integer ? "an integer" : "a number", key.limits.empty() ? "" : " ", key.limits,
                     key.type.starts_with("list") ? ", or a list" : "");
}

}  // namespace

std::string TomlOrigin::where(const std::string& key, std::size_t line) const {
  const auto place = has_lines && line > 0 ? fmt::format("{}:{}", name, line) : name;
  return key.empty() ? place : place + ": " + key;
}

void TomlOrigin::refuse(const Fault& fault) const {
  if (is_our_output) throw FileError(fault);
  throw UsageError(fault);
}

toml::table parse_toml(const std::string& text, const TomlOrigin& origin) {
  try {
    return toml::parse(text);
  } catch (const toml::parse_error& error) {
    origin.refuse({.what = "not TOML: " + std::string(error.description()),
                   .where = origin.where("", error.source().begin.line)});
  }
}

std::string quoted_if_needed(const std::string& key) {
  std::ostringstream text;
  text << toml::toml_formatter{toml::table{{key, true}}, toml::format_flags::none};
  return text.str().substr(0, text.str().rfind(" ="));
}

std::string limits_in_words(const Range& range) {
  if (!range.choices.empty()) return listed(range.choices) + (range.further.empty() ? "" : ", or " + range.further);
  const bool low = std::isfinite(range.min), high = std::isfinite(range.max);
  std::string text;
  if (low) text += fmt::format("{} {}", range.open_min ? ">" : "≥", range.min);
  if (high) text += fmt::format("{}{} {}", low ? " and " : "", range.open_max ? "<" : "≤", range.max);
  return text;
}

std::string in_words(const Range& range, bool integer) {
  std::string limits = limits_in_words(range);
  if (!range.choices.empty()) return limits;
  return fmt::format("{}{}{}", integer ? "an integer" : "a number", limits.empty() ? "" : " ", limits);
}

void FieldReader::refuse(const toml::node& node, const std::string& key, const std::string& expected) const {
  const bool is_value = node.is_value();
  std::ostringstream type;
  type << node.type();
  origin_.refuse({.what = "bad value",
                  .where = origin_.where(section_.empty() ? key : section_ + "." + key, node.source().begin.line),
                  .found = is_value ? to_text(node) : (node.is_array() ? to_text(node) : "a " + type.str()),
                  .expected = expected});
}

const toml::table& FieldReader::table_at(const toml::node& node, const std::string& key) const {
  const toml::table* table = node.as_table();
  if (table == nullptr) refuse(node, key, fmt::format("[{}.{}] and its keys below it", section_, key));
  return *table;
}

void FieldReader::read(const toml::node& node, const std::string& key, double& value, const Range& range) const {
  const auto found = node.is_number() ? node.value<double>() : std::nullopt;
  if (!found || !contains(range, *found)) refuse(node, key, in_words(range, false));
  value = *found;
}

void FieldReader::read(const toml::node& node, const std::string& key, std::int64_t& value, const Range& range) const {
  const auto found = node.value_exact<std::int64_t>();
  if (!found || !contains(range, static_cast<double>(*found))) refuse(node, key, in_words(range, true));
  value = *found;
}

void FieldReader::read(const toml::node& node, const std::string& key, bool& value, const Range& /*range*/) const {
  const auto found = node.value_exact<bool>();
  if (!found) refuse(node, key, "true or false");
  value = *found;
}

void FieldReader::read(const toml::node& node, const std::string& key, std::string& value, const Range& range) const {
  const auto found = node.value_exact<std::string>();
  const auto& choices = range.choices;
  if (!found) refuse(node, key, choices.empty() ? "text in quotes" : limits_in_words(range));
  if (!choices.empty() && std::find(choices.begin(), choices.end(), *found) == choices.end()) {
    refuse(node, key, limits_in_words(range));
  }
  value = *found;
}

void FieldReader::read(const toml::node& node, const std::string& key, std::vector<OperatorLink>& value,
                       const Range& /*range*/) const {
  const auto text = node.is_table() ? fmt::format("[{}]", to_text(node)) : to_text(node);
  const auto where = origin_.where(section_ + "." + key, node.source().begin.line);
  try {
    value = read_operator(text, where);
  } catch (const UsageError& error) {
    origin_.refuse(error.fault());
  }
}

void FieldReader::read(const toml::node& node, const std::string& key, std::vector<std::string>& value,
                       const Range& range) const {
  std::vector<std::string> texts;
  if (const toml::array* list = node.as_array()) {
    for (const auto& element : *list) read(element, key, texts.emplace_back(), range);
  } else {
    read(node, key, texts.emplace_back(), range);
  }
  value = std::move(texts);
}

template <class Number>
void FieldReader::read(const toml::node& node, const std::string& key, std::vector<Number>& value,
                       const Range& range) const {
  const auto expected = in_words(range, std::is_integral_v<Number>) + ", or a list of such in [ ]";
  const toml::array* list = node.as_array();
  if (list != nullptr && list->empty() && !range.empty) refuse(node, key, expected);
  std::vector<Number> numbers;
  const auto take = [&](const toml::node& element) { read(element, key, numbers.emplace_back(), range); };
  if (list == nullptr) {
    if (!node.is_number()) refuse(node, key, expected);
    take(node);
  } else {
    for (const auto& element : *list) take(element);
  }
  value = std::move(numbers);
}
template void FieldReader::read(const toml::node&, const std::string&, std::vector<double>&, const Range&) const;
template void FieldReader::read(const toml::node&, const std::string&, std::vector<std::int64_t>&, const Range&) const;

void FieldReader::finish() const {
  for (const auto& [key, node] : table_) {
    const std::string name(key.str());
    if (std::find(known_.begin(), known_.end(), name) != known_.end()) continue;
    const auto nearest = nearest_name(name, known_);
    origin_.refuse({.what = "unknown key",
                    .where = origin_.where(section_.empty() ? name : section_ + "." + name, key.source().begin.line),
                    .expected = nearest.empty() ? listed(known_) : "",
                    .hint = nearest.empty() ? "" : "did you mean " + nearest + "?"});
  }
}

KeyDescription FieldDescriber::describe(double value, const Range& range) {
  return key_of_type("number", toml_number(value), range);
}
KeyDescription FieldDescriber::describe(std::int64_t value, const Range& range) {
  return key_of_type("integer", std::to_string(value), range);
}
KeyDescription FieldDescriber::describe(bool value, const Range& range) {
  return key_of_type("true or false", value ? "true" : "false", range);
}
KeyDescription FieldDescriber::describe(const std::string& value, const Range& range) {
  return key_of_type("text", to_text(toml::value<std::string>(value)), range);
}
KeyDescription FieldDescriber::describe(const std::vector<double>& values, const Range& range) {
  return key_of_type("list of numbers", list_to_toml(values), range);
}
KeyDescription FieldDescriber::describe(const std::vector<std::int64_t>& values, const Range& range) {
  return key_of_type("list of integers", list_to_toml(values), range);
}
KeyDescription FieldDescriber::describe(const std::vector<std::string>& values, const Range& range) {
  std::vector<std::string> texts;
  for (const auto& text : values) texts.push_back(to_text(toml::value<std::string>(text)));
  return key_of_type("list of texts", fmt::format("[{}]", fmt::join(texts, ", ")), range);
}
KeyDescription FieldDescriber::describe(const std::vector<OperatorLink>& chain, const Range& range) {
  return key_of_type("list of links", sda::to_toml(chain), range);
}

std::string to_toml(const std::vector<KeyDescription>& keys, bool with_help) {
  std::string text;
  for (const auto& key : keys) {
    text += fmt::format("{} = {}", key.name, key.value);
    if (with_help) {
      const std::string expected = expected_in_words(key);
      const bool says_all = expected.empty() || key.help.find(expected) != std::string::npos;
      text += says_all ? fmt::format("  # {}", key.help) : fmt::format("  # {} ({})", key.help, expected);
    }
    text += '\n';
  }
  return text;
}

}  // namespace sda::io
