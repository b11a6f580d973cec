/// Typed parameters to and from TOML: visitors of the `fields` function of each parameter struct (core/fields.hpp).
///
///     SamplerParameters p;
///     read_fields(table, p, {.name = "lorenz63.toml"}, "sampler");  // keys of the table into p, the rest untouched
///     write_fields(p);                                              // "steps = 256\ncorrections = 1\n…"
///     describe_fields(p, "sampler");                                // the same as data, with meanings and ranges
#pragma once

#include <toml++/toml.h>
#include <map>
#include <string>
#include <vector>

#include "sda/core/error.hpp"
#include "sda/core/fields.hpp"
#include "sda/experiment/keys.hpp"
#include "sda/observation/operator.hpp"

namespace sda::io {

/// Who wrote a TOML text, and so what a fault in it is: a user's (UsageError, exit code 2) or damage of one of our
/// own files (FileError, exit code 1).
struct TomlOrigin {
  std::string name;            ///< "lorenz63.toml", "--set sampler.steps=0", "model.nc: attribute sda_config"
  bool has_lines = true;       ///< whether a line number helps: not in a flag
  bool is_our_output = false;  ///< FileError instead of UsageError

  /// "lorenz63.toml:12: sampler.steps"; `line` 0 leaves it out.
  std::string where(const std::string& key, std::size_t line = 0) const;
  [[noreturn]] void refuse(const Fault& fault) const;
};

/// Throws what `origin` says, with its line, for text that is no TOML (a key given twice is none).
toml::table parse_toml(const std::string& text, const TomlOrigin& origin);

/// A key as TOML writes it: in quotes where it is no word.
std::string quoted_if_needed(const std::string& key);

/// "> 0", "≥ 0 and ≤ 1", "vp, sub_vp or sub_sub_vp"; empty for no limits.
std::string limits_in_words(const Range& range);
/// "a number > 0", "an integer ≥ 1", "vp, sub_vp or sub_sub_vp".
std::string in_words(const Range& range, bool integer);

/// Reads the keys of one table; `finish` refuses those that no field asked for.
class FieldReader {
 public:
  FieldReader(const toml::table& table, const TomlOrigin& origin, std::string section)
      : table_(table), origin_(origin), section_(std::move(section)) {}

  /// A field whose key is not in the table keeps its value.
  template <class T>
  void operator()(const char* key, T& value, const char* /*help*/, const Range& range) {
    known_.emplace_back(key);
    if (const toml::node* node = table_.get(key)) read(*node, key, value, range);
  }
  template <Choice Enum>
  void operator()(const char* key, Enum& value, const char* help) {
    std::string name = sda::name_of(value);
    (*this)(key, name, help, one_of(sda::names_of<Enum>()));
    value = *sda::choice_of<Enum>(name);
  }
  /// Sections below this one, [section.key.NAME], any number of them.
  template <class Parameters>
  void operator()(const char* key, std::map<std::string, Parameters>& value, const char* help, const Range& range);
  void finish() const;

 private:
  void read(const toml::node& node, const std::string& key, double& value, const Range& range) const;
  void read(const toml::node& node, const std::string& key, std::int64_t& value, const Range& range) const;
  void read(const toml::node& node, const std::string& key, bool& value, const Range& range) const;
  void read(const toml::node& node, const std::string& key, std::string& value, const Range& range) const;
  void read(const toml::node& node, const std::string& key, std::vector<OperatorLink>& value, const Range&) const;
  /// A list, or one text that stands for a list of one.
  void read(const toml::node& node, const std::string& key, std::vector<std::string>& value, const Range& range) const;
  /// A list, or one number that stands for a list of one.
  template <class Number>
  void read(const toml::node& node, const std::string& key, std::vector<Number>& value, const Range& range) const;
  [[noreturn]] void refuse(const toml::node& node, const std::string& key, const std::string& expected) const;
  const toml::table& table_at(const toml::node& node, const std::string& key) const;

  const toml::table& table_;
  const TomlOrigin& origin_;
  std::string section_;
  std::vector<std::string> known_;
};

template <class Parameters>
void read_fields(const toml::table& table, Parameters& parameters, const TomlOrigin& origin,
                 const std::string& section) {
  FieldReader reader(table, origin, section);
  fields(reader, parameters);
  reader.finish();
}

template <class Parameters>
void FieldReader::operator()(const char* key, std::map<std::string, Parameters>& value, const char* /*help*/,
                             const Range& /*range*/) {
  known_.emplace_back(key);
  const toml::node* all = table_.get(key);
  if (all == nullptr) return;
  for (const auto& [name, node] : table_at(*all, key)) {
    const auto below = std::string(key) + "." + std::string(name.str());
    read_fields(table_at(node, below), value[std::string(name.str())], origin_, section_ + "." + below);
  }
}

/// Describes every field, with its value in the fewest digits that read back the same; sections below it, behind it.
class FieldDescriber {
 public:
  FieldDescriber(const std::string& section, const std::string& help)
      : sections_{{.name = section, .help = help, .keys = {}}} {}

  template <class T>
  void operator()(const char* key, T& value, const char* help, const Range& range) {
    KeyDescription description = describe(value, range);
    description.name = key;
    description.help = help;
    sections_.front().keys.push_back(std::move(description));
  }
  template <Choice Enum>
  void operator()(const char* key, Enum& value, const char* help) {
    std::string name = sda::name_of(value);
    (*this)(key, name, help, one_of(sda::names_of<Enum>()));
  }
  template <class Parameters>
  void operator()(const char* key, std::map<std::string, Parameters>& value, const char* help, const Range&);

  const std::vector<SectionDescription>& sections() const { return sections_; }

 private:
  static KeyDescription describe(double value, const Range& range);
  static KeyDescription describe(std::int64_t value, const Range& range);
  static KeyDescription describe(bool value, const Range& range);
  static KeyDescription describe(const std::string& value, const Range& range);
  static KeyDescription describe(const std::vector<double>& values, const Range& range);
  static KeyDescription describe(const std::vector<std::int64_t>& values, const Range& range);
  static KeyDescription describe(const std::vector<std::string>& values, const Range& range);
  static KeyDescription describe(const std::vector<OperatorLink>& chain, const Range& range);

  std::vector<SectionDescription> sections_;
};

/// `parameters` by value: `fields` takes what it visits by reference to non-const.
template <class Parameters>
std::vector<SectionDescription> describe_fields(Parameters parameters, const std::string& section = "",
                                                const std::string& help = "") {
  FieldDescriber describer(section, help);
  fields(describer, parameters);
  return describer.sections();
}

template <class Parameters>
void FieldDescriber::operator()(const char* key, std::map<std::string, Parameters>& value, const char* help,
                                const Range& /*range*/) {
  for (const auto& [name, parameters] : value) {
    const auto section = sections_.front().name + "." + key + "." + quoted_if_needed(name);
    for (auto& below : describe_fields(parameters, section, help)) sections_.push_back(std::move(below));
  }
}

/// Each key as "key = value"; `with_help` adds "  # what it means (an integer ≥ 1)".
std::string to_toml(const std::vector<KeyDescription>& keys, bool with_help = false);

/// The keys of parameters that have no sections below them.
template <class Parameters>
std::string write_fields(const Parameters& parameters) {
  return to_toml(describe_fields(parameters).front().keys);
}

}  // namespace sda::io
