// Sessions, tensors and servers of TensorFlow's for JavaScript, over its C interface, which is stable between versions.
#include "servers.h"
#include "sessions.h"
#include "tensors.h"

NAPI_MODULE_INIT() {
  if (!kumpas::ExportTensors(env, exports) || !kumpas::ExportSessions(env, exports) || !kumpas::ExportServers(env, exports))
    napi_throw_error(env, nullptr, "the functions of TensorFlow's sessions could not be made");
  return exports;
}
