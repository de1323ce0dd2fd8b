#include "base/cpu.h"

#if defined(__x86_64__)
#include <cpuid.h>

bool tb__cpu_has_avx2(void)
{
    unsigned eax, ebx, ecx, edx, saved, unused;
    const unsigned needed = bit_OSXSAVE | bit_AVX | bit_F16C | bit_FMA;
    if (__get_cpuid(1, &eax, &ebx, &ecx, &edx) == 0 || (ecx & needed) != needed)
        return false;
    __asm__("xgetbv" : "=a"(saved), "=d"(unused) : "c"(0));
    return (saved & 6) == 6 && __get_cpuid_count(7, 0, &eax, &ebx, &ecx, &edx) != 0
           && (ebx & bit_AVX2) != 0;
}
#else
bool tb__cpu_has_avx2(void)
{
    return false;
}
#endif
