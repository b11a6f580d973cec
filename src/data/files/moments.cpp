#include "data/files/moments.hpp"

#include "core/torch.hpp"
#include "data/files/fields.hpp"

namespace sda::io {

void MomentsOfMembers::add(const Tensor& members) {
  type_ = members.scalar_type();
  const Tensor x = members.to(at::kDouble), mean = x.mean(0), squares = (x - mean).square_().sum(0);
  const auto some = static_cast<double>(members.size(0)), before = static_cast<double>(members_);
  members_ += members.size(0);
  if (before == 0) {
    mean_ = mean;
    squares_ = squares;
    return;
  }
  const Tensor apart = mean - mean_;
  mean_.add_(apart, some / (before + some));
  squares_.add_(squares).addcmul_(apart, apart, before * some / (before + some));
}

std::int64_t MomentsOfMembers::bytes() const {
  return mean_.defined() ? static_cast<std::int64_t>(mean_.nbytes()) * 2 : 0;
}

void MomentsOfMembers::write(WritableGroup& file, const StateLayout& layout) const {
  std::vector<std::string> dimensions{"time"};
  dimensions.insert(dimensions.end(), layout.space_names.begin(), layout.space_names.end());
  const auto write_one = [&](std::size_t index, const std::string& ending, const Tensor& values,
                             const Attributes& attributes) {
    const auto name = layout.variables[index].name + ending;
    for (const auto& variable : layout.variables) {
      if (variable.name == name) return;
    }
    write_field(file, layout, index, name, dimensions, channel(values, layout, index), attributes, Masked::missing);
  };
  const Tensor mean = mean_.to(type_);
  const Tensor spread = members_ < 2 ? Tensor() : (squares_ / static_cast<double>(members_ - 1)).sqrt_().to(type_);
  for (std::size_t i = 0; i < layout.variables.size(); ++i) {
    const Variable& variable = layout.variables[i];
    Attributes of_mean = attributes_of(variable, "mean of ");
    of_mean.emplace_back("cell_methods", "realization: mean");
    write_one(i, "_mean", mean, of_mean);
    if (!spread.defined()) continue;
    write_one(i, "_spread", spread,
              {{"long_name", "standard deviation of " + variable.long_name},
               {"units", variable.units},
               {"cell_methods", "realization: standard_deviation"}});
  }
}

}  // namespace sda::io
