/* The ways to compute a CRC-32C: for crc32c.c, which chooses one, and for their tests. */
#ifndef TB_CRC32C_IMPL_H
#define TB_CRC32C_IMPL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* As tb__crc32c_extend. */
typedef uint32_t tb__crc32c_extend_fn(uint32_t crc, const void *data, size_t size);

typedef struct tb__crc32c_impl {
    const char *name;
    bool (*supported)(void); /* by the CPU that runs this; calling |extend| without may crash */
    tb__crc32c_extend_fn *extend;
} tb__crc32c_impl;

/* Those in this build, fastest first.  Ends with the name NULL; the one before works everywhere. */
extern const tb__crc32c_impl tb__crc32c_impls[];

tb__crc32c_extend_fn tb__crc32c_extend_sw;    /* portable */
tb__crc32c_extend_fn tb__crc32c_extend_x86;   /* needs SSE4.2 and PCLMULQDQ; 64-bit builds only */
tb__crc32c_extend_fn tb__crc32c_extend_arm64; /* needs the CRC32 instructions of ARMv8 */

#endif
