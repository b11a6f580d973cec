/// What reading costs: memory grows by what is held of rows, and not with a file that is gone through.
#include <gtest/gtest.h>

#include <sstream>
#include <string>

#include "scratch_folder.hpp"
#include "tools.hpp"

namespace sda::test {
namespace {

constexpr const char* python = "/usr/bin/python3 ";

/// Imports a file and one three times as large, then observes 100,000 rows and 300,000 of them. Prints for each pair by
/// how many bytes the larger file is larger, or how many rows it has more, and by how many bytes its peak is.
constexpr const char* measure = R"py(import os, resource, subprocess, sys
import netCDF4, numpy as np
program, folder = sys.argv[1:]
os.chdir(folder)

def peak(*arguments):
    code = ("import resource, subprocess, sys; subprocess.run(sys.argv[1:], check=True, stdout=subprocess.DEVNULL); "
            "print(1024 * resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)")
    return int(subprocess.run([sys.executable, "-c", code, program, *arguments], check=True, capture_output=True,
                              text=True, env={**os.environ, "OMP_NUM_THREADS": "1"}).stdout)

random = np.random.default_rng(0)
peaks, sizes = [], []
for states in (1024, 3072):
    with netCDF4.Dataset("own.nc", "w") as file:
        for name, size in (("time", states), ("y", 128), ("x", 128)):
            file.createDimension(name, size)
        time = file.createVariable("time", "f8", ("time",))
        time[:], time.units = np.arange(states), "hours since 2020-01-01"
        u = file.createVariable("u", "f4", ("time", "y", "x"), chunksizes=(16, 128, 128))
        for begin in range(0, states, 256):
            u[begin:begin + 256] = random.standard_normal((256, 128, 128))
    with open("own.toml", "w") as file:
        file.write('[data]\nfiles = "own.nc"\nvariables = ["u"]\nspace = ["y", "x"]\nlength = 64\nfile_gigabytes = 0.01\n')
    peaks.append(peak("import", "own.toml", "-o", f"own{states}"))
    sizes.append(os.path.getsize("own.nc"))
print(sizes[1] - sizes[0], peaks[1] - peaks[0])
peaks = []
for rows in (100_000, 300_000):
    columns = [random.uniform(0, 15, rows), random.uniform(0, 127, rows), random.uniform(0, 127, rows),
               random.standard_normal(rows)]
    np.savetxt("rows.csv", np.column_stack(columns), "%.6f,%.6f,%.6f,u,%.4f,0.3", header="time,y,x,variable,value,error",
               comments="")
    peaks.append(peak("observe", "--from", "rows.csv", "--data", "own1024/valid.nc", "-o", "y.nc"))
print(200_000, peaks[1] - peaks[0])
)py";

TEST(ReadingCost, GrowsWithRowsAndNotWithAFileThatIsGoneThrough) {
  if (!is_installed(std::string(python) + "-c 'import netCDF4, numpy'")) GTEST_SKIP() << "netCDF4 is not installed";
  const ScratchFolder folder;
  write_bytes(folder.file("measure.py"), measure);
  const auto outcome =
      run(std::string(python) + folder.file("measure.py") + " " + SDA_PROGRAM + " " + folder.file("."));
  ASSERT_EQ(outcome.status, 0) << outcome.output;
  std::istringstream words(outcome.output);
  double bytes = 0, of_import = 0, rows = 0, of_rows = 0;
  ASSERT_TRUE(words >> bytes >> of_import >> rows >> of_rows) << outcome.output;
  EXPECT_GT(bytes, 1e8);
  EXPECT_LT(of_import, 0.2 * bytes) << "an import holds its file";
  // Text, five numbers, a weight and an index of each of eight corners, and the file that is composed.
  EXPECT_LT(of_rows / rows, 400) << "bytes for each row";
  RecordProperty("bytes_for_each_row", static_cast<int>(of_rows / rows));
}

}  // namespace
}  // namespace sda::test
