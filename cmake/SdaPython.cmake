# Debian's Python, whose torch shares libtorch with us, unless Python3_EXECUTABLE names another. A python3 that stands
# first in PATH (pyenv's, conda's) has neither that torch nor pybind11.
if(NOT Python3_EXECUTABLE AND EXISTS /usr/bin/python3)
  set(Python3_EXECUTABLE /usr/bin/python3)
endif()
find_package(Python3 3.11 REQUIRED COMPONENTS Interpreter Development.Module NumPy)
set(PYTHON_EXECUTABLE ${Python3_EXECUTABLE})
set(PYBIND11_FINDPYTHON OFF)
find_package(pybind11 2.10 REQUIRED CONFIG)
