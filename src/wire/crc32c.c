#include "wire/crc32c.h"

#include <stdatomic.h>

#include "wire/crc32c_impl.h"

/* The CPU is asked here, not in the files that use its instructions: those are compiled for a CPU
 * that may not be the one that runs. */
#if defined(__x86_64__)
#include <cpuid.h>

static bool has_x86(void)
{
    unsigned eax, ebx, ecx, edx;
    const unsigned needed = bit_SSE4_2 | bit_PCLMUL;
    return __get_cpuid(1, &eax, &ebx, &ecx, &edx) != 0 && (ecx & needed) == needed;
}
#elif defined(__aarch64__) && defined(__ARM_FEATURE_CRC32)
static bool has_arm64(void)
{
    return true; /* the whole build is for such CPUs */
}
#elif defined(__aarch64__) && defined(__linux__)
#include <asm/hwcap.h>
#include <sys/auxv.h>

static bool has_arm64(void)
{
    return (getauxval(AT_HWCAP) & HWCAP_CRC32) != 0;
}
#elif defined(__aarch64__)
static bool has_arm64(void)
{
    return false; /* unknown, so do without */
}
#endif

static bool always(void)
{
    return true;
}

const tb__crc32c_impl tb__crc32c_impls[] = {
#if defined(__x86_64__)
    { "x86", has_x86, tb__crc32c_extend_x86 },
#elif defined(__aarch64__)
    { "arm64", has_arm64, tb__crc32c_extend_arm64 },
#endif
    { "software", always, tb__crc32c_extend_sw },
    { NULL, NULL, NULL },
};

static tb__crc32c_extend_fn choose_and_extend;

/* Relaxed is enough: whoever loads it gets a function that works, and nothing else was set up. */
static _Atomic(tb__crc32c_extend_fn *) chosen = choose_and_extend;

/* The first call.  Threads that come here together choose alike. */
static uint32_t choose_and_extend(uint32_t crc, const void *data, size_t size)
{
    const tb__crc32c_impl *impl = tb__crc32c_impls;
    while (!impl->supported())
        impl++;
    atomic_store_explicit(&chosen, impl->extend, memory_order_relaxed);
    return impl->extend(crc, data, size);
}

uint32_t tb__crc32c(const void *data, size_t size)
{
    return tb__crc32c_extend(0, data, size);
}

uint32_t tb__crc32c_extend(uint32_t crc, const void *data, size_t size)
{
    return atomic_load_explicit(&chosen, memory_order_relaxed)(crc, data, size);
}
