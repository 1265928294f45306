#!/bin/bash
# Builds and runs a consumer of Glissade, in the way named by the first argument. Everything happens
# in a folder of its own under the build tree. Two modes build the library once more, with the flags
# that the build tree has, so that ccache knows the objects.
#   check.sh MODE SOURCE_DIR BUILD_DIR CXX
set -euo pipefail

mode=$1 source=$2 build=$3 cxx=$4
work=$build/install-tests/$mode
consumer=$source/tests/install/consumer
werror=$(sed -n 's/^GLISSADE_WERROR:BOOL=//p' "$build/CMakeCache.txt")
unset CMAKE_PREFIX_PATH PKG_CONFIG_PATH CXXFLAGS LDFLAGS LD_LIBRARY_PATH
rm -rf "$work"
mkdir -p "$work"

fail() {
  echo "FAILED: $*" >&2
  exit 1
}

# Installs a build tree and moves the result, so that a path that still points there is found out.
install_moved() {
  cmake --install "$1" --prefix "$work/first" >"$work/install.log"
  mv "$work/first" "$work/prefix"
}

# The library as shared objects, which most modes do not need: built once, shared by two tests.
build_shared() {
  cmake -S "$source" -B "$build/install-tests/shared-build" -G Ninja -DBUILD_SHARED_LIBS=ON \
    -DCMAKE_CXX_COMPILER="$cxx" -DCMAKE_BUILD_TYPE=Release -DGLISSADE_WERROR="$werror" \
    -DGLISSADE_BUILD_TESTS=OFF -DGLISSADE_BUILD_BENCHES=OFF -DGLISSADE_BUILD_EXAMPLES=OFF
  cmake --build "$build/install-tests/shared-build"
}

# Configures and builds a consumer project: project_dir, then options for cmake.
build_consumer() {
  local project=$1
  shift
  cmake -S "$project" -B "$work/build" -G Ninja -DCMAKE_CXX_COMPILER="$cxx" \
    -DCMAKE_EXPORT_COMPILE_COMMANDS=ON "$@"
  cmake --build "$work/build"

  # Nothing but include folders, the language standard and fmt's own definition may be on the line.
  local flags
  flags=$(sed -n 's/^ *"command": "\(.*\)",$/\1/p' "$work/build/compile_commands.json" |
    grep 'consumer/main.cpp' | tr ' ' '\n' |
    grep -vE '^$|^/|ccache$|^-I|^-isystem$|^-std=|^-DFMT_SHARED$|^-o$|^-c$|\.o$' |
    grep -vxE -- "-O3|-DNDEBUG" || true)
  [ -z "$flags" ] || fail "flags on the consumer's command line: $flags"
  check_output "$work/build/consumer"
}

check_output() {
  (cd "$work" && "$1" >output.txt) || fail "the consumer ended with status $?"
  diff -u "$consumer/expected.txt" "$work/output.txt" || fail "the consumer printed something else"
}

without() {
  printf -- '-DCMAKE_DISABLE_FIND_PACKAGE_%s=ON\n' "$@"
}

# A plain command line, from what pkg-config says. Arguments: extra options for pkg-config.
build_with_pkg_config() {
  export PKG_CONFIG_PATH
  PKG_CONFIG_PATH=$(dirname "$(find "$work/prefix" -name glissade.pc)")
  [ "$(pkg-config --modversion glissade)" = 0.1.0 ] || fail "pkg-config reports another version"
  local cflags libs
  read -ra cflags <<<"$(pkg-config --cflags glissade)"
  read -ra libs <<<"$(pkg-config "$@" --libs glissade)"
  for flag in "${cflags[@]}"; do
    [[ $flag == -I* || $flag == -DFMT_SHARED ]] || fail "pkg-config leaks the flag $flag"
  done
  "$cxx" -std=c++20 "$consumer/main.cpp" "${cflags[@]}" "${libs[@]}" -o "$work/consumer"
  check_output "$work/consumer"
}

case $mode in
  find_package)
    install_moved "$build"
    read -r -d "" -a options <<<"$(without nlohmann_json CLI11 Catch2 benchmark)" || true
    build_consumer "$consumer" -DCMAKE_PREFIX_PATH="$work/prefix" "${options[@]}"
    ;;
  shared)
    build_shared
    install_moved "$build/install-tests/shared-build"
    read -r -d "" -a options <<<"$(without nlohmann_json hwy OpenBLAS ZLIB)" || true
    build_consumer "$consumer" -DCMAKE_PREFIX_PATH="$work/prefix" "${options[@]}"
    # Not ldd | grep -q: grep may end before ldd has written all, which pipefail makes an error.
    grep -q "$work/prefix/.*libglissade_core" <<<"$(ldd "$work/build/consumer")" ||
      fail "the consumer does not load the shared library"
    libdir=$(dirname "$(find "$work/prefix" -name 'libglissade_core.so')")
    LD_LIBRARY_PATH=$libdir build_with_pkg_config
    ;;
  add_subdirectory)
    launcher=$(command -v ccache || true)
    build_consumer "$source/tests/install/subproject" -DGLISSADE_SOURCE="$source" \
      -DCMAKE_BUILD_TYPE=Release -DGLISSADE_WERROR="$werror" \
      -DCMAKE_CXX_COMPILER_LAUNCHER="$launcher"
    ;;
  pkg_config)
    install_moved "$build"
    build_with_pkg_config
    build_with_pkg_config --static
    ;;
  deb)
    (cd "$build" && cpack -G DEB -B "$work" >"$work/cpack.log") || fail "$(cat "$work/cpack.log")"
    deb=$(find "$work" -maxdepth 1 -name 'libglissade-dev_0.1.0_*.deb')
    [ -f "$deb" ] || fail "cpack made no libglissade-dev_0.1.0_*.deb"
    field() { dpkg-deb -f "$deb" "$1"; }
    [ "$(field Package)" = libglissade-dev ] || fail "package: $(field Package)"
    [ "$(field Version)" = 0.1.0 ] || fail "version: $(field Version)"
    [ "$(field Architecture)" = "$(dpkg --print-architecture)" ] || fail "$(field Architecture)"
    [ "$(field Section)" = libdevel ] || fail "section: $(field Section)"
    depends="libfmt-dev, libopenblas-pthread-dev | libopenblas-dev, libhwy-dev, zlib1g-dev"
    [ "$(field Depends)" = "$depends" ] || fail "depends: $(field Depends)"
    dpkg-deb -x "$deb" "$work/root"
    [ -f "$work/root/usr/share/doc/glissade/copyright" ] || fail "the package has no licence"
    build_consumer "$consumer" -DCMAKE_PREFIX_PATH="$work/root/usr"
    ;;
  *)
    fail "unknown mode $mode"
    ;;
esac
echo "$mode: the consumer built and printed what it should"
