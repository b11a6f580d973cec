/// Values of panels over time to 4 significant digits, so that the page stays small; times keep the digits that tell
/// one from the next.
#include "report/page_data.hpp"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

namespace sda::report {
namespace {

using nlohmann::json;

json to_digits(const std::vector<double>& values, int digits) {
  auto all = json::array();
  for (const double v : values) all.push_back(std::stod(fmt::format("{:.{}g}", v, digits)));
  return all;
}

json rounded(const std::vector<double>& values) {
  return to_digits(values, 4);
}

json exact(const std::vector<double>& values) {
  return to_digits(values, 9);
}

json panel_data(const Panel& panel) {
  json values{{"times", exact(panel.times)}, {"series", json::array()}, {"observations", json::array()}};
  for (const auto& curve : panel.curves) {
    values["series"].push_back(
        {{"style", to_string(curve.role)}, {"label", curve.label}, {"values", rounded(curve.values)}});
  }
  for (const auto& band : panel.bands) {
    values["series"].push_back({{"style", to_string(band.role)},
                                {"label", band.label},
                                {"low", rounded(band.low)},
                                {"high", rounded(band.high)}});
  }
  const auto& observed = panel.observations;
  for (std::size_t i = 0; i < observed.times.size(); ++i) {
    auto observation = exact({observed.times[i]});
    for (const auto& part : rounded({observed.values[i], observed.errors[i]})) observation.push_back(part);
    values["observations"].push_back(std::move(observation));
  }
  return values;
}

/// Times, lengths of the axes, what levels stand for, and colours to find levels by.
json animation_data(const Animation& animation) {
  json values{{"times", json::array()},
              {"x", {{"from", animation.x.from}, {"to", animation.x.to}}},
              {"y", {{"from", animation.y.from}, {"to", animation.y.to}}},
              {"fields", json::array()},
              {"scales", json::array()}};
  for (std::size_t i = 0; i < animation.times.size(); ++i) values["times"].push_back(animation.time_text(i));
  for (const auto& field : animation.fields) {
    values["fields"].push_back(
        {{"name", field.name}, {"width", field.width}, {"height", field.height}, {"scale", field.scale}});
  }
  for (const auto& scale : animation.scales) {
    std::string colours;
    for (int level = 1; level < 256; ++level) colours += colour_text(scale.map, level).substr(1);
    values["scales"].push_back({{"first", scale.first()}, {"last", scale.last()}, {"colours", colours}});
  }
  return values;
}

}  // namespace

std::string page_data(const CaseStatistics& statistics) {
  json data{{"first", statistics.first_time},
            {"last", statistics.last_time},
            {"time", "time"},
            {"animations", json::array()},
            {"panels", json::array()}};
  for (const auto& animation : statistics.animations) data["animations"].push_back(animation_data(animation));
  for (const auto* panels : {&statistics.states, &statistics.observations}) {
    for (const auto& panel : *panels) data["panels"].push_back(panel_data(panel));
  }
  if (!statistics.skill.curves.empty()) data["panels"].push_back(panel_data(statistics.skill));
  auto text = data.dump(-1, ' ', false, json::error_handler_t::replace);
  for (auto at = text.find('<'); at != std::string::npos; at = text.find('<', at + 1)) text.replace(at, 1, "\\u003c");
  return text;
}

}  // namespace sda::report
