/// Pickle protocol 2 (Python's pickletools.py) in a zip archive, as torch.save writes them.
#include "data/formats/torch_archive.hpp"

#include <fmt/format.h>

#include <cstdint>
#include <cstring>
#include <map>
#include <memory>
#include <string_view>
#include <variant>

#include "core/torch.hpp"
#include "data/formats/zip_archive.hpp"
#include "sda/core/error.hpp"

namespace sda::io {
namespace {

struct Value;
using Tuple = std::vector<Value>;
using Dictionary = std::vector<std::pair<Value, Value>>;
struct Mark {};
struct Global {
  std::string name;  ///< "torch FloatStorage"
};
struct Storage {
  at::ScalarType dtype = at::kFloat;
  std::string key;
};
struct Value {
  std::variant<std::monostate, Mark, bool, std::int64_t, std::string, Global, Storage, Tensor, std::shared_ptr<Tuple>,
               std::shared_ptr<Dictionary>>
      held;
};

/// The pickle machine: a stack, a memo and no more than what a state_dict needs.
class Unpickler {
 public:
  Unpickler(const ZipArchive& archive, std::string path, const std::string& pickle)
      : archive_(archive),
        path_(std::move(path)),
        folder_(pickle.substr(0, pickle.size() - std::string_view("data.pkl").size())),
        bytes_(archive.read(pickle), path_) {}

  Value run() {
    while (true) {
      const auto opcode = bytes_.take(1).front();
      switch (opcode) {
        case '\x80':  // PROTO
          bytes_.take(1);
          break;
        case '.':  // STOP
          return pop();
        case '(':  // MARK
          push(Mark{});
          break;
        case 'N':  // NONE
          push(std::monostate{});
          break;
        case '\x88':  // NEWTRUE
          push(true);
          break;
        case '\x89':  // NEWFALSE
          push(false);
          break;
        case 'K':  // BININT1
          push(static_cast<std::int64_t>(bytes_.number(1)));
          break;
        case 'M':  // BININT2
          push(static_cast<std::int64_t>(bytes_.number(2)));
          break;
        case 'J':  // BININT, signed
          push(static_cast<std::int64_t>(static_cast<std::int32_t>(bytes_.number(4))));
          break;
        case '\x8a':  // LONG1
          push(long_integer());
          break;
        case 'X':  // BINUNICODE
          push(std::string(bytes_.take(bytes_.number(4))));
          break;
        case 'c': {  // GLOBAL
          const std::string module = bytes_.line();
          push(Global{module + " " + bytes_.line()});
          break;
        }
        case 'q':  // BINPUT
          memo_[bytes_.number(1)] = top();
          break;
        case 'r':  // LONG_BINPUT
          memo_[bytes_.number(4)] = top();
          break;
        case 'h':  // BINGET
          recall(bytes_.number(1));
          break;
        case 'j':  // LONG_BINGET
          recall(bytes_.number(4));
          break;
        case ')':  // EMPTY_TUPLE
          push(std::make_shared<Tuple>());
          break;
        case '\x85':  // TUPLE1
        case '\x86':  // TUPLE2
        case '\x87':  // TUPLE3
          push(std::make_shared<Tuple>(pop_last(static_cast<std::size_t>(opcode - '\x84'))));
          break;
        case 't':  // TUPLE
          push(std::make_shared<Tuple>(pop_to_mark()));
          break;
        case '}':  // EMPTY_DICT
          push(std::make_shared<Dictionary>());
          break;
        case 's':  // SETITEM
          set_items(pop_last(2));
          break;
        case 'u':  // SETITEMS
          set_items(pop_to_mark());
          break;
        case 'Q':  // BINPERSID
          push(storage(pop_tuple()));
          break;
        case 'R': {  // REDUCE
          const auto arguments = pop_tuple();
          push(build(get<Global>(pop()).name, *arguments).held);
          break;
        }
        case 'b':  // BUILD: attributes of the dictionary (its version), of no use here
          pop();
          top();
          break;
        default:
          refuse(fmt::format("opcode 0x{:02x}", static_cast<unsigned char>(opcode)));
      }
    }
  }

 private:
  [[noreturn]] void refuse(const std::string& found) const {
    throw FileError({.what = "the archive holds more than tensors by name",
                     .where = path_,
                     .found = found,
                     .expected = "torch.save of a network's state_dict()"});
  }

  template <class T>
  T get(const Value& value) const {
    if (const T* held = std::get_if<T>(&value.held)) return *held;
    refuse("a value of another type than expected");
  }

