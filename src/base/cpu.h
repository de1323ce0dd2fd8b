/* What the CPU can do beyond what every one of its kind can. */
#ifndef TB_CPU_H
#define TB_CPU_H

#include <stdbool.h>

/* AVX2, fused multiply-add and the instructions for binary16, with registers that the system
 * saves.  Asking may take long in a virtual machine: remember the answer. */
bool tb__cpu_has_avx2(void);

#endif
