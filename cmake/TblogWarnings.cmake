# The warnings that all of our own code compiles under, library and tests alike.
add_library(tblog_warnings INTERFACE)
target_compile_options(tblog_warnings INTERFACE
    -Wall
    -Wextra
    -pedantic
    -Wconversion            # a size that narrows is a bug in a format writer
    -Wshadow
    -Wcast-qual
    -Wpointer-arith
    -Wvla                   # the stack has no room for a user's sizes
    -Wwrite-strings
    $<$<COMPILE_LANGUAGE:C>:-Wstrict-prototypes>
    $<$<COMPILE_LANGUAGE:C>:-Wmissing-prototypes>
    $<$<BOOL:${TBLOG_WERROR}>:-Werror>)
