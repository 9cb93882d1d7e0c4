// Where TensorFlow's servers listen.
#pragma once

#include <string>

namespace kumpas {

/**
 * From now on TensorFlow's library listens on that host's address where it would listen on all of the machine's, as its servers always ask for; and its connections notice within
 * half a minute that the other machine does not answer any more. Returns why that cannot be had; empty where it is so.
 */
std::string ListenOnlyOn(const std::string& host);

}  // namespace kumpas
