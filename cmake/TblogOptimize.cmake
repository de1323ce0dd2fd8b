# How the library's files are compiled in the builds that CMake optimises, Release and
# RelWithDebInfo: to be small, but for those for which speed counts, which src/CMakeLists.txt names.
# Other builds, and those with sanitizers, have what CMAKE_C_FLAGS says, but for the files whose
# loops are written for an optimiser.  bench/NOTES.md tells what each of this saves.
set(tblog_optimized 0)
set(tblog_released 0)
if(NOT TBLOG_SANITIZE)
    set(tblog_optimized $<OR:$<CONFIG:Release>,$<CONFIG:RelWithDebInfo>>)
    set(tblog_released $<CONFIG:Release>)
endif()

include(CheckCCompilerFlag)
check_c_compiler_flag(-Oz TBLOG_HAS_OZ) # gcc since 12, clang
set(small $<IF:$<BOOL:${TBLOG_HAS_OZ}>,-Oz,-Os>)

# All of the library links to this.
add_library(tblog_small INTERFACE)
target_compile_options(tblog_small INTERFACE
    $<${tblog_optimized}:${small}>
    -ffunction-sections -fdata-sections # so that the linker can leave out what nobody calls
    # C runs without tables of how to leave its frames; a debugger's are made with -g.
    $<${tblog_released}:-fno-asynchronous-unwind-tables>
    $<${tblog_released}:-fno-unwind-tables>)

function(tblog_compile_with options) # FILE...
    set_property(SOURCE ${ARGN} APPEND PROPERTY COMPILE_OPTIONS ${options})
endfunction()

# What gcc adds: a short loop across two cache lines of code may take half as long again, but
# jumps elsewhere need no room around them; and at -O2 it makes vectors of too few loops, at -O3
# much code.
set(fast -O2)
set(vectorized -O2)
set(fastest -O3)
if(CMAKE_C_COMPILER_ID STREQUAL "GNU")
    list(APPEND fast -fno-align-jumps)
    list(APPEND vectorized -ftree-vectorize -fvect-cost-model=dynamic -falign-loops=32
        -fno-align-jumps)
    list(APPEND fastest -falign-loops=32)
endif()

function(tblog_fast) # FILE...
    tblog_compile_with("$<${tblog_optimized}:${fast}>" ${ARGN})
endfunction()

function(tblog_vectorized) # FILE..., whose loops are written for the vectoriser
    tblog_compile_with("$<$<NOT:$<CONFIG:Debug>>:${vectorized}>" ${ARGN})
endfunction()

function(tblog_fastest) # FILE..., the few that deserve it
    tblog_compile_with("$<$<NOT:$<CONFIG:Debug>>:${fastest}>" ${ARGN})
endfunction()

# Packed, the places that the dynamic linker fills with addresses take a byte each rather than 24.
# It has to know of that: glibc since 2.36.
include(CheckCSourceCompiles)
include(CMakePushCheckState)
set(pack_relocations LINKER:-z,pack-relative-relocs)
cmake_push_check_state()
list(APPEND CMAKE_REQUIRED_LINK_OPTIONS ${pack_relocations} LINKER:--fatal-warnings)
check_c_source_compiles("
    #include <stdlib.h>
    #if !defined(__GLIBC__) || !__GLIBC_PREREQ(2, 36)
    #error its dynamic linker may not know
    #endif
    int main(void) { return 0; }" TBLOG_PACKS_RELOCATIONS)
cmake_pop_check_state()

function(tblog_shrink_shared target)
    if(NOT APPLE)
        target_link_options(${target} PRIVATE LINKER:--gc-sections)
    endif()
    if(TBLOG_PACKS_RELOCATIONS)
        target_link_options(${target} PRIVATE ${pack_relocations})
    endif()
endfunction()
