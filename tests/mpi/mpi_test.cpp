/// The communicator over real processes: mpirun -n N test_mpi.
#include "sda/mpi/mpi.hpp"

#include <gtest/gtest.h>

#include "core/torch.hpp"

namespace {

const sda::MpiSession* session = nullptr;

sda::Tensor filled(std::int64_t rank, at::ScalarType type) {
  return at::arange(5, type) + 10 * rank;
}

TEST(Mpi, SumsOverRanks) {
  const auto ranks = session->world();
  const std::int64_t n = ranks->size();
  for (const auto type : {at::kFloat, at::kDouble, at::kLong}) {
    const sda::Tensor own = filled(ranks->rank(), type), sum = ranks->sum(own);
    EXPECT_TRUE(sum.equal(n * at::arange(5, type) + 5 * n * (n - 1)));
    EXPECT_TRUE(own.equal(filled(ranks->rank(), type)));
  }
  EXPECT_TRUE(sda::any_of(*ranks, ranks->rank() + 1 == n));
  EXPECT_FALSE(sda::any_of(*ranks, false));
}

TEST(Mpi, ExchangesWithTheRanksBeforeAndAfter) {
  const auto ranks = session->world();
  const int rank = ranks->rank(), last = ranks->size() - 1;
  // Each pair of neighbours has a length of its own.
  const auto halo = [](int left) { return at::arange(3 + left, at::kDouble) + 100 * left; };
  sda::Tensor before = at::full({rank > 0 ? 3 + rank - 1 : 2}, -1, at::kDouble);
  sda::Tensor after = at::full({rank < last ? 3 + rank : 2}, -1, at::kDouble);
  ranks->exchange(rank > 0 ? -halo(rank - 1) : sda::Tensor(), rank < last ? halo(rank) : sda::Tensor(), before, after);
  EXPECT_TRUE(before.equal(rank > 0 ? halo(rank - 1) : at::full({2}, -1, at::kDouble)));
  EXPECT_TRUE(after.equal(rank < last ? -halo(rank) : at::full({2}, -1, at::kDouble)));
}

TEST(Mpi, GathersPartsOfAnyShape) {
  const auto ranks = session->world();
  const auto part = [](int rank) { return at::full({rank + 1, 2, 3}, rank, at::kFloat); };
  const auto parts = ranks->gather(part(ranks->rank()));
  ASSERT_EQ(std::ssize(parts), ranks->rank() == 0 ? ranks->size() : 0);
  for (std::size_t i = 0; i < parts.size(); ++i) EXPECT_TRUE(parts[i].equal(part(static_cast<int>(i))));
}

TEST(Mpi, SplitsIntoGroups) {
  const int rank = session->world()->rank(), size = session->world()->size();
  const auto group = session->split(rank % 2);
  EXPECT_EQ(group->size(), rank % 2 == 0 ? (size + 1) / 2 : size / 2);
  EXPECT_EQ(group->rank(), rank / 2);
}

}  // namespace

int main(int argc, char** argv) {
  testing::InitGoogleTest(&argc, argv);
  const sda::MpiSession started;
  session = &started;
  // A failure of any rank is one of all; the first tells the story.
  if (started.world()->rank() > 0)
    delete testing::UnitTest::GetInstance()->listeners().Release(
        testing::UnitTest::GetInstance()->listeners().default_result_printer());
  const bool failed = sda::any_of(*started.world(), RUN_ALL_TESTS() != 0);
  return failed ? 1 : 0;
}
