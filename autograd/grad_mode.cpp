#include "glissade/autograd/grad_mode.h"

namespace glissade {
namespace {
constinit thread_local bool recording = true;
}  // namespace

bool is_recording() { return recording; }

RecordingScope::RecordingScope(bool record) : was_recording_(recording) { recording = record; }
RecordingScope::~RecordingScope() { recording = was_recording_; }

}  // namespace glissade
