# `pip install .` from a copy of the sources, without an index, and what it installed does one assimilation.
file(REMOVE_RECURSE ${folder})
file(MAKE_DIRECTORY ${folder}/source)
file(COPY ${source}/CMakeLists.txt ${source}/LICENSE ${source}/pyproject.toml ${source}/setup.py ${source}/python
     DESTINATION ${folder}/source)
file(COPY ${source}/docs/python.md DESTINATION ${folder}/source/docs)
execute_process(COMMAND ${CMAKE_COMMAND} -E env SDA_BUILD=${build} ${python} -m pip install --no-index --no-build-isolation
                --no-deps --disable-pip-version-check --root-user-action=ignore --target ${folder}/site ${folder}/source
                COMMAND_ERROR_IS_FATAL ANY)
execute_process(COMMAND ${CMAKE_COMMAND} -E env PYTHONPATH=${folder}/site ${python}
                ${CMAKE_CURRENT_LIST_DIR}/installed_module.py ${folder}/site COMMAND_ERROR_IS_FATAL ANY)
