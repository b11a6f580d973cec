# `cmake --install build/release --prefix …`: the library with its headers and CMake package, and the program.
# A consumer says find_package(sda) and links sda::sda; see examples/.
include(CMakePackageConfigHelpers)

set(SDA_INSTALL_CMAKEDIR ${CMAKE_INSTALL_LIBDIR}/cmake/sda)

install(TARGETS sda EXPORT sda-targets LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR})
install(DIRECTORY include/sda DESTINATION ${CMAKE_INSTALL_INCLUDEDIR} FILES_MATCHING PATTERN *.hpp)
install(EXPORT sda-targets NAMESPACE sda:: DESTINATION ${SDA_INSTALL_CMAKEDIR})
install(FILES LICENSE README.md CHANGELOG.md DESTINATION ${CMAKE_INSTALL_DOCDIR})

# A C++ library of one libtorch is of no use with another: the package records which one this is, and its ABI.
set(SDA_TORCH_VERSION ${Torch_VERSION})
string(REGEX MATCH "_GLIBCXX_USE_CXX11_ABI=[01]" SDA_TORCH_ABI "${TORCH_CXX_FLAGS}")
configure_package_config_file(cmake/sda-config.cmake.in sda-config.cmake INSTALL_DESTINATION ${SDA_INSTALL_CMAKEDIR}
                              NO_SET_AND_CHECK_MACRO)
write_basic_package_version_file(sda-config-version.cmake VERSION ${PROJECT_VERSION} COMPATIBILITY SameMinorVersion)
install(FILES ${PROJECT_BINARY_DIR}/sda-config.cmake ${PROJECT_BINARY_DIR}/sda-config-version.cmake
        DESTINATION ${SDA_INSTALL_CMAKEDIR})

# The installed files find each other wherever the prefix is moved to, and libtorch where it was at the build.
set_target_properties(sda PROPERTIES INSTALL_RPATH "$ORIGIN" INSTALL_RPATH_USE_LINK_PATH ON)
if(TARGET sda_program)
  file(RELATIVE_PATH SDA_LIBRARY_FROM_PROGRAM ${CMAKE_INSTALL_FULL_BINDIR} ${CMAKE_INSTALL_FULL_LIBDIR})
  set_target_properties(sda_program PROPERTIES INSTALL_RPATH "$ORIGIN/${SDA_LIBRARY_FROM_PROGRAM}"
                                               INSTALL_RPATH_USE_LINK_PATH ON)
endif()

# Trained priors, which the program finds by name beside itself; in the build tree too.
if(SDA_BUILD_APP)
  install(DIRECTORY models/ DESTINATION ${CMAKE_INSTALL_DATADIR}/sda/models FILES_MATCHING PATTERN *.nc)
  install(DIRECTORY experiments DESTINATION ${CMAKE_INSTALL_DOCDIR} FILES_MATCHING PATTERN *.toml)
  file(MAKE_DIRECTORY ${PROJECT_BINARY_DIR}/share/sda)
  file(CREATE_LINK ${PROJECT_SOURCE_DIR}/models ${PROJECT_BINARY_DIR}/share/sda/models SYMBOLIC)
endif()
