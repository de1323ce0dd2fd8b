#include "fashion/options.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>

static const options defaults = {
    .epochs = 60,
    .batch = 32,
    .learning_rate = 0.002,
    .seed = 1,
    .threads = 2,
    .data = FASHION_DEFAULT_DATA,
    .logdir = "logs/fashion",
};

static void print_help(const char *program)
{
    printf("usage: %s [options]\n\n"
           "Trains a small convolutional network to tell ten kinds of clothing apart and logs it for\n"
           "TensorBoard: two runs, LOGDIR/train and LOGDIR/validation.\n\n"
           "  --epochs N           times through the training pictures (default %zu)\n"
           "  --batch N            pictures for one update (default %zu)\n"
           "  --learning-rate X    the highest of a schedule that warms up and decays (default %g)\n"
           "  --seed N             for weights, order and augmentation (default %llu)\n"
           "  --threads N          default %zu\n"
           "  --logdir DIR         default %s; when it holds a run already, DIR-2, DIR-3, ...\n"
           "  --data PATH          a folder with the Fashion-MNIST IDX files, or a sheet of pictures\n"
           "                       (default %s)\n"
           "  --expect-accuracy X  status 1 unless the validation accuracy ends at X (0 to 1) or above\n"
           "  --help               this text\n",
           program, defaults.epochs, defaults.batch, defaults.learning_rate,
           (unsigned long long)defaults.seed, defaults.threads, defaults.logdir, defaults.data);
}

static void refuse(const char *program, const char *option, const char *text, const char *range)
{
    fprintf(stderr, "%s: --%s is %s, not %s; see --help\n", program, option, text, range);
    exit(2);
}

static size_t parse_count(const char *program, const char *option, const char *text, size_t most)
{
    char *end;
    errno = 0;
    unsigned long long value = strtoull(text, &end, 10);
    if (errno != 0 || end == text || *end != '\0' || text[0] == '-' || value < 1 || value > most) {
        char range[64];
        snprintf(range, sizeof range, "a number from 1 to %zu", most);
        refuse(program, option, text, range);
    }
    return (size_t)value;
}

static double parse_fraction(const char *program, const char *option, const char *text)
{
    char *end;
    double value = strtod(text, &end);
    if (end == text || *end != '\0' || !(value >= 0 && value <= 1))
        refuse(program, option, text, "a number from 0 to 1");
    return value;
}

options options_parse(int argc, char **argv)
{
    static const struct option known[] = {
        {"epochs", required_argument, NULL, 'e'},   {"batch", required_argument, NULL, 'b'},
        {"learning-rate", required_argument, NULL, 'r'}, {"seed", required_argument, NULL, 's'},
        {"threads", required_argument, NULL, 't'},  {"logdir", required_argument, NULL, 'l'},
        {"data", required_argument, NULL, 'd'},     {"expect-accuracy", required_argument, NULL, 'x'},
        {"help", no_argument, NULL, 'h'},           {NULL, 0, NULL, 0},
    };
    options o = defaults;
    const char *program = argv[0];
    int index = 0, option;
    while ((option = getopt_long(argc, argv, "", known, &index)) != -1) {
        const char *name = known[index].name;
        switch (option) {
        case 'e': o.epochs = parse_count(program, name, optarg, 100000); break;
        case 'b': o.batch = parse_count(program, name, optarg, 100000); break;
        case 'r': o.learning_rate = parse_fraction(program, name, optarg); break;
        case 's': o.seed = parse_count(program, name, optarg, SIZE_MAX); break;
        case 't': o.threads = parse_count(program, name, optarg, 256); break;
        case 'l': o.logdir = optarg; break;
        case 'd': o.data = optarg; break;
        case 'x': o.expect_accuracy = parse_fraction(program, name, optarg); break;
        case 'h': print_help(program); exit(0);
        default: exit(2); /* getopt_long has said why */
        }
    }
    if (optind < argc) {
        fprintf(stderr, "%s: %s is no option; see --help\n", program, argv[optind]);
        exit(2);
    }
    return o;
}
