/// What the studies share: the chain they are made on, lists of values to go through, and tables that go on where they
/// were stopped.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "command.hpp"
#include "sda/report/plot.hpp"
#include "sda/report/table.hpp"
#include "sda/study/exact_chain.hpp"
#include "sda/study/moments.hpp"

namespace sda::app {

Subcommand windows_study(CLI::App& study, Globals& globals);
Subcommand sampler_study(CLI::App& study, Globals& globals);
Subcommand misspecified_study(CLI::App& study, Globals& globals);
Subcommand noise_study(CLI::App& study, Globals& globals);
Subcommand memory_study(CLI::App& study, Globals& globals);
Subcommand scaling_study(CLI::App& study, Globals& globals);

/// Flags of every study.
struct StudyFlags {
  std::string config, observation, output;
};
/// `example` is what follows "sda study NAME ".
CLI::App* add_study(CLI::App& study, const std::string& name, const std::string& description,
                    const std::string& example, StudyFlags& flags);

/// A flag that takes a list, "--k 1,2,4".
template <class Value>
CLI::Option* add_list(CLI::App& flags, const std::string& name, std::vector<Value>& values, const std::string& help) {
  return flags.add_option(name, values, help)
      ->delimiter(',')
      ->allow_extra_args(false)
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll)
      ->capture_default_str();
}

/// The configuration with what the user set; without one the chain of the published table: rotation, every fourth
/// state's first coordinate read with noise 0.1. `advised`: without a configuration guidance and sampler are MMPS with
/// renewed noise in 128 steps, whose own error is small.
Experiment study_experiment(const StudyFlags& flags, const Globals& globals, bool advised = false);
/// Those sections of the experiment as TOML, with all their keys.
std::string sections_toml(const Experiment& experiment, const std::vector<std::string>& sections);
/// Its dynamics as a linear-Gaussian chain. Throws UsageError where they are none.
std::unique_ptr<LinearGaussianChain> linear_chain(const DynamicsParameters& dynamics);

/// What every study of posteriors is made of: an experiment, and one of its observations.
struct StudySubject {
  StudySubject(const StudyFlags& flags, const Globals& globals, bool advised = false);
  Experiment experiment;
  std::string name;
  ObservationParameters observation;
  NoiseSchedule schedule;
  /// All that its numbers hang on, as TOML.
  std::string config() const;
  /// Observations of `length` states of this layout whose values are to be ignored; every σ is multiplied by `factor`.
  Observations unread(const StateLayout& layout, const Normalisation& normalisation, std::int64_t length,
                      double factor = 1) const;
  /// Of states of the chain, as long as the observation says.
  Observations unread(const LinearGaussianChain& chain, double factor = 1) const {
    return unread(chain.layout(), chain.normalisation(), observation.length, factor);
  }
};

/// The cells, or the numbers, of a row, one list after the other.
template <class Cell>
std::vector<Cell> followed_by(std::vector<Cell> row, const std::vector<Cell>& more) {
  row.insert(row.end(), more.begin(), more.end());
  return row;
}

/// How near N(F (y − c), V) is, as every study tells it.
struct Nearness {
  double error = 0;       ///< W2 over the posterior's spread
  double rmse = 0;        ///< of the mean, over the best there is
  double spread = 0;      ///< over the posterior's
  double coverage50 = 0;  ///< truths in the central half
  double coverage90 = 0;
  static TableRow names();
  static Nearness of(const Moments& moments, const LinearPosterior& truth) {
    return of(posterior_error(moments, truth), moments, truth);
  }
  /// The same where the error is known already.
  static Nearness of(const PosteriorError& error, const Moments& moments, const LinearPosterior& truth);
  /// From the place `first` of a row's numbers on, in the order of `names`.
  static Nearness from(const std::vector<double>& numbers, std::size_t first = 0);
  std::vector<double> numbers() const { return {error, rmse, spread, coverage50, coverage90}; }
  /// As cells of a table that people read.
  TableRow cells() const;
};

/// Rows of numbers in OUTPUT.csv, each found there or computed.
class StudyTable {
 public:
  /// `what` names the rows for a progress bar; `config` is all that the numbers hang on.
  StudyTable(const StudyFlags& flags, const Globals& globals, const std::string& what, const TableRow& keys,
             const TableRow& numbers, const std::string& config);
  /// The numbers of this key, as the file has them.
  std::vector<double> row(const TableRow& key, const std::function<std::vector<double>()>& compute);
  void expect(std::int64_t rows) { expected_ = rows; }
  /// Draws OUTPUT.png, then says what was made.
  void finish(const std::string& title, const std::vector<PlotPanel>& panels, const std::string& caption);

 private:
  std::string output_, what_;
  std::size_t keys_;
  Provenance provenance_;
  CsvTable table_;
  ProgressBar bar_;
  std::int64_t expected_ = 0, done_ = 0, found_ = 0;
};

/// Numbers as tables show them: three significant digits.
std::string short_number(double value);
/// Parts of a text between colons: "power:2" → power, 2.
std::vector<std::string> between_colons(const std::string& text);
/// The number that `word` is. Throws UsageError naming flag and `expected`.
double parse_number(const std::string& word, const std::string& flag, const std::string& expected);
/// "4" → 4, "full" → full_score. Throws UsageError naming the flag.
std::int64_t parse_order(const std::string& text, const std::string& flag);

}  // namespace sda::app
