# `cpack -G DEB --config build/release/CPackConfig.cmake`: one Debian package with the program, the library and its headers, man
# pages, completions and models. What it depends on is read off the binaries (dpkg-shlibdeps); libblas3 in the OpenMP
# build of OpenBLAS is named beside that, for libtorch asks for any BLAS and the reference one is 60 times slower.
set(CPACK_PACKAGE_NAME sda)
set(CPACK_PACKAGE_VENDOR "The sda authors")
set(CPACK_PACKAGE_CONTACT "The sda authors <sda@localhost>")
set(CPACK_PACKAGE_DESCRIPTION_SUMMARY "score-based data assimilation")
set(CPACK_PACKAGE_DESCRIPTION
    "Draws ensembles of whole trajectories of a dynamical system from their posterior given observations. The prior is a
diffusion model that is trained on simulations. Program, C++ library, man pages, completions and trained models.")
set(CPACK_PACKAGING_INSTALL_PREFIX /usr)
set(CPACK_STRIP_FILES ON)
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_SECTION science)
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS ON)
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS_PRIVATE_DIRS ${PROJECT_BINARY_DIR})
set(CPACK_DEBIAN_PACKAGE_GENERATE_SHLIBS ON)
set(CPACK_DEBIAN_PACKAGE_DEPENDS libopenblas0-openmp)
if(SDA_BUILD_PYTHON)  # an extension is of one minor version of Python
  math(EXPR next "${Python3_VERSION_MINOR} + 1")
  string(APPEND CPACK_DEBIAN_PACKAGE_DEPENDS
         ", python3 (>= 3.${Python3_VERSION_MINOR}), python3 (<< 3.${next}), python3-numpy, python3-xarray")
endif()
set(CPACK_DEBIAN_PACKAGE_RECOMMENDS fonts-dejavu-core)
set(CPACK_DEBIAN_PACKAGE_SUGGESTS "libtorch-dev, python3-netcdf4, python3-pandas, python3-matplotlib, python3-tqdm")
include(CPack)
