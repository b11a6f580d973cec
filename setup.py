"""Builds the extension by CMake, for pip; pyproject.toml says the rest."""

import os
import pathlib
import re
import shutil
import subprocess
import sys

from setuptools import Extension, setup
from setuptools.command.build_ext import build_ext

SOURCE = pathlib.Path(__file__).resolve().parent
VERSION = re.search(r"VERSION ([0-9.]+)", re.search(r"project\(sda .*", (SOURCE / "CMakeLists.txt").read_text())[0])[
    1
]


class CMakeBuild(build_ext):
    """The extension of a build that is there (SDA_BUILD names its folder), or against the library that sda_DIR names, or
    with one of its own beside it."""

    def run(self):
        target = pathlib.Path(self.get_ext_fullpath("sda._sda")).resolve().parent
        installed, there = os.environ.get("sda_DIR"), os.environ.get("SDA_BUILD")
        build = pathlib.Path(there or pathlib.Path(self.build_temp) / "cmake").resolve()
        if not there:
            self.compile(build, installed)
        prefix = pathlib.Path(self.build_temp).resolve() / "prefix"
        subprocess.run(["cmake", "--install", build, "--component", "python", "--prefix", prefix], check=True)
        target.mkdir(parents=True, exist_ok=True)
        for file in (*prefix.rglob("_sda.*.so"), *prefix.rglob("_build.py")):
            shutil.copy(file, target)
        for library in [] if installed else build.glob("libsda.so.*"):
            if re.fullmatch(r"libsda\.so\.\d+\.\d+", library.name):
                shutil.copy(library, target)

    def compile(self, build, installed):
        project = SOURCE / "python" if installed else SOURCE
        options = [f"-Dsda_DIR={installed}"] if installed else ["-DSDA_BUILD_PYTHON=ON", "-DSDA_BUILD_APP=OFF"]
        options += ["-G", "Ninja"] if shutil.which("ninja") else []
        options += ["-DCMAKE_BUILD_TYPE=Release", f"-DPython3_EXECUTABLE={sys.executable}"]
        subprocess.run(["cmake", "-S", project, "-B", build, *options], check=True)
        jobs = os.environ.get("CMAKE_BUILD_PARALLEL_LEVEL", "2")
        subprocess.run(["cmake", "--build", build, "--target", "sda_python", "-j", jobs], check=True)


setup(version=VERSION, ext_modules=[Extension("sda._sda", sources=[])], cmdclass={"build_ext": CMakeBuild})
