/// What studies share: the chain and the observation they are made on, how near a posterior is, and tables that go on
/// where they were stopped.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "sda/core/progress.hpp"
#include "sda/diffusion/noise_schedule.hpp"
#include "sda/experiment/experiment.hpp"
#include "sda/report/plot.hpp"
#include "sda/report/table.hpp"
#include "sda/study/exact_chain.hpp"
#include "sda/study/moments.hpp"

namespace sda {

/// Where a study's numbers go, and who asked for them.
struct StudyOutput {
  std::string path;     ///< PATH.csv and PATH.png
  std::string command;  ///< for the record
  std::uint64_t seed = 0;
  ProgressCallback progress{};  ///< of rows
  bool resume = false;          ///< there must be something to go on from; rows that are there are kept in any case
};

/// What people read of it.
struct StudyResult {
  std::string text;     ///< the table
  std::string summary;  ///< what was made, a line
};

/// The experiment of the published table: a rotation with noise, every fourth state's first coordinate observed with
/// noise 0.1. `advised`: guidance and sampler are MMPS with churn in 128 steps, whose own error is small.
Experiment published_chain(bool advised);

/// What every study of posteriors is made of: an experiment, and one of its observations.
struct StudySubject {
  /// The [observation.NAME] of this name; the only one if it is empty. Throws UsageError.
  StudySubject(Experiment experiment, const std::string& name);
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

/// "4" → 4, "full" → full_score. Throws UsageError naming the flag.
std::int64_t parse_order(const std::string& text, const std::string& flag);

/// Those sections of the experiment as TOML, with all their keys.
std::string sections_toml(const Experiment& experiment, const std::vector<std::string>& sections);
/// Its dynamics as a linear-Gaussian chain. Throws UsageError where they are none.
std::unique_ptr<LinearGaussianChain> linear_chain(const DynamicsParameters& dynamics);

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
  /// `what` names the rows; `config` is all that the numbers hang on. Throws as require_writable and CsvTable;
  /// UsageError to resume what was not begun.
  StudyTable(const StudyOutput& output, const std::string& what, const TableRow& keys, const TableRow& numbers,
             const std::string& config);
  /// The numbers of this key, as the file has them. Throws Interrupted after a stop signal, of what is there.
  std::vector<double> row(const TableRow& key, const std::function<std::vector<double>()>& compute);
  void expect(std::int64_t rows) { expected_ = rows; }
  /// Where a row under way may save itself, OUTPUT.checkpoint.nc.
  std::string checkpoint() const { return checkpoint_of(output_); }
  /// Draws OUTPUT.png; `text` is what people read of the rows.
  StudyResult finish(std::string text, const std::string& title, const std::vector<PlotPanel>& panels,
                     const std::string& caption) const;

 private:
  static std::string checkpoint_of(const std::string& output) { return output + ".checkpoint.nc"; }
  std::string where_saved() const;

  std::string output_, what_;
  std::size_t keys_;
  Provenance provenance_;
  CsvTable table_;
  ProgressCallback progress_;
  std::int64_t expected_ = 0, done_ = 0, found_ = 0;
};

/// Numbers as tables show them: three significant digits.
std::string short_number(double value);
/// Parts of a text between colons: "power:2" → power, 2.
std::vector<std::string> between_colons(const std::string& text);
/// The number that `word` is. Throws UsageError naming flag and `expected`.
double parse_number(const std::string& word, const std::string& flag, const std::string& expected);

}  // namespace sda
