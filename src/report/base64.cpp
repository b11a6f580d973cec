/// Base 64 encoding by GLib (RFC 4648, section 4).
#include "report/base64.hpp"

#include <glib.h>

namespace sda::report {

std::string base64(const std::string& bytes) {
  char* encoded = g_base64_encode(reinterpret_cast<const guchar*>(bytes.data()), bytes.size());
  std::string text = encoded;
  g_free(encoded);
  return text;
}

}  // namespace sda::report
