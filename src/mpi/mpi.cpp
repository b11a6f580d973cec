/// The communicator by MPI's point-to-point and collective calls.
#include "sda/mpi/mpi.hpp"

#include <fmt/format.h>
#include <mpi.h>

#include <algorithm>
#include <array>
#include <cstdlib>

#include "core/torch.hpp"
#include "sda/core/error.hpp"

namespace sda {
namespace {

/// MPI counts in int; what is longer goes in several messages.
constexpr std::int64_t bytes_at_once = std::int64_t{1} << 30;

void require_success(int code, const char* call) {
  if (code == MPI_SUCCESS) return;
  std::array<char, MPI_MAX_ERROR_STRING> text{};
  int length = 0;
  MPI_Error_string(code, text.data(), &length);
  throw MpiError({.what = "ranks cannot reach each other", .where = call, .found = text.data()});
}

MPI_Datatype type_of(const Tensor& values) {
  if (values.scalar_type() == at::kFloat) return MPI_FLOAT;
  if (values.scalar_type() == at::kDouble) return MPI_DOUBLE;
  return MPI_INT64_T;
}

char* bytes(const Tensor& values) {
  return static_cast<char*>(values.data_ptr());
}

class MpiCommunicator final : public Communicator {
 public:
  explicit MpiCommunicator(MPI_Comm ranks) : ranks_(ranks) {
    // Errors come back as codes, so that one line can say what failed.
    MPI_Comm_set_errhandler(ranks_, MPI_ERRORS_RETURN);
    MPI_Comm_rank(ranks_, &rank_);
    MPI_Comm_size(ranks_, &size_);
  }

  int rank() const override { return rank_; }
  int size() const override { return size_; }

  /// Summed at one rank and sent to all, not by MPI_Allreduce, which need not give the same bits everywhere.
  Tensor sum(const Tensor& values) const override {
    if (size_ == 1) return values;
    Tensor total = values.clone(at::MemoryFormat::Contiguous);
    const int n = static_cast<int>(total.numel());
    void* at_root = rank_ == 0 ? MPI_IN_PLACE : total.data_ptr();
    require_success(MPI_Reduce(at_root, total.data_ptr(), n, type_of(total), MPI_SUM, 0, ranks_), "MPI_Reduce");
    require_success(MPI_Bcast(total.data_ptr(), n, type_of(total), 0, ranks_), "MPI_Bcast");
    return total;
  }

  void exchange(const Tensor& to_before, const Tensor& to_after, Tensor& from_before,
                Tensor& from_after) const override {
    const int before = rank_ == 0 ? MPI_PROC_NULL : rank_ - 1, after = rank_ + 1 == size_ ? MPI_PROC_NULL : rank_ + 1;
    swap(to_before, before, from_after, after);
    swap(to_after, after, from_before, before);
  }

  std::vector<Tensor> gather(const Tensor& part) const override {
    const Tensor own = part.contiguous();
    if (rank_ != 0) {
      send_whole(own, 0);
      return {};
    }
    std::vector<Tensor> parts{own};
    for (int rank = 1; rank < size_; ++rank) parts.push_back(receive_whole(rank));
    return parts;
  }

 private:
  enum Tag { halo_tag, head_tag, body_tag };

  /// Sends to one rank while it receives from another. MPI_PROC_NULL takes anything and gives nothing.
  void swap(const Tensor& out, int to, Tensor& in, int from) const {
    const Tensor sent = to == MPI_PROC_NULL ? Tensor() : out.contiguous();
    const auto size = [](const Tensor& t) { return t.defined() ? static_cast<int>(t.nbytes()) : 0; };
    const auto data = [](const Tensor& t) { return t.defined() ? t.data_ptr() : nullptr; };
    const Tensor received = from == MPI_PROC_NULL ? Tensor() : in;
    require_one_message(sent);
    require_one_message(received);
    require_success(MPI_Sendrecv(data(sent), size(sent), MPI_BYTE, to, halo_tag, data(received), size(received),
                                 MPI_BYTE, from, halo_tag, ranks_, MPI_STATUS_IGNORE),
                    "MPI_Sendrecv");
  }

