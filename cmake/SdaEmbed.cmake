# sda_embed(OUT HEADER NAMESPACE FILE…): writes OUT.cpp, which defines each FILE's text as the constant that HEADER
# declares, named by the file with its dot as an underscore (page.css → page_css). Thus an installed library needs no
# data files.
function(sda_embed out header namespace)
  set(text "// Generated from ${ARGN} by cmake/SdaEmbed.cmake.\n#include \"${header}\"\n\nnamespace ${namespace} {\n")
  foreach(file ${ARGN})
    get_filename_component(path "${file}" ABSOLUTE)
    set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS "${path}")
    get_filename_component(name "${file}" NAME)
    string(MAKE_C_IDENTIFIER "${name}" name)
    file(READ "${path}" content)
    string(APPEND text "extern const std::string_view ${name} = R\"embedded(${content})embedded\";\n")
  endforeach()
  string(APPEND text "}  // namespace ${namespace}\n")
  file(CONFIGURE OUTPUT "${out}" CONTENT "@text@" @ONLY)
endfunction()
