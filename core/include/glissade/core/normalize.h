#pragma once

// Normalisation on plain memory: means, variances, and the passes forward and backward of batch,
// layer and RMS normalisation, vectorised.

#include "glissade/core/shape.h"

namespace glissade::kernels {

// --- Over all but one axis: batch normalisation --------------------------------------------------

/// A tensor as (outer, channels, inner); the elements (·, c, ·) are the group of channel c.
struct ChannelView {
  Index outer;     ///< the batch
  Index channels;  ///< the number of groups
  Index inner;     ///< what comes after the channels; 1 for (batch, channels)

  /// The number of elements of a group.
  Index group_size() const { return outer * inner; }
};

/// The mean and the variance (divided by the group's size) of each channel. The mean is found
/// first, and what rounding left of it corrected with the squares (Chan, Golub and LeVeque, 1983),
/// so that a large mean costs no digits.
template <class T>
void channel_moments(const ChannelView& view, const T* x, T* mean, T* variance);

/// y = (x - shift[c]) factor[c] + offset[c].
template <class T>
void channel_affine(const ChannelView& view, const T* x, const T* shift, const T* factor,
                    const T* offset, T* y);

/// For each channel, the sum of g and that of g (x - shift[c]).
template <class T>
void channel_sums(const ChannelView& view, const T* g, const T* x, const T* shift, T* sum_g,
                  T* sum_gx);

/// dx = factor[c] (g - mean_g[c] - slope[c] (x - shift[c])) + beta dx; if beta is 0, dx is only
/// written. With null for mean_g and slope: dx = factor[c] g + beta dx.
template <class T>
void channel_gradient(const ChannelView& view, const T* g, const T* x, const T* shift,
                      const T* factor, const T* mean_g, const T* slope, T beta, T* dx);

// --- Over the last axis: layer and RMS normalisation ---------------------------------------------

/// For each of `rows` rows of n: y = (x - mean) scale weight + offset, with weight and offset (n).
/// `mean` and `scale`, (rows), are written: the row's mean and 1 / sqrt(variance + eps) if
/// `centred`, otherwise 0 and 1 / sqrt(mean square + eps).
template <class T>
void normalize_rows(Index rows, Index n, bool centred, T eps, const T* x, const T* weight,
                    const T* offset, T* y, T* mean, T* scale);

/// dx = scale (h - xhat mean(h xhat) [- mean(h) if centred]) + beta dx for each row, with h = g
/// weight and xhat = (x - mean) scale; if beta is 0, dx is only written.
template <class T>
void normalize_rows_gradient(Index rows, Index n, bool centred, const T* g, const T* x,
                             const T* weight, const T* mean, const T* scale, T beta, T* dx);

/// The sums over the rows of g, and of g xhat, (n) each.
template <class T>
void normalize_rows_sums(Index rows, Index n, const T* g, const T* x, const T* mean, const T* scale,
                         T* sum_g, T* sum_gx);

}  // namespace glissade::kernels
