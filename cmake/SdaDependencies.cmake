# What sda is built on, each as an imported target.
#   sda_torch                 libtorch and OpenMP: part of the public interface
#   sda_private_dependencies  everything that no public header shows

find_package(OpenMP REQUIRED COMPONENTS CXX)
# Debian's TorchConfig looks for Caffe2 parts that a C++ program does not need; its warnings are not ours.
find_package(Torch REQUIRED)
add_library(sda_torch INTERFACE)
target_include_directories(sda_torch SYSTEM INTERFACE ${TORCH_INCLUDE_DIRS})
target_link_libraries(sda_torch INTERFACE ${TORCH_LIBRARIES} OpenMP::OpenMP_CXX)

find_package(fmt REQUIRED)
find_package(spdlog REQUIRED)
find_package(tomlplusplus REQUIRED)
find_package(PkgConfig REQUIRED)
pkg_check_modules(NETCDF REQUIRED IMPORTED_TARGET netcdf)
pkg_check_modules(HDF5 REQUIRED IMPORTED_TARGET hdf5)
pkg_check_modules(HWY REQUIRED IMPORTED_TARGET libhwy)
pkg_check_modules(RSVG REQUIRED IMPORTED_TARGET librsvg-2.0 cairo)
find_package(GIF REQUIRED)
find_package(nlohmann_json REQUIRED)
find_package(ZLIB REQUIRED)
find_path(LEMON_INCLUDE_DIR lemon/network_simplex.h REQUIRED)
find_library(LEMON_LIBRARY NAMES lemon emon REQUIRED)
find_path(MUSTACHE_INCLUDE_DIR kainjow/mustache.hpp REQUIRED)
find_path(UDUNITS2_INCLUDE_DIR udunits2.h REQUIRED)
find_library(UDUNITS2_LIBRARY udunits2 REQUIRED)
find_path(RANDOM123_INCLUDE_DIR Random123/philox.h REQUIRED)
find_path(EIGEN_INCLUDE_DIR Eigen/Dense PATH_SUFFIXES eigen3 REQUIRED)

add_library(sda_private_dependencies INTERFACE)
target_include_directories(sda_private_dependencies SYSTEM INTERFACE ${LEMON_INCLUDE_DIR} ${RANDOM123_INCLUDE_DIR}
  ${MUSTACHE_INCLUDE_DIR} ${UDUNITS2_INCLUDE_DIR})
target_link_libraries(sda_private_dependencies INTERFACE
  fmt::fmt spdlog::spdlog tomlplusplus::tomlplusplus PkgConfig::NETCDF nlohmann_json::nlohmann_json ZLIB::ZLIB PkgConfig::HDF5 PkgConfig::HWY
  PkgConfig::RSVG GIF::GIF ${LEMON_LIBRARY} ${UDUNITS2_LIBRARY})
