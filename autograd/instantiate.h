#pragma once

// Operations are templates that are instantiated here, for float and double, and nowhere else.

/// Expands `declarations(T)` for each type that variables have.
#define GLISSADE_FOR_EACH_FLOAT(declarations) declarations(float) declarations(double)
