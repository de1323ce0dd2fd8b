#include "fashion/settings.h"

#include <errno.h>
#include <getopt.h>
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "fashion/network.h"

static const char help_text[] =
    "Usage: train_fashion [OPTION]...\n"
    "\n"
    "Trains a small convolutional network to tell clothes apart and logs for TensorBoard how it goes.\n"
    "\n"
    "  --epochs N           turns through the training pictures; default 40\n"
    "  --batch N            pictures in a batch, 1 to 4096; default 32\n"
    "  --learning-rate X    highest rate of Adam, at most 1; default 0.002\n"
    "  --seed N             start of all random numbers; default 1.  The same seed and settings give\n"
    "                       the same training, whatever the number of threads\n"
    "  --threads N          threads to compute with, 1 to 8; default: as many as there are CPUs\n"
    "  --data PATH          a folder with the files of Fashion-MNIST (train-images-idx3-ubyte.gz\n"
    "                       and so on, unpacked or not), or a sheet of pictures like the default,\n"
    "                       " FASHION_SHEET "\n"
    "  --logdir DIR         where to log; default logs/fashion\n"
    "  --expect-accuracy X  fail when the accuracy in the end is below X, 0 to 1\n"
    "  --help               show this\n"
    "\n"
    "DIR/train and DIR/validation become the two runs that TensorBoard shows.  When one of them holds\n"
    "a log already, this training goes beside it, to DIR/train-2 and DIR/validation-2, and so on.\n"
    "A log that cannot be written does not stop the training.\n"
    "\n"
    "The exit status is 0 on success, 1 when training failed, and 2 for a bad argument.\n";

/* Complaints go through here, so that each ends alike. */
static bool refuse(const char *option, const char *value, const char *expected)
{
    fprintf(stderr, "train_fashion: --%s is %s, not %s\nTry train_fashion --help\n", option,
            value[0] != '\0' ? value : "empty", expected);
    return false;
}

/* A whole number without a sign. */
static bool read_whole(uint64_t *out, const char *text)
{
    if (text[0] < '0' || text[0] > '9')
        return false;
    char *end;
    errno = 0;
    unsigned long long value = strtoull(text, &end, 10);
    *out = value;
    return errno == 0 && *end == '\0';
}

static bool read_count(size_t *out, const char *option, const char *text, size_t limit)
{
    uint64_t value;
    if (read_whole(&value, text) && value >= 1 && value <= limit) {
        *out = (size_t)value;
        return true;
    }
    char expected[64];
    snprintf(expected, sizeof expected, "a whole number from 1 to %zu", limit);
    return refuse(option, text, expected);
}

static bool read_fraction(double *out, const char *option, const char *text, bool may_be_zero)
{
    char *end;
    *out = strtod(text, &end);
    bool fits = end != text && *end == '\0' && *out <= 1 && (may_be_zero ? *out >= 0 : *out > 0);
    return fits || refuse(option, text, may_be_zero ? "a number from 0 to 1"
                                                    : "a number above 0 and at most 1");
}

static bool read_path(const char **out, const char *option, const char *text)
{
    *out = text;
    return text[0] != '\0' || refuse(option, text, "a path");
}

static size_t default_threads(void)
{
    long cpus = sysconf(_SC_NPROCESSORS_ONLN);
    if (cpus < 1)
        return 1;
    return cpus < NETWORK_SLICES ? (size_t)cpus : NETWORK_SLICES;
}

enum {
    OPTION_EPOCHS = 256, /* beyond any letter and the '?' of getopt_long */
    OPTION_BATCH,
    OPTION_LEARNING_RATE,
    OPTION_SEED,
    OPTION_THREADS,
    OPTION_DATA,
    OPTION_LOGDIR,
    OPTION_EXPECT_ACCURACY,
    OPTION_HELP
};

static const struct option option_names[] = {
    { "epochs", required_argument, NULL, OPTION_EPOCHS },
    { "batch", required_argument, NULL, OPTION_BATCH },
    { "learning-rate", required_argument, NULL, OPTION_LEARNING_RATE },
    { "seed", required_argument, NULL, OPTION_SEED },
    { "threads", required_argument, NULL, OPTION_THREADS },
    { "data", required_argument, NULL, OPTION_DATA },
    { "logdir", required_argument, NULL, OPTION_LOGDIR },
    { "expect-accuracy", required_argument, NULL, OPTION_EXPECT_ACCURACY },
    { "help", no_argument, NULL, OPTION_HELP },
    { NULL, 0, NULL, 0 },
};

static bool read_option(settings *s, int option, const char *text)
{
    switch (option) {
    case OPTION_EPOCHS:
        return read_count(&s->epochs, "epochs", text, 100000);
    case OPTION_BATCH:
        return read_count(&s->batch, "batch", text, 4096);
    case OPTION_LEARNING_RATE:
        return read_fraction(&s->learning_rate, "learning-rate", text, false);
    case OPTION_SEED:
        return read_whole(&s->seed, text) || refuse("seed", text, "a whole number below 2^64");
    case OPTION_THREADS:
        return read_count(&s->threads, "threads", text, NETWORK_SLICES);
    case OPTION_DATA:
        return read_path(&s->data, "data", text);
    case OPTION_LOGDIR:
        return read_path(&s->logdir, "logdir", text);
    case OPTION_EXPECT_ACCURACY:
        return read_fraction(&s->expected_accuracy, "expect-accuracy", text, true);
    default: /* getopt_long has said what is wrong */
        fputs("Try train_fashion --help\n", stderr);
        return false;
    }
}

int settings_read(settings *out, int argc, char **argv)
{
    *out = (settings){
        .epochs = 40,
        .batch = 32,
        .learning_rate = 0.002,
        .seed = 1,
        .threads = default_threads(),
        .data = FASHION_SHEET,
        .logdir = "logs/fashion",
    };
    int option;
    while ((option = getopt_long(argc, argv, "", option_names, NULL)) != -1) {
        if (option == OPTION_HELP) {
            fputs(help_text, stdout);
            return 0;
        }
        if (!read_option(out, option, optarg))
            return 2;
    }
    if (optind < argc) {
        fprintf(stderr, "train_fashion: %s is not an option\nTry train_fashion --help\n",
                argv[optind]);
        return 2;
    }
    return -1;
}
