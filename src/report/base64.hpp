/// Bytes as text (RFC 4648).
#pragma once

#include <string>

namespace sda::report {

std::string base64(const std::string& bytes);

}  // namespace sda::report
