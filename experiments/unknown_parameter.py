"""What both scripts about parameters that are not known have in common (python3-xarray)."""

import math
import statistics
import subprocess
import sys
from pathlib import Path

import xarray


class Maker:
    """Runs the program, one file a step; what is there already is not made again."""

    def __init__(self, arguments):
        self.options = arguments
        self.work = Path(arguments.work)
        self.work.mkdir(parents=True, exist_ok=True)

    def made(self, name, command, *arguments):
        path = self.work / name
        if not path.exists():
            line = [self.options.program, command, *map(str, arguments), "-o", str(path), "--quiet"]
            if self.options.threads:
                line += ["--threads", str(self.options.threads)]
            print(" ".join(line), file=sys.stderr, flush=True)
            subprocess.run(line, check=True, stdout=subprocess.DEVNULL)  # tables go there
        return path


def constant_of(path, name):
    """Members' values of what should be constant, and how far it strays over a member: root mean square over members."""
    with xarray.open_dataset(path) as file:
        values = file[name]
        everywhere = [axis for axis in values.dims if axis != "realization"]
        return values.mean(everywhere).values, float(values.var(everywhere).mean() ** 0.5)


def rms(values):
    return math.sqrt(statistics.fmean(v * v for v in values))
