#include "tensors.h"

#include <cstring>
#include <mutex>

#include "../large-pages.h"

namespace kumpas {
namespace {

constexpr napi_type_tag kTensorTag = {0x4b756d7061732d54, 0x656e736f72000001};

/** Arrays below this are copied: a reference to them costs more. */
constexpr size_t kWorthSharing = 1 << 12;

size_t Alignment() {
  static const size_t alignment = TF_TensorDefaultAlignment();
  return alignment;
}

/** The arrays whose memory TensorFlow was lent and has done with. Only the thread of JavaScript may let go of them, which it does when it hands over the next. */
class ReturnedArrays {
 public:
  void Add(napi_ref array) {
    const std::lock_guard<std::mutex> lock(mutex_);
    arrays_.push_back(array);
  }

  void LetGo(napi_env env) {
    std::vector<napi_ref> arrays;
    {
      const std::lock_guard<std::mutex> lock(mutex_);
      arrays.swap(arrays_);
    }
    for (const napi_ref array : arrays) napi_delete_reference(env, array);
  }

 private:
  std::mutex mutex_;
  std::vector<napi_ref> arrays_;
};

/** Those of one thread of JavaScript. It outlives that thread where TensorFlow still has one of its arrays. */
std::shared_ptr<ReturnedArrays>& Returned(napi_env env) {
  void* data = nullptr;
  napi_get_instance_data(env, &data);
  if (data == nullptr) {
    data = new std::shared_ptr<ReturnedArrays>(std::make_shared<ReturnedArrays>());
    napi_set_instance_data(env, data, [](napi_env, void* own, void*) { delete static_cast<std::shared_ptr<ReturnedArrays>*>(own); }, nullptr);
  }
  return *static_cast<std::shared_ptr<ReturnedArrays>*>(data);
}

/** An array that TensorFlow was lent, and where it is to be returned. */
struct LentArray {
  napi_ref array;
  std::shared_ptr<ReturnedArrays> returned;
};

void ReturnArray(void*, size_t, void* argument) {
  auto* lent = static_cast<LentArray*>(argument);
  lent->returned->Add(lent->array);
  delete lent;
}

std::string TextOf(const std::vector<int64_t>& shape) {
  std::string text;
  for (const int64_t size : shape) text += (text.empty() ? "" : ",") + std::to_string(size);
  return "[" + text + "]";
}

std::vector<int64_t> ShapeOf(napi_env env, napi_value array) {
  std::vector<int64_t> shape(LengthOf(env, array));
  for (uint32_t place = 0; place < shape.size(); place++) napi_get_value_int64(env, ElementOf(env, array, place), &shape[place]);
  return shape;
}

/** A tensor in an array's own memory, which nobody may change until it is freed. */
TF_Tensor* ShareArray(napi_env env, napi_value array, const Memory& memory, TF_DataType type, const std::vector<int64_t>& shape) {
  napi_ref reference = nullptr;
  if (napi_create_reference(env, array, 1, &reference) != napi_ok) return nullptr;
  auto* lent = new LentArray{reference, Returned(env)};
  return TF_NewTensor(type, shape.data(), static_cast<int>(shape.size()), memory.data, memory.bytes, ReturnArray, lent);
}

/** A tensor in memory of its own: of TensorFlow's allocator, which keeps it for the next one, so that a large batch does not wait for pages to be cleared. */
TF_Tensor* CopyArray(const Memory& memory, TF_DataType type, const std::vector<int64_t>& shape) {
  TF_Tensor* tensor = TF_AllocateTensor(type, shape.data(), static_cast<int>(shape.size()), memory.bytes);
  if (tensor == nullptr || memory.bytes == 0) return tensor;
  void* data = TF_TensorData(tensor);
  if (data == nullptr) {
    TF_DeleteTensor(tensor);
    return nullptr;
  }
  std::memcpy(data, memory.data, memory.bytes);
  return tensor;
}

// uploadTensor(shape, dtype, values): hands values to TensorFlow, in their own memory where that lies as TensorFlow wants it, else copied.
napi_value UploadTensor(napi_env env, napi_callback_info info) {
  const Arguments<3> arguments(env, info);
  Returned(env)->LetGo(env);
  const std::vector<int64_t> shape = ShapeOf(env, arguments[0]);
  int32_t type = 0;
  napi_get_value_int32(env, arguments[1], &type);
  const Memory memory = MemoryOf(env, arguments[2]);
  size_t expected = TF_DataTypeSize(static_cast<TF_DataType>(type));
  for (const int64_t size : shape) expected *= static_cast<size_t>(size);
  if (!memory.valid || expected != memory.bytes)
    return Throw(env, "a tensor of shape " + TextOf(shape) + " has " + std::to_string(expected) + " bytes, and was given " + std::to_string(memory.bytes));
  const bool aligned = reinterpret_cast<uintptr_t>(memory.data) % Alignment() == 0;
  TF_Tensor* tensor = aligned && memory.bytes >= kWorthSharing ? ShareArray(env, arguments[2], memory, static_cast<TF_DataType>(type), shape)
                                                               : CopyArray(memory, static_cast<TF_DataType>(type), shape);
  if (tensor == nullptr) return Throw(env, "OOM when allocating tensor with shape" + TextOf(shape));
  return DescribeTensor(env, tensor);
}

// downloadTensor(handle): a copy of the values, as the typed array of their type; two bytes a value come as a Uint16Array.
napi_value DownloadTensor(napi_env env, napi_callback_info info) {
  const Arguments<1> arguments(env, info);
  const auto held = TensorOf(env, arguments[0]);
  if (held == nullptr) return nullptr;
  const TF_Tensor* tensor = held->get();
  const size_t bytes = TF_TensorByteSize(tensor);
  const size_t width = TF_DataTypeSize(TF_TensorType(tensor));
  if (width == 0) return Throw(env, "only numbers can be copied from a tensor");
  const bool floats = TF_TensorType(tensor) == TF_FLOAT;
  const napi_typedarray_type type = floats ? napi_float32_array : width == 4 ? napi_int32_array : width == 2 ? napi_uint16_array : napi_uint8_array;
  const size_t element = width == 4 || width == 2 ? width : 1;
  void* data = nullptr;
  napi_value buffer = nullptr;
  napi_value array = nullptr;
  if (napi_create_arraybuffer(env, bytes, &data, &buffer) != napi_ok) return Throw(env, "Array buffer allocation failed");
  if (bytes > 0) std::memcpy(data, TF_TensorData(tensor), bytes);
  if (napi_create_typedarray(env, type, bytes / element, buffer, 0, &array) != napi_ok) return Throw(env, "an array could not be made");
  return array;
}

// freeTensor(handle): lets go of a tensor; its memory ends when no run uses it any more.
napi_value FreeTensor(napi_env env, napi_callback_info info) {
  const Arguments<1> arguments(env, info);
  const auto slot = ThingOf<TensorSlot>(env, arguments[0], kTensorTag);
  if (slot != nullptr) slot->held.reset();
  Returned(env)->LetGo(env);
  return nullptr;
}

/** Whether the system gives a process so much memory, were it written to. */
bool IsGiven(size_t bytes) {
#ifdef __linux__
  void* memory = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  return memory != MAP_FAILED && munmap(memory, bytes) == 0;
#else
  return true;
#endif
}

// reserveMemory(bytes): lets TensorFlow's allocator have so much in one piece, in large pages. Nothing of it is taken until it is written to. Whether it could be had.
napi_value ReserveMemory(napi_env env, napi_callback_info info) {
  const Arguments<1> arguments(env, info);
  int64_t bytes = 0;
  if (napi_get_value_int64(env, arguments[0], &bytes) != napi_ok || bytes <= 0) return Throw(env, "reserveMemory() takes a number of bytes");
  const auto size = static_cast<size_t>(bytes);
  // TensorFlow's allocator waits for ten seconds where the system refuses.
  TF_Tensor* whole = IsGiven(size) ? TF_AllocateTensor(TF_UINT8, &bytes, 1, size) : nullptr;
  const bool reserved = whole != nullptr && TF_TensorData(whole) != nullptr;
  if (reserved) AskForLargePages(TF_TensorData(whole), size);
  if (whole != nullptr) TF_DeleteTensor(whole);
  napi_value result = nullptr;
  napi_get_boolean(env, reserved, &result);
  return result;
}

}  // namespace

napi_value DescribeTensor(napi_env env, TF_Tensor* tensor) {
  const auto slot = std::make_shared<TensorSlot>();
  slot->held = std::make_shared<HeldTensor>(tensor);
  const int rank = TF_NumDims(tensor);
  napi_value description = nullptr, shape = nullptr, type = nullptr;
  napi_create_object(env, &description);
  napi_create_array_with_length(env, static_cast<size_t>(rank), &shape);
  for (int axis = 0; axis < rank; axis++) {
    napi_value size = nullptr;
    napi_create_int64(env, TF_Dim(tensor, axis), &size);
    napi_set_element(env, shape, static_cast<uint32_t>(axis), size);
  }
  napi_create_int32(env, TF_TensorType(tensor), &type);
  napi_set_named_property(env, description, "handle", Handle(env, slot, kTensorTag));
  napi_set_named_property(env, description, "shape", shape);
  napi_set_named_property(env, description, "dtype", type);
  return description;
}

std::shared_ptr<HeldTensor> TensorOf(napi_env env, napi_value handle) {
  const auto slot = ThingOf<TensorSlot>(env, handle, kTensorTag);
  if (slot == nullptr) return nullptr;
  if (slot->held == nullptr) Throw(env, "the tensor was freed");
  return slot->held;
}

bool ExportTensors(napi_env env, napi_value exports) {
  return ExportFunction(env, exports, "uploadTensor", UploadTensor) && ExportFunction(env, exports, "downloadTensor", DownloadTensor) &&
         ExportFunction(env, exports, "freeTensor", FreeTensor) && ExportFunction(env, exports, "reserveMemory", ReserveMemory);
}

}  // namespace kumpas
