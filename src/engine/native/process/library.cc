// What Node cannot ask of the operating system for its own process. It needs no library of TensorFlow's.
#include "large-buffers.h"
#include "library-loading.h"
#include "signal-stack.h"
#include "standard-error.h"

NAPI_MODULE_INIT() {
  if (!kumpas::ExportStandardError(env, exports) || !kumpas::ExportLibraryLoading(env, exports) || !kumpas::ExportLargeBuffers(env, exports) ||
      !kumpas::ExportSignalStack(env, exports))
    napi_throw_error(env, nullptr, "the functions of the process could not be made");
  return exports;
}
