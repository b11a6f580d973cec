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
    """Against the library that `sda_DIR` names, or with one of its own beside the extension."""

    def run(self):
        build = pathlib.Path(self.build_temp).resolve() / "cmake"
        target = pathlib.Path(self.get_ext_fullpath("sda._sda")).resolve().parent
        installed = os.environ.get("sda_DIR")
        project = SOURCE / "python" if installed else SOURCE
        options = [f"-Dsda_DIR={installed}"] if installed else ["-DSDA_BUILD_PYTHON=ON", "-DSDA_BUILD_APP=OFF"]
        ninja = ["-G", "Ninja"] if shutil.which("ninja") else []
        subprocess.run(
            [
                "cmake",
                *ninja,
                "-S",
                project,
                "-B",
                build,
                "-DCMAKE_BUILD_TYPE=Release",
                f"-DPython3_EXECUTABLE={sys.executable}",
                f"-DCMAKE_INSTALL_PREFIX={target.parent}",
                "-DSDA_PYTHON_DIR=.",
                *options,
            ],
            check=True,
        )
        jobs = os.environ.get("CMAKE_BUILD_PARALLEL_LEVEL", "2")
        subprocess.run(["cmake", "--build", build, "--target", "sda_python", "-j", jobs], check=True)
        subprocess.run(["cmake", "--install", build, "--component", "python"], check=True)
        for library in build.glob("libsda.so.*"):
            if not installed and re.fullmatch(r"libsda\.so\.\d+\.\d+", library.name):
                shutil.copy(library, target)


setup(version=VERSION, ext_modules=[Extension("sda._sda", sources=[])], cmdclass={"build_ext": CMakeBuild})
