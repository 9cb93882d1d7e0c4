#include "standard-error.h"

#include <fcntl.h>
#include <unistd.h>

namespace kumpas {
namespace {

int saved = -1;

// silence(): what is written to standard error from now on is lost, until restore(). Does nothing where it is silent already or cannot be silenced.
napi_value Silence(napi_env, napi_callback_info) {
  if (saved >= 0) return nullptr;
  const int nowhere = open("/dev/null", O_WRONLY | O_CLOEXEC);
  if (nowhere < 0) return nullptr;
  saved = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 3);
  if (saved >= 0) dup2(nowhere, STDERR_FILENO);
  close(nowhere);
  return nullptr;
}

// restore(): standard error is again what it was before silence().
napi_value Restore(napi_env, napi_callback_info) {
  if (saved < 0) return nullptr;
  dup2(saved, STDERR_FILENO);
  close(saved);
  saved = -1;
  return nullptr;
}

}  // namespace

bool ExportStandardError(napi_env env, napi_value exports) {
  return ExportFunction(env, exports, "silence", Silence) && ExportFunction(env, exports, "restore", Restore);
}

}  // namespace kumpas
