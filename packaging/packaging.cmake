# Installation and the Debian package. Manual and completions are made at installation from the --help of what is installed.
include(GNUInstallDirs)

# What is shipped is what is measured: every Release build has the hardening Debian asks of its packages.
target_compile_options(walbridge-options INTERFACE
  $<$<AND:$<CONFIG:Release>,$<STREQUAL:${WALBRIDGE_SANITIZE},>>:-fPIE -fstack-protector-strong -fstack-clash-protection
    -Wformat -Werror=format-security -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=2>)
target_link_options(walbridge-options INTERFACE $<$<CONFIG:Release>:-pie -Wl,-z,relro -Wl,-z,now -Wl,--as-needed>)

set(walbridge_doc ${CMAKE_INSTALL_DATAROOTDIR}/doc/walbridge)
install(FILES README.md ARCHITECTURE.md DESTINATION ${walbridge_doc})
install(DIRECTORY docs deploy DESTINATION ${walbridge_doc} PATTERN systemd EXCLUDE)  # as in the sources, for the links between them
install(FILES packaging/debian/main.yaml DESTINATION ${walbridge_doc}/docs/examples RENAME service.yaml)
install(FILES deploy/systemd/walbridge@.service DESTINATION lib/systemd/system)
install(CODE "
  set(unit \"\$ENV{DESTDIR}\${CMAKE_INSTALL_PREFIX}/lib/systemd/system/walbridge@.service\")
  file(READ \"\${unit}\" text)
  string(REPLACE /usr/bin/walbridge \"\${CMAKE_INSTALL_PREFIX}/bin/walbridge\" text \"\${text}\")
  string(REPLACE /usr/share/doc/walbridge \"\${CMAKE_INSTALL_PREFIX}/${walbridge_doc}\" text \"\${text}\")
  file(WRITE \"\${unit}\" \"\${text}\")")

find_package(Python3 COMPONENTS Interpreter)
if(Python3_Interpreter_FOUND)
  set(walbridge_generated ${CMAKE_BINARY_DIR}/packaging)
  install(CODE "execute_process(COMMAND_ERROR_IS_FATAL ANY COMMAND ${Python3_EXECUTABLE} -B
    ${CMAKE_SOURCE_DIR}/packaging/generate.py ${CMAKE_BINARY_DIR}/cli/walbridge ${walbridge_generated})")
  install(FILES ${walbridge_generated}/walbridge.1 DESTINATION ${CMAKE_INSTALL_MANDIR}/man1)
  install(FILES ${walbridge_generated}/walbridge.bash DESTINATION ${CMAKE_INSTALL_DATAROOTDIR}/bash-completion/completions RENAME walbridge)
  install(FILES ${walbridge_generated}/_walbridge DESTINATION ${CMAKE_INSTALL_DATAROOTDIR}/zsh/site-functions)
  install(FILES ${walbridge_generated}/walbridge.fish DESTINATION ${CMAKE_INSTALL_DATAROOTDIR}/fish/vendor_completions.d)
else()
  message(STATUS "no python3: manual and completions will not be installed")
endif()

set(CPACK_GENERATOR DEB)
set(CPACK_PACKAGE_NAME walbridge)
set(CPACK_PACKAGE_VERSION ${PROJECT_VERSION})
set(CPACK_PACKAGING_INSTALL_PREFIX /usr)
set(CPACK_STRIP_FILES ON)
set(CPACK_PRE_BUILD_SCRIPTS ${CMAKE_SOURCE_DIR}/packaging/debian/stage.cmake)
set(CPACK_INSTALL_DEFAULT_DIRECTORY_PERMISSIONS
  OWNER_READ OWNER_WRITE OWNER_EXECUTE GROUP_READ GROUP_EXECUTE WORLD_READ WORLD_EXECUTE)
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_RELEASE 1)
set(CPACK_DEBIAN_PACKAGE_MAINTAINER "walbridge developers <walbridge@example.org>")
set(CPACK_DEBIAN_PACKAGE_SECTION database)
set(CPACK_DEBIAN_PACKAGE_PRIORITY optional)
set(CPACK_DEBIAN_PACKAGE_DESCRIPTION "keeps SQLite, libSQL and Turso caches in step with Postgres
walbridge reads the logical replication of a Postgres database, translates
rows and types into the dialect of SQLite, and applies them in batches to
local files or to libSQL servers, each row exactly once. The caches are read
with any SQLite or libSQL client.")
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS ON)
set(CPACK_DEBIAN_PACKAGE_DEPENDS "adduser, ca-certificates")
set(CPACK_DEBIAN_PACKAGE_SUGGESTS "postgresql, sqlite3")
set(CPACK_DEBIAN_PACKAGE_CONTROL_STRICT_PERMISSION ON)
set(CPACK_DEBIAN_PACKAGE_CONTROL_EXTRA
  ${CMAKE_SOURCE_DIR}/packaging/debian/conffiles ${CMAKE_SOURCE_DIR}/packaging/debian/postinst
  ${CMAKE_SOURCE_DIR}/packaging/debian/prerm ${CMAKE_SOURCE_DIR}/packaging/debian/postrm)
include(CPack)
