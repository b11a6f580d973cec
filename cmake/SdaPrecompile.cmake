# sda_precompiled_sources(TARGET LINK LIBRARY… SOURCES SOURCE…): adds sources to TARGET, each with the precompiled header
# that it can use. To take in all of libtorch costs a source a second even when it is precompiled. So a source that
# includes core/torch.hpp gets that, and the others (in the object library TARGET_plain) get core/plain.hpp: tensors as public
# headers know them, {fmt} and the standard library. A wrong guess costs time alone.
#   LINK              what both are compiled with
#   TORCH, PLAIN      other headers than these two
#   SHARED_WITH FIRST takes the headers that were precompiled for the target FIRST

# Whether `file` includes one of the private headers named, as they are named there.
function(sda_includes result file headers)
  set(${result} FALSE PARENT_SCOPE)
  file(STRINGS ${file} lines REGEX "^#include \"")
  foreach(line ${lines})
    string(REGEX REPLACE "^#include \"([^\"]*)\".*" "\\1" name "${line}")
    if(name IN_LIST headers)
      set(${result} TRUE PARENT_SCOPE)
      return()
    endif()
  endforeach()
endfunction()

# The headers that take in core/torch.hpp, themselves or by another.
set(sda_torch_headers core/torch.hpp)
foreach(folder src tests/support)
  file(GLOB_RECURSE headers RELATIVE ${PROJECT_SOURCE_DIR}/${folder} CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/${folder}/*.hpp)
  foreach(depth 1 2 3)
    foreach(header ${headers})
      sda_includes(found ${PROJECT_SOURCE_DIR}/${folder}/${header} "${sda_torch_headers}")
      if(found)
        list(APPEND sda_torch_headers ${header})
      endif()
    endforeach()
  endforeach()
endforeach()
list(REMOVE_DUPLICATES sda_torch_headers)

function(sda_precompiled_sources target)
  cmake_parse_arguments(PARSE_ARGV 1 arg "" "SHARED_WITH;TORCH;PLAIN" "LINK;SOURCES")
  set(torch)
  set(plain)
  foreach(source ${arg_SOURCES})
    sda_includes(found ${source} "${sda_torch_headers}")
    if(found)
      list(APPEND torch ${source})
    else()
      list(APPEND plain ${source})
    endif()
  endforeach()

  target_sources(${target} PRIVATE ${torch})
  target_link_libraries(${target} PRIVATE ${arg_LINK})
  set_target_properties(${target} PROPERTIES LINKER_LANGUAGE CXX)  # there may be objects alone
  if(arg_SHARED_WITH)
    target_precompile_headers(${target} REUSE_FROM ${arg_SHARED_WITH})
  else()
    target_precompile_headers(${target} PRIVATE ${arg_TORCH})
  endif()
  if(NOT plain)
    return()
  endif()
  add_library(${target}_plain OBJECT ${plain})
  target_sources(${target} PRIVATE $<TARGET_OBJECTS:${target}_plain>)
  target_link_libraries(${target}_plain PRIVATE ${arg_LINK})
  if(arg_SHARED_WITH)
    target_precompile_headers(${target}_plain REUSE_FROM ${arg_SHARED_WITH}_plain)
  else()
    target_precompile_headers(${target}_plain PRIVATE ${arg_PLAIN})
  endif()
endfunction()
