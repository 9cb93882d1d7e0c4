// Operations for the processor that each do in one pass over memory what takes several of TensorFlow's own. They are registered, through TensorFlow's C
// interface, when this library is loaded. Values are float32, or bfloat16 where an operation's attribute T says so; sums are float32 always.
#include "operations.h"

#ifndef WITHOUT_NODE
#include <node_api.h>
#endif

namespace {
const bool registered = kumpas::RegisterAttention() && kumpas::RegisterLinear() && kumpas::RegisterColumnSum() && kumpas::RegisterLayerNorm() && kumpas::RegisterDropout();
}  // namespace

#ifndef WITHOUT_NODE
// exports.registered: whether TensorFlow took them all.
NAPI_MODULE_INIT() {
  napi_value value;
  if (napi_get_boolean(env, registered, &value) != napi_ok || napi_set_named_property(env, exports, "registered", value) != napi_ok) {
    napi_throw_error(env, nullptr, "what was registered could not be told");
  }
  return exports;
}
#endif
