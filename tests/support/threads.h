#pragma once

#include "glissade/core/threads.h"

// So many threads for the length of a test.
class Threads {
 public:
  explicit Threads(int count) : before_(glissade::num_threads()) {
    glissade::set_num_threads(count);
  }
  ~Threads() { glissade::set_num_threads(before_); }
  Threads(const Threads&) = delete;
  Threads& operator=(const Threads&) = delete;

 private:
  int before_;
};
