// Operations for the processor that each do in one pass over memory what takes several of TensorFlow's own. They are registered, through TensorFlow's C
// interface, when this library is loaded. Values are float32, or bfloat16 where an operation's attribute T says so; sums are float32 always.
#include "operations.h"

#ifndef WITHOUT_NODE
#include <node_api.h>
#endif

namespace {
const bool registered = kumpas::RegisterAttention() && kumpas::RegisterLinear() && kumpas::RegisterEncoderLayer() && kumpas::RegisterColumnSum() && kumpas::RegisterLayerNorm() &&
                        kumpas::RegisterDropout() && kumpas::RegisterMatrixProduct();
}  // namespace

#ifndef WITHOUT_NODE
namespace {
// Whether the products of matrices are faster than TensorFlow's: where vectors are AVX2's it reaches two thirds of a processor's rate, where they are wider all of it.
#if defined(__AVX2__) && defined(__FMA__) && !defined(__AVX512F__)
constexpr bool kFastProducts = true;
#else
constexpr bool kFastProducts = false;
#endif

bool Tell(napi_env env, napi_value exports, const char* name, bool answer) {
  napi_value value;
  return napi_get_boolean(env, answer, &value) == napi_ok && napi_set_named_property(env, exports, name, value) == napi_ok;
}
}  // namespace

// exports.registered: whether TensorFlow took them all. exports.fastProducts: whether the product of matrices is to be used.
NAPI_MODULE_INIT() {
  if (!Tell(env, exports, "registered", registered) || !Tell(env, exports, "fastProducts", kFastProducts)) {
    napi_throw_error(env, nullptr, "what was registered could not be told");
  }
  return exports;
}
#endif
