# find_package(sda) for those who embed the library.
include(CMakePackageConfigHelpers)
