/// The kinds of noise: a line for each file of this folder, and what programs and plugins add.
#include "observation/noise/kinds.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "sda/core/error.hpp"

namespace sda::observation {

/// The row of a file. In this order help lists them.
using NoiseRow = NoiseKind();
NoiseRow gaussian_noise, student_t_noise, laplace_noise, mixture_noise, censored_noise, poisson_noise;

namespace {

std::vector<NoiseKind>& noise_registry() {
  static std::vector<NoiseKind> kinds = [] {
    std::vector<NoiseKind> all;
    for (NoiseRow* row :
         {gaussian_noise, student_t_noise, laplace_noise, mixture_noise, censored_noise, poisson_noise}) {
      all.push_back(row());
    }
    return all;
  }();
  return kinds;
}

/// A visitor of NoiseShape: the keys of its lists that are given.
struct GivenLists {
  std::vector<std::string> keys{};
  template <class T>
  void operator()(const char*, T&, const char*, const Range&) {}
  void operator()(const char* key, std::vector<double>& numbers, const char*, const Range&) {
    if (!numbers.empty()) keys.emplace_back(key);
  }
};

bool has_parameter(const NoiseKind& kind, const std::string& key) {
  return std::find(kind.parameters.begin(), kind.parameters.end(), key) != kind.parameters.end();
}

/// A parameter that the kind does not look at is a mistake of whoever gave it.
void require_only_its_own(const NoiseKind& kind, NoiseShape shape) {
  GivenLists given;
  fields(given, shape);
  for (const auto& key : given.keys) {
    if (has_parameter(kind, key)) continue;
    const auto& all = all_noise_kinds();
    const auto other = std::find_if(all.begin(), all.end(), [&](const auto& k) { return has_parameter(k, key); });
    throw ValueError({.what = fmt::format("a parameter that noise = \"{}\" does not have", kind.name),
                      .where = key,
                      .hint = other == all.end()
                                  ? "leave it out; a noise of your own has it, which register_noise makes known"
                                  : fmt::format("leave it out, or set noise = \"{}\"", other->name)});
  }
}

}  // namespace

const std::vector<NoiseKind>& all_noise_kinds() {
  return noise_registry();
}

void add_noise_kind(NoiseKind kind) {
  const auto kinds = noise_kinds();
  if (std::find(kinds.begin(), kinds.end(), kind.name) != kinds.end()) {
    throw UsageError({.what = "a noise of this name is there already", .where = kind.name});
  }
  noise_registry().push_back(std::move(kind));
}

void refuse_parameter(const std::string& key, const std::string& found, const std::string& expected) {
  throw ValueError({.what = "bad parameter of the noise", .where = key, .found = found, .expected = expected});
}

std::shared_ptr<const NoiseModel> make_noise_model(const NoiseShape& shape) {
  const auto& all = all_noise_kinds();
  const auto kind = std::find_if(all.begin(), all.end(), [&](const auto& k) { return k.name == shape.kind; });
  if (kind == all.end()) {
    refuse_parameter("noise", shape.kind,
                     fmt::format("one of {}, or one that a --plugin registers", fmt::join(noise_kinds(), ", ")));
  }
  require_only_its_own(*kind, shape);
  return kind->make(shape);
}

}  // namespace sda::observation

namespace sda {

std::vector<std::string> noise_kinds() {
  std::vector<std::string> names;
  for (const auto& kind : observation::all_noise_kinds()) names.push_back(kind.name);
  return names;
}

const char* noise_help() {
  static const std::string text = [] {
    std::vector<std::string> forms;
    for (const auto& kind : observation::all_noise_kinds()) {
      forms.push_back(kind.help.empty() ? kind.name : fmt::format("{} ({})", kind.name, kind.help));
    }
    const std::string last = forms.back();
    forms.pop_back();
    return fmt::format("form of the noise: {} or {}", fmt::join(forms, ", "), last);
  }();
  return text.c_str();
}

bool register_noise(const std::string& kind, MakeNoiseModel make) {
  observation::add_noise_kind(
      {.name = kind, .parameters = {"parameters"}, .make = [make = std::move(make)](const NoiseShape& shape) {
         return make(shape.parameters);
       }});
  return true;
}

}  // namespace sda
