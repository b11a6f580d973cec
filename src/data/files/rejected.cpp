// Rejected observations beside those that are used.
#include "data/files/rejected.hpp"

#include <algorithm>
#include <iterator>
#include <sstream>

#include "core/torch.hpp"

namespace sda::io {
namespace {

constexpr const char* dimension = "rejected";

/// The words of a list, one behind the other, and of each observation the place of its word among them.
class Words {
 public:
  std::int64_t index_of(const std::string& word) {
    const auto found = std::find(words_.begin(), words_.end(), word);
    if (found != words_.end()) return found - words_.begin();
    words_.push_back(word);
    return std::ssize(words_) - 1;
  }
  std::string joined() const {
    std::string all;
    for (const auto& word : words_) all += (all.empty() ? "" : " ") + word;
    return all;
  }

 private:
  std::vector<std::string> words_;
};

std::vector<std::string> words_of(const ReadableGroup& file, const std::string& variable) {
  std::istringstream in(file.text_of(variable, "flag_meanings").value_or(""));
  return {std::istream_iterator<std::string>(in), {}};
}

}  // namespace

void write_rejected(WritableGroup& file, const Observations& observations) {
  const auto& rejected = observations.rejected;
  if (rejected.empty()) return;
  Words variables, reasons;
  std::vector<double> values, times;
  std::vector<std::int64_t> origins, variable_of, reason_of;
  for (const auto& one : rejected) {
    values.push_back(one.value), times.push_back(one.time), origins.push_back(one.origin);
    variable_of.push_back(variables.index_of(one.variable)), reason_of.push_back(reasons.index_of(one.reason));
  }
  const auto integers = [](const std::vector<std::int64_t>& numbers) { return at::tensor(numbers, at::kLong); };
  const auto& layout = observations.layout;
  file.dimension(dimension, std::ssize(rejected));
  file.variable("rejected_value", {dimension}, at::tensor(values, at::kDouble),
                {{"long_name", "value of an observation that was rejected, in its variable's units"}, {"units", "1"}});
  file.variable(
      "rejected_time", {dimension}, at::tensor(times, at::kDouble),
      {{"long_name", "its time, in the units of time"},
       {"units", layout.time_origin.empty() ? layout.time_units : layout.time_units + " since " + layout.time_origin}});
  file.variable("rejected_origin", {dimension}, integers(origins),
                {{"long_name", "its line, or its number, in the file of observations"}, {"units", "1"}});
  file.variable(
      "rejected_variable", {dimension}, integers(variable_of),
      {{"long_name", "its variable, a place in flag_meanings from 0"}, {"flag_meanings", variables.joined()}});
  file.variable("rejected_reason", {dimension}, integers(reason_of),
                {{"long_name", "why, a place in flag_meanings from 0"}, {"flag_meanings", reasons.joined()}});
}

std::vector<RejectedObservation> read_rejected(const ReadableGroup& file) {
  if (!file.has_variable("rejected_value")) return {};
  const auto read = [&](const std::string& name) { return file.read("rejected_" + name).to(at::kDouble).contiguous(); };
  const Tensor values = read("value"), times = read("time"), origins = read("origin"), variables = read("variable"),
               reasons = read("reason");
  const auto variable_words = words_of(file, "rejected_variable"), reason_words = words_of(file, "rejected_reason");
  std::vector<RejectedObservation> all;
  for (std::int64_t i = 0; i < values.numel(); ++i) {
    const auto number = [i](const Tensor& numbers) { return numbers.data_ptr<double>()[i]; };
    const auto word = [&](const std::vector<std::string>& words, const Tensor& index) {
      const auto at = number(index);
      return at >= 0 && at < static_cast<double>(words.size()) ? words[static_cast<std::size_t>(at)] : std::string();
    };
    all.push_back({.variable = word(variable_words, variables),
                   .time = number(times),
                   .value = number(values),
                   .origin = static_cast<std::int64_t>(number(origins)),
                   .reason = word(reason_words, reasons)});
  }
  return all;
}

}  // namespace sda::io
