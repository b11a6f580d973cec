/// Who may include whom: the table of modules (docs/decisions/0001-modules.md), held against every source file.
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <map>
#include <regex>
#include <set>
#include <string>
#include <vector>

namespace {

namespace fs = std::filesystem;

/// What a module may include of others: a module's name, or one header of it.
const std::map<std::string, std::set<std::string>> may_use{
    {"core", {}},
    {"diffusion", {"core"}},
    {"mpi", {"core"}},
    {"dynamics", {"core"}},
    {"observation", {"core"}},
    {"kernels", {"core"}},
    {"prior", {"core", "diffusion", "kernels"}},
    {"guidance", {"core", "diffusion", "prior", "observation"}},
    {"sampling", {"core", "diffusion", "prior/score_model.hpp"}},
    {"training", {"core", "diffusion", "prior"}},
    {"assimilation", {"core", "diffusion", "prior", "observation", "guidance", "sampling"}},
    {"baselines", {"core", "dynamics", "observation"}},
    {"evaluation", {"core", "dynamics", "observation"}},
    {"study",
     {"core", "diffusion", "dynamics", "observation", "prior", "guidance", "sampling", "assimilation", "baselines",
      "evaluation", "data/files.hpp", "data/files", "data/formats/atomic_file.hpp", "experiment", "report/plot.hpp",
      "report/table.hpp"}},
    {"data/formats", {"core"}},
    {"data/import", {"core", "data/formats", "data/files", "prior"}},
    {"data/observations", {"core", "observation", "data/formats"}},
    {"data/files",
     {"core", "diffusion", "observation", "prior", "training/trainer.hpp", "assimilation/saving.hpp",
      "baselines/saving.hpp", "data/formats", "experiment/toml_fields.hpp"}},
    {"experiment",
     {"core", "diffusion", "dynamics", "observation", "prior", "guidance", "sampling", "training", "assimilation",
      "baselines", "data/import", "data/observations", "data/files", "data/formats"}},
    {"report", {"core", "observation", "evaluation", "data/formats/atomic_file.hpp"}},
    {"workflow",
     {"core", "dynamics", "observation", "prior", "guidance", "training", "assimilation", "baselines", "evaluation",
      "data/files", "data/formats", "experiment", "report"}},
};

/// Headers of other libraries and the only places, by the beginning of their path, that may include them.
const std::map<std::string, std::set<std::string>> kept_in{
    {"torch/", {"src/core/torch.hpp", "src/core/script.cpp"}},
    {"ATen/", {"src/core/torch.hpp", "include/sda/core/tensor.hpp"}},
    {"c10/", {"src/core/torch.hpp"}},
    {"netcdf", {"src/data/formats/"}},
    {"hdf5", {"src/data/formats/"}},
    {"toml++/", {"src/experiment/", "src/data/files/", "src/observation/"}},
    {"lemon/", {"src/evaluation/"}},
    {"Eigen/", {"src/baselines/"}},
    {"Random123/", {"src/core/"}},
    {"dnnl", {"src/prior/", "src/kernels/"}},
    {"oneapi/dnnl", {"src/prior/"}},
    {"immintrin", {"src/kernels/", "src/core/"}},
    {"mpi", {"src/mpi/"}},
    {"librsvg/", {"src/report/"}},
    {"cairo", {"src/report/"}},
    {"gif_lib", {"src/report/"}},
    {"kainjow/", {"src/report/"}},
    {"udunits2", {"src/core/"}},
};

bool starts_with_any(const std::string& text, const std::set<std::string>& beginnings) {
  return std::any_of(beginnings.begin(), beginnings.end(), [&](const auto& b) { return text.rfind(b, 0) == 0; });
}

/// The module that a path below src or include/sda is of: its first folder; within data the first two, of which a
/// public header may be the second ("data/files.hpp").
std::string module_of(const std::string& path) {
  const auto first = path.find('/');
  if (path.substr(0, first) != "data") return path.substr(0, first);
  return path.substr(0, std::min(path.find('/', first + 1), path.find('.', first + 1)));
}

/// Why the file at `path` ("src/prior/x.cpp") must not include `header` ("sda/data/files.hpp"); empty if it may.
std::string objection(const std::string& path, std::string header) {
  const bool in_include = path.rfind("include/sda/", 0) == 0;
  for (const auto& [library, places] : kept_in) {
    if (header.rfind(library, 0) == 0 && !starts_with_any(path, places)) return library + " is kept elsewhere";
  }
  const auto rest = path.substr(in_include ? 12 : 4);
  const auto module = module_of(rest);
  if (!may_use.contains(module)) return "no such module: " + module;
  const bool is_public = header.rfind("sda/", 0) == 0;
  if (is_public) header = header.substr(4);
  const auto other = module_of(header);
  if (!may_use.contains(other) || header == other) return "";  // a library's header
  if (in_include && !is_public) return "a public header includes a private one";
  const auto& allowed = may_use.at(module);
  return other == module || allowed.contains(other) || allowed.contains(header) ? ""
                                                                                : module + " may not use " + header;
}

std::vector<std::string> includes(const fs::path& path) {
  static const std::regex include(R"(^\s*#\s*include\s*["<]([^">]+)[">])");
  std::vector<std::string> headers;
  std::ifstream in(path);
  std::smatch match;
  for (std::string line; std::getline(in, line);) {
    if (std::regex_search(line, match, include)) headers.push_back(match[1]);
  }
  return headers;
}

TEST(Modules, KeepToTheirTable) {
  int seen = 0;
  for (const char* top : {"include/sda", "src"}) {
    for (const auto& entry : fs::recursive_directory_iterator(fs::path(SDA_SOURCE_DIR) / top)) {
      if (entry.path().extension() != ".hpp" && entry.path().extension() != ".cpp") continue;
      const auto path = fs::relative(entry.path(), SDA_SOURCE_DIR).generic_string();
      for (const auto& header : includes(entry.path())) {
        const auto why = objection(path, header);
        EXPECT_TRUE(why.empty()) << path << " includes " << header << ": " << why;
        ++seen;
      }
    }
  }
  EXPECT_GT(seen, 100) << "hardly any include was found: is SDA_SOURCE_DIR right?";
}

TEST(Modules, StatisticsOfAReportKnowNoDrawing) {
  for (const auto& entry : fs::directory_iterator(fs::path(SDA_SOURCE_DIR) / "src/report/statistics")) {
    for (const auto& header : includes(entry.path())) {
      if (header.rfind("report/", 0) != 0 || header == "report/colour.hpp") continue;
      EXPECT_EQ(header.rfind("report/statistics/", 0), 0U) << entry.path() << " includes " << header;
    }
  }
}

/// All headers of ours that `header` brings in.
std::set<std::string> brought_in_by(const std::string& header) {
  std::set<std::string> all;
  std::vector<std::string> open{header};
  while (!open.empty()) {
    const auto next = open.back();
    open.pop_back();
    if (next.rfind("sda/", 0) != 0 || !all.insert(next).second) continue;
    for (const auto& one : includes(fs::path(SDA_SOURCE_DIR) / "include" / next)) open.push_back(one);
  }
  return all;
}

TEST(Modules, ReadersOfEnsemblesKnowNothingOfTraining) {
  const auto seen = brought_in_by("sda/data/files.hpp");
  EXPECT_TRUE(seen.contains("sda/observation/observations.hpp"));
  for (const auto& header : seen) {
    for (const char* module : {"sda/training/", "sda/prior/", "sda/experiment/", "sda/data/import"}) {
      EXPECT_NE(header.rfind(module, 0), 0U) << "sda/data/files.hpp brings in " << header;
    }
  }
}

TEST(Modules, TableForbidsWhatItShould) {
  const std::vector<std::pair<std::string, std::string>> forbidden{
      {"src/sampling/sampler.cpp", "sda/prior/network.hpp"},
      {"src/sampling/sampler.cpp", "sda/guidance/posterior_score.hpp"},
      {"src/baselines/particle_filter.cpp", "sda/sampling/sampler.hpp"},
      {"src/prior/network.cpp", "sda/observation/observations.hpp"},
      {"src/prior/network.cpp", "observation/links.hpp"},
      {"include/sda/core/layout.hpp", "sda/dynamics/dynamics.hpp"},
      {"include/sda/core/layout.hpp", "core/torch.hpp"},
      {"include/sda/core/tensor.hpp", "torch/torch.h"},
      {"src/evaluation/metrics.cpp", "sda/sampling/sampler.hpp"},
      {"src/report/page.cpp", "netcdf.h"},
      {"src/data/formats/csv.cpp", "sda/data/import.hpp"},
      {"src/data/observations/csv.cpp", "data/import/head.hpp"},
      {"src/report/page.cpp", "sda/data/files/model.hpp"},
      {"src/kitchen/sink.cpp", "sda/core/error.hpp"}};
  for (const auto& [path, header] : forbidden) EXPECT_NE(objection(path, header), "") << path << " " << header;
}

TEST(Modules, TableAllowsWhatItShould) {
  const std::vector<std::pair<std::string, std::string>> allowed{
      {"src/sampling/sampler.cpp", "sda/prior/score_model.hpp"},
      {"src/data/formats/netcdf_reader.cpp", "netcdf.h"},
      {"src/data/import/head.cpp", "data/formats/cf_decoding.hpp"},
      {"src/data/files/model.cpp", "sda/training/trainer.hpp"},
      {"src/prior/network.cpp", "core/torch.hpp"},
      {"src/prior/network.cpp", "prior/layers.hpp"},
      {"include/sda/core/tensor.hpp", "ATen/core/Tensor.h"},
      {"src/core/error.cpp", "string"}};
  for (const auto& [path, header] : allowed) EXPECT_EQ(objection(path, header), "") << path << " " << header;
}

}  // namespace
