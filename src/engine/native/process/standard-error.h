// Closes and opens again the process's standard error, for the moments in which TensorFlow's library is loaded: it writes messages there from its static
// initialisers, before any switch of its own (TF_CPP_MIN_LOG_LEVEL, absl's log level) has an effect, and Node cannot redirect a descriptor.
#pragma once
#include "../node-values.h"

namespace kumpas {

/** Adds silence and restore to what JavaScript sees. */
bool ExportStandardError(napi_env env, napi_value exports);

}  // namespace kumpas
