// Buffers for what is read of large files, in large pages: the system takes as long to make and clear pages of 4 KiB as to read a file that it has in memory.
#pragma once
#include "../node-values.h"

namespace kumpas {

/** Adds allocate to what JavaScript sees. */
bool ExportLargeBuffers(napi_env env, napi_value exports);

}  // namespace kumpas
