# sda_discover_suites(TARGET PREFIX): one CTest test for each suite of a GoogleTest executable, found after it is built.
# gtest_discover_tests makes one for each case, and each would start libtorch again: half a second, 900 times.
#
# Also the script that does it: cmake -DEXECUTABLE=… -DPREFIX=… -DLABEL=… -DOUTPUT=… -P SdaDiscoverSuites.cmake

if(NOT CMAKE_SCRIPT_MODE_FILE)
  set(sda_discover_suites_script ${CMAKE_CURRENT_LIST_FILE})

  function(sda_discover_suites target label)
    set(tests ${CMAKE_CURRENT_BINARY_DIR}/${target}_suites.cmake)
    add_custom_command(TARGET ${target} POST_BUILD VERBATIM BYPRODUCTS ${tests}
      COMMAND ${CMAKE_COMMAND} -DEXECUTABLE=$<TARGET_FILE:${target}> -DLABEL=${label} -DOUTPUT=${tests}
              -P ${sda_discover_suites_script})
    # Before the first build there is no such file; CTest then says so by a test that fails.
    set(include_file ${CMAKE_CURRENT_BINARY_DIR}/${target}_include.cmake)
    file(WRITE ${include_file}
      "if(EXISTS \"${tests}\")\n  include(\"${tests}\")\nelse()\n  add_test(${target}_NOT_BUILT ${target}_NOT_BUILT)\nendif()\n")
    set_property(DIRECTORY APPEND PROPERTY TEST_INCLUDE_FILES ${include_file})
  endfunction()
  return()
endif()

execute_process(COMMAND ${EXECUTABLE} --gtest_list_tests OUTPUT_VARIABLE listing COMMAND_ERROR_IS_FATAL ANY)
string(REPLACE "\n" ";" lines "${listing}")
set(suites)
foreach(line ${lines})
  # "Suite." or "Prefix/Suite/0.  # TypeParam = …"; cases are indented.
  if(line MATCHES "^([A-Za-z0-9_/]+)\\.")
    list(APPEND suites ${CMAKE_MATCH_1})
  endif()
endforeach()
set(content)
foreach(suite ${suites})
  string(APPEND content
    "add_test([=[${LABEL}.${suite}]=] [=[${EXECUTABLE}]=] [=[--gtest_filter=${suite}.*]=] --gtest_brief=1)\n"
    "set_tests_properties([=[${LABEL}.${suite}]=] PROPERTIES TIMEOUT 600 LABELS ${LABEL})\n")
endforeach()
file(WRITE ${OUTPUT} "${content}")
