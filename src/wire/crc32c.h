/* CRC-32C (Castagnoli): reflected polynomial 0x82F63B78, initial value and final xor all ones, as
 * in RFC 3720 appendix B.4.  tb__crc32c("123456789", 9) is 0xE3069283. */
#ifndef TB_CRC32C_H
#define TB_CRC32C_H

#include <stddef.h>
#include <stdint.h>

/* By the fastest way that this CPU has, chosen once. */
uint32_t tb__crc32c(const void *data, size_t size);

/* The CRC of what |crc| stands for followed by |data|; start with 0. */
uint32_t tb__crc32c_extend(uint32_t crc, const void *data, size_t size);

#endif
