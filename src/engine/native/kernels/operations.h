// What every operation needs of TensorFlow's C interface: tensors in and out, attributes, and to be known by its name.
#ifndef KUMPAS_KERNELS_OPERATIONS_H_
#define KUMPAS_KERNELS_OPERATIONS_H_

#include <cstdint>
#include <initializer_list>
#include <vector>

#include "dropout-draw.h"
#include "numbers.h"
#include "tensorflow-kernels.h"
#include "tensorflow/c/ops.h"

namespace kumpas {

// One run of an operation. After a failure everything is null and the run reports it.
class Call {
 public:
  explicit Call(TF_OpKernelContext* context) : context_(context), status_(TF_NewStatus()) {}

  ~Call() {
    if (TF_GetCode(status_) != TF_OK) TF_OpKernelContext_Failure(context_, status_);
    for (TF_Tensor* tensor : tensors_) TF_DeleteTensor(tensor);
    TF_DeleteStatus(status_);
  }

  Call(const Call&) = delete;
  Call& operator=(const Call&) = delete;

  TF_Tensor* Input(int place) {
    TF_Tensor* tensor = nullptr;
    if (TF_GetCode(status_) == TF_OK) TF_GetInput(context_, place, &tensor, status_);
    return Keep(tensor);
  }

  // A new tensor as the output of that place.
  TF_Tensor* Output(int place, TF_DataType type, const std::vector<int64_t>& shape) {
    if (TF_GetCode(status_) != TF_OK) return nullptr;
    int64_t size = 1;
    for (const int64_t side : shape) size *= side;
    const size_t bytes = static_cast<size_t>(size) * TF_DataTypeSize(type);
    return Keep(TF_AllocateOutput(context_, place, type, shape.data(), static_cast<int>(shape.size()), bytes, status_));
  }

  bool Fine() const { return TF_GetCode(status_) == TF_OK; }

  void Refuse(const char* why) { TF_SetStatus(status_, TF_INVALID_ARGUMENT, why); }

 private:
  TF_Tensor* Keep(TF_Tensor* tensor) {
    if (tensor != nullptr) tensors_.push_back(tensor);
    return tensor;
  }

  TF_OpKernelContext* context_;
  TF_Status* status_;
  std::vector<TF_Tensor*> tensors_;
};

inline std::vector<int64_t> ShapeOf(const TF_Tensor* tensor) {
  std::vector<int64_t> shape;
  for (int axis = 0; axis < TF_NumDims(tensor); axis++) shape.push_back(TF_Dim(tensor, axis));
  return shape;
}

inline int64_t SizeOf(const TF_Tensor* tensor) { return TF_TensorElementCount(tensor); }

// Of the last axis; 1 for a scalar.
inline int64_t WidthOf(const TF_Tensor* tensor) {
  const int axes = TF_NumDims(tensor);
  return axes == 0 ? 1 : TF_Dim(tensor, axes - 1);
}

template <typename T>
T* Values(TF_Tensor* tensor) {
  return static_cast<T*>(TF_TensorData(tensor));
}

template <typename T>
struct TypeOf;
template <>
struct TypeOf<float> {
  static constexpr TF_DataType value = TF_FLOAT;
};
template <>
struct TypeOf<BFloat16> {
  static constexpr TF_DataType value = TF_BFLOAT16;
};

// The attributes of an operation that draws: which of a step's draws it is, how many of 256 values it drops, and how many values of the whole batch are an example's.
struct DrawAttributes {
  int32_t place = 0;
  int32_t threshold = 0;
  int64_t per_example = 0;

  // Where a part of the batch begins in all of it. `seed`: the run's, the step's number, and the examples before the part.
  uint64_t FirstPlace(const int32_t* seed) const { return static_cast<uint64_t>(seed[2]) * static_cast<uint64_t>(per_example); }

  // What the kept values are multiplied with.
  float Scale() const { return 256.0f / static_cast<float>(256 - threshold); }
};

// Reads them; false where they are wrong, which TensorFlow is told.
bool ReadDraw(TF_OpKernelConstruction* construction, DrawAttributes* read);

// What a kernel that draws is created with, and its end.
void* CreateDraw(TF_OpKernelConstruction* construction);
void DestroyDraw(void* attributes);

// An operation as TensorFlow is to know it.
struct Definition {
  const char* name;
  std::initializer_list<const char*> attributes;
  std::initializer_list<const char*> inputs;
  std::initializer_list<const char*> outputs;
  void (*shapes)(TF_ShapeInferenceContext*, TF_Status*);
};

// Each is called once; false where TensorFlow refuses.
bool Define(const Definition& definition);
bool AddKernel(const char* operation, TF_DataType type, void* (*create)(TF_OpKernelConstruction*), void (*compute)(void*, TF_OpKernelContext*),
               void (*destroy)(void*));

// Gives an output the shape of an input, or of its first axes.
void CopyShape(TF_ShapeInferenceContext* context, int output, int input, TF_Status* status, bool without_last = false);

bool RegisterAttention();
bool RegisterEncoderLayer();
bool RegisterLinear();
bool RegisterColumnSum();
bool RegisterLayerNorm();
bool RegisterMatrixProduct();
bool RegisterDropout();

}  // namespace kumpas

#endif
