#include "listen-address.h"

#if defined(__linux__) && defined(__LP64__)
#include <elf.h>
#include <link.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstdint>
#include <cstring>

namespace kumpas {
namespace {

// The address to listen on, settled before any server starts.
sockaddr_storage chosen{};

bool IsStream(int descriptor) {
  int type = 0;
  socklen_t length = sizeof type;
  return getsockopt(descriptor, SOL_SOCKET, SO_TYPE, &type, &length) == 0 && type == SOCK_STREAM;
}

// Whether an address stands for all of the machine's.
bool IsWildcard(const sockaddr* address) {
  if (address->sa_family == AF_INET) return reinterpret_cast<const sockaddr_in*>(address)->sin_addr.s_addr == htonl(INADDR_ANY);
  if (address->sa_family != AF_INET6) return false;
  const in6_addr& six = reinterpret_cast<const sockaddr_in6*>(address)->sin6_addr;
  return IN6_IS_ADDR_UNSPECIFIED(&six) || (IN6_IS_ADDR_V4MAPPED(&six) && std::memcmp(six.s6_addr + 12, "\0\0\0\0", 4) == 0);
}

// In place of bind(2): all of the machine's addresses become the chosen one, with the port that was asked for. A socket of IPv6 takes one of IPv4 in its own form.
int BindToChosen(int descriptor, const sockaddr* address, socklen_t length) {
  if (!IsStream(descriptor) || !IsWildcard(address)) return bind(descriptor, address, length);
  if (address->sa_family == AF_INET && chosen.ss_family == AF_INET) {
    sockaddr_in four = *reinterpret_cast<const sockaddr_in*>(address);
    four.sin_addr = reinterpret_cast<const sockaddr_in&>(chosen).sin_addr;
    return bind(descriptor, reinterpret_cast<const sockaddr*>(&four), sizeof four);
  }
  if (address->sa_family != AF_INET6) return bind(descriptor, address, 0);  // Refused: a socket of IPv4 cannot listen there.
  sockaddr_in6 six = *reinterpret_cast<const sockaddr_in6*>(address);
  if (chosen.ss_family == AF_INET6) {
    six.sin6_addr = reinterpret_cast<const sockaddr_in6&>(chosen).sin6_addr;
    six.sin6_scope_id = reinterpret_cast<const sockaddr_in6&>(chosen).sin6_scope_id;
  } else {
    six.sin6_addr = in6_addr{};
    six.sin6_addr.s6_addr[10] = six.sin6_addr.s6_addr[11] = 0xff;
    std::memcpy(six.sin6_addr.s6_addr + 12, &reinterpret_cast<const sockaddr_in&>(chosen).sin_addr, 4);
  }
  return bind(descriptor, reinterpret_cast<const sockaddr*>(&six), sizeof six);
}

// A machine that has vanished sends no word of it: the kernel asks after it, and ends the connection after 10 + 4 · 5 seconds without an answer.
void AskAfterOther(int descriptor) {
  const int on = 1, idle = 10, interval = 5, count = 4;
  const unsigned int unanswered = 30000;
  setsockopt(descriptor, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on);
  setsockopt(descriptor, IPPROTO_TCP, TCP_KEEPIDLE, &idle, sizeof idle);
  setsockopt(descriptor, IPPROTO_TCP, TCP_KEEPINTVL, &interval, sizeof interval);
  setsockopt(descriptor, IPPROTO_TCP, TCP_KEEPCNT, &count, sizeof count);
  setsockopt(descriptor, IPPROTO_TCP, TCP_USER_TIMEOUT, &unanswered, sizeof unanswered);
}

int ConnectAskingAfter(int descriptor, const sockaddr* address, socklen_t length) {
  if ((address->sa_family == AF_INET || address->sa_family == AF_INET6) && IsStream(descriptor)) AskAfterOther(descriptor);
  return connect(descriptor, address, length);
}

int AcceptAskingAfter(int descriptor, sockaddr* address, socklen_t* length, int flags) {
  const int accepted = accept4(descriptor, address, length, flags);
  if (accepted >= 0) AskAfterOther(accepted);
  return accepted;
}

// A function of the system's, and what TensorFlow's library is to call in its place.
struct Replacement {
  const char* name;
  void* function;
};

const Replacement kReplacements[] = {
    {"bind", reinterpret_cast<void*>(BindToChosen)},
    {"connect", reinterpret_cast<void*>(ConnectAskingAfter)},
    {"accept4", reinterpret_cast<void*>(AcceptAskingAfter)},
};

bool SetSlot(void** slot, void* function) {
  const uintptr_t page = static_cast<uintptr_t>(sysconf(_SC_PAGESIZE));
  void* start = reinterpret_cast<void*>(reinterpret_cast<uintptr_t>(slot) & ~(page - 1));
  if (mprotect(start, page, PROT_READ | PROT_WRITE) != 0) return false;
  *slot = function;
  return true;
}

// Sets the slots that a library calls those functions through. Returns how many of bind's there were.
int ReplaceIn(const dl_phdr_info& library) {
  const ElfW(Dyn)* dynamic = nullptr;
  for (int at = 0; at < library.dlpi_phnum; at++)
    if (library.dlpi_phdr[at].p_type == PT_DYNAMIC) dynamic = reinterpret_cast<const ElfW(Dyn)*>(library.dlpi_addr + library.dlpi_phdr[at].p_vaddr);
  if (dynamic == nullptr) return 0;
  const auto at = [&](ElfW(Addr) address) { return address < library.dlpi_addr ? address + library.dlpi_addr : address; };
  const ElfW(Sym)* symbols = nullptr;
  const char* names = nullptr;
  const ElfW(Rela) *calls = nullptr, *others = nullptr;
  size_t call_bytes = 0, other_bytes = 0;
  for (; dynamic->d_tag != DT_NULL; dynamic++) {
    const ElfW(Addr) value = dynamic->d_un.d_ptr;
    if (dynamic->d_tag == DT_SYMTAB) symbols = reinterpret_cast<const ElfW(Sym)*>(at(value));
    if (dynamic->d_tag == DT_STRTAB) names = reinterpret_cast<const char*>(at(value));
    if (dynamic->d_tag == DT_JMPREL) calls = reinterpret_cast<const ElfW(Rela)*>(at(value));
    if (dynamic->d_tag == DT_PLTRELSZ) call_bytes = value;
    if (dynamic->d_tag == DT_RELA) others = reinterpret_cast<const ElfW(Rela)*>(at(value));
    if (dynamic->d_tag == DT_RELASZ) other_bytes = value;
  }
  if (symbols == nullptr || names == nullptr) return 0;
  int binds = 0;
  const auto replace = [&](const ElfW(Rela)* relocations, size_t bytes) {
    for (size_t place = 0; relocations != nullptr && place < bytes / sizeof *relocations; place++) {
      const size_t symbol = ELF64_R_SYM(relocations[place].r_info);
      if (symbol == 0 || relocations[place].r_addend != 0) continue;
      for (const Replacement& replacement : kReplacements) {
        if (std::strcmp(names + symbols[symbol].st_name, replacement.name) != 0) continue;
        const bool set = SetSlot(reinterpret_cast<void**>(library.dlpi_addr + relocations[place].r_offset), replacement.function);
        if (set && replacement.function == kReplacements[0].function) binds++;
      }
    }
  };
  replace(calls, call_bytes);
  replace(others, other_bytes);
  return binds;
}

}  // namespace

std::string ListenOnlyOn(const std::string& host) {
  addrinfo wanted{};
  wanted.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  const int failure = getaddrinfo(host.c_str(), nullptr, &wanted, &found);
  if (failure != 0 || found == nullptr) return host + " is no host that is known here: " + gai_strerror(failure);
  std::memcpy(&chosen, found->ai_addr, found->ai_addrlen);
  freeaddrinfo(found);
  static const int replaced = [] {
    int binds = 0;
    dl_iterate_phdr(
        [](dl_phdr_info* library, size_t, void* count) {
          if (std::strstr(library->dlpi_name, "libtensorflow") != nullptr) *static_cast<int*>(count) += ReplaceIn(*library);
          return 0;
        },
        &binds);
    return binds;
  }();
  return replaced > 0 ? "" : "TensorFlow's library cannot be kept from listening on all addresses of this machine";
}

}  // namespace kumpas

#else

namespace kumpas {

std::string ListenOnlyOn(const std::string&) { return "only on 64-bit Linux can TensorFlow's library be kept from listening on all addresses of a machine"; }

}  // namespace kumpas

#endif
