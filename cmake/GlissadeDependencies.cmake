# What the libraries are built on. Each missing one is reported with its Debian package.

# A project that adds Glissade as a subfolder links them through glissade::*, so it must see them.
set(CMAKE_FIND_PACKAGE_TARGETS_GLOBAL ON)

macro(glissade_require name package)
  find_package(${name} ${ARGN} QUIET)
  if(NOT ${name}_FOUND)
    message(FATAL_ERROR
      "Glissade: ${name} was not found. On Debian: apt-get install ${package} "
      "(or run scripts/bootstrap, which installs all that is missing).")
  endif()
endmacro()

glissade_require(fmt libfmt-dev)
glissade_require(hwy libhwy-dev CONFIG)
glissade_require(OpenBLAS libopenblas-pthread-dev MODULE)
glissade_require(ZLIB zlib1g-dev)
glissade_require(nlohmann_json nlohmann-json3-dev)
