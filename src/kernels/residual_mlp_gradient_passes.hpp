/// What training a residual MLP takes of each instruction set; ResidualMlpGradient says what it does.
#pragma once

#include "kernels/dispatch.hpp"
#include "kernels/residual_mlp_gradient.hpp"

namespace sda::kernels {

SDA_FOR_EACH_TARGET(void mlp_training_forward(const PackedEmbeddedMlp& model, const float* x, const float* t,
                                              const float* epsilon, std::int64_t n, ResidualMlpGradient::Pass& pass,
                                              ResidualMlpGradient::Scratch& scratch);
                    void mlp_training_back(const PackedEmbeddedMlp& model, float scale, ResidualMlpGradient::Pass& pass,
                                           ResidualMlpGradient::Scratch& scratch);
                    void mlp_differentiate(const TrainedMap& map, std::int64_t begin, std::int64_t end,
                                           const std::vector<ResidualMlpGradient::Pass>& passes,
                                           std::int64_t number_of_passes, ResidualMlpGradient::Scratch& scratch,
                                           const ResidualMlpGradient::Take& take);
                    void mlp_make_space(const TrainedMap& map);
                    void mlp_pack_map(const TrainedMap& map, std::int64_t begin, std::int64_t end);)

}  // namespace sda::kernels
