#!/bin/bash
# Runs one outside tool over the tree. Ends with 77 (skipped) when the tool is not installed.
#   check_tool.sh CHECK TOOL SOURCE_DIR BUILD_DIR
set -euo pipefail

check=$1 tool=$2 source=$3 build=$4
if ! command -v "$tool" >/dev/null; then
  echo "$tool is not installed; scripts/bootstrap test installs it"
  exit 77
fi
cd "$source"

case $check in
  format)
    find core autograd nn optim include examples bench tests \( -name '*.h' -o -name '*.cpp' \) -print0 |
      xargs -0 clang-format --dry-run --Werror
    ;;
  tidy)
    # Only the library's own sources; their headers are looked at through them.
    run-clang-tidy -quiet -j "$(nproc)" -p "$build" "^$source/(core|autograd|nn|optim)/[^/]*\.cpp$" \
      2>/dev/null | grep -vE '^(clang-tidy|[0-9]+ warnings)' || [ "${PIPESTATUS[0]}" = 0 ]
    ;;
  shellcheck)
    { grep -lsE '^#!/bin/(ba)?sh' scripts/* .ci/run || true; find tests -name '*.sh'; } |
      xargs shellcheck --external-sources --source-path=SCRIPTDIR
    ;;
  doxygen)
    mkdir -p "$build/doxygen"
    log=$build/doxygen/warnings.txt
    doxygen - <<END
PROJECT_NAME         = Glissade
INPUT                = include core/include autograd/include nn/include optim/include
RECURSIVE            = YES
FILE_PATTERNS        = *.h
OUTPUT_DIRECTORY     = $build/doxygen
GENERATE_LATEX       = NO
GENERATE_HTML        = NO
GENERATE_XML         = YES
QUIET                = YES
EXTRACT_ALL          = NO
DISTRIBUTE_GROUP_DOC = YES
EXCLUDE_SYMBOLS      = *::detail*
JAVADOC_AUTOBRIEF    = YES
ENABLE_PREPROCESSING = YES
MACRO_EXPANSION      = YES
WARN_IF_UNDOCUMENTED = YES
WARN_IF_DOC_ERROR    = YES
WARN_NO_PARAMDOC     = NO
WARN_LOGFILE         = $log
END
    # Each line left is an undocumented public name, a wrong parameter name or a broken reference.
    # What the language or the standard library defines needs no words here: copying, moving,
    # overriding, comparing, the parts of an iterator or range, and fmt's interface. Warnings for
    # the instance Module< float > repeat those for the template.
    standard='begin|end|data|span|parse|format|value_type|difference_type|iterator_concept'
    standard+='|operator(==|=|\*|->|\+\+|\(\)|\[\])'
    ! sort -u "$log" |
      grep -vE "(=default|=delete|override| final) \(function\)|Member ~|Member ($standard)[( ]" |
      grep -vE 'Member ([A-Za-z]+)\((const )?\1(< T >)? &+[a-z]*\)|fmt::formatter|class [A-Za-z]+< float >'
    ;;
esac
