# A tiny prior and an observation from the installed `program`, then a posterior from `example`, opened by the program.
file(REMOVE_RECURSE ${folder})
file(MAKE_DIRECTORY ${folder})
function(run)
  message(STATUS "${ARGV}")
  execute_process(COMMAND ${ARGV} WORKING_DIRECTORY ${folder} COMMAND_ERROR_IS_FATAL ANY)
endfunction()

run(${program} simulate -o data --trajectories 10 --length 24 --set simulation.spin_up=16)
run(${program} train --data data -o model.nc --order 1 --epochs 2 --set network.width=8 --set network.depth=1)
run(${program} observe ${CMAKE_CURRENT_LIST_DIR}/observed.toml --data data/test.nc --name lo -o lo.nc)
run(${example} model.nc lo.nc posterior.nc 4 8)
run(${program} inspect posterior.nc)

# An instrument from a plugin, observed and assimilated.
run(${program} --plugin ${radar} observe ${CMAKE_CURRENT_LIST_DIR}/radar.toml --data data/test.nc --name radar -o radar.nc)
run(${program} --plugin ${radar} assimilate --keep-diverged --model model.nc --obs radar.nc --members 4 --quality quick --steps 4 -o of_radar.nc)

# A noise from another; without it the file is refused in its name.
run(${program} --plugin ${gumbel} observe ${CMAKE_CURRENT_LIST_DIR}/gusts.toml --data data/test.nc --name gusts -o gusts.nc)
run(${program} --plugin ${gumbel} assimilate --keep-diverged --model model.nc --obs gusts.nc --members 4 --quality quick --steps 4 -o of_gusts.nc)
execute_process(COMMAND ${program} inspect gusts.nc WORKING_DIRECTORY ${folder} RESULT_VARIABLE refused ERROR_VARIABLE why)
if(NOT refused OR NOT why MATCHES "gusts.nc.*gumbel.*--plugin")
  message(FATAL_ERROR "a file of an unknown noise is not refused in its name: ${why}")
endif()
