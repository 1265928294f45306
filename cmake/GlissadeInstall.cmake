# Install, export for find_package, pkg-config, and the Debian package (cpack).
include(CMakePackageConfigHelpers)

set(GLISSADE_CMAKE_DIR ${CMAKE_INSTALL_LIBDIR}/cmake/glissade)
set(_glissade_components core autograd nn optim)
list(TRANSFORM _glissade_components PREPEND glissade_ OUTPUT_VARIABLE _glissade_targets)

install(TARGETS ${_glissade_targets} glissade EXPORT glissadeTargets FILE_SET HEADERS)
install(EXPORT glissadeTargets NAMESPACE glissade:: DESTINATION ${GLISSADE_CMAKE_DIR})

if(BUILD_SHARED_LIBS)
  set(GLISSADE_IS_STATIC OFF)
else()
  set(GLISSADE_IS_STATIC ON)
endif()
configure_package_config_file(cmake/glissadeConfig.cmake.in glissadeConfig.cmake
                              INSTALL_DESTINATION ${GLISSADE_CMAKE_DIR})
write_basic_package_version_file(glissadeConfigVersion.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${CMAKE_CURRENT_BINARY_DIR}/glissadeConfig.cmake
              ${CMAKE_CURRENT_BINARY_DIR}/glissadeConfigVersion.cmake cmake/FindOpenBLAS.cmake
        DESTINATION ${GLISSADE_CMAKE_DIR})
install(FILES LICENSE DESTINATION ${CMAKE_INSTALL_DOCDIR} RENAME copyright)

# pkg-config. The prefix is relative to the file, so that the installed tree can be moved. The
# libraries below are named plainly, without their .pc files, whose compile flags would leak.
cmake_path(GET OpenBLAS_LIBRARY PARENT_PATH _glissade_blas_dir)
set(_glissade_private_libs "-L${_glissade_blas_dir} -lopenblas -lhwy -lz -ldl")
if(GLISSADE_IS_STATIC)
  set(GLISSADE_PC_LIBS " ${_glissade_private_libs}")
  set(GLISSADE_PC_LIBS_PRIVATE "")
else()
  set(GLISSADE_PC_LIBS "")
  set(GLISSADE_PC_LIBS_PRIVATE "${_glissade_private_libs}")
endif()
file(RELATIVE_PATH GLISSADE_PC_PREFIX /${CMAKE_INSTALL_LIBDIR}/pkgconfig /)
string(REGEX REPLACE "/$" "" GLISSADE_PC_PREFIX "${GLISSADE_PC_PREFIX}")
configure_file(cmake/glissade.pc.in glissade.pc @ONLY)
install(FILES ${CMAKE_CURRENT_BINARY_DIR}/glissade.pc
        DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)

if(NOT PROJECT_IS_TOP_LEVEL)
  return()
endif()

# One Debian package with the headers and libraries: `cpack -G DEB` in the build folder.
set(CPACK_GENERATOR DEB)
set(CPACK_PACKAGE_NAME libglissade-dev)
set(CPACK_PACKAGE_VENDOR "The Glissade authors")
set(CPACK_PACKAGE_CONTACT "The Glissade authors")
set(CPACK_PACKAGE_DESCRIPTION_SUMMARY "${PROJECT_DESCRIPTION}")
set(CPACK_PACKAGE_DESCRIPTION
    "Glissade trains multilayer perceptrons and minimises functions on the CPU: tensors over OpenBLAS,
 automatic differentiation, layers, losses and optimizers.")
set(CPACK_RESOURCE_FILE_LICENSE ${CMAKE_CURRENT_SOURCE_DIR}/LICENSE)
set(CPACK_PACKAGING_INSTALL_PREFIX /usr)
set(CPACK_STRIP_FILES OFF)
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_SECTION libdevel)
set(CPACK_DEBIAN_PACKAGE_DEPENDS
    "libfmt-dev, libopenblas-pthread-dev | libopenblas-dev, libhwy-dev, zlib1g-dev")
include(CPack)
