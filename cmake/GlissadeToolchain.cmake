# The compilers Glissade is built with, and the build type when none is given.

if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  set(_glissade_oldest 12)
elseif(CMAKE_CXX_COMPILER_ID MATCHES "Clang")
  set(_glissade_oldest 14)
else()
  message(FATAL_ERROR
    "Glissade: the compiler ${CMAKE_CXX_COMPILER_ID} is not supported; use g++ 12 or clang 14, or newer.")
endif()
if(CMAKE_CXX_COMPILER_VERSION VERSION_LESS _glissade_oldest)
  message(FATAL_ERROR
    "Glissade: ${CMAKE_CXX_COMPILER} is ${CMAKE_CXX_COMPILER_ID} ${CMAKE_CXX_COMPILER_VERSION}, "
    "which is too old; use g++ 12 or clang 14, or newer.")
endif()

get_property(_glissade_multi_config GLOBAL PROPERTY GENERATOR_IS_MULTI_CONFIG)
if(PROJECT_IS_TOP_LEVEL AND NOT CMAKE_BUILD_TYPE AND NOT _glissade_multi_config)
  set(CMAKE_BUILD_TYPE Release CACHE STRING "Build type" FORCE)
endif()

if(PROJECT_IS_TOP_LEVEL)
  set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
  find_program(CCACHE_PROGRAM ccache)
  mark_as_advanced(CCACHE_PROGRAM)
  if(CCACHE_PROGRAM AND NOT CMAKE_CXX_COMPILER_LAUNCHER)
    set(CMAKE_CXX_COMPILER_LAUNCHER "${CCACHE_PROGRAM}")
  endif()
endif()

# Warnings are for Glissade's own files only: always PRIVATE, never seen by a consumer.
function(glissade_warnings target)
  target_compile_options(${target} PRIVATE
    -Wall -Wextra -Wpedantic -Wconversion -Wshadow $<$<BOOL:${GLISSADE_WERROR}>:-Werror>)
endfunction()
