#include "openblas.h"

#include <dlfcn.h>

namespace glissade::detail {
namespace {

template <class Function>
void look_up(Function*& function, const char* name) {
  function = reinterpret_cast<Function*>(dlsym(RTLD_DEFAULT, name));
}

}  // namespace

const OpenBlas& openblas() {
  static const OpenBlas library = [] {
    OpenBlas found;
    look_up(found.get_config, "openblas_get_config");
    look_up(found.get_corename, "openblas_get_corename");
    look_up(found.get_parallel, "openblas_get_parallel");
    look_up(found.get_num_threads, "openblas_get_num_threads");
    look_up(found.set_num_threads, "openblas_set_num_threads");
    look_up(found.dynamic_init, "gotoblas_dynamic_init");
    look_up(found.dynamic_quit, "gotoblas_dynamic_quit");
    return found;
  }();
  return library;
}

}  // namespace glissade::detail
