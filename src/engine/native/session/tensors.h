// Tensors of TensorFlow's that JavaScript holds.
#pragma once
#include <tensorflow/c/c_api.h>

#include "../node-values.h"

namespace kumpas {

/** A tensor until it is freed. What a run was given it keeps while it runs. */
class HeldTensor {
 public:
  explicit HeldTensor(TF_Tensor* tensor) : tensor_(tensor) {}
  ~HeldTensor() { TF_DeleteTensor(tensor_); }
  HeldTensor(const HeldTensor&) = delete;
  HeldTensor& operator=(const HeldTensor&) = delete;
  TF_Tensor* get() const { return tensor_; }

 private:
  TF_Tensor* tensor_;
};

/** What JavaScript's value points to: empty once it was freed. */
struct TensorSlot {
  std::shared_ptr<HeldTensor> held;
};

/** `{ handle, shape, dtype }` of a tensor, which it takes over. */
napi_value DescribeTensor(napi_env env, TF_Tensor* tensor);

/** The tensor of a handle; nullptr, with an exception thrown, where there is none or it was freed. */
std::shared_ptr<HeldTensor> TensorOf(napi_env env, napi_value handle);

/** Adds uploadTensor, downloadTensor, freeTensor and reserveMemory to what JavaScript sees. */
bool ExportTensors(napi_env env, napi_value exports);

}  // namespace kumpas
