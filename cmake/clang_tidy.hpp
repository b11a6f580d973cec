/// For clang alone (clang-tidy, the fuzzers), before every source: in C++20 clang looks into std::vector's constexpr
/// members as soon as they are named, and libtorch 1.13's ATen/core/List.h names them for a type that it defines later.
/// So <vector> comes in without constexpr, whose one function declared elsewhere (__fill_a1, of the bits of
/// vector<bool>) is set aside; what is linked takes it from tests/fuzz/fill_bits.cpp.
#pragma once
#include <string>

#undef _GLIBCXX20_CONSTEXPR
#define _GLIBCXX20_CONSTEXPR
#define __fill_a1 fill_bits_without_constexpr
#include <vector>
#undef __fill_a1
#undef _GLIBCXX20_CONSTEXPR
#define _GLIBCXX20_CONSTEXPR constexpr
