/* The host may trap on floating-point exceptions, flush denormals or round in a direction of its
 * own.  Between enter and leave the C default holds, and the host sees neither flag nor signal. */
#ifndef TB_FPENV_H
#define TB_FPENV_H

#include <fenv.h>

typedef fenv_t tb__fpenv;

static inline tb__fpenv tb__fpenv_enter(void)
{
    tb__fpenv host;
    fegetenv(&host);
    fesetenv(FE_DFL_ENV);
    return host;
}

static inline void tb__fpenv_leave(const tb__fpenv *host)
{
    fesetenv(host);
}

#endif