  template <class T>
  void push(T value) {
    stack_.push_back({std::move(value)});
  }
  const Value& top() const {
    if (stack_.empty()) refuse("an empty stack");
    return stack_.back();
  }
  Value pop() {
    Value value = top();
    stack_.pop_back();
    return value;
  }
  std::shared_ptr<Tuple> pop_tuple() { return get<std::shared_ptr<Tuple>>(pop()); }
  Tuple pop_last(std::size_t count) {
    if (stack_.size() < count) refuse("an empty stack");
    Tuple values(stack_.end() - static_cast<std::ptrdiff_t>(count), stack_.end());
    stack_.resize(stack_.size() - count);
    return values;
  }
  Tuple pop_to_mark() {
    std::size_t count = 0;
    while (count < stack_.size() && !std::holds_alternative<Mark>(stack_[stack_.size() - 1 - count].held)) ++count;
    Tuple values = pop_last(count);
    pop();
    return values;
  }
  void recall(std::uint64_t place) {
    const auto found = memo_.find(place);
    if (found == memo_.end()) refuse("a value that was never kept");
    stack_.push_back(found->second);
  }
  std::int64_t long_integer() {
    const auto size = bytes_.number(1);
    if (size > 8) refuse("an integer of more than 64 bits");
    const auto value = bytes_.number(size);
    const bool negative = size > 0 && ((value >> (8 * size - 1)) & 1) != 0;
    return static_cast<std::int64_t>(negative && size < 8 ? value | (~std::uint64_t{0} << (8 * size)) : value);
  }
  void set_items(Tuple items) {
    const auto dictionary = get<std::shared_ptr<Dictionary>>(top());
    if (items.size() % 2 != 0) refuse("a key without a value");
    for (std::size_t i = 0; i < items.size(); i += 2) dictionary->emplace_back(items[i], items[i + 1]);
  }

  /// ('storage', torch FloatStorage, key, location, count)
  Storage storage(const std::shared_ptr<Tuple>& id) const {
    if (id->size() != 5 || get<std::string>((*id)[0]) != "storage") refuse("an unknown reference");
    const std::map<std::string, at::ScalarType> types{{"torch FloatStorage", at::kFloat},
                                                      {"torch DoubleStorage", at::kDouble},
                                                      {"torch HalfStorage", at::kHalf},
                                                      {"torch BFloat16Storage", at::kBFloat16},
                                                      {"torch LongStorage", at::kLong}};
    const auto type = types.find(get<Global>((*id)[1]).name);
    if (type == types.end()) refuse(get<Global>((*id)[1]).name);
    return {type->second, get<std::string>((*id)[2])};
  }

  /// What the named Python function would return.
  Value build(const std::string& function, const Tuple& arguments) const {
    if (function == "collections OrderedDict" && arguments.empty()) return {std::make_shared<Dictionary>()};
    if (function == "torch._utils _rebuild_tensor_v2" && arguments.size() >= 4) return {tensor(arguments)};
    if (function == "torch._utils _rebuild_parameter" && !arguments.empty()) return {get<Tensor>(arguments[0])};
    refuse("a call of " + function);
  }

  Shape integers(const Value& value) const {
    Shape numbers;
    for (const auto& number : *get<std::shared_ptr<Tuple>>(value)) {
      numbers.push_back(get<std::int64_t>(number));
      if (numbers.back() < 0) refuse("a negative size or stride");
    }
    return numbers;
  }

  /// (storage, offset, size, stride, …)
  Tensor tensor(const Tuple& arguments) const {
    const auto source = get<Storage>(arguments[0]);
    const auto offset = get<std::int64_t>(arguments[1]);
    const Shape size = integers(arguments[2]), stride = integers(arguments[3]);
    const auto content = archive_.read(folder_ + "data/" + source.key);
    const auto available = static_cast<std::int64_t>(content.size() / c10::elementSize(source.dtype));

    // Each axis within what is there before they are added up, so that no product overflows.
    std::int64_t last = offset;
    bool fits = offset >= 0 && size.size() == stride.size();
    for (std::size_t axis = 0; fits && axis < size.size(); ++axis) {
      fits = size[axis] > 0 && (size[axis] == 1 || stride[axis] <= available / (size[axis] - 1));
      if (fits) last += (size[axis] - 1) * stride[axis];
      fits = fits && last < available;
    }
    if (!fits || last >= available) refuse("a tensor that is larger than its storage");

    const Tensor values = at::empty({available}, source.dtype);
    std::memcpy(values.data_ptr(), content.data(), values.nbytes());
    return values.as_strided(size, stride, offset).clone(at::MemoryFormat::Contiguous);
  }

  const ZipArchive& archive_;
  std::string path_, folder_;
  Bytes bytes_;
  std::vector<Value> stack_;
  std::map<std::uint64_t, Value> memo_;
};

}  // namespace

std::vector<ArchivedTensor> read_state_dict(const std::string& path) {
  const ZipArchive archive(path);
  const std::string pickle = archive.find_suffix("/data.pkl");
  if (pickle.empty()) throw FileError({.what = "the archive lacks data.pkl", .where = path});
  const std::string order = archive.find_suffix("/byteorder");
  if (!order.empty() && archive.read(order) != "little") {
    throw FileError({.what = "the archive was written on a big-endian machine", .where = path});
  }
  const Value value = Unpickler(archive, path, pickle).run();
  const auto* dictionary = std::get_if<std::shared_ptr<Dictionary>>(&value.held);
  std::vector<ArchivedTensor> tensors;
  for (const auto& [key, entry] : dictionary != nullptr ? **dictionary : Dictionary{}) {
    const auto* name = std::get_if<std::string>(&key.held);
    const auto* tensor = std::get_if<Tensor>(&entry.held);
    if (name == nullptr || tensor == nullptr) {
      throw FileError({.what = "the archive holds more than tensors by name",
                       .where = path,
                       .found = name == nullptr ? "a key that is not text" : *name,
                       .expected = "torch.save of a network's state_dict()"});
    }
    tensors.push_back({*name, *tensor});
  }
  if (tensors.empty()) {
    throw FileError({.what = "the archive holds no tensors by name",
                     .where = path,
                     .expected = "torch.save of a network's state_dict()"});
  }
  return tensors;
}

}  // namespace sda::io
