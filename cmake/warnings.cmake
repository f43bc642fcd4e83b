# The warning set every first-party target is built with, and the one helper that makes a stage library.
set(CB_WARNINGS -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wsign-conversion -Wstrict-prototypes
    -Wmissing-prototypes -Wvla -Wundef -Werror)

# cb_library(NAME [DEPS ...] SOURCES ...): a static library of one folder; its DEPS are its row of the include table.
function(cb_library name)
  cmake_parse_arguments(A "" "" "DEPS;SOURCES" ${ARGN})
  add_library(${name} STATIC ${A_SOURCES})
  target_include_directories(${name} PUBLIC ${PROJECT_SOURCE_DIR} ${PROJECT_SOURCE_DIR}/include)
  target_compile_options(${name} PRIVATE ${CB_WARNINGS})
  target_link_libraries(${name} PUBLIC ${A_DEPS})
endfunction()

# cb_test(NAME [DEPS ...] SOURCES ...): a Criterion binary run by ctest. An empty binary fails, a hang fails.
function(cb_test name)
  cmake_parse_arguments(A "" "TIMEOUT" "DEPS;SOURCES;LABELS" ${ARGN})
  if(NOT A_TIMEOUT)
    set(A_TIMEOUT 300)
  endif()
  add_executable(test_${name} ${A_SOURCES})
  target_include_directories(test_${name} PRIVATE ${PROJECT_SOURCE_DIR} ${PROJECT_SOURCE_DIR}/include)
  target_compile_options(test_${name} PRIVATE ${CB_WARNINGS})
  target_link_libraries(test_${name} PRIVATE ${A_DEPS} PkgConfig::CRITERION)
  add_test(NAME ${name} COMMAND test_${name} -j2 --xml=${CMAKE_BINARY_DIR}/reports/${name}.xml)
  set_tests_properties(${name} PROPERTIES TIMEOUT ${A_TIMEOUT} FAIL_REGULAR_EXPRESSION "Tested: 0 "
                       LABELS "unit;${A_LABELS}" WORKING_DIRECTORY ${PROJECT_SOURCE_DIR})
endfunction()
