#include "library-loading.h"

#include <dlfcn.h>
#include <unistd.h>
#ifdef __linux__
#include <link.h>
#include <sys/mman.h>
#endif

#include <cstring>
#include <thread>

namespace kumpas {
namespace {

std::thread* loading = nullptr;

// begin(file): loads a library on a thread; what prevents it is told where it is loaded again. Until finish() nobody may change the environment, which the library's
// initialisers read, and the process must not end.
napi_value Begin(napi_env env, napi_callback_info info) {
  size_t count = 1, length = 0;
  napi_value file;
  if (loading != nullptr || napi_get_cb_info(env, info, &count, &file, nullptr, nullptr) != napi_ok ||
      napi_get_value_string_utf8(env, file, nullptr, 0, &length) != napi_ok) {
    return nullptr;
  }
  std::string name(length + 1, '\0');
  if (napi_get_value_string_utf8(env, file, &name[0], name.size(), &length) != napi_ok) return nullptr;
  loading = new std::thread([name] { dlopen(name.c_str(), RTLD_LAZY); });
  return nullptr;
}

// finish(): waits until what was begun is loaded.
napi_value Finish(napi_env, napi_callback_info) {
  if (loading == nullptr) return nullptr;
  loading->join();
  delete loading;
  loading = nullptr;
  return nullptr;
}

#ifdef __linux__
// Lets go of the pages of a library of TensorFlow's that are as its file has them: what may be written, as tables that were relocated, stays.
int ReleasePages(dl_phdr_info* library, size_t, void*) {
  if (library->dlpi_name == nullptr || std::strstr(library->dlpi_name, "libtensorflow") == nullptr) return 0;
  const uintptr_t page = static_cast<uintptr_t>(sysconf(_SC_PAGESIZE));
  for (int place = 0; place < library->dlpi_phnum; ++place) {
    const auto& part = library->dlpi_phdr[place];
    if (part.p_type == PT_DYNAMIC) {
      const auto* entry = reinterpret_cast<const ElfW(Dyn)*>(library->dlpi_addr + part.p_vaddr);
      for (; entry->d_tag != DT_NULL; ++entry) {
        if (entry->d_tag == DT_TEXTREL) return 0;
      }
    }
  }
  for (int place = 0; place < library->dlpi_phnum; ++place) {
    const auto& part = library->dlpi_phdr[place];
    if (part.p_type != PT_LOAD || (part.p_flags & PF_W) != 0) continue;
    const uintptr_t start = (library->dlpi_addr + part.p_vaddr + page - 1) / page * page;
    const uintptr_t end = (library->dlpi_addr + part.p_vaddr + part.p_filesz) / page * page;
    if (end > start) madvise(reinterpret_cast<void*>(start), end - start, MADV_DONTNEED);
  }
  return 0;
}
#endif

// release(): gives back the memory of what was needed of TensorFlow's libraries only once, while they were loaded and a graph was made ready; whatever is needed again is
// there again, from the system's own copy of the file.
napi_value Release(napi_env, napi_callback_info) {
#ifdef __linux__
  dl_iterate_phdr(ReleasePages, nullptr);
#endif
  return nullptr;
}

}  // namespace

bool ExportLibraryLoading(napi_env env, napi_value exports) {
  return ExportFunction(env, exports, "begin", Begin) && ExportFunction(env, exports, "finish", Finish) && ExportFunction(env, exports, "release", Release);
}

}  // namespace kumpas
