// Models as safetensors files, with PyTorch's names and layout.
#pragma once

#include <filesystem>

#include "glissade/nn/module.h"

namespace glissade::nn {

/// Writes all parameters and buffers under their names to a safetensors file, which appears
/// complete or not at all; a shared parameter is written once, under its first name. In Python,
/// `torch_model.load_state_dict(safetensors.torch.load_file(path))` reads it. Throws
/// std::runtime_error if the file cannot be written.
template <class T>
void save(const Module<T>& model, const std::filesystem::path& path);

/// Reads all parameters and buffers from a safetensors file, written by `save` or from PyTorch
/// (`safetensors.torch.save_file(torch_model.state_dict(), path)`). Values are rounded to T where
/// the file has another floating-point type. Throws std::runtime_error, naming all that does not
/// fit, unless the file has exactly the names and shapes of the model, and if it cannot be read;
/// the model is unchanged then.
template <class T>
void load(Module<T>& model, const std::filesystem::path& path);

}  // namespace glissade::nn
