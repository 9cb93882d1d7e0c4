#include "large-buffers.h"

#include <algorithm>
#include <memory>
#include <mutex>

#include "../large-pages.h"

namespace kumpas {
namespace {

/** Memory that buffers lie in, one behind the other; it goes when the last of them was collected. */
class Slab {
 public:
  /** The memory of a new one of at least so many bytes; nullptr where there is none. */
  static std::shared_ptr<Slab> Of(size_t bytes) {
#ifdef __linux__
    const size_t mapped = (bytes + kLargePage - 1) / kLargePage * kLargePage + kLargePage; // Wherever it begins, so many large pages fit in.
    void* memory = mmap(nullptr, mapped, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (memory == MAP_FAILED) return nullptr;
    AskForLargePages(memory, mapped);
    return std::shared_ptr<Slab>(new Slab(memory, mapped));
#else
    return nullptr;
#endif
  }

  ~Slab() {
#ifdef __linux__
    munmap(memory_, mapped_);
#endif
  }
  Slab(const Slab&) = delete;
  Slab& operator=(const Slab&) = delete;

  /** The next bytes of it; nullptr where so many are not left. */
  void* Take(size_t bytes) {
    if (bytes > mapped_ - taken_) return nullptr;
    void* start = static_cast<char*>(memory_) + taken_;
    taken_ = std::min(mapped_, taken_ + (bytes + kAlignment - 1) / kAlignment * kAlignment);
    return start;
  }

 private:
  /** As TensorFlow wants tensors to lie, and more than any typed array needs. */
  static constexpr size_t kAlignment = 64;

  Slab(void* memory, size_t mapped) : memory_(memory), mapped_(mapped) {
    taken_ = (kLargePage - reinterpret_cast<uintptr_t>(memory) % kLargePage) % kLargePage;
  }

  void* memory_;
  size_t mapped_;
  size_t taken_ = 0;
};

/** Large enough that small tensors share pages, small enough that one of them alone does not keep much. */
constexpr size_t kSlabSize = size_t{8} << 20;

std::mutex mutex;
/** The one that is not full yet, as long as anything lies in it. */
std::weak_ptr<Slab> last;

struct Place {
  std::shared_ptr<Slab> slab;
  void* start = nullptr;
};

Place PlaceOf(size_t bytes) {
  const std::lock_guard<std::mutex> lock(mutex);
  auto slab = last.lock();
  void* start = slab == nullptr ? nullptr : slab->Take(bytes);
  if (start != nullptr) return {slab, start};
  slab = Slab::Of(std::max(bytes, kSlabSize));
  if (slab == nullptr) return {};
  last = slab;
  return {slab, slab->Take(bytes)};
}

void Forget(napi_env, void*, void* slab) { delete static_cast<std::shared_ptr<Slab>*>(slab); }

// allocate(bytes): an ArrayBuffer of zeros in large pages; undefined where there is no such memory.
napi_value Allocate(napi_env env, napi_callback_info info) {
  const Arguments<1> arguments(env, info);
  int64_t bytes = 0;
  if (napi_get_value_int64(env, arguments[0], &bytes) != napi_ok || bytes <= 0) return Throw(env, "allocate() takes a number of bytes");
  const Place place = PlaceOf(static_cast<size_t>(bytes));
  if (place.start == nullptr) return nullptr;
  auto* held = new std::shared_ptr<Slab>(place.slab);
  napi_value buffer = nullptr;
  if (napi_create_external_arraybuffer(env, place.start, static_cast<size_t>(bytes), Forget, held, &buffer) == napi_ok) return buffer;
  delete held;
  return nullptr;
}

}  // namespace

bool ExportLargeBuffers(napi_env env, napi_value exports) { return ExportFunction(env, exports, "allocate", Allocate); }

}  // namespace kumpas
