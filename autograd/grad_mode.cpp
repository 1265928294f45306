#include "glissade/autograd/grad_mode.h"

namespace glissade {
constinit thread_local bool detail::recording = true;

RecordingScope::RecordingScope(bool record) : was_recording_(detail::recording) {
  detail::recording = record;
}
RecordingScope::~RecordingScope() { detail::recording = was_recording_; }

}  // namespace glissade
