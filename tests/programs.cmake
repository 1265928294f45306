# Tests that need a process of their own.

# Under a small stack nothing may recurse through the graph. (Sanitizers need more stack themselves.)
if(NOT CMAKE_CXX_FLAGS MATCHES "-fsanitize")
  add_test(NAME autograd/deep_chain_small_stack
           COMMAND sh -c "ulimit -s 256 && exec $<TARGET_FILE:test_autograd> [deep]")
  set_tests_properties(autograd/deep_chain_small_stack PROPERTIES LABELS unit)

  # Replaces malloc, as the sanitizers do.
  add_executable(no_malloc_step optim/tools/no_malloc_step.cpp)
  target_link_libraries(no_malloc_step PRIVATE glissade::glissade)
  add_test(NAME optim/no_malloc_step COMMAND no_malloc_step)
  set_tests_properties(optim/no_malloc_step PROPERTIES LABELS unit)
endif()

# OpenBLAS chooses its kernels as it is loaded: by the environment of the process.
add_executable(blas_repair_tool core/tools/blas_repair_tool.cpp)
target_link_libraries(blas_repair_tool PRIVATE glissade::core)
glissade_warnings(blas_repair_tool)
foreach(wish repairs keeps)
  add_test(NAME core/blas_repair_${wish} COMMAND blas_repair_tool ${wish})
  set_tests_properties(core/blas_repair_${wish} PROPERTIES
    LABELS unit SKIP_RETURN_CODE 77 ENVIRONMENT OPENBLAS_CORETYPE=Prescott)
endforeach()

# Files that Glissade and the reference safetensors package wrote, each read by the other.
add_executable(safetensors_tool core/tools/safetensors_tool.cpp)
target_link_libraries(safetensors_tool PRIVATE glissade::core)
glissade_warnings(safetensors_tool)
add_test(NAME core/safetensors_reference
         COMMAND ${GLISSADE_VENV_PYTHON} ${CMAKE_CURRENT_SOURCE_DIR}/core/safetensors_reference.py
                 $<TARGET_FILE:safetensors_tool>)
set_tests_properties(core/safetensors_reference PROPERTIES LABELS unit SKIP_RETURN_CODE 77)

# The benchmark of gradients checks each one before it times it. Small problems, all methods.
if(TARGET bench_gradients)
  set(names "gradient/(rosenbrock_10|linear_1000x20|mlp_10_32_32_1|gmm)/.*/f(64|32)|growth/.*/100$|chain/1000$"
            "|step_size/rosenbrock_10/.*/(1.0e-05|auto)")
  string(CONCAT names ${names})
  function(glissade_bench_test name program names)
    add_test(NAME bench/${name}
             COMMAND ${program} --benchmark_min_time=0.0001 --benchmark_filter=${names})
    set_tests_properties(bench/${name} PROPERTIES LABELS bench TIMEOUT 300
      FAIL_REGULAR_EXPRESSION "ERROR OCCURRED|Failed to match")
  endfunction()
  glissade_bench_test(gradients bench_gradients "${names}")
  foreach(peer adolc fastad)
    if(TARGET gradients_peer_${peer})
      glissade_bench_test(gradients_peer_${peer} gradients_peer_${peer} "rosenbrock_10|mlp_10_32_32_1")
    endif()
  endforeach()
endif()
