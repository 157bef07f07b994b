# Run by cpack between installing into the staging folder and packing it: what only a Debian package has, and where it has it.
set(root ${CPACK_TEMPORARY_DIRECTORY})
set(here ${CMAKE_CURRENT_LIST_DIR})
set(doc ${root}/usr/share/doc/walbridge)

function(place from to)
  cmake_path(GET to PARENT_PATH folder)
  file(MAKE_DIRECTORY ${folder})
  file(COPY_FILE ${from} ${to})
  file(CHMOD ${to} PERMISSIONS OWNER_READ OWNER_WRITE GROUP_READ WORLD_READ)
endfunction()

function(compress path)
  execute_process(COMMAND gzip -9nf ${path} COMMAND_ERROR_IS_FATAL ANY)
endfunction()

file(MAKE_DIRECTORY ${root}/lib)
file(RENAME ${root}/usr/lib/systemd ${root}/lib/systemd)
file(GLOB left ${root}/usr/lib/*)
if(NOT left)
  file(REMOVE_RECURSE ${root}/usr/lib)
endif()
file(RENAME ${root}/usr/share/zsh/site-functions ${root}/usr/share/zsh/vendor-completions)
compress(${root}/usr/share/man/man1/walbridge.1)

place(${here}/main.yaml ${root}/etc/walbridge/main.yaml)
file(MAKE_DIRECTORY ${root}/etc/walbridge/secrets)
file(CHMOD ${root}/etc/walbridge/secrets PERMISSIONS OWNER_READ OWNER_WRITE OWNER_EXECUTE)

place(${here}/copyright ${doc}/copyright)
# The notices of what is compiled in, as their own packages state them.
foreach(library libpg-query-dev libcli11-dev nlohmann-json3-dev)
  place(/usr/share/doc/${library}/copyright ${doc}/compiled-in/${library}.txt)
endforeach()
place(${here}/lintian-overrides ${root}/usr/share/lintian/overrides/walbridge)
place(${here}/changelog ${doc}/changelog.Debian)
compress(${doc}/changelog.Debian)
