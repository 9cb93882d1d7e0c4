// Closes and opens again the process's standard error, for the moments in which TensorFlow's library is loaded: it writes messages there from its static
// initialisers, before any switch of its own (TF_CPP_MIN_LOG_LEVEL, absl's log level) has an effect, and Node cannot redirect a descriptor. It also begins to load that
// library on a thread of its own, so that Node loads its modules meanwhile.
#include <dlfcn.h>
#include <fcntl.h>
#include <node_api.h>
#include <unistd.h>
#ifdef __linux__
#include <link.h>
#include <sys/mman.h>
#endif

#include <cstring>
#include <string>
#include <thread>

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

bool Export(napi_env env, napi_value exports, const char* name, napi_callback callback) {
  napi_value function;
  return napi_create_function(env, name, NAPI_AUTO_LENGTH, callback, nullptr, &function) == napi_ok &&
         napi_set_named_property(env, exports, name, function) == napi_ok;
}

}  // namespace

NAPI_MODULE_INIT() {
  if (!Export(env, exports, "silence", Silence) || !Export(env, exports, "restore", Restore) || !Export(env, exports, "begin", Begin) ||
      !Export(env, exports, "finish", Finish) || !Export(env, exports, "release", Release)) {
    napi_throw_error(env, nullptr, "the functions silence, restore, begin, finish and release could not be made");
  }
  return exports;
}
