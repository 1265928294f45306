#include "glissade/autograd/grad_mode.h"

namespace glissade {
constinit thread_local bool detail::recording_enabled = true;

RecordingScope::RecordingScope(bool record) : was_recording_(detail::recording_enabled) {
  detail::recording_enabled = record;
}
RecordingScope::~RecordingScope() { detail::recording_enabled = was_recording_; }

}  // namespace glissade
