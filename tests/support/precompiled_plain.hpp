/// Precompiled for the tests that do not take in core/torch.hpp.
#pragma once
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/plain.hpp"
