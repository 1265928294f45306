# glissade_component(NAME core [DEPENDS ...] [PRIVATE ...] [BUILD_ONLY ...])
#
# One floor of the house: the library glissade_<name> (alias glissade::<name>) from the *.cpp and the
# include/**.h of the calling folder.
#   DEPENDS     targets that the public headers use
#   PRIVATE     targets that only the sources use (a consumer of the static library still links them)
#   BUILD_ONLY  header-only targets that the sources use and that no consumer ever sees

# Why: plain loops with sqrt and selects are vectorised only when errno and floating-point traps do
# not matter, and without contraction both compilers give the same bits. Results do not change; this
# is not -ffast-math.
set(GLISSADE_FLOAT_OPTIONS -fno-math-errno -fno-trapping-math -ffp-contract=off)

function(glissade_component)
  cmake_parse_arguments(PARSE_ARGV 0 arg "" "NAME" "DEPENDS;PRIVATE;BUILD_ONLY")
  set(target glissade_${arg_NAME})
  file(GLOB sources CONFIGURE_DEPENDS *.cpp)
  file(GLOB_RECURSE headers CONFIGURE_DEPENDS include/*.h)

  add_library(${target} ${sources})
  add_library(glissade::${arg_NAME} ALIAS ${target})
  target_sources(${target} PUBLIC FILE_SET HEADERS BASE_DIRS include FILES ${headers})
  target_compile_features(${target} PUBLIC cxx_std_20)
  target_link_libraries(${target} PUBLIC ${arg_DEPENDS} PRIVATE ${arg_PRIVATE})
  foreach(dependency IN LISTS arg_BUILD_ONLY)
    target_link_libraries(${target} PRIVATE $<BUILD_INTERFACE:${dependency}>)
  endforeach()
  # Highway includes a source again for each instruction set, by its name.
  target_include_directories(${target} PRIVATE ${CMAKE_CURRENT_SOURCE_DIR})
  target_compile_options(${target} PRIVATE ${GLISSADE_FLOAT_OPTIONS})
  glissade_warnings(${target})
  set_target_properties(${target} PROPERTIES
    EXPORT_NAME ${arg_NAME}
    DEFINE_SYMBOL ""  # nothing needs it, and ccache has the objects for both kinds of library
    CXX_EXTENSIONS OFF
    POSITION_INDEPENDENT_CODE ON
    VERSION ${PROJECT_VERSION}
    SOVERSION ${PROJECT_VERSION_MAJOR}.${PROJECT_VERSION_MINOR})
endfunction()
