// What studies share: sections that numbers hang on, chains by their experiment, and tables that go on.
#include "sda/study/study.hpp"
#include "sda/data/formats/atomic_file.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <sstream>
#include <tuple>

#include "core/torch.hpp"
#include "sda/core/error.hpp"
#include "sda/core/going_on.hpp"
#include "sda/core/runtime.hpp"
#include "sda/data/files.hpp"
#include "sda/experiment/run.hpp"

namespace sda {

Experiment published_chain(bool advised) {
  Experiment experiment;
  experiment.dynamics.system = "rotation";
  experiment.observation["fourth"] = {
      .op = {{"every", {4}}, {"select", {0}}}, .sigma = {0.1}, .length = 33, .part = {}};
  apply(Quality::paper, experiment);
  if (advised) {
    experiment.guidance = {.rule = "mmps", .gamma = {0}};
    experiment.sampler = {.steps = 128, .grid = TimeGrid::power, .exponent = 3, .churn = 1, .corrections = 0};
  }
  return experiment;
}

std::string sections_toml(const Experiment& experiment, const std::vector<std::string>& sections) {
  std::istringstream in(to_toml(experiment));
  std::string text;
  bool keep = false;
  for (std::string line; std::getline(in, line);) {
    if (line.starts_with("[")) {
      keep = std::any_of(sections.begin(), sections.end(), [&](const auto& name) {
        return line == "[" + name + "]" || line.starts_with("[" + name + ".");
      });
    }
    if (keep && !line.empty()) text += line + "\n";
  }
  return text;
}

std::unique_ptr<LinearGaussianChain> linear_chain(const DynamicsParameters& dynamics) {
  auto made = make_dynamics(dynamics);
  if (auto* chain = dynamic_cast<LinearGaussianChain*>(made.get())) {
    static_cast<void>(made.release());
    return std::unique_ptr<LinearGaussianChain>(chain);
  }
  throw UsageError({.what = "closed forms need a linear-Gaussian chain",
                    .where = "dynamics.system",
                    .found = dynamics.system,
                    .expected = "rotation, damped_spring or linear"});
}

StudySubject::StudySubject(Experiment e, const std::string& asked)
    : experiment(std::move(e)), schedule(experiment.schedule) {
  std::tie(name, observation) = chosen_observation(experiment, asked);
}

std::string StudySubject::config() const {
  return sections_toml(experiment, {"dynamics", "schedule", "observation." + name, "guidance", "sampler"});
}

Observations StudySubject::unread(const StateLayout& layout, const Normalisation& normalisation, std::int64_t length,
                                  double factor) const {
  auto parts = observation.parts();
  for (auto& part : parts) part.noise = part.noise.scaled(factor);
  const Tensor mean = normalisation.mean.expand(layout.event).expand(prepend({length}, layout.event));
  return observe(mean.contiguous(), layout, normalisation, std::move(parts), name, 0, 0);
}

TableRow Nearness::names() {
  return {"error", "rmse", "spread", "coverage_50", "coverage_90"};
}

Nearness Nearness::of(const PosteriorError& error, const Moments& moments, const LinearPosterior& truth) {
  return {.error = error.total,
          .rmse = std::hypot(1, error.mean),
          .spread = error.spread,
          .coverage50 = expected_coverage(moments, truth, 0.5),
          .coverage90 = expected_coverage(moments, truth, 0.9)};
}

Nearness Nearness::from(const std::vector<double>& numbers, std::size_t first) {
  return {numbers.at(first), numbers.at(first + 1), numbers.at(first + 2), numbers.at(first + 3),
          numbers.at(first + 4)};
}

TableRow Nearness::cells() const {
  return {short_number(error), fmt::format("{:.3f}", rmse), fmt::format("{:.3f}", spread),
          fmt::format("{:.3f}", coverage50), fmt::format("{:.3f}", coverage90)};
}

StudyTable::StudyTable(const StudyOutput& output, const std::string& what, const TableRow& keys,
                       const TableRow& numbers, const std::string& config)
    : output_(output.path),
      what_(what),
      keys_(keys.size()),
      provenance_(make_provenance(output.command, config, output.seed)),
      table_(
          [&] {
            if (output.resume)
              require_saved(output.path + ".csv", std::filesystem::exists(output.path + ".csv") ||
                                                      std::filesystem::exists(checkpoint_of(output.path)));
            require_writable(output.path + ".csv");
            for (const std::string& file : {output.path + ".csv", output.path + ".png", checkpoint_of(output.path)})
              remove_leftovers(file);
            return output.path + ".csv";
          }(),
          followed_by(keys, numbers), keys.size(), provenance_),
      progress_(output.progress) {}

std::vector<double> StudyTable::row(const TableRow& key, const std::function<std::vector<double>()>& compute) {
  if (table_.find(key) == nullptr) {
    TableRow row = key;
    try {
      StopToken::throw_if_stopped("");
      for (const double value : compute()) row.push_back(fmt::format("{:.6g}", value));
    } catch (const Interrupted& stop) {
      throw Interrupted(stop, where_saved());
    }
    table_.add(row);
  } else {
    ++found_;
  }
  ++done_;
  if (progress_) progress_(done_, std::max(expected_, done_), "");
  std::vector<double> numbers;
  const TableRow& row = *table_.find(key);
  for (std::size_t i = keys_; i < row.size(); ++i) {
    try {
      numbers.push_back(std::stod(row[i]));
    } catch (const std::exception&) {
      throw FileError(
          {.what = "the table is damaged", .where = output_ + ".csv", .found = row[i], .expected = "a number"});
    }
  }
  return numbers;
}

std::string StudyTable::where_saved() const {
  if (done_ > 0) return saved_in(output_ + ".csv", fmt::format("{} {}", done_, what_));
  return saved_in(std::filesystem::exists(checkpoint()) ? checkpoint() : "");
}

StudyResult StudyTable::finish(std::string text, const std::string& title, const std::vector<PlotPanel>& panels,
                               const std::string& caption) const {
  write_plot(output_ + ".png", title, panels, caption, provenance_);
  return {.text = std::move(text),
          .summary = fmt::format("{} {}{} in {}.csv, drawn in {}.png", done_, what_,
                                 found_ > 0 ? fmt::format(", {} of them found there,", found_) : "", output_, output_)};
}

std::string short_number(double value) {
  return fmt::format("{:.3g}", value);
}

std::vector<std::string> between_colons(const std::string& text) {
  std::vector<std::string> words{""};
  for (const char c : text) {
    if (c == ':')
      words.emplace_back();
    else
      words.back() += c;
  }
  return words;
}

double parse_number(const std::string& word, const std::string& flag, const std::string& expected) {
  try {
    std::size_t end = 0;
    const double value = std::stod(word, &end);
    if (end == word.size()) return value;
  } catch (const std::exception&) {  // said below
  }
  throw UsageError({.what = "not understood", .where = flag, .found = word, .expected = expected});
}

std::int64_t parse_order(const std::string& text, const std::string& flag) {
  if (text == "full") return full_score;
  const bool digits = !text.empty() && text.size() < 10 && text.find_first_not_of("0123456789") == std::string::npos;
  if (digits && std::stol(text) >= 1) return std::stol(text);
  throw UsageError({.what = "not an order k", .where = flag, .found = text, .expected = "an integer ≥ 1, or full"});
}

}  // namespace sda
