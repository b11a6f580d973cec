/// Studies: what each approximation costs, measured where everything is known in closed form. Each goes through lists
/// of values, writes its numbers to a table that grows row by row, and draws them. A study that was stopped finds the
/// rows that are there. All throw UsageError for values that are not understood, naming the program's flag, and for
/// dynamics that are no linear-Gaussian chain; Interrupted between two rows.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "sda/study/study.hpp"

namespace sda {

/// The composed score against the trajectory's own, as a function of k, t, L and stride.
struct WindowsStudy {
  std::string data;  ///< trajectories whose Gaussian process takes the place of the chain; empty: none
  std::vector<std::int64_t> orders{1, 2, 4, 8}, strides{1, 2}, lengths{33, 65};
  std::vector<double> times{0, 0.02, 0.05, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1};
  double tolerance = 0.02;
};
StudyResult study_windows(const Experiment& experiment, const WindowsStudy& study, const StudyOutput& output);

/// Accuracy against network passes of every rule, grid and noise, with no sampling noise.
struct SamplerStudy {
  std::vector<std::string> rules{"sda", "sda-detached", "dps", "pigdm", "mmps"}, orders{"4"},
      grids{"uniform", "power:2", "power:3"},
      noises{"none", "langevin:1", "langevin:4", "leimkuhler_matthews:1", "churn:1"};
  std::vector<std::int64_t> steps{32, 64, 128, 256};
};
StudyResult study_sampler(const StudySubject& subject, const SamplerStudy& study, const StudyOutput& output);

/// A prior of other parameters than the truth's.
struct MisspecifiedStudy {
  std::string key = "angle";
  std::vector<double> values{0.2, 0.25, 0.28, 0.29, 0.3, 0.31, 0.32, 0.35, 0.4};
  std::vector<std::string> orders{"1", "2", "4", "full"};
};
StudyResult study_misspecified(const StudySubject& subject, const MisspecifiedStudy& study, const StudyOutput& output);

/// Noise that is not as assumed: of another size or with heavy tails.
struct NoiseStudy {
  std::vector<std::string> tails{"gaussian", "contaminated:0.05:10", "contaminated:0.2:10", "student:3"};
  std::vector<double> assumed{0.25, 0.5, 1, 2, 4, 8};
  std::string order = "4";
  std::int64_t draws = 1000;
};
StudyResult study_noise(const StudySubject& subject, const NoiseStudy& study, const StudyOutput& output);

/// States that are no Markov chain, because part of them is hidden or acts later.
struct MemoryStudy {
  std::vector<std::int64_t> delays{0, 1, 2, 4, 8}, seen;
  std::vector<std::string> orders{"1", "2", "3", "4", "6", "8", "10", "full"};
  double now = 0.3, later = 0.65;
};
StudyResult study_memory(const StudySubject& subject, const MemoryStudy& study, const StudyOutput& output);

/// What accuracy and cost become with longer trajectories, wider windows and more corrections.
struct ScalingStudy {
  std::vector<std::int64_t> lengths{17, 33, 65, 97}, orders{2, 4, 8}, corrections{0, 1, 4};
};
StudyResult study_scaling(const StudySubject& subject, const ScalingStudy& study, const StudyOutput& output);

}  // namespace sda