  /// Dtype, number of axes and sizes, then the elements.
  void send_whole(const Tensor& values, int to) const {
    std::vector<std::int64_t> head{static_cast<std::int64_t>(values.scalar_type())};
    head.insert(head.end(), values.sizes().begin(), values.sizes().end());
    require_success(MPI_Send(head.data(), static_cast<int>(head.size()), MPI_INT64_T, to, head_tag, ranks_),
                    "MPI_Send");
    for (std::int64_t at = 0; at < bytes_of(values); at += bytes_at_once) {
      const int n = static_cast<int>(std::min(bytes_at_once, bytes_of(values) - at));
      require_success(MPI_Send(bytes(values) + at, n, MPI_BYTE, to, body_tag, ranks_), "MPI_Send");
    }
  }

  Tensor receive_whole(int from) const {
    MPI_Status status;
    require_success(MPI_Probe(from, head_tag, ranks_, &status), "MPI_Probe");
    int n = 0;
    MPI_Get_count(&status, MPI_INT64_T, &n);
    std::vector<std::int64_t> head(static_cast<std::size_t>(n));
    require_success(MPI_Recv(head.data(), n, MPI_INT64_T, from, head_tag, ranks_, MPI_STATUS_IGNORE), "MPI_Recv");
    const Shape sizes(head.begin() + 1, head.end());
    Tensor values = at::empty(sizes, static_cast<at::ScalarType>(head.front()));
    for (std::int64_t at = 0; at < bytes_of(values); at += bytes_at_once) {
      const int some = static_cast<int>(std::min(bytes_at_once, bytes_of(values) - at));
      require_success(MPI_Recv(bytes(values) + at, some, MPI_BYTE, from, body_tag, ranks_, MPI_STATUS_IGNORE),
                      "MPI_Recv");
    }
    return values;
  }

  static void require_one_message(const Tensor& values) {
    if (!values.defined() || bytes_of(values) <= bytes_at_once) return;
    throw MpiError({.what = "a halo is too large for a message",
                    .where = "MPI_Sendrecv",
                    .found = fmt::format("{} bytes", bytes_of(values)),
                    .expected = fmt::format("at most {}", bytes_at_once),
                    .hint = "take fewer members at once: a smaller --memory"});
  }
  static std::int64_t bytes_of(const Tensor& values) { return static_cast<std::int64_t>(values.nbytes()); }

  MPI_Comm ranks_;
  int rank_ = 0, size_ = 1;
};

}  // namespace

MpiSession::MpiSession() {
  int found = MPI_THREAD_SINGLE;
  // Threads compute; this one alone talks to other ranks.
  require_success(MPI_Init_thread(nullptr, nullptr, MPI_THREAD_FUNNELED, &found), "MPI_Init_thread");
  world_ = std::make_shared<MpiCommunicator>(MPI_COMM_WORLD);
}

MpiSession::~MpiSession() {
  if (std::uncaught_exceptions() > 0) MPI_Abort(MPI_COMM_WORLD, EXIT_FAILURE);
  MPI_Finalize();
}

std::shared_ptr<const Communicator> MpiSession::split(int group) const {
  MPI_Comm some = MPI_COMM_NULL;
  require_success(MPI_Comm_split(MPI_COMM_WORLD, group, world_->rank(), &some), "MPI_Comm_split");
  return std::make_shared<MpiCommunicator>(some);
}

void MpiSession::abort(int code) const {
  MPI_Abort(MPI_COMM_WORLD, code);
  std::_Exit(code);
}

std::string mpi_version() {
  std::array<char, MPI_MAX_LIBRARY_VERSION_STRING> text{};
  int length = 0;
  MPI_Get_library_version(text.data(), &length);
  const std::string all(text.data(), static_cast<std::size_t>(length));
  return all.substr(0, all.find_first_of(",\n"));
}

}  // namespace sda
