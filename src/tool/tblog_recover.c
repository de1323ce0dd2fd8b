/* tb_recover for the command line. */
#include <stdio.h>
#include <string.h>

#include <tblog.h>

int main(int argc, char **argv)
{
    if (argc < 2 || argv[1][0] == '-') {
        fprintf(stderr, "usage: tblog-recover LOGDIR...\n"
                        "Brings what killed processes had logged to their event files.\n");
        return argc == 2 && strcmp(argv[1], "--help") == 0 ? 0 : 2;
    }
    int failures = 0;
    for (int i = 1; i < argc; i++) {
        if (tb_recover(argv[i]) == TB_STATUS_OK)
            continue;
        fprintf(stderr, "tblog-recover: %s\n", tb_last_error(NULL));
        failures++;
    }
    return failures > 0;
}
